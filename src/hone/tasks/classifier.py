"""What every classifier shares: the loss, the metrics, the probabilities."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import Any, Literal

import pytorch_lightning as pl
import torch
from torch import Tensor, nn
from torchmetrics import AUROC, Accuracy, F1Score, Metric, MetricCollection, Precision, Recall

from hone.errors import ModelError
from hone.tasks.metrics import collected

# What conf/evaluation/classification.yaml says, for models built in Python.
DEFAULT_METRICS: Mapping[str, Callable[..., Metric]] = {
    "accuracy": partial(Accuracy, average="micro"),
    "precision": partial(Precision, average="macro"),
    "recall": partial(Recall, average="macro"),
    "f1": partial(F1Score, average="macro"),
    "auroc": partial(AUROC, average="macro"),
}
Weights = Sequence[float] | Literal["balanced"] | None


class Classifier(pl.LightningModule):
    """A LightningModule that learns to tell classes apart; subclasses give ``forward``.

    It brings no optimizer: whoever trains it chooses one.

    Args:
        num_classes: How many classes there are, at least 2.
        metrics: Metric factories by name, each called with ``task`` and ``num_classes``; null for accuracy, and
            macro-averaged precision, recall, F1 and area under the ROC curve.
        label_smoothing: Share of each label that is spread over all classes, in [0, 1).
        class_weights: Weight of each class in the loss; ``balanced`` for weights that make up for how often each class
            is in the training split, by the data module's ``class_counts``; all the same when None.

    Labels may be class numbers, or probabilities of shape (batch, num_classes), as mixed examples have them.

    Raises:
        ModelError: There are fewer than 2 classes, not as many weights as classes, or metrics of another task.

    Source: Szegedy et al., "Rethinking the Inception Architecture for Computer Vision", 2016 (label smoothing).
    """

    def __init__(
        self,
        num_classes: int,
        metrics: Mapping[str, Callable[..., Metric]] | None = None,
        label_smoothing: float = 0.0,
        class_weights: Weights = None,
    ) -> None:
        super().__init__()
        if num_classes < 2:
            raise ModelError(f"needs at least 2 classes, not {num_classes}", where="model.num_classes")
        self.balance = class_weights == "balanced"
        given = None if isinstance(class_weights, str) else class_weights
        if given is not None and len(given) != num_classes:
            raise ModelError(f"needs {num_classes} weights, not {len(given)}", where="model.class_weights")
        if not 0 <= label_smoothing < 1:
            raise ModelError(f"must be in [0, 1), not {label_smoothing}", where="model.label_smoothing")
        self.num_classes = num_classes
        weights = torch.ones(num_classes) if self.balance else None if given is None else torch.tensor(given)
        self.loss = nn.CrossEntropyLoss(weight=weights, label_smoothing=label_smoothing)
        wanted = DEFAULT_METRICS if metrics is None else metrics
        collection = collected(wanted, "classification", task="multiclass", num_classes=num_classes)
        self.val_metrics = collection.clone(prefix="val/")
        self.test_metrics = collection.clone(prefix="test/")

    def on_fit_start(self) -> None:
        """Count the classes of the training split, where the loss is to be balanced.

        Raises:
            ModelError: The data module does not tell.
        """
        if not self.balance:
            return
        counts = getattr(getattr(self.trainer, "datamodule", None), "class_counts", None)
        if counts is None:
            raise ModelError("this data does not tell how often each class is; give weights", "model.class_weights")
        self.loss.weight = balanced(counts).to(self.device)

    def training_step(self, batch: tuple[Any, Tensor], batch_idx: int) -> Tensor:
        """Compute the loss of one batch.

        Args:
            batch: Inputs, and labels of shape (batch,).
            batch_idx: The batch's number.

        Returns:
            The mean loss, a scalar.
        """
        inputs, labels = batch
        loss: Tensor = self.loss(self(inputs), labels)
        return loss

    def validation_step(self, batch: tuple[Any, Tensor], batch_idx: int) -> dict[str, Tensor]:
        """Measure one batch of the validation split.

        Returns:
            ``logits`` and ``labels``, from which the run's evaluation is made.
        """
        return self._measure(batch, "val/loss", self.val_metrics)

    def test_step(self, batch: tuple[Any, Tensor], batch_idx: int) -> dict[str, Tensor]:
        """Measure one batch of the test split.

        Returns:
            ``logits`` and ``labels``, from which the run's evaluation is made.
        """
        return self._measure(batch, "test/loss", self.test_metrics)

    def predict_step(self, batch: tuple[Any, Tensor], batch_idx: int) -> Tensor:
        """Predict one batch.

        Returns:
            Class probabilities of shape (batch, num_classes).
        """
        return self(batch[0]).softmax(dim=-1)

    def on_validation_epoch_end(self) -> None:
        """Log the validation metrics."""
        self._log(self.val_metrics)

    def on_test_epoch_end(self) -> None:
        """Log the test metrics."""
        self._log(self.test_metrics)

    def _measure(self, batch: tuple[Any, Tensor], loss_name: str, metrics: MetricCollection) -> dict[str, Tensor]:
        inputs, labels = batch
        logits = self(inputs)
        self.log(loss_name, self.loss(logits, labels), on_epoch=True, batch_size=len(labels), sync_dist=True)
        metrics.update(logits, labels)
        return {"logits": logits, "labels": labels}

    def _log(self, metrics: MetricCollection) -> None:
        with warnings.catch_warnings():
            if self.trainer.sanity_checking:
                # Its one batch may lack a class, which says nothing of the split.
                warnings.simplefilter("ignore", UserWarning)
            values = metrics.compute()
        # Each metric has synchronised itself; told so, Lightning does not warn of values that differ by rank.
        self.log_dict(values, sync_dist=True)
        metrics.reset()


def balanced(counts: Sequence[int]) -> Tensor:
    """Weights that give each class the same share of the loss.

    Args:
        counts: How often each class is in the training split.

    Returns:
        Shape (classes,); their mean over the examples is 1.
    """
    each = torch.tensor(counts, dtype=torch.float32).clamp(min=1)
    return each.sum() / (len(counts) * each)
