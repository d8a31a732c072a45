"""What a finished study says, as plain records: all that feedback decides by."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property
from pathlib import Path
from typing import Any

from hone.study import Importance, Study, importances
from hone.sweep.trial import trial_directory
from hone.worker.messages import Failed
from hone.worker.run import read_result


@dataclass(frozen=True)
class Tried:
    """One trial.

    Attributes:
        number: Its number in the study.
        state: ``complete``, ``infeasible`` (complete, and outside a constraint), ``pruned`` or ``failed``.
        value: The objective; None where it has none that is finite.
        values: Config values by key.
        failure: The kind of its failure; empty where it has not failed.
        reports: What it reported, by validation.
        steps: Optimizer steps that it took.
        seconds: How long it ran.
    """

    number: int
    state: str
    value: float | None
    values: dict[str, Any]
    failure: str = ""
    reports: Mapping[int, float] = field(default_factory=dict)
    steps: int = 0
    seconds: float = 0.0


@dataclass(frozen=True)
class Evidence:
    """What a study came to.

    Attributes:
        study: Its name.
        metric: The objective.
        maximize: Whether more is better.
        trials: Every trial that has ended, by number.
        importances: By Optuna's name of each parameter of which something can be said.
    """

    study: str
    metric: str
    maximize: bool
    trials: tuple[Tried, ...]
    importances: Mapping[str, Importance] = field(default_factory=dict)

    @cached_property
    def ranked(self) -> tuple[Tried, ...]:
        """Complete trials, best first."""
        complete = [one for one in self.trials if one.state == "complete"]
        return tuple(sorted(complete, key=lambda one: (self.cost(one), one.number)))

    @property
    def best(self) -> Tried | None:
        """The best complete trial."""
        return self.ranked[0] if self.ranked else None

    @property
    def is_flat(self) -> bool:
        """Whether all complete trials came to the same, so that none is better."""
        return len({one.value for one in self.ranked}) < 2

    @property
    def steps(self) -> int:
        """Optimizer steps of all trials."""
        return sum(one.steps for one in self.trials)

    @property
    def seconds(self) -> float:
        """How long all trials ran, one after another."""
        return sum(one.seconds for one in self.trials)

    @property
    def failures(self) -> dict[str, int]:
        """How many trials failed, by kind, the most frequent first."""
        return dict(Counter(one.failure for one in self.trials if one.state == "failed").most_common())

    def cost(self, trial: Tried) -> float:
        """The objective of a complete trial as something of which less is better."""
        assert trial.value is not None
        return -trial.value if self.maximize else trial.value

    def badness(self, trial: Tried) -> float:
        """The same of any trial: what was pruned is worse than what was not, and what failed is worse still."""
        if trial.state == "complete":
            return self.cost(trial)
        return 1e300 if trial.state == "pruned" else math.inf


def gather(study: Study, metric: str, directory: Path | None = None) -> Evidence:
    """Collect what a study came to.

    Args:
        study: The study.
        metric: Its objective.
        directory: Where its trials lie; None for a study whose trials have no directories.

    Returns:
        The evidence. A value that is NaN or infinite is that of a trial that diverged.
    """
    trials = [_tried(one, directory) for one in study.finished()]
    return Evidence(study.name, metric, study.maximize[0], tuple(trials), importances(study.study))


def _tried(one: Any, directory: Path | None) -> Tried:
    value = one.value if one.value is not None and math.isfinite(one.value) else None
    state = "infeasible" if one.state == "complete" and not one.feasible else one.state
    tried = Tried(one.number, state, value, one.values, one.failure, dict(one.reports), seconds=one.seconds)
    if state == "complete" and value is None:
        tried = replace(tried, state="failed", failure="diverged")
    ending = None if directory is None else read_result(trial_directory(directory, one.number))
    if ending is None or isinstance(ending, Failed):
        return tried
    return replace(tried, steps=ending.steps, seconds=ending.seconds)
