"""Small networks for small images."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any, Literal

from torch import Tensor, nn

from hone.tasks.classifier import Classifier, Weights

ACTIVATIONS: dict[str, type[nn.Module]] = {"relu": nn.ReLU, "gelu": nn.GELU, "tanh": nn.Tanh, "silu": nn.SiLU}
Activation = Literal["relu", "gelu", "tanh", "silu"]


class MLPClassifier(Classifier):
    """A multilayer perceptron over flattened inputs.

    Args:
        num_classes: How many classes there are.
        input_shape: Shape of one input.
        hidden: Width of each hidden layer.
        activation: Between layers.
        dropout: Share of each hidden layer's units that a training step leaves out, in [0, 1).
        metrics: As for ``Classifier``.
        label_smoothing: As for ``Classifier``.
        class_weights: As for ``Classifier``.
    """

    def __init__(
        self,
        num_classes: int,
        input_shape: Sequence[int],
        hidden: Sequence[int] = (128,),
        activation: Activation = "relu",
        dropout: float = 0.0,
        metrics: dict[str, Any] | None = None,
        label_smoothing: float = 0.0,
        class_weights: Weights = None,
    ) -> None:
        super().__init__(num_classes, metrics, label_smoothing, class_weights)
        self.save_hyperparameters(ignore=["metrics"])
        layers: list[nn.Module] = [nn.Flatten()]
        width = math.prod(input_shape)
        for units in hidden:
            layers += [nn.Linear(width, units), ACTIVATIONS[activation](), nn.Dropout(dropout)]
            width = units
        self.layers = nn.Sequential(*layers, nn.Linear(width, num_classes))

    def forward(self, inputs: Tensor) -> Tensor:
        """Score inputs.

        Args:
            inputs: Shape (batch, *input_shape).

        Returns:
            Logits of shape (batch, num_classes).
        """
        scores: Tensor = self.layers(inputs)
        return scores


class CNNClassifier(Classifier):
    """Convolutions of 3 by 3, each block halving the image, then an average over what is left.

    Args:
        num_classes: How many classes there are.
        input_shape: Channels, height and width.
        channels: Channels of each block.
        activation: After each convolution.
        dropout: Share of the pooled features that a training step leaves out, in [0, 1).
        metrics: As for ``Classifier``.
        label_smoothing: As for ``Classifier``.
        class_weights: As for ``Classifier``.
    """

    def __init__(
        self,
        num_classes: int,
        input_shape: Sequence[int],
        channels: Sequence[int] = (32, 64),
        activation: Activation = "relu",
        dropout: float = 0.0,
        metrics: dict[str, Any] | None = None,
        label_smoothing: float = 0.0,
        class_weights: Weights = None,
    ) -> None:
        super().__init__(num_classes, metrics, label_smoothing, class_weights)
        self.save_hyperparameters(ignore=["metrics"])
        blocks: list[nn.Module] = []
        width = input_shape[0]
        for count in channels:
            blocks += [nn.Conv2d(width, count, 3, padding=1, bias=False), nn.BatchNorm2d(count)]
            blocks += [ACTIVATIONS[activation](), nn.MaxPool2d(2)]
            width = count
        self.blocks = nn.Sequential(*blocks, nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Dropout(dropout))
        self.head = nn.Linear(width, num_classes)

    def forward(self, inputs: Tensor) -> Tensor:
        """Score images.

        Args:
            inputs: Shape (batch, channels, height, width).

        Returns:
            Logits of shape (batch, num_classes).
        """
        scores: Tensor = self.head(self.blocks(inputs))
        return scores
