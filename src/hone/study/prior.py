"""Trials of earlier studies, for a sampler to learn from as if they were the study's own."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import optuna
from optuna.samplers import BaseSampler
from optuna.trial import FrozenTrial, TrialState, create_trial

from hone.errors import SpaceError
from hone.space import Space

# A sampler that draws by the finished trials alone; others keep a state of their own beside a study's trials.
LEARNING = (optuna.samplers.TPESampler, optuna.samplers.GPSampler)


@dataclass(frozen=True)
class PriorTrial:
    """A trial that an earlier study has finished.

    Attributes:
        values: Config values by key.
        objectives: What it came to; empty where it was pruned.
        reports: What it reported, by validation.
        violations: By how much it breaks each constraint; 0 or less where it keeps it.
    """

    values: dict[str, Any]
    objectives: tuple[float, ...] = ()
    reports: Mapping[int, float] = field(default_factory=dict)
    violations: Mapping[str, float] = field(default_factory=dict)


def fitting(trials: Iterable[PriorTrial], space: Space) -> list[FrozenTrial]:
    """Those that lie in a space, as Optuna's trials.

    A key that is searched no more is left out. A trial that lies outside, or lacks a key that is searched, is passed
    over.
    """
    kinds = {space.name(one): one.distribution for one in space.all}
    searched = set(space.keys)
    found = []
    for one in trials:
        values = {key: value for key, value in one.values.items() if key in searched}
        try:
            drawn = space.drawn(values, "learn_from") if space.is_whole(values) else {}
        except SpaceError:
            continue
        if drawn:
            found.append(_frozen(one, drawn, kinds))
    return found


def _frozen(trial: PriorTrial, drawn: dict[str, Any], kinds: Mapping[str, Any]) -> FrozenTrial:
    return create_trial(
        state=TrialState.COMPLETE if trial.objectives else TrialState.PRUNED,
        values=trial.objectives or None,
        params=drawn,
        distributions={name: kinds[name] for name in drawn},
        intermediate_values=dict(trial.reports),
        constraints=dict(trial.violations) or None,
    )


def beside(study: optuna.Study, prior: Sequence[FrozenTrial]) -> optuna.Study:
    """A study in memory that holds earlier trials and a study's own, to ask the same sampler on."""
    directions = study.directions
    together = optuna.create_study(directions=directions, sampler=study.sampler)
    own = study.get_trials(deepcopy=False, states=(TrialState.COMPLETE, TrialState.PRUNED, TrialState.RUNNING))
    together.add_trials([*prior, *own])
    return together


def learns(sampler: BaseSampler) -> bool:
    """Whether a sampler can learn from trials that are not its study's."""
    return isinstance(sampler, LEARNING)
