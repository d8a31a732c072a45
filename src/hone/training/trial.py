"""One trial: build, fit, test the best checkpoint."""

from __future__ import annotations

import contextlib
import logging
import pickle
import time
import warnings
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytorch_lightning as pl
import torch
from pytorch_lightning.callbacks import ModelCheckpoint

from hone.errors import ModelError
from hone.tracking.spool import SpoolWriter
from hone.tracking.system import SystemMetrics
from hone.training.callbacks import Reporter, ReportLine, TrainLoss
from hone.training.checkpoints import make_portable
from hone.training.components import build_model, build_trainer, filled_in
from hone.training.data import ready_data
from hone.training.digests import data_digests, model_digests, weights_digest
from hone.training.evaluation import Evaluation, EvaluationConfig
from hone.training.failures import failure
from hone.training.lifeline import Lifeline
from hone.training.logger import SpoolLogger
from hone.training.resume import Resumer, model_bytes, resume_point
from hone.worker.disk import RESUME_FILE
from hone.worker.lightning import numbers
from hone.worker.messages import Begin, Ending, Pruned, Report, Result, Started, TrialJob, Verdict
from hone.worker.ranks import is_first_rank

# How late a file's time may be.
CLOCK_SECONDS = 0.02


def train_trial(
    job: TrialJob,
    config: Mapping[str, Any],
    line: ReportLine,
    started: float,
    data: pl.LightningDataModule | None = None,
) -> Ending:
    """Train one trial, from the state that an earlier attempt left where there is one.

    Args:
        job: The trial.
        config: Its resolved config.
        line: The worker's line to its controller.
        started: ``time.monotonic()`` at the worker's start.
        data: What ``shared_data`` made of the same data config.

    Returns:
        How it ended; an exception becomes ``Failed``.

    Raises:
        EOFError: The controller is gone, so that nobody is left to report to.
    """
    quieten()
    watched = _WatchedLine(line)
    try:
        return _train(job, config, watched, started, data)
    except EOFError:
        raise
    except BaseException as error:  # noqa: BLE001 - whatever the user's code raised is the trial's ending
        return failure(error, before_training=not watched.training)


def _train(
    job: TrialJob, config: Mapping[str, Any], line: ReportLine, started: float, data: pl.LightningDataModule | None
) -> Ending:
    directory, began = Path(job.directory), time.time()
    data = data or ready_data(config)
    # What data drew, here or in another process, must not change what the model draws.
    pl.seed_everything(int(config["seed"]), workers=True, verbose=False)
    config = filled_in(config, data)
    model = build_model(config, data)
    portable = make_portable(model, config)
    resume, note = resume_point(directory) if is_first_rank() else _of_first_rank(directory)
    resumer = Resumer(directory, job.reserve)
    digests = data_digests(data) | model_digests(model)
    start = Started(digests=digests, note=note, model_bytes=model_bytes(model))
    reporter = Reporter(line, resumer, start, job.objectives, config["monitor"])
    with SpoolWriter(directory) as spool, contextlib.ExitStack() as sampled:
        callbacks: list[pl.Callback] = [TrainLoss(), reporter, Lifeline(directory)]
        if is_first_rank():
            sampled.enter_context(SystemMetrics(spool, job.lease.cpus, job.lease.gpus))
        tested = bool(config.get("test", True)) and _can_test(model, data)
        evaluation = EvaluationConfig.of(config)
        if evaluation.artifacts:
            split = "test" if tested else "val"
            callbacks.append(Evaluation(directory, split, config["monitor"], config["mode"], evaluation))
        trainer = build_trainer(config, directory, SpoolLogger(spool), callbacks, resumer, progress=job.to_terminal)
        trainer.fit(model, datamodule=data, ckpt_path=resume, weights_only=None if resume is None else True)
        metrics = numbers(trainer.callback_metrics) | reporter.best(config["monitor"], config["mode"])
        steps, best = trainer.global_step, _best_checkpoint(trainer)
        # Before the test loads the best ones: these are what every step of training went into.
        weights = weights_digest(model)
        if tested and not reporter.stopped:
            metrics |= _test(trainer, model, data, best, began)
    checkpoint = str(Path(best).relative_to(directory)) if best else None
    ending = Pruned if reporter.stopped else Result
    seconds = time.monotonic() - started
    return ending(metrics, checkpoint, steps, seconds, _device_memory(), portable, weights)


def _of_first_rank(directory: Path) -> tuple[Path | None, str]:
    """What the first rank, which started this one, decided."""
    path = directory / RESUME_FILE
    return (path if path.is_file() else None), ""


def _device_memory() -> int:
    if not torch.cuda.is_available() or not torch.cuda.is_initialized():  # type: ignore[no-untyped-call]
        return 0
    return int(max(torch.cuda.max_memory_reserved(device) for device in range(torch.cuda.device_count())))


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
    trainer: pl.Trainer, model: pl.LightningModule, data: pl.LightningDataModule, checkpoint: str | None, began: float
) -> dict[str, float]:
    safely = None if checkpoint is None else not _needs_pickle(Path(checkpoint), began)
    results = trainer.test(model, data, ckpt_path=checkpoint, verbose=False, weights_only=safely)
    return {name: value for part in results for name, value in numbers(part).items()}


def _needs_pickle(checkpoint: Path, began: float) -> bool:
    """Whether a checkpoint must be unpickled, since a user's hyperparameters may be any objects.

    That is done to one alone that was written since this training began, by the time that no program can set back: what
    was found in the trial's directory may be anybody's, and a pickle runs what it holds.

    Raises:
        ModelError: One that was there before needs it.
    """
    try:
        torch.load(checkpoint, map_location="cpu", weights_only=True, mmap=True)
    except pickle.UnpicklingError as error:
        # The kernel's clock for files ticks a few milliseconds late.
        if checkpoint.stat().st_ctime > began - CLOCK_SECONDS:
            return True
        raise ModelError(
            f"{checkpoint} holds objects that only a pickle loads, and was there before this training began; "
            "keep them out of save_hyperparameters",
            where="model",
        ) from error
    return False


def quieten() -> None:
    """Keep what Lightning remarks of every run out of the log."""
    logging.getLogger("pytorch_lightning").setLevel(logging.WARNING)
    # Workers for loading are worth their start-up only where loading is slow, which the user knows best.
    warnings.filterwarnings("ignore", ".*does not have many workers.*")
    # TrainLoss logs each epoch's mean, however few its batches.
    warnings.filterwarnings("ignore", ".*smaller than the logging interval.*")
    # What lies there is what the trial goes on from, and its place in the epoch is found again.
    warnings.filterwarnings("ignore", ".*exists and is not empty.*")
    warnings.filterwarnings("ignore", ".*dataloader is not resumable.*")
    # Lightning 2.6 on torch 2.13 and later.
    warnings.filterwarnings("ignore", ".*isinstance.treespec, LeafSpec.*")
