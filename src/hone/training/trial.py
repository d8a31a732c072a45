"""One trial: build, fit, test the best checkpoint."""

from __future__ import annotations

import logging
import time
import warnings
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytorch_lightning as pl
from pytorch_lightning.callbacks import ModelCheckpoint

from hone.tracking.spool import SpoolWriter
from hone.training.callbacks import Reporter, ReportLine, TrainLoss, numbers
from hone.training.components import build_data, build_model, build_trainer, data_digests
from hone.training.failures import failure
from hone.training.logger import SpoolLogger
from hone.worker.messages import Begin, Ending, Pruned, Report, Result, Started, TrialJob, Verdict


def train_trial(job: TrialJob, config: Mapping[str, Any], line: ReportLine, started: float) -> Ending:
    """Train one trial.

    Args:
        job: The trial.
        config: Its resolved config.
        line: The worker's line to its controller.
        started: ``time.monotonic()`` at the worker's start.

    Returns:
        How it ended; an exception becomes ``Failed``.

    Raises:
        EOFError: The controller is gone, so that nobody is left to report to.
    """
    _quieten()
    watched = _WatchedLine(line)
    try:
        return _train(job, config, watched, started)
    except EOFError:
        raise
    except BaseException as error:  # noqa: BLE001 - whatever the user's code raised is the trial's ending
        return failure(error, before_training=not watched.training)


def _train(job: TrialJob, config: Mapping[str, Any], line: ReportLine, started: float) -> Ending:
    directory = Path(job.directory)
    pl.seed_everything(int(config["seed"]), workers=True, verbose=False)
    data = build_data(config)
    model = build_model(config, data)
    reporter = Reporter(line, data_digests(data), job.objectives, config["monitor"])
    with SpoolWriter(directory) as spool:
        callbacks: list[pl.Callback] = [TrainLoss(), reporter]
        trainer = build_trainer(config, directory, SpoolLogger(spool), callbacks, progress=job.to_terminal)
        trainer.fit(model, datamodule=data)
        metrics = numbers(trainer.callback_metrics) | reporter.best(config["monitor"], config["mode"])
        steps, best = trainer.global_step, _best_checkpoint(trainer)
        if config.get("test", True) and not reporter.stopped and _can_test(model, data):
            metrics |= _test(trainer, model, data, best)
    checkpoint = str(Path(best).relative_to(directory)) if best else None
    ending = Pruned if reporter.stopped else Result
    return ending(metrics, checkpoint, steps, time.monotonic() - started)


class _WatchedLine:
    """The line, remembering whether training has begun: before that, a fault is one of input."""

    def __init__(self, line: ReportLine) -> None:
        self.line = line
        self.training = False

    def started(self, started: Started) -> Begin:
        self.training = True
        return self.line.started(started)

    def report(self, report: Report) -> Verdict:
        return self.line.report(report)


def _best_checkpoint(trainer: pl.Trainer) -> str | None:
    callback = trainer.checkpoint_callback
    if isinstance(callback, ModelCheckpoint) and callback.best_model_path:
        return callback.best_model_path
    return None


def _can_test(model: pl.LightningModule, data: pl.LightningDataModule) -> bool:
    return (
        type(model).test_step is not pl.LightningModule.test_step
        and type(data).test_dataloader is not pl.LightningDataModule.test_dataloader
    )


def _test(
    trainer: pl.Trainer, model: pl.LightningModule, data: pl.LightningDataModule, checkpoint: str | None
) -> dict[str, float]:
    # This process wrote the checkpoint a moment ago, and a user's hyperparameters may be any objects.
    results = trainer.test(model, data, ckpt_path=checkpoint, verbose=False, weights_only=False)
    return {name: value for part in results for name, value in numbers(part).items()}


def _quieten() -> None:
    logging.getLogger("pytorch_lightning").setLevel(logging.WARNING)
    # Workers for loading are worth their start-up only where loading is slow, which the user knows best.
    warnings.filterwarnings("ignore", ".*does not have many workers.*")
    # TrainLoss logs each epoch's mean, however few its batches.
    warnings.filterwarnings("ignore", ".*smaller than the logging interval.*")
    # Lightning 2.6 on torch 2.13 and later.
    warnings.filterwarnings("ignore", ".*isinstance.treespec, LeafSpec.*")
