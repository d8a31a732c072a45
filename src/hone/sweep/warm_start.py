"""Starting from what is known: the best of earlier studies on similar tasks are tried first."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

from hone.errors import SpaceError, StudyError, did_you_mean
from hone.space import Space
from hone.study import Kept, best_values, read_study, study_names
from hone.sweep.plan import Plan


def with_earlier(plan: Plan, studies: Path) -> Plan:
    """A plan whose ``enqueue`` holds the best of the studies that ``warm_start`` names as well, as far as they fit.

    Args:
        plan: The sweep.
        studies: Where journal files lie.

    Raises:
        StudyError: There is no such study.
    """
    if not plan.sweep.warm_start:
        return plan
    known = list(plan.sweep.enqueue)
    for earlier in earlier_studies(plan, studies):
        for values in best_values(earlier, plan.sweep.feedback.elites):
            fitting = fit(values, plan.space)
            if fitting and fitting not in known:
                known.append(fitting)
    return replace(plan, sweep=plan.sweep.model_copy(update={"enqueue": tuple(known)}))


def earlier_studies(plan: Plan, studies: Path) -> list[Kept]:
    """The studies that ``warm_start`` names.

    Raises:
        StudyError: There is no such study.
    """
    storage, found = plan.sweep.study.storage, []
    for place, name in enumerate(plan.sweep.warm_start):
        try:
            found.append(read_study(name, storage, studies))
        except StudyError as error:
            near = did_you_mean(name, study_names(storage, studies))
            raise StudyError(f"{error.message}.{near}", where=f"{plan.path}: warm_start[{place}]") from error
    return found


def fit(values: dict[str, Any], space: Space) -> dict[str, Any]:
    """The part of some values that a space offers; the rest is drawn by the sampler."""
    fitting: dict[str, Any] = {}
    # What is searched under a condition stands behind what it depends on.
    for key in space.keys:
        if key not in values:
            continue
        try:
            space.drawn(fitting | {key: values[key]}, "warm_start")
        except SpaceError:
            continue
        fitting[key] = values[key]
    return fitting
