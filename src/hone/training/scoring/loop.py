"""One pass over a split in Lightning's own loop, with everything that is to be known of it collected on the way."""

from __future__ import annotations

import functools
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import pytorch_lightning as pl
import torch
from pytorch_lightning.callbacks import Callback
from torch import Tensor
from torch.utils.data import DataLoader, IterableDataset

from hone.errors import ModelError
from hone.training.components import build_trainer
from hone.training.evaluation import of_batches, understood
from hone.training.figures import Predictions
from hone.training.scoring.latency import latencies
from hone.worker.lightning import numbers

# Beyond this they would take more memory than what they come to is worth.
MOST_VALUES = 200_000_000
# Of the trainer's arguments, those that say how to train, or on how much of the data.
WHOLE = {
    "devices": 1,
    "num_nodes": 1,
    "strategy": "auto",
    "limit_val_batches": None,
    "limit_test_batches": None,
    "fast_dev_run": False,
    "overfit_batches": 0.0,
    "logger": False,
}


@dataclass
class Passed:
    """What a pass came to.

    Attributes:
        stage: ``test`` or ``val``: the name by which the module logs what it measures.
        logged: What it logged.
        predictions: By row; None where its step returns none.
        lengths: Tokens of each prediction's row, where its inputs have a mask that tells.
        latency: As ``latencies`` gives them.
        device: What it ran on, as people call it.
        notes: What the user should know, a line each.
    """

    stage: str
    logged: dict[str, float] = field(default_factory=dict)
    predictions: Predictions | None = None
    lengths: list[int] | None = None
    latency: list[dict[str, Any]] = field(default_factory=list)
    device: str = "CPU"
    notes: list[str] = field(default_factory=list)


def pass_over(
    config: Mapping[str, Any],
    model: pl.LightningModule,
    data: pl.LightningDataModule,
    split: str,
    directory: Path,
    *,
    timed: bool,
) -> Passed:
    """Take a model through a split.

    Args:
        config: The trial's.
        model: With its weights.
        data: Ready.
        split: ``test``, ``val`` or ``train``; the last is validated on, in its order.
        directory: The trainer's.
        timed: Measure latencies as well.

    Raises:
        ModelError: The module or its data has no such split, or measures nothing on it.
    """
    stage = "test" if split == "test" else "val"
    _check_measures(model, data, stage)
    if split == "train":
        _validate_on_train(data)
    found = Passed(stage)
    collector = Collector(found, _batch_size(config) if timed else None)
    trainer = _trainer(config, directory, collector, found)
    run = trainer.test if stage == "test" else trainer.validate
    results = run(model, datamodule=data, verbose=False)
    found.logged = {name: value for part in results for name, value in numbers(part).items()}
    found.device = _device_name(trainer.strategy.root_device)
    return found


def _check_measures(model: pl.LightningModule, data: pl.LightningDataModule, stage: str) -> None:
    step, loader = ("test_step", "test_dataloader") if stage == "test" else ("validation_step", "val_dataloader")
    other = "; --split val is scored by its validation_step" if stage == "test" else ""
    if getattr(type(model), step) is getattr(pl.LightningModule, step):
        raise ModelError(f"{type(model).__name__} has no {step}{other}", where="model")
    if getattr(type(data), loader) is getattr(pl.LightningDataModule, loader):
        raise ModelError(f"{type(data).__name__} has no {loader}{other}", where="data")


def _validate_on_train(data: pl.LightningDataModule) -> None:
    @functools.wraps(data.val_dataloader)
    def in_order() -> Any:
        loader = data.train_dataloader()
        if not isinstance(loader, DataLoader) or isinstance(loader.dataset, IterableDataset):
            return loader
        size = loader.batch_size or getattr(data, "batch_size", 1)
        return DataLoader(loader.dataset, size, num_workers=loader.num_workers, collate_fn=loader.collate_fn)

    data.val_dataloader = in_order  # type: ignore[method-assign]


def _batch_size(config: Mapping[str, Any]) -> int:
    size = (config.get("data") or {}).get("batch_size")
    return size if isinstance(size, int) else 0


