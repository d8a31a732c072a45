"""Image classifiers: transformers' families, and a residual network for small pictures."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor, nn

from hone.errors import ModelError
from hone.tasks.classifier import Classifier, Weights
from hone.tasks.finetuning.classifier import PretrainedClassifier


class ImageClassifier(PretrainedClassifier):
    """``AutoModelForImageClassification``: ResNet, EfficientNet, ViT and others, pretrained or from scratch.

    Args: as for ``PretrainedClassifier``. Inputs have the shape (batch, 3, height, width).
    """

    auto = "AutoModelForImageClassification"
    extra = "image"


class SmallResNet(Classifier):
    """A residual network for pictures of some 32 pixels: its first convolution keeps their size.

    Args:
        num_classes: How many classes there are.
        input_shape: Channels, height and width.
        widths: Channels of each stage; each but the first halves the picture.
        depth: Residual blocks of each stage.
        dropout: Share of the pooled features that a training step leaves out, in [0, 1).
        metrics: As for ``Classifier``.
        label_smoothing: As for ``Classifier``.
        class_weights: As for ``Classifier``.

    Raises:
        ModelError: There is no stage.

    Source: He et al., "Deep Residual Learning for Image Recognition", 2016 (section 4.2).
    """

    def __init__(
        self,
        num_classes: int,
        input_shape: Sequence[int],
        widths: Sequence[int] = (32, 64, 128),
        depth: int = 1,
        dropout: float = 0.0,
        metrics: dict[str, Any] | None = None,
        label_smoothing: float = 0.0,
        class_weights: Weights = None,
    ) -> None:
        super().__init__(num_classes, metrics, label_smoothing, class_weights)
        if not widths or depth < 1:
            raise ModelError("needs at least one stage of one block", where="model.widths")
        self.save_hyperparameters(ignore=["metrics"])
        channels = widths[0]
        blocks: list[nn.Module] = [_convolution(input_shape[0], channels, 1), nn.ReLU()]
        for stage, width in enumerate(widths):
            for place in range(depth):
                blocks.append(Residual(channels, width, stride=2 if stage and not place else 1))
                channels = width
        self.blocks = nn.Sequential(*blocks, nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Dropout(dropout))
        self.head = nn.Linear(channels, num_classes)
        # A quarter faster on a CPU, and what tensor cores want.
        self.to(memory_format=torch.channels_last)

    def forward(self, inputs: Tensor) -> Tensor:
        """Score pictures.

        Args:
            inputs: Shape (batch, channels, height, width).

        Returns:
            Logits of shape (batch, num_classes).
        """
        scores: Tensor = self.head(self.blocks(inputs.contiguous(memory_format=torch.channels_last)))
        return scores


class Residual(nn.Module):
    """Two convolutions of 3 by 3 beside a shortcut.

    Args:
        inputs: Channels that come in.
        outputs: Channels that go out.
        stride: Of the first convolution.
    """

    def __init__(self, inputs: int, outputs: int, stride: int) -> None:
        super().__init__()
        self.first = _convolution(inputs, outputs, stride)
        self.second = _convolution(outputs, outputs, 1)
        changes = stride != 1 or inputs != outputs
        self.shortcut = _convolution(inputs, outputs, stride, kernel=1) if changes else nn.Identity()

    def forward(self, inputs: Tensor) -> Tensor:
        """Add what the convolutions find to what came in."""
        found = self.second(nn.functional.relu(self.first(inputs)))
        return nn.functional.relu(found + self.shortcut(inputs))


def _convolution(inputs: int, outputs: int, stride: int, kernel: int = 3) -> nn.Sequential:
    convolution = nn.Conv2d(inputs, outputs, kernel, stride, padding=kernel // 2, bias=False)
    return nn.Sequential(convolution, nn.BatchNorm2d(outputs))
