"""Classifiers of recordings: a small network on log-mel spectrograms, and transformers' families."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import torch
from torch import Tensor, nn

from hone.tasks.augmentation.audio import SpecAugment
from hone.tasks.classifier import Classifier, Weights
from hone.tasks.finetuning.classifier import PretrainedClassifier
from hone.tasks.finetuning.tuning import Tune
from hone.tasks.speech.features import Listener, LogMel


class MelCNN(Classifier):
    """Convolutions over log-mel spectrograms, each block halving them.

    Args:
        num_classes: How many classes there are.
        rate: Samples a second.
        num_mels: Bands of the spectrograms.
        channels: Channels of each block.
        dropout: Share of the pooled features that a training step leaves out, in [0, 1).
        time_mask: As for ``SpecAugment``.
        band_mask: As for ``SpecAugment``.
        metrics: As for ``Classifier``.
        label_smoothing: As for ``Classifier``.
        class_weights: As for ``Classifier``.
    """

    def __init__(
        self,
        num_classes: int,
        rate: int,
        num_mels: int = 40,
        channels: Sequence[int] = (16, 32, 64),
        dropout: float = 0.2,
        time_mask: float = 0.2,
        band_mask: float = 0.2,
        metrics: dict[str, Any] | None = None,
        label_smoothing: float = 0.0,
        class_weights: Weights = None,
    ) -> None:
        super().__init__(num_classes, metrics, label_smoothing, class_weights)
        self.save_hyperparameters(ignore=["metrics"])
        self.mel = LogMel(rate, num_mels)
        self.augment = SpecAugment(time_mask, band_mask)
        blocks: list[nn.Module] = []
        width = 1
        for count in channels:
            blocks += [nn.Conv2d(width, count, 3, padding=1, bias=False), nn.BatchNorm2d(count), nn.ReLU()]
            blocks.append(nn.MaxPool2d(2))
            width = count
        self.blocks = nn.Sequential(*blocks)
        # What bands a sound is in tells it apart, when it was does not.
        self.head = nn.Sequential(nn.Dropout(dropout), nn.Linear(width * (num_mels >> len(channels)), num_classes))

    def forward(self, inputs: Tensor) -> Tensor:
        """Score recordings.

        Args:
            inputs: Waveforms of shape (batch, samples).

        Returns:
            Logits of shape (batch, num_classes).
        """
        found = self.blocks(self.augment(self.mel(inputs)).unsqueeze(1))
        scores: Tensor = self.head(torch.flatten(found.mean(dim=3), 1))
        return scores


class SpeechClassifier(PretrainedClassifier):
    """``AutoModelForAudioClassification``: Wav2Vec2, HuBERT, Whisper and others, pretrained or from scratch.

    Args: as for ``PretrainedClassifier``, and ``rate``, the samples a second. Inputs are waveforms of shape (batch,
    samples).
    """

    auto = "AutoModelForAudioClassification"
    extra = "speech"

    def __init__(
        self,
        num_classes: int,
        rate: int,
        pretrained: str | None = None,
        architecture: Mapping[str, Any] | None = None,
        tune: Tune = "full",
        freeze_layers: int = 0,
        layer_decay: float = 1.0,
        lora: Mapping[str, Any] | None = None,
        dropout: float | None = None,
        metrics: dict[str, Any] | None = None,
        label_smoothing: float = 0.0,
        class_weights: Weights = None,
    ) -> None:
        super().__init__(
            num_classes,
            pretrained,
            architecture,
            tune,
            freeze_layers,
            layer_decay,
            lora,
            dropout,
            metrics=metrics,
            label_smoothing=label_smoothing,
            class_weights=class_weights,
        )
        self.save_hyperparameters(ignore=["metrics"])
        self.listener = Listener(self.network, rate)

    def arguments(self, inputs: Tensor) -> Mapping[str, Tensor]:
        """What the network takes of waveforms."""
        arguments: Mapping[str, Tensor] = self.listener(inputs)
        return arguments
