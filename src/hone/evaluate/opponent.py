"""Which model an evaluated one is compared with: the champion of its task, or a run that the user names."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path

from hone.config.compose import Composer
from hone.config.written import override_key
from hone.errors import HoneError, StoreError
from hone.evaluate.options import Options
from hone.evaluate.source import Source, find_source, make_ready
from hone.reproduce.again import Given
from hone.tracking.fetch import in_its_experiment
from hone.tracking.store import Store
from hone.tracking.tags import TASK

# What is said of these holds for both models.
SHARED = ("data", "data_root", "trainer", "evaluation", "seed")


@dataclass(frozen=True)
class Opponent:
    """Who is compared with.

    Attributes:
        source: Its run; None where there is none, or it cannot be scored.
        name: What to call it.
        reason: Why there is no comparison; an empty string where nothing needs to be said.
    """

    source: Source | None = None
    name: str = ""
    reason: str = ""


def find_opponent(
    store: Store, source: Source, options: Options, given: Given, composer: Composer, folder: Path
) -> Opponent:
    """Find whom to compare with.

    Args:
        store: As seen from the experiment of the run that is evaluated.
        source: That run.
        options: What the user says.
        given: Likewise; the data is replaced for both.
        composer: Composes groups that are chosen anew.
        folder: Where checkpoints are fetched to.

    Raises:
        HoneError: There is no run by the name that the user gave.
    """
    if not options.compare:
        return Opponent()
    if options.against is not None:
        run = find_source(store, options.against)
        run_id, name = run.run_id, run.name
    else:
        try:
            champion = store.champion(source.run.tags.get(TASK) or store.experiment.name)
        except StoreError:
            # A store without a registry has none.
            champion = None
        if champion is None:
            return Opponent()
        run_id, name = champion.run_id, f"champion {champion.name} version {champion.number}"
    if run_id == source.run.run_id:
        reason = (
            "it is the champion itself: nothing to compare with" if options.against is None else "it is the same run"
        )
        return Opponent(None, "" if options.against is None else name, reason)
    return _ready(store, run_id, name, given, composer, folder, named=options.against is not None)


def _ready(
    store: Store, run_id: str, name: str, given: Given, composer: Composer, folder: Path, *, named: bool
) -> Opponent:
    try:
        run = find_source(store, run_id)
        return Opponent(
            make_ready(in_its_experiment(store, run), run, _of_data(given), composer, folder / "against"), name
        )
    except HoneError as error:
        if named:
            raise
        return Opponent(None, name, str(error))


def _of_data(given: Given) -> Given:
    """What is said of the data, without what is said of the one model."""
    kept = tuple(one for one in given.overrides if override_key(one).split(".")[0] in SHARED)
    return replace(given, overrides=kept)
