"""Starting from what is known: the best of earlier studies are tried first, and a sampler learns from their trials."""

from __future__ import annotations

from collections.abc import Iterator, Sequence, Set
from dataclasses import replace
from pathlib import Path
from typing import Any

from hone.errors import SpaceError, StudyError, did_you_mean
from hone.space import Space, hold, parse_condition
from hone.study import TRAINABLE, Kept, PriorTrial, best_values, learns, prior_trials, read_study, study_names
from hone.sweep.plan import Plan


def with_earlier(plan: Plan, studies: Path) -> Plan:
    """A plan with what earlier studies found.

    Its ``enqueue`` holds the best of the studies that ``warm_start`` names as well, as far as they fit; its sampler
    learns from the trials of those that ``learn_from`` names.

    Args:
        plan: The sweep.
        studies: Where journal files lie.

    Raises:
        StudyError: There is no such study, its trials say nothing of this one's metric, or the sampler cannot learn
            from them.
    """
    if plan.sweep.learn_from:
        plan = replace(plan, prior=tuple(_prior(plan, studies)))
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
    names = plan.sweep.warm_start
    return [_read(plan, name, f"{plan.path}: warm_start[{place}]", studies) for place, name in enumerate(names)]


def _prior(plan: Plan, studies: Path) -> Iterator[PriorTrial]:
    """The trials of the studies that ``learn_from`` names, all of which have this one's metric."""
    if not learns(plan.sampler()):
        raise StudyError(
            f"sampler {plan.sweep.sampler} cannot learn from other studies' trials; tpe and gp can, and warm_start "
            "lets any sampler begin with their best",
            where=f"{plan.path}: learn_from",
        )
    bounds = {one.metric for one in plan.constraints}
    own = _objectives(plan.sweep.metrics, [one == "maximize" for one in plan.sweep.directions])
    for name, condition in plan.sweep.learn_from.items():
        where = f"{plan.path}: learn_from.{name}"
        kept = _read(plan, name, where, studies)
        if (theirs := _objectives(kept.metrics, kept.maximize)) != own:
            raise StudyError(f"{name} is judged by {theirs}, and this study by {own}", where=where)
        wanted = parse_condition(condition, where) if condition else ()
        yield from (
            _bound(one, bounds) for one in prior_trials(kept) if hold(wanted, one.values) and _says(one, bounds)
        )


def _says(trial: PriorTrial, bounds: Set[str]) -> bool:
    """Whether it is known if a trial keeps what this study's trials must keep."""
    return not trial.objectives or bounds <= trial.violations.keys()


def _bound(trial: PriorTrial, bounds: Set[str]) -> PriorTrial:
    """A trial held to this study's bounds, and not to those of its own: a sampler wants the same of all."""
    held = {name: one for name, one in trial.violations.items() if name in bounds or name == TRAINABLE}
    return replace(trial, violations=held)


def _objectives(metrics: Sequence[str], maximize: Sequence[bool]) -> str:
    pairs = zip(metrics, maximize, strict=True)
    return " and ".join(f"{metric} ({'more' if more else 'less'} is better)" for metric, more in pairs)


def _read(plan: Plan, name: str, where: str, studies: Path) -> Kept:
    storage = plan.sweep.study.storage
    try:
        return read_study(name, storage, studies)
    except StudyError as error:
        near = did_you_mean(name, study_names(storage, studies))
        raise StudyError(f"{error.message}.{near}", where=where) from error


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
