"""Translators."""

from __future__ import annotations

from torchmetrics.text import CHRFScore, SacreBLEUScore

from hone.tasks.finetuning.generation import TextGenerator


class Translator(TextGenerator):
    """``AutoModelForSeq2SeqLM``: Marian, T5 and others, pretrained or from scratch.

    Args: as for ``TextGenerator``. Inputs are ``input_ids`` and ``attention_mask``, each of shape (batch, longest).
    """

    auto = "AutoModelForSeq2SeqLM"
    extra = "text"
    default_metrics = {"bleu": SacreBLEUScore, "chrf": CHRFScore}  # noqa: RUF012 - as ClassVar in the base class
    evaluation = "translation"
    several_references = True
