"""A study as its pictures see it: read from Optuna's storage, never written."""

from __future__ import annotations

import math
import warnings
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import optuna
from optuna.distributions import BaseDistribution, CategoricalDistribution, IntDistribution
from optuna.trial import FrozenTrial, TrialState

from hone.report.chart import Axis
from hone.space import Parameter
from hone.study import Kept

STATES = {
    TrialState.COMPLETE: "complete",
    TrialState.PRUNED: "pruned",
    TrialState.FAIL: "failed",
    TrialState.RUNNING: "running",
}


@dataclass(frozen=True)
class TrialView:
    """One trial.

    Attributes:
        number: Its number.
        state: ``complete``, ``infeasible`` (complete, and outside a constraint), ``pruned``, ``failed``, ``running``.
        values: Its objectives; what a pruned one reported last; empty where there is nothing finite.
        params: What was drawn, by Optuna's name.
        began: Seconds since the epoch.
        ended: Likewise; None while it runs.
        reports: What it reported, by validation.
        failure: The kind of its failure.
    """

    number: int
    state: str
    values: tuple[float, ...]
    params: dict[str, Any]
    began: float
    ended: float | None
    reports: dict[int, float]
    failure: str = ""


@dataclass(frozen=True)
class ParameterView:
    """One searched parameter.

    Attributes:
        name: Optuna's.
        axis: How it is drawn.
        distribution: What it is drawn from.
    """

    name: str
    axis: Axis
    distribution: BaseDistribution

    def place(self, trial: TrialView) -> float:
        """Where a trial lies on the axis; NaN where it has no such parameter."""
        if self.name not in trial.params:
            return math.nan
        drawn = trial.params[self.name]
        if isinstance(self.distribution, CategoricalDistribution):
            return float(self.distribution.choices.index(drawn))
        return float(drawn)

    def shown(self, trial: TrialView) -> str:
        """The value as people read it."""
        if self.name not in trial.params:
            return ""
        drawn = Parameter(self.name, self.distribution, "").value(trial.params[self.name])
        return f"{drawn:.4g}" if isinstance(drawn, float) else str(drawn)


class StudyView:
    """A whole study.

    Args:
        kept: The study in its storage.
        directory: Where its trials' directories lie.
    """

    def __init__(self, kept: Kept, directory: Path) -> None:
        self.study: optuna.Study = kept.study
        self.name = kept.study.study_name
        self.metrics = kept.metrics
        self.maximize = kept.maximize
        self.directory = directory
        frozen = kept.study.get_trials(deepcopy=False)
        self.trials = [_trial(one) for one in frozen if one.state in STATES]
        self.parameters = _parameters(frozen)

    @cached_property
    def complete(self) -> list[TrialView]:
        """Trials that may be the best."""
        return [one for one in self.trials if one.state == "complete" and one.values]

    @cached_property
    def valued(self) -> list[TrialView]:
        """Trials with every objective, infeasible ones too."""
        return [one for one in self.trials if one.state in ("complete", "infeasible") and one.values]

    @cached_property
    def best(self) -> TrialView | None:
        """The best by the first objective."""
        return self.ranked[0] if self.ranked else None

    @cached_property
    def ranked(self) -> list[TrialView]:
        """Complete trials, best first."""
        sign = -1 if self.maximize[0] else 1
        return sorted(self.complete, key=lambda one: (sign * one.values[0], one.number))

    @cached_property
    def importances(self) -> list[dict[str, float]]:
        """How much each parameter decides of each objective, most important first; empty where it cannot be told."""
        return [_importances(self, place) for place in range(len(self.metrics))]

    @cached_property
    def by_importance(self) -> list[ParameterView]:
        """Parameters, the most important for the first objective first, then those of which nothing is known."""
        known = self.importances[0]
        return sorted(self.parameters, key=lambda one: -known.get(one.name, -1.0))

    def describe(self, trial: TrialView) -> str:
        """A trial under the mouse: number, state, objectives, values."""
        lines = [f"<b>trial {trial.number}</b> {trial.state}"]
        if trial.failure:
            lines[0] += f" ({trial.failure})"
        lines += [f"{name} {value:.5g}" for name, value in zip(self.metrics, trial.values, strict=False)]
        lines += [f"{one.name} = {text}" for one in self.parameters if (text := one.shown(trial))]
        return "<br>".join(lines)


def _trial(frozen: FrozenTrial) -> TrialView:
    failure = str(frozen.user_attrs.get("hone.failure", ""))
    state = "failed" if failure else STATES[frozen.state]
    if state == "complete" and any(one > 0 for one in frozen.constraints.values()):
        state = "infeasible"
    values = tuple(frozen.values or ())
    if state == "pruned" and frozen.intermediate_values:
        values = (frozen.intermediate_values[max(frozen.intermediate_values)],)
    began, ended = frozen.datetime_start, frozen.datetime_complete
    return TrialView(
        number=frozen.number,
        state=state,
        values=values if state != "failed" and all(map(math.isfinite, values)) else (),
        params=frozen.params,
        began=began.timestamp() if began else 0.0,
        ended=ended.timestamp() if ended else None,
        reports=dict(frozen.intermediate_values),
        failure=failure,
    )


def _parameters(trials: Sequence[FrozenTrial]) -> list[ParameterView]:
    found: dict[str, BaseDistribution] = {}
    for trial in trials:
        for name, distribution in trial.distributions.items():
            found.setdefault(name, distribution)
    return [ParameterView(name, _axis(name, distribution), distribution) for name, distribution in found.items()]


def _axis(name: str, distribution: BaseDistribution) -> Axis:
    if isinstance(distribution, CategoricalDistribution):
        values = [Parameter(name, distribution, "").value(one) for one in distribution.choices]
        return Axis(name, "choices", tuple(map(str, values)))
    limits = (float(distribution.low), float(distribution.high))
    whole = isinstance(distribution, IntDistribution)
    return Axis(name, "log" if distribution.log else "linear", limits=limits, whole=whole)


def _importances(view: StudyView, place: int) -> dict[str, float]:
    """By PED-ANOVA, which takes conditional parameters and thousands of trials."""
    varied = {
        one.name for one in view.parameters if len({trial.params.get(one.name, view) for trial in view.valued}) > 1
    }
    values = {trial.values[place] for trial in view.valued}
    if len(view.valued) < 4 or not varied or len(values) < 2:
        return {}
    # With a target of its own it takes less for better.
    sign = -1.0 if view.maximize[place] else 1.0
    target = None if len(view.metrics) == 1 else lambda trial: sign * trial.values[place]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)
        found = optuna.importance.get_param_importances(view.study, target=target)
    return {name: share for name, share in found.items() if name in varied and math.isfinite(share)}
