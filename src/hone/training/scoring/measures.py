"""The metrics of a task, over any choice of predictions."""

from __future__ import annotations

import contextlib
import math
import warnings
from collections.abc import Mapping
from typing import Any

import numpy as np
import torch
from pytorch_lightning import LightningModule
from torch import Tensor
from torchmetrics import MetricCollection
from torchmetrics.classification import (
    BinaryAUROC,
    BinaryAveragePrecision,
    MulticlassAUROC,
    MulticlassAveragePrecision,
)
from torchmetrics.regression import R2Score

from hone.tasks.classifier import DEFAULT_METRICS as OF_CLASSES
from hone.tasks.regressor import DEFAULT_METRICS as OF_NUMBERS
from hone.training.figures import Predictions

LOSS, ACCURACY = "loss", "accuracy"
# Of float32, summed in another order.
CLOSE = 2e-4
SMALLEST = 1e-12
CURVES = (BinaryAUROC, BinaryAveragePrecision, MulticlassAUROC, MulticlassAveragePrecision)

Array = np.ndarray[Any, Any]


class Measures:
    """The metrics that a model is measured by, where they can be computed from predictions.

    Args:
        model: Its own collection for a split is taken, as hone's models have one, where it takes such predictions;
            else the usual ones of its kind.
        predictions: Of the whole split.
        stage: ``test`` or ``val``: by which its metrics are logged.
        logged: What Lightning's loop logged, without the split's name; a metric that comes to something else here is
            not taken.
        maximized: Whether more of a metric is better, where the config says so.

    Attributes:
        kind: ``classes`` or ``numbers``.
        values: Of each metric over the whole split.
        names: Of the metrics, in order.
        higher: Whether more of a metric is better; None where nobody says so.
        logged_otherwise: Names of those that came to something else in Lightning's loop.
    """

    def __init__(
        self,
        model: LightningModule,
        predictions: Predictions,
        stage: str,
        logged: Mapping[str, float],
        maximized: Mapping[str, bool] | None = None,
    ) -> None:
        self.kind = predictions.kind
        self._scores = torch.from_numpy(predictions.scores)
        self._truth = torch.from_numpy(predictions.truth)
        self._classes = len(torch.unique(self._truth))
        everything = np.arange(len(predictions.rows))
        self._curves: tuple[str, ...] = ()
        self._collection, self._positive = self._chosen(model, predictions, stage, everything)
        made = dict(self._collection.items(keep_base=True))
        self._curves = tuple(name for name, one in made.items() if isinstance(one, CURVES))
        self.values = self._computed(everything)
        self.names = tuple(self.values)
        strange = {one for one in self.names if one in logged and not _same(self.values[one], logged[one])}
        self.logged_otherwise = tuple(sorted(strange - {LOSS}))
        # A loss that is weighted, or logged of something else, is left as it was logged.
        unknown = {LOSS} if LOSS not in logged else set()
        self.names = tuple(one for one in self.names if one not in strange | unknown)
        self.values = {name: self.values[name] for name in self.names}
        known = {name: getattr(one, "higher_is_better", None) for name, one in made.items()}
        known |= {LOSS: False, **(maximized or {})}
        self.higher: dict[str, bool | None] = {name: known.get(name) for name in self.names}

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

    def _chosen(
        self, model: LightningModule, predictions: Predictions, stage: str, everything: Array
    ) -> tuple[MetricCollection, bool]:
        """The metrics, and whether they are of the score of the second of two classes alone."""
        own = getattr(model, f"{stage}_metrics", None)
        if isinstance(own, MetricCollection):
            positive = _is_binary(own) and self._scores.ndim == 2 and self._scores.shape[1] == 2
            with contextlib.suppress(Exception):
                # Whatever the module measures by may want more than scores and labels.
                plain = {name: metric.clone().cpu() for name, metric in own.items(keep_base=True)}
                self._collection, self._positive = _quick(MetricCollection(plain)), positive  # type: ignore[arg-type]
                self._computed(everything)
                return self._collection, positive
        return _usual(predictions), False

    def _computed(self, rows: Array) -> dict[str, float]:
        chosen = torch.from_numpy(rows)
        scores, truth = self._scores[chosen], self._truth[chosen]
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            self._collection.reset()
            self._collection.update(scores[:, 1] if self._positive else scores, truth)
            found = {name: float(value) for name, value in self._collection.compute().items() if value.numel() == 1}
        if self.kind == "classes":
            found.setdefault(LOSS, _log_loss(scores, truth))
            if self._curves and len(torch.unique(truth)) < self._classes:
                # A curve of a class that is not there counts as 0 to torchmetrics.
                found |= dict.fromkeys(self._curves, math.nan)
        return found


def _is_binary(metrics: MetricCollection) -> bool:
    return any(type(one).__name__.startswith("Binary") for one in metrics.values())


def _usual(predictions: Predictions) -> MetricCollection:
    if predictions.kind == "numbers":
        made = {name: make() for name, make in OF_NUMBERS.items()}
        # It takes two numbers to vary.
        few = len(predictions.rows) < 2
        return MetricCollection({name: one for name, one in made.items() if not (few and isinstance(one, R2Score))})
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
