"""hone's own callbacks: the training loss, and the worker's line to its controller."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any, Protocol

import pytorch_lightning as pl
import torch
from pytorch_lightning.callbacks import Callback

from hone.errors import missing_metric
from hone.training.digests import torch_state
from hone.training.failures import Diverged
from hone.training.resume import Resumer, model_bytes
from hone.worker.lightning import numbers, stop_training
from hone.worker.messages import Begin, Report, Started, Verdict


class ReportLine(Protocol):
    """Where a trial's questions go."""

    def started(self, started: Started) -> Begin:
        """Say that training begins."""

    def report(self, report: Report) -> Verdict:
        """Report a validation and hear whether to go on."""


class TrainLoss(Callback):
    """Logs ``train/loss``, for any module whose ``training_step`` returns a loss and that does not log it itself.

    ``self.log`` costs about half a millisecond a step; this adds a tensor and asks for its value once in
    ``log_every_n_steps``.
    """

    def __init__(self) -> None:
        self._sum: torch.Tensor | None = None
        self._count = 0

    def on_train_batch_end(
        self, trainer: pl.Trainer, pl_module: pl.LightningModule, outputs: Any, batch: Any, batch_idx: int
    ) -> None:
        """Add one batch's loss."""
        loss = outputs.get("loss") if isinstance(outputs, Mapping) else outputs
        if not isinstance(loss, torch.Tensor):
            return
        loss = loss.detach()
        self._sum = loss if self._sum is None else self._sum + loss
        self._count += 1
        if self._count % self._every(trainer) == 0:
            self._log(trainer, "train/loss_step", float(loss))

    def on_train_epoch_end(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        """Log the epoch's mean and end a training that has diverged.

        Raises:
            Diverged: The mean loss is NaN or infinite.
        """
        if self._sum is None:
            return
        mean = float(self._sum) / self._count
        self._sum, self._count = None, 0
        if self._log(trainer, "train/loss", mean):
            trainer.callback_metrics["train/loss"] = torch.tensor(mean)
        if not math.isfinite(mean):
            raise Diverged(f"train/loss is {mean} in epoch {trainer.current_epoch}")

    def state_dict(self) -> dict[str, Any]:
        """What an epoch that is broken off has so far."""
        return {"sum": self._sum, "count": self._count}

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        """Go on with it."""
        self._sum, self._count = state_dict["sum"], state_dict["count"]

    def _every(self, trainer: pl.Trainer) -> int:
        return max(1, trainer.log_every_n_steps)  # type: ignore[attr-defined]

    def _log(self, trainer: pl.Trainer, name: str, value: float) -> bool:
        """Log a value, unless the module logs one by that name itself."""
        if name in trainer.logged_metrics or trainer.logger is None:
            return False
        # The step that has just been taken, as Lightning counts the metrics of validation.
        trainer.logger.log_metrics({name: value}, step=max(0, trainer.global_step - 1))
        return True


class Reporter(Callback):
    """Tells the controller that training begins, reports each validation and stops the trainer when told to.

    Under DDP rank 0 alone asks; its answer is broadcast, so that all ranks stop at the same step.

    Args:
        line: The worker's line.
        resumer: Knows whether the trial was told to end.
        start: What there is to say when training begins.
        objectives: Metrics that must be finite.
        monitor: Metric by which checkpoints are judged.
    """

    def __init__(
        self, line: ReportLine, resumer: Resumer, start: Started, objectives: Sequence[str], monitor: str
    ) -> None:
        self.line = line
        self.resumer = resumer
        self.start = start
        self.monitor = monitor
        self.objectives = tuple(objectives)
        self.stopped = False
        self._sanity_metrics: tuple[str, ...] = ()
        self._reports: list[dict[str, float]] = []

    def on_sanity_check_end(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        """Learn which metrics validation logs."""
        self._sanity_metrics = tuple(sorted(trainer.callback_metrics))

    def on_train_start(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        """Ask for the run to be opened.

        Raises:
            MetricError: Validation logs metrics, and not the one that is asked for.
        """
        for name in dict.fromkeys((self.monitor, *self.objectives)):
            self._check_logged(name)
        if trainer.is_global_zero:
            resumed = trainer.global_step if trainer.ckpt_path else None
            start = replace(
                self.start,
                metrics=self._sanity_metrics,
                resumed=resumed,
                rows=_rows(trainer),
                state=torch_state(),
            )
            self.line.started(start)

    def _check_logged(self, name: str) -> None:
        """Look for a metric among those of the sanity check, where it would be one of them."""
        split = name.partition("/")[0]
        if name not in self._sanity_metrics and any(one.startswith(f"{split}/") for one in self._sanity_metrics):
            raise missing_metric(name, self._sanity_metrics, "monitor")

    def on_validation_end(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        """Report a validation.

        Raises:
            Diverged: An objective is NaN or infinite.
        """
        if trainer.sanity_checking or trainer.state.fn != "fit":
            return
        metrics = numbers(trainer.callback_metrics)
        self._reports.append(metrics)
        stop, asked = False, False
        if trainer.is_global_zero:
            stop = self.line.report(Report(trainer.global_step, metrics, len(self._reports))).stop
            asked = self.resumer.asked
        self.stopped, asked = trainer.strategy.broadcast((stop, asked), 0)
        if self.stopped:
            stop_training(trainer)
        for name in self.objectives:
            if name in metrics and not math.isfinite(metrics[name]):
                raise Diverged(f"{name} is {metrics[name]} at step {trainer.global_step}")
        if not self.stopped:
            self.resumer.agreed = asked

    def on_train_end(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        """Log the model's size after what it is judged by: MLflow shows first what was logged first."""
        _log_size(trainer, pl_module)

    def state_dict(self) -> dict[str, Any]:
        """The validations so far."""
        return {"reports": self._reports}

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        """Go on counting where they end."""
        self._reports = list(state_dict["reports"])

    def best(self, monitor: str, mode: str) -> dict[str, float]:
        """The metrics of the validation at which ``monitor`` was best, those of the last where it is not logged."""
        judged = [one for one in self._reports if math.isfinite(one.get(monitor, math.nan))]
        if not judged:
            return self._reports[-1] if self._reports else {}
        pick = max if mode == "max" else min
        best = pick(judged, key=lambda one: one[monitor])
        # An epoch's training metrics are complete after its validation, so those at hand are of the epoch before.
        return {name: value for name, value in best.items() if not name.startswith("train/")}


def _log_size(trainer: pl.Trainer, model: pl.LightningModule) -> None:
    """Log what a model is in size, beside the metrics that it is judged by."""
    if trainer.logger is None or not trainer.is_global_zero:
        return
    parameters = [
        one.numel() for one in model.parameters() if not isinstance(one, torch.nn.parameter.UninitializedParameter)
    ]
    trainer.logger.log_metrics({"model/parameters": sum(parameters), "model/megabytes": model_bytes(model) / 1e6}, 0)


def _rows(trainer: pl.Trainer) -> dict[str, int]:
    """How many rows the splits have whose loaders Lightning has made."""
    loaders = {"train": trainer.train_dataloader, "val": trainer.val_dataloaders}
    return {name: rows for name, loader in loaders.items() if (rows := _length(loader)) is not None}


def _length(loader: Any) -> int | None:
    if isinstance(loader, list) and len(loader) == 1:
        loader = loader[0]
    try:
        return len(loader.dataset)
    except (AttributeError, TypeError, NotImplementedError):
        return None
