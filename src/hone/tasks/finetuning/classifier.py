"""Fine-tuning of a classifier over any of transformers' families."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar

from torch import Tensor

from hone.errors import ModelError
from hone.tasks.classifier import Classifier, Weights
from hone.tasks.finetuning.loading import load_network
from hone.tasks.finetuning.module import FineTuned
from hone.tasks.finetuning.tuning import Tune, Tuning


class PretrainedClassifier(FineTuned, Classifier):
    """A network of transformers' with a classification head; subclasses name its Auto class.

    Args:
        num_classes: How many classes there are.
        pretrained: A hub name or a local folder with weights as safetensors; null for new weights.
        architecture: ``model_type`` and settings of a family, for new weights; without ``model_type``, settings that
            replace those of a pretrained model.
        tune: As for ``Tuning``.
        freeze_layers: As for ``Tuning``.
        layer_decay: As for ``Tuning``.
        lora: As for ``Tuning``.
        dropout: Replaces the config's own; null keeps it.
        token_ids: Size of the vocabulary and special tokens, as the data has them.
        metrics: As for ``Classifier``.
        label_smoothing: As for ``Classifier``.
        class_weights: As for ``Classifier``.

    Raises:
        ModelError: There is no such model, or a number is out of its range.
    """

    auto: ClassVar[str]
    extra: ClassVar[str]

    def __init__(
        self,
        num_classes: int,
        pretrained: str | None = None,
        architecture: Mapping[str, Any] | None = None,
        tune: Tune = "full",
        freeze_layers: int = 0,
        layer_decay: float = 1.0,
        lora: Mapping[str, Any] | None = None,
        dropout: float | None = None,
        token_ids: Mapping[str, int] | None = None,
        metrics: dict[str, Any] | None = None,
        label_smoothing: float = 0.0,
        class_weights: Weights = None,
    ) -> None:
        super().__init__(num_classes, metrics, label_smoothing, class_weights)
        if dropout is not None and not 0 <= dropout < 1:
            raise ModelError(f"must be in [0, 1), not {dropout}", where="model.dropout")
        self.save_hyperparameters(ignore=["metrics"])
        tuning = Tuning(tune, freeze_layers, layer_decay, lora)
        network = load_network(
            self.auto,
            pretrained,
            architecture,
            {"num_labels": num_classes, **self.settings(num_classes)},
            dropout=dropout,
            token_ids=token_ids,
            extra=self.extra,
        )
        self.adopt(network, tuning)

    def settings(self, num_classes: int) -> dict[str, Any]:
        """Settings of the network's config that the task decides."""
        return {}

    def forward(self, inputs: Any) -> Tensor:
        """Score inputs.

        Args:
            inputs: The network's own arguments by name, or its main one alone.

        Returns:
            Logits of shape (batch, num_classes).
        """
        scores: Tensor = self.network(**self.arguments(inputs)).logits
        return scores

    def arguments(self, inputs: Any) -> Mapping[str, Tensor]:
        """The network's arguments by name."""
        if isinstance(inputs, Mapping):
            return inputs
        main: Any = self.network.main_input_name
        return {str(main): inputs}
