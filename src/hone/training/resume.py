"""Going on where a trial was broken off, to the same numbers as if it had not been.

Lightning restores model, optimizers and loops. What it leaves out is added here: the state of every source of random
numbers, and the place in the epoch's order of batches.
"""

from __future__ import annotations

import contextlib
import random
import shutil
import signal
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytorch_lightning as pl
import torch
from lightning_fabric.utilities.data import _set_sampler_epoch
from pytorch_lightning.callbacks import Callback

from hone.training.failures import DiskFull, Preempted
from hone.training.logger import SpoolLogger
from hone.worker.disk import RESUME_FILE, SIZES_OF_A_TRIAL

STATE = "hone.random"
# Saving may take one part in so many of the time.
PATIENCE = 20
# Users' own objects: they would need a pickle to load.
UNSAFE_KEYS = (
    "hyper_parameters",
    "hparams_name",
    "hparams_type",
    "datamodule_hyper_parameters",
    "datamodule_hparams_name",
    "datamodule_hparams_type",
)


class Resumer(Callback):
    """Saves a trial's whole state as each epoch begins, and when it is told to end.

    The file is renamed into place when it is complete, and loads without running any code in it.

    Args:
        directory: The trial's directory.
        reserve: Bytes of the file system that must be left free.
    """

    def __init__(self, directory: Path, reserve: int = 0) -> None:
        self.path = directory / RESUME_FILE
        self.reserve = reserve
        self.asked = False
        # Whether all ranks know that the trial is to end.
        self.agreed = False
        self._saving = False
        self._due = False
        # What the batch at hand was drawn from: its loading, and what changes it on its way, may be random too.
        self._before_batch: dict[str, Any] | None = None
        self._loaded: dict[str, Any] | None = None
        self._epoch_began: dict[str, Any] = {}
        self._states: list[dict[str, Any]] = []
        self._stepped: int | None = None
        self._saved_at = -float("inf")
        self._took = 0.0

    def on_fit_start(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        """Remember what the first epoch's order is drawn from, or draw it again."""
        if self._loaded is not None and self._loaded["first"]:
            _set_random_state(self._loaded["epoch"])
        self._epoch_began = _random_state()

    def on_sanity_check_start(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        """Remember what the first epoch's order is drawn from: Lightning puts it back after this check."""
        self._epoch_began = _random_state()

    def on_train_start(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        """Listen for the signal to end, and find the place in an epoch that was broken off.

        Raises:
            DiskFull: The disk has no room for what the trial will write.
        """
        self._check_disk(pl_module)
        if threading.current_thread() is threading.main_thread():
            # In place of Lightning's own, which ends training before its state could be saved.
            signal.signal(signal.SIGTERM, self._ask)
        self._look_ahead(trainer)
        batches = trainer.fit_loop.epoch_loop.batch_progress.current.ready
        if self._loaded is not None and trainer.fit_loop.restarted_mid_epoch:
            self._find_place(trainer, batches)

    def on_train_epoch_start(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        """Save, between two epochs; or go on as the process that saved would have."""
        if self._loaded is not None:
            _set_random_state(self._loaded["now"])
            self._loaded = None
            # Lightning made the epoch's iterator before this, from other random numbers.
            iter(trainer.fit_loop._data_fetcher)  # type: ignore[arg-type]
        if trainer.current_epoch > 0:
            self._epoch_began = _random_state()
        # Ranks have clocks of their own, and save together.
        if trainer.current_epoch > 0 and trainer.strategy.broadcast(self.asked or self.agreed or self._worth_it(), 0):
            _begin_epoch(trainer)
            self._save(trainer, _random_state())
        self.end_if_asked(trainer, self.asked if trainer.world_size == 1 else self.agreed)

    def on_validation_end(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        """Save at the next batch, where an epoch has several validations."""
        if not trainer.sanity_checking and trainer.state.fn == "fit":
            self._due = True

    def on_train_batch_start(
        self, trainer: pl.Trainer, pl_module: pl.LightningModule, batch: Any, batch_idx: int
    ) -> None:
        """Save inside an epoch, where it is due and no gradient is half collected.

        Raises:
            Preempted: The trial was told to end, and its state is saved.
        """
        if self._stepped is not None:
            trainer.fit_loop.epoch_loop._batches_that_stepped, self._stepped = self._stepped, None
        if batch_idx % trainer.accumulate_grad_batches or batch_idx == 0:
            self._due = self._due and batch_idx > 0
            return
        # Ranks hear the signal at different batches: they save, and end, together after their next validation.
        together = trainer.world_size > 1
        # A signal that came while the batch was on its way is heeded at the next.
        before, self._before_batch = self._before_batch, None
        asked = before is not None and (self.agreed if together else self.asked)
        worth = self._due and (trainer.strategy.broadcast(self._worth_it(), 0) if together else self._worth_it())
        if before is not None and (asked or worth):
            with _before_batch(trainer):
                self._save(trainer, before)
        self._due = False
        self.end_if_asked(trainer, asked)

    def end_if_asked(self, trainer: pl.Trainer, asked: bool) -> None:
        """End the trial where it was told to.

        Raises:
            Preempted: It was.
        """
        if asked:
            raise Preempted(f"ended at step {trainer.global_step}; it goes on from its last checkpoint")

    def on_save_checkpoint(
        self, trainer: pl.Trainer, pl_module: pl.LightningModule, checkpoint: dict[str, Any]
    ) -> None:
        """Add what Lightning leaves out, to this callback's own file alone."""
        if self._saving:
            for key in UNSAFE_KEYS:
                checkpoint.pop(key, None)
            checkpoint[STATE] = self._states

    def on_load_checkpoint(
        self, trainer: pl.Trainer, pl_module: pl.LightningModule, checkpoint: dict[str, Any]
    ) -> None:
        """Keep the random state until training begins."""
        states = checkpoint.get(STATE) or []
        self._loaded = states[trainer.global_rank] if trainer.global_rank < len(states) else None
        # Lightning takes every checkpoint for one that was saved before its step was counted.
        self._stepped = self._loaded and self._loaded["stepped"]

    def _ask(self, _signum: int, _frame: object) -> None:
        self.asked = True

    def _worth_it(self) -> bool:
        return time.monotonic() - self._saved_at >= PATIENCE * self._took

    def _look_ahead(self, trainer: pl.Trainer) -> None:
        """Remember the random state before a batch is fetched, where the trial's state may be saved at it.

        Lightning has no hook there.
        """
        loop = trainer.fit_loop.epoch_loop
        advance = loop.advance

        def remembering(data_fetcher: Any) -> None:
            self._before_batch = _random_state() if self.asked or self.agreed or self._due else None
            advance(data_fetcher)

        loop.advance = remembering  # type: ignore[method-assign]

    def _save(self, trainer: pl.Trainer, state: dict[str, Any]) -> None:
        began = time.monotonic()
        self._saving = True
        temporary = self.path.with_name(f".{RESUME_FILE}")
        stepped = trainer.fit_loop.epoch_loop._batches_that_stepped
        first = trainer.current_epoch == 0
        own = {"now": state, "epoch": self._epoch_began, "first": first, "stepped": stepped}
        self._states = _of_all_ranks(own, trainer.world_size)
        try:
            # Who goes on from here does not come by earlier steps again.
            if isinstance(trainer.logger, SpoolLogger):
                trainer.logger.flush()
            trainer.save_checkpoint(temporary)
        finally:
            self._saving = False
        if trainer.is_global_zero:
            temporary.replace(self.path)
        self._saved_at = time.monotonic()
        self._took = self._saved_at - began

    def _find_place(self, trainer: pl.Trainer, batches: int) -> None:
        """Draw the epoch's order again and pass by the batches that were trained on."""
        assert self._loaded is not None
        self._epoch_began = self._loaded["epoch"]
        fetcher = trainer.fit_loop._data_fetcher
        assert fetcher is not None
        if not self._loaded["first"]:
            for loader in trainer.fit_loop._combined_loader.flattened:  # type: ignore[union-attr]
                # Samplers of several ranks draw by the epoch's number, which Lightning tells them after this.
                _set_sampler_epoch(loader, trainer.current_epoch)
            _set_random_state(self._epoch_began)
            iter(fetcher)
        for _ in range(batches):
            next(fetcher)
        # The loop adds them when it begins.
        fetcher.fetched -= batches
        _set_random_state(self._loaded["now"])
        self._loaded = None

    def _check_disk(self, pl_module: pl.LightningModule) -> None:
        need = SIZES_OF_A_TRIAL * model_bytes(pl_module)
        free = shutil.disk_usage(self.path.parent).free - self.reserve
        if need > free:
            raise DiskFull(
                f"a trial may write {need / 1e6:,.0f} MB of checkpoints, and {max(0, free) / 1e6:,.0f} MB are free"
            )


def model_bytes(module: torch.nn.Module) -> int:
    """Bytes of a model's parameters and buffers."""
    tensors = (*module.parameters(), *module.buffers())
    return sum(
        one.numel() * one.element_size() for one in tensors if not isinstance(one, torch.nn.UninitializedParameter)
    )


def resume_point(directory: Path) -> tuple[Path | None, str]:
    """Find the state that a trial can go on from.

    Args:
        directory: The trial's directory.

    Returns:
        The checkpoint, or None where the trial starts over; then what was left of the attempt before is out of the
        way. And what to tell the user.
    """
    path = directory / RESUME_FILE
    note = ""
    if path.is_file():
        try:
            torch.load(path, map_location="cpu", weights_only=True, mmap=True)
        except Exception as error:  # noqa: BLE001 - whatever is wrong with it, the trial can start over
            note = f"its checkpoint cannot be read ({type(error).__name__}); it starts over"
            path.unlink()
        else:
            return path, note
    shutil.rmtree(directory / "checkpoints", ignore_errors=True)
    return None, note


def _begin_epoch(trainer: pl.Trainer) -> None:
    """Count the batches of the epoch that begins from 0, as Lightning does a moment later.

    A state that still counted those of the last epoch would be taken for one of an epoch that is over.
    """
    loop = trainer.fit_loop.epoch_loop
    loop.batch_progress.reset_on_run()
    loop.scheduler_progress.reset_on_run()
    loop.automatic_optimization.optim_progress.reset_on_run()
    loop.val_loop.batch_progress.total.reset()


@contextlib.contextmanager
def _before_batch(trainer: pl.Trainer) -> Iterator[None]:
    """Count the batch at hand as not begun: Lightning takes a state in which it has for one from after its end."""
    counts = trainer.fit_loop.epoch_loop.batch_progress
    for count in (counts.total, counts.current):
        count.ready -= 1
    try:
        yield
    finally:
        for count in (counts.total, counts.current):
            count.ready += 1


def _of_all_ranks(state: dict[str, Any], ranks: int) -> list[dict[str, Any]]:
    if ranks == 1:
        return [state]
    states: list[Any] = [None] * ranks
    torch.distributed.all_gather_object(states, state)
    return states


def _random_state() -> dict[str, Any]:
    kind, keys, position, has_gauss, gauss = np.random.get_state()
    state: dict[str, Any] = {
        "python": random.getstate(),
        "numpy": [str(kind), np.asarray(keys).tolist(), int(position), int(has_gauss), float(gauss)],
        "torch": torch.get_rng_state(),
    }
    if torch.cuda.is_available() and torch.cuda.is_initialized():  # type: ignore[no-untyped-call]
        state["cuda"] = torch.cuda.get_rng_state_all()
    return state


def _set_random_state(state: dict[str, Any]) -> None:
    version, keys, gauss = state["python"]
    random.setstate((version, tuple(keys), gauss))
    kind, numbers, position, has_gauss, cached = state["numpy"]
    np.random.set_state((kind, np.asarray(numbers, dtype=np.uint32), position, has_gauss, cached))
    torch.set_rng_state(state["torch"].cpu())
    with contextlib.suppress(RuntimeError):
        if "cuda" in state and torch.cuda.is_available():
            torch.cuda.set_rng_state_all([one.cpu() for one in state["cuda"]])
