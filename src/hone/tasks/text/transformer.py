"""Fine-tuning of a pretrained encoder."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from functools import partial
from typing import Any

from torch import Tensor, nn

from hone.errors import ModelError
from hone.tasks.classifier import Classifier
from hone.tasks.text.pretrained import load_pretrained, pretrained_digests

LAYER = re.compile(r"\.(?:layer|layers|h|block)\.(\d+)\.")
# BERT and its kin put biases and normalisation outside of weight decay.
UNDECAYED = ("bias", "LayerNorm.weight", "layer_norm.weight", "layernorm.weight")


class TransformerClassifier(Classifier):
    """``AutoModelForSequenceClassification``, with its first layers frozen or learning more slowly where asked.

    Args:
        num_classes: How many classes there are.
        pretrained: A hub name or a local folder with weights as safetensors.
        freeze_layers: Leave the embeddings and the first so many layers as they are; 0 trains everything.
        layer_decay: Each layer below the head learns at this share of the rate of the one above, in (0, 1].
        dropout: Replaces the pretrained config's own; null keeps it.
        metrics: As for ``Classifier``.
        label_smoothing: As for ``Classifier``.
        class_weights: As for ``Classifier``.

    Raises:
        ModelError: There is no such model, or it has fewer layers than are to be frozen.

    Source: Howard and Ruder, "Universal Language Model Fine-tuning for Text Classification", 2018 (layer-wise rates).
    """

    def __init__(
        self,
        num_classes: int,
        pretrained: str,
        freeze_layers: int = 0,
        layer_decay: float = 1.0,
        dropout: float | None = None,
        metrics: dict[str, Any] | None = None,
        label_smoothing: float = 0.0,
        class_weights: Sequence[float] | None = None,
    ) -> None:
        super().__init__(num_classes, metrics, label_smoothing, class_weights)
        if dropout is not None and not 0 <= dropout < 1:
            raise ModelError(f"must be in [0, 1), not {dropout}", where="model.dropout")
        if not 0 < layer_decay <= 1:
            raise ModelError(f"must be in (0, 1], not {layer_decay}", where="model.layer_decay")
        self.save_hyperparameters(ignore=["metrics"])
        self.layer_decay = layer_decay
        load = partial(_load, num_classes=num_classes, dropout=dropout)
        self.encoder = load_pretrained(load, pretrained, ModelError, "model.pretrained")
        self.num_layers = 1 + max((_layer(name) or 0 for name, _ in self.encoder.named_parameters()), default=0)
        self._freeze(freeze_layers)

    def forward(self, inputs: Mapping[str, Tensor]) -> Tensor:
        """Score texts.

        Args:
            inputs: ``input_ids`` and ``attention_mask``, each of shape (batch, longest).

        Returns:
            Logits of shape (batch, num_classes).
        """
        scores: Tensor = self.encoder(**inputs).logits
        return scores

    def content_digest(self) -> dict[str, str]:
        """SHA-256 of each file of the pretrained model."""
        return pretrained_digests(self.hparams["pretrained"])

    def parameter_groups(self, learning_rate: float) -> list[dict[str, Any]]:
        """Trainable parameters by learning rate, biases and normalisation without weight decay.

        Args:
            learning_rate: The head's.

        Returns:
            Groups as optimizers take them; frozen parameters are in none.
        """
        groups: dict[tuple[int, bool], list[nn.Parameter]] = {}
        for name, parameter in self.encoder.named_parameters():
            if parameter.requires_grad:
                groups.setdefault((self._depth(name), name.endswith(UNDECAYED)), []).append(parameter)
        return [
            {
                "params": members,
                "lr": learning_rate * self.layer_decay**depth,
                **({"weight_decay": 0.0} if bare else {}),
            }
            for (depth, bare), members in groups.items()
        ]

    def on_train_start(self) -> None:
        """Leave the frozen layers as they judge: dropout there would only add noise."""
        # Not in an override of train(): Lightning warns of modules that are in eval mode before this hook.
        for module in self._frozen:
            module.eval()

    def _depth(self, name: str) -> int:
        """Layers between a parameter and the head: 0 for the head, most for the embeddings."""
        layer = _layer(name)
        if layer is not None:
            return self.num_layers - layer
        return self.num_layers + 1 if "embeddings" in name else 0

    def _freeze(self, count: int) -> None:
        if not 0 <= count <= self.num_layers:
            raise ModelError(f"must be from 0 to {self.num_layers}, not {count}", where="model.freeze_layers")
        self._frozen: list[nn.Module] = []
        if count == 0:
            return
        for name, parameter in self.encoder.named_parameters():
            layer = _layer(name)
            if "embeddings" in name or (layer is not None and layer < count):
                parameter.requires_grad = False
        for module in self.encoder.modules():
            own = list(module.parameters())
            if own and not any(one.requires_grad for one in own):
                self._frozen.append(module)


def _layer(name: str) -> int | None:
    found = LAYER.search(name)
    return int(found[1]) if found else None


def _load(place: str, num_classes: int, dropout: float | None) -> nn.Module:
    from transformers import AutoConfig, AutoModelForSequenceClassification

    config = AutoConfig.from_pretrained(place, num_labels=num_classes)
    _set_dropout(config, dropout)
    model: nn.Module = AutoModelForSequenceClassification.from_pretrained(place, config=config, use_safetensors=True)
    # It comes as it is meant to be used, not to be trained.
    return model.train()


def _set_dropout(config: Any, dropout: float | None) -> None:
    """Replace each rate of a pretrained config: BERT, DistilBERT and others name theirs differently."""
    rates = [name for name, value in vars(config).items() if "dropout" in name and isinstance(value, int | float)]
    for name in rates if dropout is not None else ():
        setattr(config, name, dropout)
