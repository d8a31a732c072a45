"""How much each parameter decides, and how much chance alone would make it seem to."""

from __future__ import annotations

import math
import random
import warnings
from bisect import bisect_left, bisect_right
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import optuna
from optuna.trial import FrozenTrial, TrialState, create_trial

# So many trials, or a tenth of all, are what a parameter must help to be among; of five Optuna says they are the least.
TOP = 8
LEAST_SHARE, MOST_SHARE = 0.1, 0.5
# With fewer trials nothing is said.
LEAST_TRIALS = 4
SHUFFLES = 40


@dataclass(frozen=True)
class Importance:
    """How much one parameter decides.

    Attributes:
        share: Of all that the parameters decide, from 0 to 1.
        chance: How often a parameter without any influence would seem at least as important, by shuffling the values
            over the trials: near 0 for one that matters, anywhere up to 1 for one that does not.
        trials: How many trials have it.
    """

    share: float
    chance: float
    trials: int


def importances(study: optuna.Study, seed: int = 0) -> dict[str, Importance]:
    """Judge every parameter of a single-objective study by PED-ANOVA, over complete and pruned trials.

    A pruned trial counts with what it reported last: it was pruned for being worse than others at that time.

    Args:
        study: Optuna's study.
        seed: Of the shuffles.

    Returns:
        By Optuna's name of the parameter; empty where there are too few trials, all came to the same, or the study has
        several objectives.
    """
    if len(study.directions) > 1:
        return {}
    trials = _judged(study)
    sign = -1.0 if study.direction is optuna.study.StudyDirection.MAXIMIZE else 1.0
    costs = [sign * float(one.value) for one in trials]
    if len(trials) < LEAST_TRIALS or len(set(costs)) < 2:
        return {}
    judge = _judge(trials, costs)
    found = judge(costs)
    whole = sum(found.values()) or 1.0
    draw = random.Random(seed)
    beyond = dict.fromkeys(found, 0)
    for _ in range(SHUFFLES):
        by_chance = judge(draw.sample(costs, len(costs)))
        for name, divergence in found.items():
            beyond[name] += by_chance[name] >= divergence
    counts = {name: sum(name in one.params for one in trials) for name in found}
    return {
        name: Importance(divergence / whole, (beyond[name] + 1) / (SHUFFLES + 1), counts[name])
        for name, divergence in found.items()
    }


def _judged(study: optuna.Study) -> list[FrozenTrial]:
    judged = []
    for one in study.get_trials(deepcopy=False, states=(TrialState.COMPLETE, TrialState.PRUNED)):
        # One that could not be trained is told of as pruned, with nothing to be judged by.
        feasible = all(violation <= 0 for violation in one.constraints.values())
        if feasible and one.value is not None and math.isfinite(one.value) and one.params:
            judged.append(one)
    return judged


def cut_between(ordered: Sequence[float], count: int) -> int:
    """How many of the best to take, so that of those with one cost all are taken or none.

    Trials that have learnt nothing come to one score. Were some of them among the best, all would be as good as they.

    Args:
        ordered: Costs, the least first.
        count: How many to take at most, but for the best themselves having one cost.
    """
    if count >= len(ordered) or ordered[count - 1] != ordered[count]:
        return count
    bound = ordered[count]
    return bisect_left(ordered, bound) or bisect_right(ordered, bound)


def _judge(trials: Sequence[FrozenTrial], costs: Sequence[float]) -> Callable[[Sequence[float]], dict[str, float]]:
    """What gives each parameter's divergence for costs of the trials, in their order."""
    # It brings scikit-learn, for which a sweep has no use.
    from optuna.importance import PedAnovaImportanceEvaluator

    study = optuna.create_study()
    study.add_trials([create_trial(value=0.0, params=one.params, distributions=one.distributions) for one in trials])
    share = min(MOST_SHARE, max(LEAST_SHARE, TOP / len(trials)))
    top = cut_between(sorted(costs), math.ceil(share * len(trials)))
    # The evaluator rounds up what this share of the trials comes to.
    evaluator = PedAnovaImportanceEvaluator(target_quantile=(top - 0.5) / len(trials))

    def judge(told: Sequence[float]) -> dict[str, float]:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", UserWarning)
            return evaluator.evaluate(study, target=lambda trial: told[trial.number])

    return judge
