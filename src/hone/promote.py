"""``hone promote``: a run's model becomes the champion of its name, unless the present one is better.

Floor 6.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from hone.errors import ModelError
from hone.tracking.lookup import RunView, find_run
from hone.tracking.registry import Version
from hone.tracking.store import Store, TrackingConfig, open_store
from hone.tracking.tags import COMMIT, DATA, DIRECTION, METRIC, OBJECTIVE, RUN, STUDY, TASK, VALUE


@dataclass(frozen=True)
class Promotion:
    """What became of it.

    Attributes:
        name: The registered model.
        run: The run that was to be promoted.
        metric: What it was judged by.
        value: Its value.
        before: The champion until now, if any.
        version: The champion's version now; None where the run was refused.
        gain: By how much it is better than the champion until now, negative where it is worse; None where there was
            none, or the two cannot be compared.
    """

    name: str
    run: RunView
    metric: str
    value: float
    before: Version | None
    version: Version | None
    gain: float | None

    @property
    def refused(self) -> bool:
        """Whether the present champion stays, being better."""
        return self.version is None


def promote(run: str, tracking: TrackingConfig, name: str | None = None, *, force: bool = False) -> Promotion:
    """Register a run's model and make it the champion.

    Args:
        run: As ``find_run`` takes it.
        tracking: Where runs are kept.
        name: The registered model; the run's task, where it is not said.
        force: Even where the present champion is better, or cannot be compared with.

    Returns:
        What became of it.

    Raises:
        HoneError: There is no such run, nothing of it was kept, or it cannot be compared with the champion.
    """
    store = open_store(tracking, create=False)
    found = find_run(store, run)
    model = _model_of(store, found, run)
    name = name or found.tags.get(TASK) or tracking.experiment
    metric, value = _judged(found)
    before = store.champion(name)
    if before is not None and before.run_id == found.run_id:
        return Promotion(name, found, metric, value, before, before, 0.0)
    gain = None if before is None else _gain(found, metric, value, before, force=force)
    # What is not a number is no gain either.
    if gain is not None and not gain >= 0 and not force:
        return Promotion(name, found, metric, value, before, None, gain)
    version = store.crown(name, model, found.run_id, _lineage(found, metric, value))
    return Promotion(name, found, metric, value, before, version, gain)


def _model_of(store: Store, run: RunView, asked: str) -> str:
    if run.kind == "study":
        raise ModelError(f"is a study; promote its best trial: best:{run.study}", where=asked)
    model = store.logged_model(run.run_id)
    if model is None:
        raise ModelError(
            "no model of it was kept: a sweep keeps those of its disk.keep best trials, hone train its only one",
            where=asked,
        )
    return model


def _judged(run: RunView) -> tuple[str, float]:
    metric = run.tags.get(METRIC, "").partition(",")[0]
    value = run.metrics.get(OBJECTIVE, run.metrics.get(metric))
    if value is None:
        raise ModelError(f"has no value of {metric or 'any metric'} to be judged by", where=run.name)
    return metric, value


def _gain(run: RunView, metric: str, value: float, before: Version, *, force: bool) -> float | None:
    """How much better a run is than the champion, in its metric; None where that cannot be said and need not be."""
    pairs = {
        "metric": (metric, before.tags.get(METRIC, "")),
        "data": (run.tags.get(DATA, ""), before.tags.get(DATA, "")),
    }
    for what, (own, other) in pairs.items():
        if own == other and own:
            continue
        if force:
            return None
        raise ModelError(
            f"cannot be compared with champion {before.name} version {before.number}: its {what} is "
            f"{own or 'not known'}, the champion's {other or 'not known'}; --force promotes it nevertheless",
            where=run.name,
        )
    more = value - float(before.tags[VALUE])
    return more if run.tags.get(DIRECTION, "").startswith("maximize") else -more


def _lineage(run: RunView, metric: str, value: float) -> Mapping[str, str]:
    known = {key: run.tags.get(key, "") for key in (STUDY, DATA, DIRECTION, TASK, COMMIT)}
    lineage = {**known, METRIC: metric, VALUE: repr(value), RUN: run.name}
    return {key: text for key, text in lineage.items() if text}
