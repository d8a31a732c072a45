"""A study as the controller uses it: ask, report, tell."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import optuna
from optuna.distributions import BaseDistribution, CategoricalDistribution, IntDistribution
from optuna.trial import FrozenTrial, TrialState

from hone.space import Constraint, Space
from hone.study.prior import PriorTrial, beside, fitting

FINGERPRINT = "hone.fingerprint"
FAILURE = "hone.failure"
# The constraint that a trial breaks whose values cannot be trained at all.
TRAINABLE = "hone.trainable"
STATES = {TrialState.COMPLETE: "complete", TrialState.PRUNED: "pruned", TrialState.FAIL: "failed"}
KEEP_THEIR_PLACE = (
    optuna.samplers.QMCSampler,
    optuna.samplers.GridSampler,
    optuna.samplers.BruteForceSampler,
)


@dataclass(frozen=True)
class Suggestion:
    """A trial to run.

    Attributes:
        number: Its number in the study, from 0, without gaps.
        values: Config values by key.
        reported: The last step that it has reported, of one that is taken up again.
        latest: What it reported then.
    """

    number: int
    values: dict[str, Any]
    reported: int = 0
    latest: float | None = None


@dataclass(frozen=True)
class FinishedTrial:
    """A trial that has ended.

    Attributes:
        number: Its number in the study.
        state: ``complete``, ``pruned`` or ``failed``.
        value: The first objective, or None where it has none.
        values: Config values by key.
        seconds: From its ask to its tell.
        feasible: It keeps every constraint.
        objectives: Every objective.
        reports: What it reported, by validation.
        failure: The kind of its failure; empty where it has not failed.
    """

    number: int
    state: str
    value: float | None
    values: dict[str, Any]
    seconds: float
    feasible: bool = True
    objectives: tuple[float, ...] = ()
    reports: Mapping[int, float] = field(default_factory=dict)
    failure: str = ""


class Study:
    """One Optuna study over one space. Not thread-safe: the controller alone uses it.

    Args:
        study: Optuna's study.
        space: What is searched.

    Attributes:
        exhausted: The sampler has nothing left to suggest, as after the last point of a grid.
        extend: Suggests more to each trial, of what is not in the space.
    """

    def __init__(self, study: optuna.Study, space: Space) -> None:
        self.study = study
        self.space = space
        self.exhausted = False
        self.extend: Callable[[optuna.Trial], None] | None = None
        self._asked: dict[int, optuna.Trial] = {}
        self._prior: list[FrozenTrial] = []

    @property
    def name(self) -> str:
        """The study's name."""
        return self.study.study_name

    @property
    def maximize(self) -> tuple[bool, ...]:
        """Whether more is better, for each objective."""
        return tuple(one is optuna.study.StudyDirection.MAXIMIZE for one in self.study.directions)

    @property
    def asked(self) -> int:
        """How many trials it has had, however they ended."""
        started = (TrialState.RUNNING, TrialState.COMPLETE, TrialState.PRUNED, TrialState.FAIL)
        return len(self.study.get_trials(deepcopy=False, states=started))

    def go_on_with(self, sampler: optuna.samplers.BaseSampler) -> None:
        """Suggest with another sampler from now on, unless the one at hand keeps its place in the storage."""
        if not isinstance(self.study.sampler, KEEP_THEIR_PLACE):
            self.study.sampler = sampler

    def enqueue(self, drawn: Mapping[str, Any]) -> None:
        """Put values at the head of the line; what they leave out is drawn by the sampler.

        Args:
            drawn: As ``Space.drawn`` gives them.
        """
        self.study.enqueue_trial(dict(drawn), skip_if_exists=True)

    @property
    def learnt(self) -> int:
        """From how many trials of earlier studies its sampler learns."""
        return len(self._prior)

    def learn_from(self, trials: Iterable[PriorTrial]) -> None:
        """Let the sampler learn from trials of earlier studies, as far as they lie in the space."""
        self._prior = fitting(trials, self.space)

    def ask(self) -> Suggestion:
        """Ask the sampler for the next trial."""
        if self._prior and not self.study.get_trials(deepcopy=False, states=(TrialState.WAITING,)):
            # The earlier trials are none of this study's: the sampler is asked beside it, and the answer put in line.
            asked = beside(self.study, self._prior).ask(fixed_distributions=self.space.distributions)
            self._draw(asked)
            self.study.enqueue_trial(asked.params)
        trial = self.study.ask(fixed_distributions=self.space.distributions)
        self._asked[trial.number] = trial
        return self._suggested(trial)

    def adopt(self, number: int) -> Suggestion:
        """Take up a trial that a controller which is gone left running; its values stay as they are."""
        found = next(one for one in self.study.get_trials(deepcopy=False) if one.number == number)
        trial = optuna.Trial(self.study, found._trial_id)
        for one in self.space.parameters:
            _suggest(trial, self.space.name(one), one.distribution)
        self._asked[number] = trial
        reports = found.intermediate_values
        last = max(reports, default=0)
        return replace(self._suggested(trial), reported=last, latest=reports.get(last))

    def _suggested(self, trial: optuna.Trial) -> Suggestion:
        values = self._draw(trial)
        if self.extend is not None:
            self.extend(trial)
            values = self._values(trial.params)
        return Suggestion(trial.number, values)

    def _draw(self, trial: optuna.Trial) -> dict[str, Any]:
        """Config values of a trial, with what they call for drawn as well."""
        values = self.space.values(trial.params)
        for one in self.space.opened(values):
            values[one.key] = one.value(_suggest(trial, self.space.name(one), one.distribution))
        return values

    def _values(self, params: Mapping[str, Any]) -> dict[str, Any]:
        """Config values for what a trial drew, those last that are not in the space; ``+`` is of no key."""
        values = self.space.values(params)
        if self.extend is None:
            return values
        names = {self.space.name(one) for one in self.space.all}
        return values | {name.lstrip("+"): value for name, value in params.items() if name not in names}

    def report(self, number: int, step: int, value: float) -> bool:
        """Report an intermediate value.

        Args:
            number: The trial.
            step: How many validations it has had: the resource that pruners count.
            value: The objective.

        Returns:
            Whether the pruner wants the trial to stop.
        """
        trial = self._asked[number]
        trial.report(value, step)
        return bool(trial.should_prune())

    def complete(self, number: int, values: Sequence[float], violations: Mapping[str, float] | None = None) -> None:
        """Tell how a trial that ran to its end came out.

        Args:
            number: The trial.
            values: Its objectives.
            violations: By how much it breaks each constraint; 0 or less where it keeps it.
        """
        trial = self._handle(number)
        for metric, violation in (violations or {}).items():
            trial.set_constraint(metric, violation)
        self._tell(number, list(values))

    def prune(self, number: int) -> None:
        """Tell that a trial was pruned; its last report is its value."""
        self._tell(number, state=TrialState.PRUNED)

    def fail(self, number: int, reason: str, *, infeasible: bool = False) -> None:
        """Tell that a trial failed.

        Args:
            number: The trial.
            reason: Why.
            infeasible: Its values are at fault: the sampler learns to keep away from them. Of a failed trial Optuna
                learns nothing, so it is told of as one that was pruned and breaks a constraint.
        """
        trial = self._handle(number)
        trial.set_user_attr(FAILURE, reason)
        if infeasible:
            trial.set_constraint(TRAINABLE, 1.0)
        self._tell(number, state=TrialState.PRUNED if infeasible else TrialState.FAIL)

    def orphans(self) -> list[int]:
        """Trials that a controller which is gone left running, to be told of or adopted."""
        running = self.study.get_trials(deepcopy=False, states=(TrialState.RUNNING,))
        return [one.number for one in running if one.number not in self._asked]

    def _handle(self, number: int) -> optuna.Trial:
        if number not in self._asked:
            self.adopt(number)
        return self._asked[number]

    def _tell(self, number: int, values: list[float] | None = None, state: TrialState | None = None) -> None:
        try:
            self.study.tell(self._asked.pop(number, number), values, state=state)
        except RuntimeError as error:
            # A sampler with nothing left to suggest stops the study, which Optuna takes for a mistake outside of
            # ``optimize``; the trial itself has been told by then.
            if "Study.stop" not in str(error):
                raise
            self.exhausted = True

    def finished(self) -> list[FinishedTrial]:
        """Every trial that has ended by itself, by number."""
        trials = self.study.get_trials(deepcopy=False, states=tuple(STATES))
        # An earlier hone told of a trial that the user ended as failed without a reason; it does not count.
        counted = (one for one in trials if one.state is not TrialState.FAIL or FAILURE in one.user_attrs)
        return [self._finished(one) for one in counted]

    def _finished(self, trial: FrozenTrial) -> FinishedTrial:
        failed = FAILURE in trial.user_attrs
        return FinishedTrial(
            number=trial.number,
            state="failed" if failed else STATES[trial.state],
            value=_value(trial, several=len(self.maximize) > 1),
            values=self._values(trial.params),
            seconds=trial.duration.total_seconds() if trial.duration else 0.0,
            feasible=all(one <= 0 for one in trial.constraints.values()),
            objectives=tuple(trial.values) if trial.state is TrialState.COMPLETE else (),
            reports=trial.intermediate_values,
            failure=str(trial.user_attrs.get(FAILURE, "")),
        )

    def best(self) -> FinishedTrial | None:
        """The best feasible trial that ran to its end, by the first objective, or None."""
        complete = [one for one in self.finished() if one.state == "complete" and one.feasible]
        if not complete:
            return None
        pick = max if self.maximize[0] else min
        return pick(complete, key=lambda one: one.objectives[0])


