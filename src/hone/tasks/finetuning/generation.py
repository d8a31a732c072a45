"""Models that answer with a text: trained on references, judged by what they generate."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar

import torch
from torch import Tensor
from torchmetrics import MetricCollection

from hone.errors import ModelError
from hone.tasks.finetuning.loading import load_network
from hone.tasks.finetuning.losses import TokenLoss
from hone.tasks.finetuning.module import FineTuned
from hone.tasks.finetuning.tuning import Tune, Tuning
from hone.tasks.metrics import collected


class TextGenerator(FineTuned):
    """An encoder and decoder of transformers'; subclasses name the Auto class and the metrics.

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
        max_new_tokens: The longest answer.
        num_beams: Answers that are followed side by side; 1 takes the likeliest token each time.
        val_batches: Batches of each validation that are answered, since answering takes long; the loss is of all.
        metrics: Metric factories by name, each of which takes answers and references.
        label_smoothing: As for ``TokenLoss``.

    Raises:
        ModelError: There is no such model, or a number is out of its range.
    """

    auto: ClassVar[str]
    extra: ClassVar[str]
    default_metrics: ClassVar[Mapping[str, Any]]
    evaluation: ClassVar[str]
    # BLEU and chrF take several references of an answer, error rates take one.
    several_references: ClassVar[bool]

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
        max_new_tokens: int = 40,
        num_beams: int = 1,
        val_batches: int = 4,
        metrics: dict[str, Any] | None = None,
        label_smoothing: float = 0.0,
    ) -> None:
        super().__init__()
        for name, number in (
            ("max_new_tokens", max_new_tokens),
            ("num_beams", num_beams),
            ("val_batches", val_batches),
        ):
            if number < 1:
                raise ModelError(f"must be at least 1, not {number}", where=f"model.{name}")
        self.save_hyperparameters(ignore=["metrics"])
        tuning = Tuning(tune, freeze_layers, layer_decay, lora)
        self.loss = TokenLoss(label_smoothing)
        network = load_network(
            self.auto, pretrained, architecture, {}, dropout=dropout, token_ids=token_ids, extra=self.extra
        )
        self.generation = {"max_new_tokens": max_new_tokens, "num_beams": num_beams, "do_sample": False}
        self.val_batches = val_batches
        self.adopt(network, tuning)
        wanted = self.default_metrics if metrics is None else metrics
        collection = collected(wanted, self.evaluation)
        self.val_metrics = collection.clone(prefix="val/")
        self.test_metrics = collection.clone(prefix="test/")

    def arguments(self, inputs: Any) -> Mapping[str, Tensor]:
        """The network's arguments by name."""
        named: Mapping[str, Tensor] = inputs
        return named

    def forward(self, inputs: Any, labels: Tensor) -> Tensor:
        """Score the tokens of references.

        Args:
            inputs: What is answered.
            labels: Tokens of the references, padded with -100, of shape (batch, longest).

        Returns:
            Logits of shape (batch, longest, vocabulary).
        """
        scores: Tensor = self.network(**self.arguments(inputs), labels=labels).logits
        return scores

    @torch.no_grad()
    def generate(self, inputs: Any) -> Tensor:
        """Answer a batch.

        Returns:
            Tokens of shape (batch, longest).
        """
        network: Any = self.network
        tokens: Tensor = network.generate(**self.arguments(inputs), **self.generation)
        return tokens

    def training_step(self, batch: tuple[Any, Tensor], batch_idx: int) -> Tensor:
        """Compute the mean loss of the tokens of one batch."""
        inputs, labels = batch
        loss: Tensor = self.loss(self(inputs, labels), labels)
        return loss

    def validation_step(self, batch: tuple[Any, Tensor], batch_idx: int) -> None:
        """Measure one batch of the validation split."""
        self._measure(batch, "val", self.val_metrics, answer=batch_idx < self.val_batches)

    def test_step(self, batch: tuple[Any, Tensor], batch_idx: int) -> None:
        """Measure one batch of the test split."""
        self._measure(batch, "test", self.test_metrics, answer=True)

    def predict_step(self, batch: tuple[Any, Tensor], batch_idx: int) -> list[str]:
        """Answer one batch."""
        return self._texts(self.generate(batch[0]))

    def _measure(self, batch: tuple[Any, Tensor], split: str, metrics: MetricCollection, *, answer: bool) -> None:
        inputs, labels = batch
        loss = self.loss(self(inputs, labels), labels)
        self.log(f"{split}/loss", loss, on_epoch=True, batch_size=len(labels), sync_dist=True)
        if answer:
            references = self._texts(labels)
            metrics.update(
                self._texts(self.generate(inputs)),
                [[one] for one in references] if self.several_references else references,
            )
        # Lightning computes and resets them at the end of the epoch.
        self.log_dict(metrics, on_step=False, on_epoch=True, batch_size=len(labels))

    def _texts(self, tokens: Tensor) -> list[str]:
        texts: list[str] = self.trainer.datamodule.decode(tokens)  # type: ignore[attr-defined]
        return texts
