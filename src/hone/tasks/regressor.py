"""What every regressor shares: the loss, the metrics, the scale of what it predicts."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial
from typing import Any

import pytorch_lightning as pl
from torch import Tensor, nn
from torchmetrics import MeanAbsoluteError, MeanSquaredError, Metric, MetricCollection, R2Score

# What conf/evaluation/regression.yaml says, for models built in Python.
DEFAULT_METRICS: Mapping[str, Callable[..., Metric]] = {
    "mae": MeanAbsoluteError,
    "rmse": partial(MeanSquaredError, squared=False),
    "r2": R2Score,
}


class Regressor(pl.LightningModule):
    """A LightningModule that learns to predict a number; subclasses give ``forward``, in standardised units.

    It brings no optimizer: whoever trains it chooses one.

    Args:
        target_mean: Of what is to be predicted, over the training split.
        target_deviation: Likewise.
        metrics: Metric factories by name; null for mean absolute error, root mean squared error and R².
    """

    def __init__(
        self,
        target_mean: float = 0.0,
        target_deviation: float = 1.0,
        metrics: Mapping[str, Callable[..., Metric]] | None = None,
    ) -> None:
        super().__init__()
        self.target_mean, self.target_deviation = target_mean, target_deviation
        wanted = DEFAULT_METRICS if metrics is None else metrics
        collection = MetricCollection({name: make() for name, make in wanted.items()})
        self.loss = nn.MSELoss()
        self.val_metrics = collection.clone(prefix="val/")
        self.test_metrics = collection.clone(prefix="test/")

    def training_step(self, batch: tuple[Any, Tensor], batch_idx: int) -> Tensor:
        """Compute the mean squared error of one batch, in standardised units."""
        inputs, targets = batch
        loss: Tensor = self.loss(self(inputs), self._standardised(targets))
        return loss

    def validation_step(self, batch: tuple[Any, Tensor], batch_idx: int) -> dict[str, Tensor]:
        """Measure one batch of the validation split.

        Returns:
            ``predictions`` and ``targets`` in the units of the data, from which the run's evaluation is made.
        """
        return self._measure(batch, "val", self.val_metrics)

    def test_step(self, batch: tuple[Any, Tensor], batch_idx: int) -> dict[str, Tensor]:
        """Measure one batch of the test split.

        Returns:
            ``predictions`` and ``targets`` in the units of the data, from which the run's evaluation is made.
        """
        return self._measure(batch, "test", self.test_metrics)

    def predict_step(self, batch: tuple[Any, Tensor], batch_idx: int) -> Tensor:
        """Predict one batch, in the units of the data."""
        predicted: Tensor = self(batch[0]) * self.target_deviation + self.target_mean
        return predicted

    def _measure(self, batch: tuple[Any, Tensor], split: str, metrics: MetricCollection) -> dict[str, Tensor]:
        inputs, targets = batch
        predicted = self(inputs)
        loss = self.loss(predicted, self._standardised(targets))
        self.log(f"{split}/loss", loss, on_epoch=True, batch_size=len(targets), sync_dist=True)
        predictions = predicted * self.target_deviation + self.target_mean
        metrics.update(predictions, targets)
        # Lightning computes and resets them at the end of the epoch.
        self.log_dict(metrics, on_step=False, on_epoch=True, batch_size=len(targets))
        return {"predictions": predictions, "targets": targets}

    def _standardised(self, targets: Tensor) -> Tensor:
        return (targets - self.target_mean) / self.target_deviation
