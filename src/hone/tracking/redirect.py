"""A program's own MLflow logging, turned into its trial's run. MLflow is not imported here: the program did."""

from __future__ import annotations

import functools
import os
from collections.abc import Callable, Mapping, Sequence
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

    @property
    def params(self) -> Sequence[str] | None:
        """Names of the parameters that the run has; None where that is not known."""


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
    _keep_params(mlflow.MlflowClient, run_id, place.params)


def _keep_params(client: Any, own: str, params: Sequence[str] | None) -> None:
    """Leave out parameters that the run has already: MLflow takes no second value, and hone's are the config's."""
    log_batch, log_param = client.log_batch, client.log_param
    known = set(params or ())

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


class LoggersClient:
    """The client of a logger that logs into its trial's run, in the place of MLflow's own.

    Metrics go into the trial's spool, so that a store that is slow or away costs the trial nothing. MLflow's client,
    which opens the store, is made when something else is asked of it.

    Args:
        make: Makes MLflow's.
        place: The trial's run.
        log: Writes metrics of one step down.
    """

    def __init__(self, make: Callable[[], Any], place: Place, log: Callable[[Mapping[str, float], int], None]) -> None:
        self._make, self._place, self._log = make, place, log

    @functools.cached_property
    def _client(self) -> Any:
        return self._make()

    def log_batch(
        self,
        run_id: str,
        metrics: Sequence[Any] = (),
        params: Sequence[Any] = (),
        tags: Sequence[Any] = (),
        **named: Any,
    ) -> Any:
        """Log as MLflow's client does."""
        if run_id == self._place.run_id:
            for step in sorted({one.step for one in metrics}):
                self._log({one.key: float(one.value) for one in metrics if one.step == step}, step)
            known = self._place.params or ()
            metrics, params = (), [one for one in params if one.key not in known]
        if metrics or params or tags:
            return self._client.log_batch(run_id, metrics, params, tags, **named)
        return None

    def __getattr__(self, name: str) -> Any:
        return getattr(self._client, name)