def _trainer(config: Mapping[str, Any], directory: Path, collector: Callback, found: Passed) -> pl.Trainer:
    node = {**config["trainer"], **{name: value for name, value in WHOLE.items() if name in config["trainer"]}}
    wanted = str(node.get("accelerator", "auto"))
    no_gpu = not torch.cuda.is_available()
    if wanted in ("gpu", "cuda") and no_gpu:
        node["accelerator"] = "auto"
        found.notes.append("trained on a GPU, scored without one")
    if str(node.get("precision")) in ("16-mixed", "16-true", "16") and no_gpu:
        node["precision"] = "32-true"
        found.notes.append(f"scored with precision 32-true: without a GPU there is no {config['trainer']['precision']}")
    # Callbacks of training save, stop and log; none has a part in what is scored.
    bare = {**config, "trainer": node, "callbacks": None, "effective_batch_size": None}
    return build_trainer(bare, directory, False, [], collector, progress=False)


def _device_name(device: torch.device) -> str:
    return torch.cuda.get_device_name(device) if device.type == "cuda" else device.type.upper()


class Collector(Callback):
    """Collects predictions and lengths, and times answers while the model is still on its device.

    Args:
        found: Where to.
        batch_size: To time answers to; 0 for the loader's own, None for no timing.
    """

    def __init__(self, found: Passed, batch_size: int | None) -> None:
        self.found = found
        self.batch_size = batch_size
        self._parts: list[tuple[str, Tensor, Tensor]] = []
        self._lengths: list[Tensor] = []
        self._values = 0
        self._whole = True

    def on_test_batch_end(
        self,
        trainer: pl.Trainer,
        pl_module: pl.LightningModule,
        outputs: Any,
        batch: Any,
        batch_idx: int,
        dataloader_idx: int = 0,
    ) -> None:
        """Keep a batch."""
        if dataloader_idx == 0:
            self._take(outputs, batch)

    on_validation_batch_end = on_test_batch_end

    def on_test_end(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        """Put the batches together; the model is on its device, and judges."""
        loaders = trainer.test_dataloaders if trainer.testing else trainer.val_dataloaders
        loader = next(iter(loaders), None) if isinstance(loaders, list | tuple) else loaders
        if self._parts and self._whole:
            self._join(loader)
        self._parts, self._lengths = [], []
        if self.batch_size is not None:
            self._time(trainer, pl_module, loader)

    on_validation_end = on_test_end

    def _take(self, outputs: Any, batch: Any) -> None:
        part = understood(outputs)
        if part is None or not self._whole:
            self._whole = False
            return
        self._values += part[1].numel()
        if self._values > MOST_VALUES:
            self.found.notes.append("there are too many predictions to keep: no intervals and no slices")
            self._whole = False
            return
        self._parts.append(part)
        lengths = _lengths(batch)
        if lengths is not None and len(lengths) == len(part[2]):
            self._lengths.append(lengths)

    def _join(self, loader: Any) -> None:
        own = of_batches(self._parts, loader)
        order = np.argsort(own.rows, kind="stable")
        self.found.predictions = Predictions(own.kind, own.rows[order], own.truth[order], own.scores[order])
        if len(self._lengths) == len(self._parts):
            self.found.lengths = torch.cat(self._lengths).numpy()[order].tolist()

    def _time(self, trainer: pl.Trainer, model: pl.LightningModule, loader: Any) -> None:
        try:
            size = self.batch_size or loader.batch_size or 1
            self.found.latency = latencies(trainer, model, loader, size)
        except Exception as error:  # noqa: BLE001 - a module need not answer outside of its own loop
            reason = " ".join(str(error).split())[:120]
            self.found.notes.append(f"no latency: its answers cannot be timed by themselves ({reason})")


def _lengths(batch: Any) -> Tensor | None:
    """Tokens of each text, as the usual mask of padded batches has them."""
    inputs = batch[0] if isinstance(batch, list | tuple) and batch else batch
    mask = inputs.get("attention_mask") if isinstance(inputs, Mapping) else None
    if isinstance(mask, Tensor) and mask.ndim == 2:
        return mask.sum(dim=1).cpu()
    return None
