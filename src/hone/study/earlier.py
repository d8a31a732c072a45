"""What earlier studies found, for later ones to begin with."""

from __future__ import annotations

import math
from typing import Any

from optuna.trial import FrozenTrial, TrialState

from hone.space import Parameter
from hone.study.prior import PriorTrial
from hone.study.storage import Kept


def best_values(kept: Kept, count: int) -> list[dict[str, Any]]:
    """The config values of a study's best feasible trials by its first objective, best first.

    Args:
        kept: The study.
        count: The most to give.
    """
    complete = [one for one in kept.study.get_trials(deepcopy=False, states=(TrialState.COMPLETE,)) if _counts(one)]
    sign = -1 if kept.maximize[0] else 1
    ranked = sorted(complete, key=lambda one: (sign * one.values[0], one.number))
    return [config_values(one) for one in ranked[:count]]


def prior_trials(kept: Kept) -> list[PriorTrial]:
    """The trials of a study that a sampler can learn from: those that are complete or pruned."""
    found = []
    for one in kept.study.get_trials(deepcopy=False, states=(TrialState.COMPLETE, TrialState.PRUNED)):
        objectives = tuple(one.values) if one.state is TrialState.COMPLETE else ()
        if all(map(math.isfinite, objectives)):
            found.append(PriorTrial(config_values(one), objectives, one.intermediate_values, one.constraints))
    return found


def _counts(trial: FrozenTrial) -> bool:
    return math.isfinite(trial.values[0]) and all(one <= 0 for one in trial.constraints.values())


def config_values(trial: FrozenTrial) -> dict[str, Any]:
    """What a trial of a study whose space is not at hand drew, as config values by key."""
    # A key that is searched under several conditions has each in the parameter's name.
    return {
        name.partition(" | ")[0]: Parameter(name, trial.distributions[name], "").value(drawn)
        for name, drawn in trial.params.items()
    }
