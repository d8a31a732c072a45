"""The predictions on the split that a trial is judged by, collected while it is: no second pass over the data."""

from __future__ import annotations

import itertools
import math
import traceback
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pytorch_lightning as pl
import torch
from pytorch_lightning.callbacks import Callback
from torch import Tensor
from torch.utils.data import IterableDataset, RandomSampler

from hone.training.figures import Predictions, write_evaluation
from hone.worker.disk import EVALUATION

# More are more than anybody looks at, and memory that the trial may not have.
MOST_VALUES = 20_000_000


@dataclass(frozen=True)
class EvaluationConfig:
    """What the ``evaluation`` node of a config says of a run's predictions.

    Attributes:
        artifacts: Keep them, with what they come to.
        mistakes: How many of the most confident mistakes to keep with their text or image.
        bins: Bins of the calibration curve.
    """

    artifacts: bool = True
    mistakes: int = 16
    bins: int = 15

    @classmethod
    def of(cls, config: Mapping[str, Any]) -> EvaluationConfig:
        """Read it from a trial's config, which need not have any."""
        node = config.get("evaluation") or {}
        return cls(**{name: node[name] for name in ("artifacts", "mistakes", "bins") if node.get(name) is not None})


class Evaluation(Callback):
    """Collects what ``test_step`` returns, or ``validation_step`` at the best epoch where nothing is tested.

    A step that returns a mapping with ``labels`` and ``logits`` or ``probabilities``, or with ``targets`` and
    ``predictions``, is understood; any other, and none, leaves the run without predictions. Under DDP every rank
    collects its part, and the first one writes.

    Args:
        directory: The trial's directory.
        split: ``test`` or ``val``.
        monitor: By which the best epoch is known.
        mode: ``max`` or ``min``.
        config: What to keep.
    """

    def __init__(self, directory: Path, split: str, monitor: str, mode: str, config: EvaluationConfig) -> None:
        self.directory = directory / EVALUATION
        self.split = split
        self.monitor, self.mode = monitor, mode
        self.config = config
        self._parts: list[tuple[str, Tensor, Tensor]] = []
        self._best: list[tuple[str, Tensor, Tensor]] = []
        self._best_value = math.nan
        self._values = 0
        # Every batch so far was one of predictions by row.
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
        """Keep a batch of the test split."""
        if self.split == "test" and dataloader_idx == 0:
            self._take(outputs)

    def on_validation_batch_end(
        self,
        trainer: pl.Trainer,
        pl_module: pl.LightningModule,
        outputs: Any,
        batch: Any,
        batch_idx: int,
        dataloader_idx: int = 0,
    ) -> None:
        """Keep a batch of the validation split, where that is the one."""
        if self.split == "val" and dataloader_idx == 0 and not trainer.sanity_checking:
            self._take(outputs)

    def on_validation_end(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        """Hold on to the best epoch's."""
        if self.split != "val" or trainer.sanity_checking:
            return
        value = float(trainer.callback_metrics.get(self.monitor, math.nan))
        better = value > self._best_value if self.mode == "max" else value < self._best_value
        if better or math.isnan(self._best_value):
            self._best, self._best_value = self._parts if self._whole else [], value
        self._parts, self._values, self._whole = [], 0, True

    def on_train_end(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        """Write what validation came to, where nothing is tested."""
        if self.split == "val":
            self._parts = self._best
            self._finish(trainer, trainer.val_dataloaders)

    def on_test_end(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        """Write what the test came to."""
        if self.split == "test":
            self._parts = self._parts if self._whole else []
            self._finish(trainer, trainer.test_dataloaders)

    def _take(self, outputs: Any) -> None:
        part = understood(outputs)
        self._whole = self._whole and part is not None
        if part is None or self._values > MOST_VALUES:
            return
        self._values += part[1].numel()
        self._parts.append(part)

    def _finish(self, trainer: pl.Trainer, loaders: Any) -> None:
        """Bring all parts together and write them; a fault in it costs these files and no more."""
        part = None
        try:
            part = self._own_part(loaders)
        except Exception:  # noqa: BLE001 - the other ranks wait for this one's part
            traceback.print_exc()
        parts = _gathered(part, trainer)
        self._parts, self._best = [], []
        if not trainer.is_global_zero or not all(one is not None for one in parts):
            return
        try:
            predictions = _joined([one for one in parts if one is not None])
            data = getattr(trainer, "datamodule", None)
            write_evaluation(
                predictions, self.directory, self.split, data, mistakes=self.config.mistakes, bins=self.config.bins
            )
        except Exception:  # noqa: BLE001 - likewise
            print("what was predicted could not be written down:")
            traceback.print_exc()

    def _own_part(self, loaders: Any) -> Predictions | None:
        return of_batches(self._parts, loaders) if self._parts else None


def understood(outputs: Any) -> tuple[str, Tensor, Tensor] | None:
    """Kind, scores and truth of a batch, on the CPU."""
    if not isinstance(outputs, Mapping):
        return None
    labels, targets = outputs.get("labels"), outputs.get("targets")
    if isinstance(labels, Tensor) and not labels.is_floating_point():
        for name in ("probabilities", "logits"):
            scores = outputs.get(name)
            if isinstance(scores, Tensor) and scores.is_floating_point():
                probabilities = _probabilities(scores.detach().float(), already=name == "probabilities")
                return _aligned("classes", probabilities, labels.detach())
    predictions = outputs.get("predictions")
    if isinstance(targets, Tensor) and isinstance(predictions, Tensor):
        return _aligned("numbers", _column(predictions.detach().float()), _column(targets.detach().float()))
    return None


def _column(numbers: Tensor) -> Tensor:
    return numbers.reshape(-1) if numbers.ndim == 2 and numbers.shape[1] == 1 else numbers


def _probabilities(scores: Tensor, *, already: bool) -> Tensor:
    """One column for each class; two for a single score."""
    if scores.ndim == 1 or scores.shape[-1] == 1:
        positive = (scores if already else scores.sigmoid()).reshape(len(scores))
        return torch.stack([1 - positive, positive], dim=1)
    return scores if already else scores.softmax(dim=-1)


def _aligned(kind: str, scores: Tensor, truth: Tensor) -> tuple[str, Tensor, Tensor] | None:
    """A row for each label; what is of another shape, such as a segmentation, is left alone."""
    truth = _column(truth)
    if truth.ndim != 1 or len(scores) != len(truth) or scores.ndim != (2 if kind == "classes" else 1):
        return None
    if kind == "classes":
        truth = truth.long()
        if len(truth) and not (int(truth.min()) >= 0 and int(truth.max()) < scores.shape[1]):
            # Padding that is to be ignored, of tokens put in a row: those are no rows of the data.
            return None
    return kind, scores.cpu(), truth.cpu()


def of_batches(parts: Sequence[tuple[str, Tensor, Tensor]], loaders: Any) -> Predictions:
    """Batches as ``understood`` gives them, put together in the order in which they came.

    Args:
        parts: At least one.
        loaders: What they were loaded by.
    """
    scores, truth = torch.cat([one[1] for one in parts]), torch.cat([one[2] for one in parts])
    return Predictions(parts[0][0], rows_of(loaders, len(truth)), truth.numpy(), scores.numpy())


def rows_of(loaders: Any, count: int) -> np.ndarray[Any, Any]:
    """Which row of the split each prediction belongs to: the sampler says so again, without loading anything."""
    loader = next(iter(loaders), None) if isinstance(loaders, list | tuple) else loaders
    batches = getattr(loader, "batch_sampler", None)
    if isinstance(getattr(loader, "dataset", None), IterableDataset):
        # It gives its rows in its own order, which no sampler knows.
        batches = None
    if batches is not None and not isinstance(getattr(loader, "sampler", None), RandomSampler):
        rows = list(itertools.islice(itertools.chain.from_iterable(batches), count))
        if len(rows) == count:
            return np.asarray(rows, dtype=np.int64)
    return np.arange(count, dtype=np.int64)


def _gathered(part: Predictions | None, trainer: pl.Trainer) -> list[Predictions | None]:
    """Every rank's part."""
    if trainer.world_size == 1:
        return [part]
    parts: list[Predictions | None] = [None] * trainer.world_size
    torch.distributed.all_gather_object(parts, part)
    return parts


def _joined(parts: list[Predictions]) -> Predictions:
    """One whole, by row; a sampler for several ranks repeats rows, so that all have as many."""
    rows = np.concatenate([one.rows for one in parts])
    truth = np.concatenate([one.truth for one in parts])
    scores = np.concatenate([one.scores for one in parts])
    if len(parts) > 1:
        rows, first = np.unique(rows, return_index=True)
        return Predictions(parts[0].kind, rows, truth[first], scores[first])
    order = np.argsort(rows, kind="stable")
    return Predictions(parts[0].kind, rows[order], truth[order], scores[order])
