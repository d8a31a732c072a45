"""How long a model takes to answer, with its inputs at hand: loading them is not counted."""

from __future__ import annotations

import itertools
import time
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import pytorch_lightning as pl
import torch
from pytorch_lightning.utilities.model_helpers import is_overridden
from torch.utils.data import DataLoader

# The first answers pay for what is set up once.
WARM_UP = 5
FEWEST, MOST = 20, 200
SECONDS = 3.0
# Batches that are answered in turn.
DIFFERENT = 16


def latencies(trainer: pl.Trainer, model: pl.LightningModule, loader: Any, batch_size: int) -> list[dict[str, Any]]:
    """Time the answers to single rows and to batches of the size that the model was trained with.

    Args:
        trainer: Its loop holds the model on its device.
        model: In evaluation mode.
        loader: Of the split.
        batch_size: Of the run.

    Returns:
        Batch size, p50 and p95 in milliseconds and answers of each, the warm-up left out.
    """
    answer = _answer(model)
    sizes = dict.fromkeys((1, min(batch_size, len(loader.dataset))))
    return [_timed(trainer, answer, list(_batches(trainer, loader, size)), size) for size in sizes]


def _answer(model: pl.LightningModule) -> Callable[[Any], Any]:
    if is_overridden("predict_step", model):
        return lambda batch: model.predict_step(batch, 0)
    return lambda batch: model(batch[0] if isinstance(batch, list | tuple) else batch)


def _batches(trainer: pl.Trainer, loader: DataLoader[Any], size: int) -> Iterator[Any]:
    rows = len(loader.dataset)  # type: ignore[arg-type]
    count = min(DIFFERENT, max(1, rows // size))
    starts = np.linspace(0, rows - size, count).round().astype(int)
    chosen = [list(range(start, start + size)) for start in starts]
    # Rows from all over the split, as long or as short as they are.
    found = DataLoader(loader.dataset, batch_sampler=chosen, collate_fn=loader.collate_fn)
    for batch in found:
        # As Lightning's own loops do it.
        batch = trainer.lightning_module._on_before_batch_transfer(trainer.precision_plugin.convert_input(batch))
        yield trainer.strategy.batch_to_device(batch, dataloader_idx=0)


def _timed(trainer: pl.Trainer, answer: Callable[[Any], Any], batches: list[Any], size: int) -> dict[str, Any]:
    device = trainer.strategy.root_device
    seconds: list[float] = []
    began = time.perf_counter()
    for number, batch in enumerate(itertools.cycle(batches)):
        _wait_for(device)
        start = time.perf_counter()
        with trainer.precision_plugin.forward_context():
            answer(batch)
        _wait_for(device)
        seconds.append(time.perf_counter() - start)
        if number + 1 >= WARM_UP + MOST or (number + 1 >= WARM_UP + FEWEST and start - began > SECONDS):
            break
    counted = np.asarray(seconds[WARM_UP:]) * 1e3
    p50, p95 = np.percentile(counted, [50, 95])
    return {"batch_size": size, "p50": float(p50), "p95": float(p95), "answers": len(counted)}


def _wait_for(device: torch.device) -> None:
    if device.type != "cpu":
        torch.accelerator.synchronize(device)
