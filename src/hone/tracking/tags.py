"""The tags and metrics by which hone knows its own runs again."""

from __future__ import annotations

import re
from collections.abc import Mapping

KIND, STATE, STUDY, TRIAL, ROUND, TASK = (
    "hone.kind",
    "hone.state",
    "hone.study",
    "hone.trial",
    "hone.round",
    "hone.task",
)
ERROR, FAILURE, PROCESS = "hone.error", "hone.failure", "hone.process"
# Digest of the weights that training ended with, and the optimizer steps that it took.
WEIGHTS, STEPS = "hone.weights", "hone.steps"
METRIC, DIRECTION = "hone.metric", "hone.direction"
SEARCHED = "hone.searched"
DATA = "hone.data"
# Of a round: ``search`` or ``confirmation``.
PART = "hone.part"
MODEL = "hone.model"
COMMIT = "mlflow.source.git.commit"
PARENT = "mlflow.parentRunId"
OBJECTIVE = "objective"
# 1 for a trial that breaks a constraint.
INFEASIBLE = "infeasible"
BEST = "best/"
UNFINISHED = ("running", "crashed", "stopped")
# Aliases of a registered model's versions.
CHAMPION, PREVIOUS = "champion", "previous"
# What a version of a registered model remembers of its run.
VALUE, RUN = "hone.value", "hone.run"
# A run that evaluates another one: its kind, which one, on what, against which, and what came of that.
EVALUATION = "evaluation"
EVALUATES, SPLIT, AGAINST, COMPARED = "hone.evaluates", "hone.split", "hone.against", "hone.compared"


# What MLflow takes in no name.
UNTAKEN = re.compile(r"[^/\w.\- :]")
LONGEST_NAME = 250


def param_name(key: str) -> str:
    """A parameter as MLflow takes it: ``tuning@model`` as ``tuning:model``. No config key has a colon."""
    return UNTAKEN.sub("_", key.replace("@", ":"))[:LONGEST_NAME]


def by_key(params: Mapping[str, str]) -> dict[str, str]:
    """Parameters of MLflow's by the config keys that they were."""
    return {name.replace(":", "@"): value for name, value in params.items()}
