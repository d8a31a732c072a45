"""The metrics of a task, over any choice of predictions."""

from __future__ import annotations

import warnings
from collections.abc import Mapping
from typing import Any

import numpy as np
import torch
from pytorch_lightning import LightningModule
from torch import Tensor
from torchmetrics import MetricCollection

from hone.tasks.classifier import DEFAULT_METRICS as OF_CLASSES
from hone.tasks.regressor import DEFAULT_METRICS as OF_NUMBERS
from hone.training.figures import Predictions

LOSS, ACCURACY = "loss", "accuracy"
# Of float32, summed in another order.
CLOSE = 2e-4
SMALLEST = 1e-12

Array = np.ndarray[Any, Any]


class Measures:
    """The metrics that a model is measured by, where they can be computed from predictions.

    Args:
        model: Its own collection for a split is taken, as hone's models have one; else the usual ones of its kind.
        predictions: Of the whole split.
        stage: ``test`` or ``val``: by which its metrics are logged.
        logged: What Lightning's loop logged, without the split's name; a metric that comes to something else here is
            not taken.
    """

    def __init__(
        self, model: LightningModule, predictions: Predictions, stage: str, logged: Mapping[str, float]
    ) -> None:
        self.kind = predictions.kind
        self._collection = _collection(model, predictions, stage)
        self._scores = torch.from_numpy(predictions.scores)
        self._truth = torch.from_numpy(predictions.truth)
        everything = np.arange(len(predictions.rows))
        self.names: tuple[str, ...] = ()
        self.names = tuple(self._computed(everything))
        self.values = self._computed(everything)
        strange = {one for one in self.names if one in logged and not _same(self.values[one], logged[one])}
        self.logged_otherwise = tuple(sorted(strange - {LOSS}))
        # A loss that is weighted, or logged of something else, is left as it was logged.
        unknown = {LOSS} if LOSS not in logged else set()
        self.names = tuple(one for one in self.names if one not in strange | unknown)
        self.values = {name: self.values[name] for name in self.names}
        self.higher = {name: self._is_higher_better(name) for name in self.names}

    def over(self, rows: Array) -> Array:
        """Values of all metrics, in the order of ``names``, over a choice of rows that may repeat."""
        computed = self._computed(rows)
        return np.asarray([computed[name] for name in self.names])

    def with_scores(self, scores: Array) -> Measures:
        """The same metrics of another model's predictions for the same rows."""
        other = object.__new__(Measures)
        other.__dict__ |= self.__dict__
        other._scores = torch.from_numpy(scores)
        other._collection = self._collection.clone()
        return other

    def _computed(self, rows: Array) -> dict[str, float]:
        chosen = torch.from_numpy(rows)
        scores, truth = self._scores[chosen], self._truth[chosen]
        with warnings.catch_warnings():
            # A choice may lack a class, which is a value of NaN here.
            warnings.simplefilter("ignore")
            self._collection.reset()
            self._collection.update(scores, truth)
            found = {name: float(value) for name, value in self._collection.compute().items() if value.numel() == 1}
        if self.kind == "classes":
            found.setdefault(LOSS, _log_loss(scores, truth))
        return found

    def _is_higher_better(self, name: str) -> bool:
        if name == LOSS:
            return False
        found = getattr(self._collection[name], "higher_is_better", None)
        return bool(found) if found is not None else True


def _collection(model: LightningModule, predictions: Predictions, stage: str) -> MetricCollection:
    own = getattr(model, f"{stage}_metrics", None)
    if isinstance(own, MetricCollection):
        plain = {name: metric.clone().cpu() for name, metric in own.items(keep_base=True)}
        try:
            return _quick(MetricCollection(plain))  # type: ignore[arg-type]
        except (TypeError, ValueError):
            pass
    if predictions.kind == "numbers":
        return MetricCollection({name: make() for name, make in OF_NUMBERS.items()})
    count = predictions.scores.shape[1]
    built = {name: make(task="multiclass", num_classes=count) for name, make in OF_CLASSES.items()}
    return _quick(MetricCollection(built))  # type: ignore[arg-type]


def _quick(metrics: MetricCollection) -> MetricCollection:
    for one in metrics.values():
        # The same predictions a thousand times over.
        one.validate_args = False
    return metrics


def _log_loss(probabilities: Tensor, labels: Tensor) -> float:
    chosen = probabilities.gather(1, labels[:, None]).clamp_min(SMALLEST)
    return float(-chosen.log().mean())


def _same(one: float, other: float) -> bool:
    return bool(np.isclose(one, other, rtol=CLOSE, atol=CLOSE, equal_nan=True))
