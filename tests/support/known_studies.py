"""Finished studies whose truth is known."""

import math

import optuna

from hone.loop.evidence import gather
from hone.loop.feedback import Learnt, feed_back
from hone.space import parse_space
from hone.study import in_memory_study


class Together(optuna.samplers.RandomSampler):
    """Draws each value but the first near it, as a sampler does that has learnt what goes with what."""

    def sample_independent(self, study, trial, param_name, param_distribution):
        drawn = super().sample_independent(study, trial, param_name, param_distribution)
        before = next(iter(trial.params.values()), drawn)
        return 0.6 * before + 0.4 * drawn


SAMPLERS = {"random": optuna.samplers.RandomSampler, "tpe": optuna.samplers.TPESampler, "together": Together}
METRIC = "val/loss"


class Known:
    """A finished study over a space, each trial as the truth has it.

    ``truth`` gives a value, ``oom``, ``diverged`` or ``pruned`` for a trial's values.
    """

    def __init__(self, space, truth, trials, when=None, sampler="random", seed=0, direction="minimize"):
        self.content = {"base": [], "metric": METRIC, "direction": direction, "trials": trials, "space": space}
        if when:
            self.content["when"] = when
        parsed = parse_space(space, "space", None, when)
        self.study = in_memory_study(
            "known",
            parsed,
            directions=[direction],
            sampler=SAMPLERS[sampler](seed=seed),
            pruner=optuna.pruners.NopPruner(),
        )
        for _ in range(trials):
            suggestion = self.study.ask()
            self._tell(suggestion.number, truth(suggestion.values))
        self.evidence = gather(self.study, METRIC)

    def _tell(self, number, told):
        if told == "pruned":
            self.study.report(number, 1, 9.0)
            self.study.prune(number)
        elif isinstance(told, str):
            self.study.fail(number, told, infeasible=told in ("oom", "diverged"))
        else:
            self.study.complete(number, [told])

    def next(self, number=1, learnt=None, **feedback):
        """The round that follows."""
        content = {**self.content, "feedback": feedback} if feedback else self.content
        return feed_back(self.evidence, content, number, learnt or Learnt())


def bowl(values):
    """The best learning rate is 0.01, the best dropout 0.2; nothing else matters."""
    return (math.log10(values["model.lr"]) + 2) ** 2 + values.get("model.dropout", 0.2) ** 2
