"""A Lightning program as a trial, with nothing changed in it: its trainers report, are pruned, and start their ranks.

Either package of Lightning may be in use, or none: nothing of it is imported here.
"""

from __future__ import annotations

import functools
import importlib
import sys
from collections.abc import Callable, Iterable, Mapping
from types import ModuleType
from typing import Any

from hone.tracking.redirect import LoggersClient
from hone.worker.imports import when_imported
from hone.worker.messages import TrialJob
from hone.worker.reporting import Pruning, Talk

PACKAGES = (("pytorch_lightning", "lightning_fabric"), ("lightning.pytorch", "lightning.fabric"))
LAUNCHER = "strategies.launchers.subprocess_script"


def join_lightning(talk: Talk, job: TrialJob) -> None:
    """Make the trainers of this process parts of a trial.

    Args:
        talk: With the controller.
        job: The trial.
    """
    for lightning, fabric in PACKAGES:
        when_imported(f"{lightning}.trainer.trainer", functools.partial(_add_reporter, lightning, talk))
        when_imported(f"{lightning}.loggers.mlflow", functools.partial(_log_into_run, talk))
        for package in (fabric, lightning):
            when_imported(f"{package}.{LAUNCHER}", functools.partial(_start_ranks_as_workers, job))


def _add_reporter(package: str, talk: Talk, module: ModuleType) -> None:
    trainer, base = module.Trainer, sys.modules[f"{package}.callbacks.callback"].Callback
    made = reporter_class(base)
    _wrap(trainer, lambda arguments: {**arguments, "callbacks": [*_listed(arguments.get("callbacks")), made(talk)]})


def _log_into_run(talk: Talk, module: ModuleType) -> None:
    """Give each MLFlowLogger the trial's run, where the store is there to give one."""
    kind = module.MLFlowLogger
    made, finalized = kind.__init__, kind.finalize

    @functools.wraps(made)
    def make(self: Any, *arguments: Any, **named: Any) -> None:
        run = talk.run()
        if run.run_id is not None:
            named = {**named, "run_id": run.run_id, "tracking_uri": run.uri}
        if run.run_id is None or talk.spool is None:
            made(self, *arguments, **named)
            return
        # It looks for its client there when it is made.
        tracking = importlib.import_module("mlflow.tracking")
        client = tracking.MlflowClient

        def deferred(*given: Any, **more: Any) -> LoggersClient:
            return LoggersClient(functools.partial(client, *given, **more), run, talk.log)

        vars(tracking)["MlflowClient"] = deferred
        try:
            made(self, *arguments, **named)
        finally:
            vars(tracking)["MlflowClient"] = client
        self._experiment_id, self._initialized = run.experiment, True

    @functools.wraps(finalized)
    def finalize(self: Any, status: str = "success") -> None:
        if not isinstance(self._mlflow_client, LoggersClient):
            finalized(self, status)
        elif self._checkpoint_callback:
            # The run itself is ended with the trial.
            self._scan_and_log_checkpoints(self._checkpoint_callback)

    kind.__init__, kind.finalize = make, finalize


def _start_ranks_as_workers(job: TrialJob, module: ModuleType) -> None:
    """Start ranks by the worker's own command: the program's would sweep again."""
    command = [sys.executable, "-m", "hone.worker", job.directory]
    module._hydra_subprocess_cmd = lambda *_, **__: (command, job.start_from)  # type: ignore[attr-defined]
    if hasattr(module, "_basic_subprocess_cmd"):
        module._basic_subprocess_cmd = lambda: command  # type: ignore[attr-defined]


def _wrap(kind: Any, change: Callable[[dict[str, Any]], dict[str, Any]]) -> None:
    """Change the keyword arguments that a class is made with."""
    made = kind.__init__

    @functools.wraps(made)
    def make(self: Any, *arguments: Any, **named: Any) -> None:
        made(self, *arguments, **change(named))

    kind.__init__ = make


def _listed(callbacks: Any) -> Iterable[Any]:
    if callbacks is None:
        return ()
    # What Hydra instantiates is no list of Python's.
    return list(callbacks) if hasattr(callbacks, "__iter__") else (callbacks,)


def reporter_class(base: type[Any]) -> Callable[[Talk], Any]:
    """Make the callback that reports each validation, for one of the two packages.

    Args:
        base: The package's ``Callback``.
    """
    return type("HoneReporter", (_Reporter, base), {})


class _Reporter:
    """Reports each validation, or each epoch where nothing validates, and stops a trainer whose trial is pruned.

    Under DDP rank 0 alone asks; its answer is broadcast, so that all ranks stop at the same step.
    """

    def __init__(self, talk: Talk) -> None:
        self.talk = talk
        self.pruned = False

    def setup(self, trainer: Any, pl_module: Any, stage: str) -> None:  # noqa: ARG002 - Lightning's
        """Leave out what would follow the training of a trial that is pruned."""
        if self.pruned or self.talk.pruned:
            raise Pruning(f"the trial was pruned; {stage} is left out")

    def on_validation_end(self, trainer: Any, pl_module: Any) -> None:  # noqa: ARG002 - Lightning's
        """Report a validation."""
        if not trainer.sanity_checking and trainer.state.fn == "fit":
            self._report(trainer)

    def on_train_epoch_end(self, trainer: Any, pl_module: Any) -> None:  # noqa: ARG002 - Lightning's
        """Report an epoch."""
        if not trainer.enable_validation:
            self._report(trainer)

    def _report(self, trainer: Any) -> None:
        stop = False
        if trainer.is_global_zero:
            # A program that logs to MLflow by itself logs the same values at the same steps.
            spooled = not any(type(one).__name__ == "MLFlowLogger" for one in trainer.loggers)
            stop = self.talk.report(trainer.global_step, numbers(trainer.callback_metrics), spooled=spooled)
        self.pruned = trainer.strategy.broadcast(stop, 0)
        if self.pruned:
            self.talk.pruned = True
            stop_training(trainer)


def stop_training(trainer: Any) -> None:
    """End training after this batch or epoch, whatever the least is that was asked of it."""
    trainer.should_stop = True
    # Lightning otherwise trains on to min_epochs.
    trainer.fit_loop.min_epochs = None
    trainer.fit_loop.epoch_loop.min_steps = None


def numbers(metrics: Mapping[str, Any]) -> dict[str, float]:
    """The single numbers among metrics, NaN and infinities included, as Python floats."""
    singles = ((name, value) for name, value in metrics.items() if getattr(value, "numel", lambda: 1)() == 1)
    return {name: float(value) for name, value in singles}
