"""A program's own MLflow logging, turned into its trial's run. MLflow is not imported here: the program did."""

from __future__ import annotations

import functools
import os
from collections.abc import Callable
from types import ModuleType
from typing import Any, Protocol


class Place(Protocol):
    """Where a trial is tracked."""

    @property
    def run_id(self) -> str | None:
        """Its run; None where no store has it."""

    @property
    def uri(self) -> str:
        """The store."""

    @property
    def experiment(self) -> str:
        """The id of its experiment."""


def redirect(mlflow: ModuleType, ask: Callable[[], Place]) -> None:
    """Let a program that logs by itself log into its trial's run, and make no other.

    A run that it nests in its own is made below the trial's. Without a store that could be asked, nothing is changed.

    Args:
        mlflow: The package, imported.
        ask: Gives the trial's run.
    """
    place = ask()
    run_id = place.run_id
    if run_id is None:
        return
    # For processes that the program starts, and for whoever looks there.
    os.environ.update(MLFLOW_TRACKING_URI=place.uri, MLFLOW_EXPERIMENT_ID=place.experiment, MLFLOW_RUN_ID=run_id)
    mlflow.set_tracking_uri(place.uri)
    start = mlflow.start_run

    @functools.wraps(start)
    def start_run(run_id: str | None = None, *arguments: Any, nested: bool = False, **named: Any) -> Any:
        if run_id is not None or (nested and mlflow.active_run() is not None):
            return start(run_id, *arguments, nested=nested, **named)
        tags, description = named.get("tags"), named.get("description")
        return start(place.run_id, tags=tags, description=description, log_system_metrics=False)

    def set_experiment(*_: Any, **__: Any) -> Any:
        return mlflow.get_experiment(place.experiment)

    def set_tracking_uri(*_: Any, **__: Any) -> None:
        """The trial's stays."""

    for module in (mlflow, mlflow.tracking, mlflow.tracking.fluent):
        vars(module).update(start_run=start_run, set_experiment=set_experiment, set_tracking_uri=set_tracking_uri)
    _keep_params(mlflow.MlflowClient, run_id)


def _keep_params(client: Any, own: str) -> None:
    """Leave out parameters that the run has already: MLflow takes no second value, and hone's are the config's."""
    log_batch, log_param = client.log_batch, client.log_param
    known: set[str] = set()

    def is_known(self: Any, key: str) -> bool:
        if not known:
            known.update(self.get_run(own).data.params)
        return key in known

    @functools.wraps(log_batch)
    def batch(self: Any, run_id: str, metrics: Any = (), params: Any = (), *rest: Any, **named: Any) -> Any:
        if run_id == own and params:
            params = [one for one in params if not is_known(self, one.key)]
        return log_batch(self, run_id, metrics, params, *rest, **named)

    @functools.wraps(log_param)
    def param(self: Any, run_id: str, key: str, value: Any, *rest: Any, **named: Any) -> Any:
        if run_id == own and is_known(self, key):
            return value
        return log_param(self, run_id, key, value, *rest, **named)

    client.log_batch, client.log_param = batch, param
