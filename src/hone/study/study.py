"""A study as the controller uses it: ask, report, tell."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import optuna
from optuna.trial import TrialState

from hone.space import Space

FINGERPRINT = "hone.fingerprint"
FAILURE = "hone.failure"
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
    """

    number: int
    values: dict[str, Any]


@dataclass(frozen=True)
class FinishedTrial:
    """A trial that has ended.

    Attributes:
        number: Its number in the study.
        state: ``complete``, ``pruned`` or ``failed``.
        value: The objective, or None where it has none.
        values: Config values by key.
        seconds: From its ask to its tell.
    """

    number: int
    state: str
    value: float | None
    values: dict[str, Any]
    seconds: float


class Study:
    """One Optuna study over one space. Not thread-safe: the controller alone uses it.

    Args:
        study: Optuna's study.
        space: What is searched.

    Attributes:
        exhausted: The sampler has nothing left to suggest, as after the last point of a grid.
    """

    def __init__(self, study: optuna.Study, space: Space) -> None:
        self.study = study
        self.space = space
        self.exhausted = False
        self._asked: dict[int, optuna.Trial] = {}

    @property
    def name(self) -> str:
        """The study's name."""
        return self.study.study_name

    @property
    def maximize(self) -> bool:
        """Whether more is better."""
        return self.study.direction is optuna.study.StudyDirection.MAXIMIZE

    @property
    def asked(self) -> int:
        """How many trials it has had, however they ended."""
        return len(self.study.get_trials(deepcopy=False))

    def go_on_with(self, sampler: optuna.samplers.BaseSampler) -> None:
        """Suggest with another sampler from now on, unless the one at hand keeps its place in the storage."""
        if not isinstance(self.study.sampler, KEEP_THEIR_PLACE):
            self.study.sampler = sampler

    def ask(self) -> Suggestion:
        """Ask the sampler for the next trial."""
        trial = self.study.ask(fixed_distributions=self.space.distributions)
        self._asked[trial.number] = trial
        return Suggestion(trial.number, self.space.values(trial.params))

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

    def complete(self, number: int, value: float) -> None:
        """Tell the objective of a trial that ran to its end."""
        self._tell(number, value)

    def prune(self, number: int) -> None:
        """Tell that a trial was pruned; its last report is its value."""
        self._tell(number, state=TrialState.PRUNED)

    def fail(self, number: int, reason: str) -> None:
        """Tell that a trial failed, and why."""
        self._asked[number].set_user_attr(FAILURE, reason)
        self._tell(number, state=TrialState.FAIL)

    def abandon(self, number: int) -> None:
        """Tell that a trial was ended before its time; it does not count, and a resumed study makes up for it."""
        self._tell(number, state=TrialState.FAIL)

    def orphans(self) -> list[int]:
        """Trials that a controller which is gone left running; to be told complete, pruned or abandoned."""
        running = self.study.get_trials(deepcopy=False, states=(TrialState.RUNNING,))
        return [one.number for one in running if one.number not in self._asked]

    def _tell(self, number: int, value: float | None = None, state: TrialState | None = None) -> None:
        try:
            self.study.tell(self._asked.pop(number, number), value, state=state)
        except RuntimeError as error:
            # A sampler with nothing left to suggest stops the study, which Optuna takes for a mistake outside of
            # ``optimize``; the trial itself has been told by then.
            if "Study.stop" not in str(error):
                raise
            self.exhausted = True

    def finished(self) -> list[FinishedTrial]:
        """Every trial that has ended by itself, by number; abandoned ones do not count."""
        states = {TrialState.COMPLETE: "complete", TrialState.PRUNED: "pruned", TrialState.FAIL: "failed"}
        trials = self.study.get_trials(deepcopy=False, states=tuple(states))
        return [
            FinishedTrial(
                number=one.number,
                state=states[one.state],
                value=one.value if one.state in (TrialState.COMPLETE, TrialState.PRUNED) else None,
                values=self.space.values(one.params),
                seconds=one.duration.total_seconds() if one.duration else 0.0,
            )
            for one in trials
            if one.state is not TrialState.FAIL or FAILURE in one.user_attrs
        ]

    def best(self) -> FinishedTrial | None:
        """The best trial that ran to its end, or None."""
        complete = [one for one in self.finished() if one.state == "complete" and one.value is not None]
        if not complete:
            return None
        pick = max if self.maximize else min
        return pick(complete, key=lambda one: one.value)  # type: ignore[arg-type, return-value]


def fingerprint(space: Space, metric: str, direction: str) -> dict[str, Any]:
    """What must not change between two sessions of one study."""
    return {"metric": metric, "direction": direction, "space": space.texts}


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
    flat = {key: str(value) for key, value in fingerprint.items() if key != "space"}
    return flat | {f"space.{key}": text for key, text in fingerprint.get("space", {}).items()}


def dump_fingerprint(content: Mapping[str, Any]) -> str:
    """The fingerprint as it is kept in the study."""
    return json.dumps(content, sort_keys=True)
