"""Runs as people name them, and as tables show them."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime

from mlflow.entities import Run

from hone.errors import RunNotFound, did_you_mean
from hone.tracking.run import FAILURE, KIND, STATE, STUDY, TRIAL
from hone.tracking.store import PARENT_TAG, Store

OBJECTIVE = "objective"
# 1 for a trial that breaks a constraint.
INFEASIBLE = "infeasible"
BEST = "best/"
METRIC, DIRECTION = "hone.metric", "hone.direction"
SEARCHED = "hone.searched"
UNFINISHED = ("running", "crashed", "stopped")
RUN_ID = re.compile(r"[0-9a-f]{4,32}")


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


def list_runs(store: Store, study: str | None = None, limit: int = 50) -> list[RunView]:
    """List runs, latest first.

    Args:
        store: The store.
        study: Only the trials of this study; else studies and single runs, without the trials inside studies.
        limit: The most to list.

    Returns:
        The runs.

    Raises:
        RunNotFound: No study of that name.
    """
    if study is not None:
        _parent(store, study)
        return [_view(run) for run in store.runs(_trials(study), ["attributes.start_time DESC"], limit)]
    # MLflow's search has no "tag is absent", so trials are left out by their kind.
    own = store.runs(f"tags.`{KIND}` != 'trial'", ["attributes.start_time DESC"], limit)
    return [_view(run) for run in own]


def find_run(store: Store, name: str) -> RunView:
    """Find one run.

    Args:
        store: The store.
        name: A run id, its unique prefix, a run name, ``best`` (of the latest study) or ``best:STUDY``.

    Returns:
        The run.

    Raises:
        RunNotFound: No run, or more than one, by that name.
    """
    if name == "best" or name.startswith("best:"):
        return _view(_best(store, name.partition(":")[2]))
    if RUN_ID.fullmatch(name):
        # The prefix is compared here: SQL's LIKE in MLflow works on names and tags, not on ids.
        found = [run for run in store.runs() if run.info.run_id.startswith(name)]
        if found:
            return _view(_only(found, name))
    quoted = name.replace("'", "\\'")
    found = store.runs(f"attributes.run_name = '{quoted}'", ["attributes.start_time DESC"], 10)
    if not found:
        names = {run.info.run_name for run in store.runs(limit=1_000)}
        raise RunNotFound(f"no run by that name.{did_you_mean(name, names)}", where=name)
    return _view(_only(found, name))


def study_run(store: Store, study: str) -> str | None:
    """The id of a study's own run, or None where it has none."""
    found = store.runs(f"tags.`{KIND}` = 'study' AND tags.`{STUDY}` = '{study}'", ["attributes.start_time DESC"], 1)
    return found[0].info.run_id if found else None


def unfinished_trials(store: Store, study: str) -> dict[int, str]:
    """Trials of a study that nobody ended properly: the run id of each by its number."""
    found = [run for state in UNFINISHED for run in store.runs(f"{_trials(study)} AND tags.`{STATE}` = '{state}'")]
    return {int(run.data.tags[TRIAL]): run.info.run_id for run in found}


def _best(store: Store, study: str) -> Run:
    parent = _parent(store, study)
    direction = "DESC" if parent.data.tags.get(DIRECTION, "").startswith("maximize") else "ASC"
    name = parent.data.tags[STUDY]
    ended = f"{_trials(name)} AND tags.`{STATE}` = 'complete'"
    # MLflow's search has no "metric is absent" either.
    ranked = store.runs(ended, [f"metrics.`{OBJECTIVE}` {direction}"], 1_000)
    found = [run for run in ranked if INFEASIBLE not in run.data.metrics]
    if not found:
        raise RunNotFound("no trial of it has completed", where=f"study {name}")
    return found[0]


def _parent(store: Store, study: str) -> Run:
    by_name = f" AND tags.`{STUDY}` = '{study}'" if study else ""
    found = store.runs(f"tags.`{KIND}` = 'study'{by_name}", ["attributes.start_time DESC"], 1)
    if found:
        return found[0]
    studies = {run.data.tags.get(STUDY, "") for run in store.runs(f"tags.`{KIND}` = 'study'", limit=1_000)}
    if not study:
        raise RunNotFound("there is no study yet", where="best")
    raise RunNotFound(f"no study by that name.{did_you_mean(study, studies)}", where=study)


def _trials(study: str) -> str:
    return f"tags.`{KIND}` = 'trial' AND tags.`{STUDY}` = '{study}'"


def _only(found: Sequence[Run], name: str) -> Run:
    if len(found) == 1:
        return found[0]
    shown = ", ".join(f"{run.info.run_id[:8]} ({run.info.run_name})" for run in found[:5])
    raise RunNotFound(f"{len(found)} runs go by that name; give an id: {shown}", where=name)


def _view(run: Run) -> RunView:
    tags, info = run.data.tags, run.info
    ended = None if info.end_time is None else (info.end_time - info.start_time) / 1000
    return RunView(
        run_id=info.run_id,
        name=info.run_name or info.run_id[:8],
        kind=tags.get(KIND, "trial" if PARENT_TAG in tags else ""),
        state=tags.get(STATE, info.status.lower()),
        study=tags.get(STUDY, ""),
        started=datetime.fromtimestamp(info.start_time / 1000),
        seconds=ended,
        metrics=dict(run.data.metrics),
        params=dict(run.data.params),
        searched=tuple(one for one in tags.get(SEARCHED, "").split(",") if one),
        failure=tags.get(FAILURE, ""),
        artifacts=info.artifact_uri or "",
    )
