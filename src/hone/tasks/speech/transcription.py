"""Recordings and what is said in them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import torch
from torch import Tensor
from torch.nn.utils.rnn import pad_sequence
from torchmetrics.text import CharErrorRate, WordErrorRate

from hone.errors import DataError
from hone.tasks.augmentation.audio import AudioAugmentation
from hone.tasks.checks import at_least
from hone.tasks.finetuning.generation import TextGenerator
from hone.tasks.finetuning.losses import IGNORED
from hone.tasks.finetuning.tuning import Tune
from hone.tasks.speech.data import SpeechData
from hone.tasks.speech.features import Listener
from hone.tasks.speech.recordings import Recording
from hone.tasks.tokenization import load_tokenizer, special_ids, trained_tokenizer


class TranscriptionData(SpeechData):
    """Waveforms as ``SpeechData`` has them, and tokens of what is said, padded with -100.

    Args:
        words: What is said in a recording, by its label; null where the label says it itself.
        tokenizer: Hub name or folder of a tokenizer; null to train one on the training split.
        vocab_size: The most tokens of one that is trained.
        cache: Folder in which trained tokenizers are kept.
        folder: This and the others as for ``SpeechData``.

    Raises:
        DataError: A number is out of its range.
    """

    def __init__(
        self,
        words: Mapping[Any, str] | None = None,
        tokenizer: str | None = None,
        vocab_size: int = 64,
        cache: str = "~/.cache/hone/tokenizers",
        folder: str | None = None,
        pattern: str = r"^(?P<label>[^/]+)/",
        test_pattern: str | None = None,
        sample_rate: int = 16000,
        max_seconds: float = 1.0,
        augment: AudioAugmentation | None = None,
        val_fraction: float = 0.1,
        test_fraction: float = 0.1,
        train_fraction: float = 1.0,
        split_seed: int = 0,
        batch_size: int = 32,
        num_workers: int = 0,
    ) -> None:
        super().__init__(
            folder,
            pattern,
            test_pattern,
            sample_rate,
            max_seconds,
            augment,
            val_fraction,
            test_fraction,
            train_fraction,
            split_seed,
            batch_size,
            num_workers,
        )
        at_least(8, vocab_size=vocab_size)
        self.words = None if words is None else {str(label): text for label, text in words.items()}
        self.given_tokenizer, self.most_tokens, self.cache = tokenizer, vocab_size, cache
        self.tokenizer: Any = None

    @property
    def token_ids(self) -> dict[str, int]:
        """Size of the vocabulary and special tokens, by the names that configs of transformers' have for them."""
        known = special_ids(self.tokenizer)
        return known | {"decoder_start_token_id": known["bos_token_id"]}

    def targets(self, recordings: Sequence[Recording], codes: Tensor) -> Tensor:
        """Tokens of what is said.

        Raises:
            DataError: A label has no words, or the tokenizer is missing or wrong.
        """
        texts = [self._said(one.label) for one in recordings]
        if self.tokenizer is None:
            # The training split comes first.
            folder = self.given_tokenizer or trained_tokenizer(texts, self.most_tokens, self.cache)
            self.tokenizer = load_tokenizer(folder, "data.tokenizer", "speech")
        encoded = [torch.tensor(one) for one in self.tokenizer(texts)["input_ids"]]
        begin = self.tokenizer.bos_token_id
        # The decoder is given its first token by the model.
        cut = [one[1:] if len(one) > 1 and one[0] == begin else one for one in encoded]
        return pad_sequence(cut, batch_first=True, padding_value=IGNORED)

    def decode(self, tokens: Tensor) -> list[str]:
        """Texts of tokens, padding of either kind left out."""
        shown = tokens.masked_fill(tokens == IGNORED, self.tokenizer.pad_token_id).tolist()
        return [self.tokenizer.decode(one, skip_special_tokens=True).strip() for one in shown]

    def _said(self, label: str) -> str:
        if self.words is None:
            return label
        if label not in self.words:
            raise DataError(f"does not say what {label!r} stands for", where="data.words")
        return self.words[label]


class Transcriber(TextGenerator):
    """``AutoModelForSpeechSeq2Seq``: Whisper and others, pretrained or from scratch.

    Args: as for ``TextGenerator``, and ``rate``, the samples a second. Inputs are waveforms of shape (batch, samples).
    """

    auto = "AutoModelForSpeechSeq2Seq"
    extra = "speech"
    default_metrics = {"wer": WordErrorRate, "cer": CharErrorRate}  # noqa: RUF012 - as ClassVar in the base class
    evaluation = "transcription"
    several_references = False

    def __init__(
        self,
        rate: int,
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
        super().__init__(
            pretrained,
            architecture,
            tune,
            freeze_layers,
            layer_decay,
            lora,
            dropout,
            token_ids,
            max_new_tokens,
            num_beams,
            val_batches,
            metrics,
            label_smoothing,
        )
        self.save_hyperparameters(ignore=["metrics"])
        self.listener = Listener(self.network, rate)

    def arguments(self, inputs: Tensor) -> Mapping[str, Tensor]:
        """What the network takes of waveforms."""
        arguments: Mapping[str, Tensor] = self.listener(inputs)
        return arguments
