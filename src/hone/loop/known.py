"""What earlier studies say of parameters, by their names."""

from __future__ import annotations

from pathlib import Path

from hone.study import Importance, importances
from hone.sweep.plan import Plan
from hone.sweep.warm_start import earlier_studies


def earlier_importances(plan: Plan, studies: Path) -> dict[str, Importance]:
    """The importances of the studies that ``warm_start`` names, each weighed by its trials.

    Args:
        plan: The sweep.
        studies: Where journal files lie.

    Raises:
        StudyError: There is no such study.
    """
    pooled: dict[str, Importance] = {}
    for earlier in earlier_studies(plan, studies):
        for name, found in importances(earlier.study).items():
            pooled[name] = _together(pooled[name], found) if name in pooled else found
    return pooled


def _together(one: Importance, other: Importance) -> Importance:
    trials = one.trials + other.trials
    share = (one.share * one.trials + other.share * other.trials) / trials
    return Importance(share, min(one.chance, other.chance), trials)