def _value(trial: FrozenTrial, *, several: bool) -> float | None:
    if several:
        return trial.values[0] if trial.state is TrialState.COMPLETE else None
    return trial.value if trial.state in (TrialState.COMPLETE, TrialState.PRUNED) else None


def _suggest(trial: optuna.Trial, name: str, kind: BaseDistribution) -> Any:
    if isinstance(kind, CategoricalDistribution):
        return trial.suggest_categorical(name, kind.choices)
    if isinstance(kind, IntDistribution):
        return trial.suggest_int(name, kind.low, kind.high, step=kind.step, log=kind.log)
    return trial.suggest_float(name, kind.low, kind.high, step=kind.step, log=kind.log)


def fingerprint(
    space: Space, metrics: Sequence[str], directions: Sequence[str], constraints: Sequence[Constraint] = ()
) -> dict[str, Any]:
    """What must not change between two sessions of one study; of a pattern, the options that fit it."""
    content: dict[str, Any] = {
        "metric": ", ".join(metrics),
        "direction": ", ".join(directions),
        "space": {one.key: one.listed for one in space.parameters},
        "constraints": {one.metric: one.text for one in constraints},
    }
    parts = {branch.text: {one.key: one.listed for one in branch.parameters} for branch in space.branches}
    return content | {f"when.{condition}": part for condition, part in parts.items()}


def difference(kept: Mapping[str, Any], now: Mapping[str, Any]) -> list[str]:
    """Say, key by key, how two fingerprints differ.

    Args:
        kept: The study's.
        now: The sweep file's.

    Returns:
        A line for each key that differs.
    """
    flat_kept, flat_now = _flat(kept), _flat(now)
    keys = sorted({*flat_kept, *flat_now})
    return [
        f"{key}: {flat_kept.get(key, 'absent')} in the study, {flat_now.get(key, 'absent')} now"
        for key in keys
        if flat_kept.get(key) != flat_now.get(key)
    ]


def _flat(fingerprint: Mapping[str, Any]) -> dict[str, str]:
    flat = {key: str(value) for key, value in fingerprint.items() if not isinstance(value, Mapping)}
    parts = {key: part for key, part in fingerprint.items() if isinstance(part, Mapping)}
    return flat | {f"{name}.{key}": str(text) for name, part in parts.items() for key, text in part.items()}


def dump_fingerprint(content: Mapping[str, Any]) -> str:
    """The fingerprint as it is kept in the study."""
    return json.dumps(content, sort_keys=True)
