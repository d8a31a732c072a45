"""Runs as people name them, and as tables show them."""

from __future__ import annotations

import re
import sqlite3
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime

from hone.errors import RunNotFound, did_you_mean
from hone.tracking.config import TrackingConfig
from hone.tracking.database import Database, sqlite_file
from hone.tracking.rows import Query, RunRow, Runs
from hone.tracking.tags import BEST as BEST
from hone.tracking.tags import DIRECTION as DIRECTION
from hone.tracking.tags import FAILURE, KIND, PARENT, STATE, STUDY, TRIAL, by_key
from hone.tracking.tags import INFEASIBLE as INFEASIBLE
from hone.tracking.tags import METRIC as METRIC
from hone.tracking.tags import OBJECTIVE as OBJECTIVE
from hone.tracking.tags import SEARCHED as SEARCHED
from hone.tracking.tags import UNFINISHED as UNFINISHED

RUN_ID = re.compile(r"[0-9a-f]{4,32}")
# Enough to see that a name is not unique.
SHOWN = 10
# Names that a misspelt one is compared with.
NEAR = 1_000


@dataclass(frozen=True)
class RunView:
    """A run as people look at it.

    Attributes:
        run_id: Its id.
        name: Its name.
        kind: ``study``, ``trial`` or ``train``; empty for a run that hone did not make.
        state: ``running``, ``complete``, ``pruned``, ``failed``, ``stopped`` or ``crashed``.
        study: The study that it belongs to, if any.
        started: When, local time.
        seconds: How long it ran, or None while it runs.
        metrics: The last value of each.
        params: Each parameter.
        tags: Each tag.
        searched: The keys that the study searched.
        failure: Why it failed, or an empty string.
        artifacts: Where its files are.
    """

    run_id: str
    name: str
    kind: str
    state: str
    study: str
    started: datetime
    seconds: float | None
    metrics: dict[str, float] = field(default_factory=dict)
    params: dict[str, str] = field(default_factory=dict)
    tags: dict[str, str] = field(default_factory=dict)
    searched: tuple[str, ...] = ()
    failure: str = ""
    artifacts: str = ""

    @property
    def objective(self) -> float | None:
        """The value that its study searched by."""
        return self.metrics.get(OBJECTIVE)

    @property
    def best(self) -> float | None:
        """The best value of a study's trials."""
        return next((value for name, value in self.metrics.items() if name.startswith(BEST)), None)


def open_runs(config: TrackingConfig) -> Runs:
    """Open a store to look for runs in: an SQLite file directly, any other through MLflow.

    Raises:
        StoreError: There is no such store or experiment.
    """
    path = sqlite_file(config.store_uri)
    if path is not None and path.is_file():
        try:
            return Database(path, config.experiment)
        except (sqlite3.Error, LookupError):
            # MLflow knows how to read it, or what is wrong with it.
            pass
    from hone.tracking.store import open_store

    return open_store(config, create=False)


def list_runs(
    runs: Runs,
    study: str | None = None,
    limit: int = 50,
    *,
    state: str | None = None,
    sort: str | None = None,
    reverse: bool = False,
) -> list[RunView]:
    """List runs, latest first.

    Args:
        runs: Where to look.
        study: Only the trials of this study; else studies and single runs, without the trials inside studies.
        limit: The most to list.
        state: Only those in this state, such as ``pruned``.
        sort: A metric to sort by, the best first as its study sees it; the most first where no study does.
        reverse: The other way round.

    Returns:
        The runs.

    Raises:
        RunNotFound: No study of that name.
    """
    parent = _parent(runs, study) if study is not None else None
    states = {STATE: state} if state else {}
    descending = not (parent and sort in (OBJECTIVE, parent.tags.get(METRIC)) and not _maximizes(parent))
    order = {"order": sort, "descending": descending != reverse, "limit": limit}
    if study is not None:
        found = runs.find(Query(tags={**_trials(study), **states}, **order))  # type: ignore[arg-type]
    else:
        # MLflow's search has no "tag is absent", so trials are left out by their kind.
        found = runs.find(Query(tags=states, others={KIND: "trial"}, **order))  # type: ignore[arg-type]
    return [_view(run) for run in found]


