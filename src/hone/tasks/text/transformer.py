"""Fine-tuning of a pretrained text model with a classification head."""

from __future__ import annotations

from hone.tasks.finetuning.classifier import PretrainedClassifier


class TransformerClassifier(PretrainedClassifier):
    """``AutoModelForSequenceClassification``: BERT and its kin, GPT-2 and others, pretrained or from scratch.

    Args: as for ``PretrainedClassifier``. Inputs are ``input_ids`` and ``attention_mask``, each of shape (batch,
    longest). A model that reads from left to right, such as GPT-2, is scored at the last token that is no padding.
    """

    auto = "AutoModelForSequenceClassification"
    extra = "text"
