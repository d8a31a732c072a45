"""Multilayer perceptrons over the rows of a table."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import torch
from torch import Tensor, nn

from hone.tasks.classifier import Classifier, Weights
from hone.tasks.regressor import Regressor


class RowNetwork(nn.Module):
    """Embeds categories beside the numbers, and reads both by a multilayer perceptron.

    Args:
        num_numbers: Numbers of a row.
        cardinalities: Categories of each categorical column.
        outputs: How many numbers come out.
        hidden: Width of each hidden layer.
        dropout: Share of each hidden layer's units that a training step leaves out, in [0, 1).
        embedding_dim: Most numbers by which a category is told; a column of few categories gets fewer.
    """

    def __init__(
        self,
        num_numbers: int,
        cardinalities: Sequence[int],
        outputs: int,
        hidden: Sequence[int],
        dropout: float,
        embedding_dim: int,
    ) -> None:
        super().__init__()
        self.embeddings = nn.ModuleList(nn.Embedding(count, min(embedding_dim, count)) for count in cardinalities)
        width = num_numbers + sum(min(embedding_dim, count) for count in cardinalities)
        layers: list[nn.Module] = []
        for units in hidden:
            layers += [nn.Linear(width, units), nn.ReLU(), nn.Dropout(dropout)]
            width = units
        self.layers = nn.Sequential(*layers, nn.Linear(width, outputs))

    def forward(self, inputs: Mapping[str, Tensor]) -> Tensor:
        """Read rows of ``numbers`` and ``categories``."""
        categories = inputs["categories"].unbind(dim=1)
        embedded = [embed(one) for embed, one in zip(self.embeddings, categories, strict=True)]
        read: Tensor = self.layers(torch.cat([inputs["numbers"], *embedded], dim=1))
        return read


class TableClassifier(Classifier):
    """Tells classes of rows apart.

    Args:
        num_classes: How many classes there are.
        num_numbers: As for ``RowNetwork``.
        cardinalities: As for ``RowNetwork``.
        hidden: As for ``RowNetwork``.
        dropout: As for ``RowNetwork``.
        embedding_dim: As for ``RowNetwork``.
        metrics: As for ``Classifier``.
        label_smoothing: As for ``Classifier``.
        class_weights: As for ``Classifier``.
    """

    def __init__(
        self,
        num_classes: int,
        num_numbers: int,
        cardinalities: Sequence[int],
        hidden: Sequence[int] = (64, 64),
        dropout: float = 0.1,
        embedding_dim: int = 8,
        metrics: dict[str, Any] | None = None,
        label_smoothing: float = 0.0,
        class_weights: Weights = None,
    ) -> None:
        super().__init__(num_classes, metrics, label_smoothing, class_weights)
        self.save_hyperparameters(ignore=["metrics"])
        self.network = RowNetwork(num_numbers, cardinalities, num_classes, hidden, dropout, embedding_dim)

    def forward(self, inputs: Mapping[str, Tensor]) -> Tensor:
        """Logits of shape (rows, num_classes)."""
        scores: Tensor = self.network(inputs)
        return scores


class TableRegressor(Regressor):
    """Predicts a number of each row.

    Args:
        num_numbers: As for ``RowNetwork``.
        cardinalities: As for ``RowNetwork``.
        target_mean: As for ``Regressor``.
        target_deviation: As for ``Regressor``.
        hidden: As for ``RowNetwork``.
        dropout: As for ``RowNetwork``.
        embedding_dim: As for ``RowNetwork``.
        metrics: As for ``Regressor``.
    """

    def __init__(
        self,
        num_numbers: int,
        cardinalities: Sequence[int],
        target_mean: float = 0.0,
        target_deviation: float = 1.0,
        hidden: Sequence[int] = (64, 64),
        dropout: float = 0.1,
        embedding_dim: int = 8,
        metrics: dict[str, Any] | None = None,
    ) -> None:
        super().__init__(target_mean, target_deviation, metrics)
        self.save_hyperparameters(ignore=["metrics"])
        self.network = RowNetwork(num_numbers, cardinalities, 1, hidden, dropout, embedding_dim)

    def forward(self, inputs: Mapping[str, Tensor]) -> Tensor:
        """Standardised predictions of shape (rows,)."""
        predicted: Tensor = self.network(inputs).squeeze(1)
        return predicted
