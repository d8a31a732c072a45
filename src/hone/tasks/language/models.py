"""Language models that say the next token."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from torch import Tensor
from torchmetrics import MetricCollection
from torchmetrics.text import Perplexity

from hone.tasks.finetuning.loading import load_network
from hone.tasks.finetuning.losses import TokenLoss
from hone.tasks.finetuning.module import FineTuned
from hone.tasks.finetuning.tuning import Tune, Tuning
from hone.tasks.metrics import collected


class LanguageModel(FineTuned):
    """``AutoModelForCausalLM``: GPT-2 and others, pretrained or from scratch.

    Args:
        pretrained: A hub name or a local folder with weights as safetensors; null for new weights.
        architecture: ``model_type`` and settings of a family, for new weights; without ``model_type``, settings that
            replace those of a pretrained model.
        tune: As for ``Tuning``.
        freeze_layers: As for ``Tuning``.
        layer_decay: As for ``Tuning``.
        lora: As for ``Tuning``.
        dropout: Replaces the config's own; null keeps it.
        token_ids: Size of the vocabulary and special tokens, as the data has them.
        metrics: Metric factories by name, each of which takes logits and tokens; null for perplexity.
        label_smoothing: As for ``TokenLoss``.
    """

    def __init__(
        self,
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
    ) -> None:
        super().__init__()
        self.save_hyperparameters(ignore=["metrics"])
        tuning = Tuning(tune, freeze_layers, layer_decay, lora)
        self.loss = TokenLoss(label_smoothing)
        network = load_network(
            "AutoModelForCausalLM", pretrained, architecture, {}, dropout=dropout, token_ids=token_ids
        )
        self.adopt(network, tuning)
        wanted = {"perplexity": Perplexity} if metrics is None else metrics
        collection = collected(wanted, "language")
        self.val_metrics = collection.clone(prefix="val/")
        self.test_metrics = collection.clone(prefix="test/")

    def forward(self, inputs: Mapping[str, Tensor]) -> Tensor:
        """Score the token after each.

        Args:
            inputs: ``input_ids`` of shape (batch, tokens).

        Returns:
            Logits of shape (batch, tokens, vocabulary).
        """
        scores: Tensor = self.network(**inputs, use_cache=False).logits
        return scores

    def training_step(self, batch: tuple[Any, Tensor], batch_idx: int) -> Tensor:
        """Compute the mean loss of the tokens of one batch, each block's first left out."""
        inputs, tokens = batch
        loss: Tensor = self.loss(self(inputs)[:, :-1], tokens[:, 1:])
        return loss

    def validation_step(self, batch: tuple[Any, Tensor], batch_idx: int) -> None:
        """Measure one batch of the validation split."""
        self._measure(batch, "val", self.val_metrics)

    def test_step(self, batch: tuple[Any, Tensor], batch_idx: int) -> None:
        """Measure one batch of the test split."""
        self._measure(batch, "test", self.test_metrics)

    def _measure(self, batch: tuple[Any, Tensor], split: str, metrics: MetricCollection) -> None:
        inputs, tokens = batch
        logits, wanted = self(inputs)[:, :-1], tokens[:, 1:]
        self.log(f"{split}/loss", self.loss(logits, wanted), on_epoch=True, batch_size=len(tokens), sync_dist=True)
        metrics.update(logits.float(), wanted)
        # Lightning computes and resets them at the end of the epoch.
        self.log_dict(metrics, on_step=False, on_epoch=True, batch_size=len(tokens))
