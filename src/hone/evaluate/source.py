"""The run that is evaluated: its config made ready for here, its checkpoint brought here."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from hone.config.compose import Composer
from hone.config.elsewhere import read_foreign
from hone.config.replace import replace_groups
from hone.errors import ConfigError
from hone.reproduce.again import Given, Prepared, prepare
from hone.tracking.checkpoints import find_checkpoint
from hone.tracking.fetch import KeptRun, fetch_run
from hone.tracking.store import Store
from hone.tracking.tags import EVALUATES, EVALUATION

# Groups of a resolved config that can be chosen anew: the others are what the checkpoint was made of.
REPLACEABLE = ("data", "trainer", "evaluation")


@dataclass(frozen=True)
class Source:
    """A run, ready to be scored.

    Attributes:
        run: The run.
        prepared: Its config.
        checkpoint: On this machine.
    """

    run: KeptRun
    prepared: Prepared
    checkpoint: Path


def find_source(store: Store, name: str) -> KeptRun:
    """Find a run that can be evaluated.

    Args:
        store: Where to look.
        name: As for ``find_run``; a whole id is found in every experiment.

    Raises:
        RunNotFound: There is none.
        ConfigError: It is a study, an evaluation or a plain function, or it still runs.
    """
    run = fetch_run(store, name)
    if run.kind == "study":
        raise ConfigError(f"is a study; evaluate its best trial: best:{run.study}", where=name)
    if run.kind == EVALUATION:
        raise ConfigError(f"is an evaluation of run {run.tags.get(EVALUATES, '')[:8]}; name that one", where=name)
    if run.state == "running":
        raise ConfigError("is still running", where=run.where)
    if run.config.get("objective"):
        raise ConfigError("is a plain function's: it has no checkpoint", where=run.where)
    return run


def make_ready(store: Store, run: KeptRun, given: Given, composer: Composer, folder: Path) -> Source:
    """Make a run's config and checkpoint ready.

    Args:
        store: As seen from the run's experiment.
        run: The run.
        given: What the user says; overrides that choose a group are composed.
        composer: Composes them.
        folder: Where a checkpoint is fetched to that is not on this machine.

    Raises:
        HoneError: Its config names what it may not, an override is wrong, or no checkpoint was kept.
    """
    run, given = _with_groups(run, given, composer)
    prepared = prepare(run, given)
    return Source(run, prepared, find_checkpoint(store, run.run_id, folder))


def _with_groups(run: KeptRun, given: Given, composer: Composer) -> tuple[KeptRun, Given]:
    chosen = [one for one in given.overrides if _group_of(one, given.groups) in REPLACEABLE]
    if not chosen:
        return run, given
    foreign = read_foreign(run.config, given.allow, f"{run.where}: config.yaml")
    config = replace_groups(foreign.config, composer, chosen, _below(given.overrides, chosen))
    rest = tuple(one for one in given.overrides if one not in (*chosen, *_below(given.overrides, chosen)))
    return replace(run, config=config), replace(given, overrides=rest)


def _group_of(override: str, groups: Sequence[str]) -> str:
    key = override.partition("=")[0]
    return key if key in groups else ""


def _below(overrides: Sequence[str], chosen: Sequence[str]) -> list[str]:
    """Overrides of keys of groups that are chosen anew."""
    names = tuple(f"{one.partition('=')[0]}." for one in chosen)
    return [one for one in overrides if one.lstrip("+~").startswith(names)]