def find_run(runs: Runs, name: str) -> RunView:
    """Find one run.

    Args:
        runs: Where to look.
        name: A run id, its unique prefix, a run name, ``best`` (of the latest study), ``best:STUDY``, ``champion`` or
            ``champion:MODEL``.

    Returns:
        The run.

    Raises:
        RunNotFound: No run, or more than one, by that name.
    """
    kind, _, rest = name.partition(":")
    if kind == "best":
        return _view(_best(runs, rest))
    if kind == "champion":
        return _view(_champion(runs, rest))
    if RUN_ID.fullmatch(name) and (found := runs.find(Query(prefix=name, limit=SHOWN))):
        return _view(_only(found, name))
    found = runs.find(Query(name=name, limit=SHOWN))
    if not found:
        names = {run.name for run in runs.find(Query(limit=NEAR))}
        raise RunNotFound(f"no run by that name.{did_you_mean(name, names)}", where=name)
    return _view(_only(found, name))


def study_run(runs: Runs, study: str) -> str | None:
    """The id of a study's own run, or None where it has none."""
    found = runs.find(Query(tags={KIND: "study", STUDY: study}, limit=1))
    return found[0].run_id if found else None


def unfinished_trials(runs: Runs, study: str) -> dict[int, str]:
    """Trials of a study that nobody ended properly: the run id of each by its number."""
    found = [run for state in UNFINISHED for run in runs.find(Query(tags={**_trials(study), STATE: state}))]
    return {int(run.tags[TRIAL]): run.run_id for run in found}


def _best(runs: Runs, study: str) -> RunRow:
    parent = _parent(runs, study)
    name = parent.tags[STUDY]
    ended = {**_trials(name), STATE: "complete"}
    best = Query(tags=ended, order=OBJECTIVE, descending=_maximizes(parent), lacks=INFEASIBLE, limit=1)
    found = runs.find(best)
    if not found:
        raise RunNotFound("no trial of it has completed", where=f"study {name}")
    return found[0]


def _champion(runs: Runs, model: str) -> RunRow:
    champions = runs.champions()
    if model and model not in champions:
        raise RunNotFound(f"no model by that name has a champion.{did_you_mean(model, champions)}", where=model)
    if not champions:
        raise RunNotFound("no run has been promoted yet", where="champion")
    if not model and len(champions) > 1:
        names = ", ".join(f"champion:{one}" for one in sorted(champions))
        raise RunNotFound(f"several models have one; name it: {names}", where="champion")
    run_id = champions[model] if model else next(iter(champions.values()))
    # A version that somebody registered by hand comes from no run.
    found = runs.find(Query(prefix=run_id, limit=1)) if run_id else ()
    if not found:
        raise RunNotFound("its run is in another experiment, or deleted", where=f"champion {run_id}")
    return found[0]


def _parent(runs: Runs, study: str) -> RunRow:
    by_name = {STUDY: study} if study else {}
    found = runs.find(Query(tags={KIND: "study", **by_name}, limit=1))
    if found:
        return found[0]
    studies = {run.tags.get(STUDY, "") for run in runs.find(Query(tags={KIND: "study"}, limit=NEAR))}
    if not study:
        raise RunNotFound("there is no study yet", where="best")
    raise RunNotFound(f"no study by that name.{did_you_mean(study, studies)}", where=study)


def _maximizes(parent: RunRow) -> bool:
    return parent.tags.get(DIRECTION, "").startswith("maximize")


def _trials(study: str) -> dict[str, str]:
    return {KIND: "trial", STUDY: study}


def _only(found: Sequence[RunRow], name: str) -> RunRow:
    if len(found) == 1:
        return found[0]
    shown = ", ".join(f"{run.run_id[:8]} ({run.name})" for run in found[:5])
    raise RunNotFound(f"{len(found)} runs go by that name; give an id: {shown}", where=name)


def _view(run: RunRow) -> RunView:
    tags = run.tags
    return RunView(
        run_id=run.run_id,
        name=run.name or run.run_id[:8],
        kind=tags.get(KIND, "trial" if PARENT in tags else ""),
        state=tags.get(STATE, run.status.lower()),
        study=tags.get(STUDY, ""),
        started=datetime.fromtimestamp(run.start / 1000),
        seconds=None if run.end is None else (run.end - run.start) / 1000,
        metrics=dict(run.metrics),
        params=by_key(run.params),
        tags=dict(tags),
        searched=tuple(one for one in tags.get(SEARCHED, "").split(",") if one),
        failure=tags.get(FAILURE, ""),
        artifacts=run.artifacts,
    )
