"""From texts to token ids: a vocabulary of words built on the training split, or a pretrained tokenizer."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence
from typing import Any, Protocol

from hone.errors import DataError
from hone.tasks.pretrained import load_pretrained

PAD, UNKNOWN = 0, 1
WORD = re.compile(r"\w+|[^\w\s]")


class Encoder(Protocol):
    """Turns texts into token ids."""

    pad_id: int

    @property
    def size(self) -> int:
        """How many different ids there are."""

    @property
    def special_ids(self) -> dict[str, int]:
        """Padding and other marks, by the names that configs of transformers' have for them."""

    def encode(self, texts: Sequence[str], max_length: int) -> list[list[int]]:
        """Token ids of each text, at least one and at most ``max_length``."""

    def words(self, texts: Sequence[str], max_length: int) -> list[list[int]]:
        """Number of each token's word in its text, from 0; -1 for marks that are no words."""


class Vocabulary:
    """The words of some texts, commonest first, after padding and the unknown word.

    Args:
        texts: What to build it on: the training split, so that nothing of what is judged leaks in.
        min_count: A rarer word is unknown.
        max_size: The most words.
        lowercase: Take no account of case.
    """

    pad_id = PAD

    def __init__(self, texts: Sequence[str], min_count: int, max_size: int, *, lowercase: bool) -> None:
        self.lowercase = lowercase
        counts = Counter(word for text in texts for word in self._words(text))
        # Ties are broken by spelling, so that the order of rows decides nothing.
        common = sorted(counts.items(), key=lambda one: (-one[1], one[0]))[:max_size]
        self.ids = {word: place for place, (word, count) in enumerate(common, start=2) if count >= min_count}

    @property
    def size(self) -> int:
        """Words, padding and the unknown word."""
        return len(self.ids) + 2

    @property
    def special_ids(self) -> dict[str, int]:
        """Padding; there are no others, and a config's own would lie outside of the vocabulary."""
        return {"pad_token_id": PAD, "bos_token_id": PAD, "eos_token_id": PAD}

    def encode(self, texts: Sequence[str], max_length: int) -> list[list[int]]:
        """Token ids of each text.

        Args:
            texts: Any texts.
            max_length: Words beyond are cut off.

        Returns:
            Ids; one unknown word for a text without any.
        """
        return [[self.ids.get(word, UNKNOWN) for word in self._words(text)[:max_length]] or [UNKNOWN] for text in texts]

    def words(self, texts: Sequence[str], max_length: int) -> list[list[int]]:
        """Number of each token's word: each is one."""
        return [list(range(len(one))) for one in self.encode(texts, max_length)]

    def _words(self, text: str) -> list[str]:
        return WORD.findall(text.lower() if self.lowercase else text)


class PretrainedTokenizer:
    """The tokenizer of a pretrained model.

    Args:
        name: A hub name or a local folder.

    Raises:
        DataError: There is no such tokenizer.
    """

    def __init__(self, name: str) -> None:
        self.tokenizer = load_pretrained(_load_tokenizer, name, DataError, "data.tokenizer")
        if self.tokenizer.pad_token_id is None and self.tokenizer.eos_token_id is not None:
            # GPT-2 and its kin have no padding; what ends a text is in no text.
            self.tokenizer.pad_token = self.tokenizer.eos_token
        self.pad_id = int(self.tokenizer.pad_token_id or 0)

    @property
    def size(self) -> int:
        """Tokens, added ones included."""
        return len(self.tokenizer)

    @property
    def special_ids(self) -> dict[str, int]:
        """Those of padding, beginning and end that the tokenizer has."""
        return special_ids(self.tokenizer)

    def encode(self, texts: Sequence[str], max_length: int) -> list[list[int]]:
        """Token ids of each text, with the model's own marks around them.

        Args:
            texts: Any texts.
            max_length: Tokens beyond are cut off.

        Returns:
            Ids.
        """
        return [list(one) for one in self._encoded(texts, max_length)["input_ids"]]

    def words(self, texts: Sequence[str], max_length: int) -> list[list[int]]:
        """Number of each token's word; where the tokenizer does not tell words apart, each token is one.

        Args:
            texts: Any texts.
            max_length: Tokens beyond are cut off.

        Returns:
            Numbers from 0, and -1 for the model's own marks.
        """
        encoded = self._encoded(texts, max_length, return_special_tokens_mask=True)
        if encoded.is_fast:
            told = [[-1 if word is None else word for word in encoded.word_ids(row)] for row in range(len(texts))]
            # Some tokenizers take a whole text for a word.
            if any(max(one, default=-1) > 0 for one in told):
                return told
        return [_numbered(one) for one in encoded["special_tokens_mask"]]

    def _encoded(self, texts: Sequence[str], max_length: int, **options: Any) -> Any:
        return self.tokenizer(list(texts), truncation=True, max_length=max_length, **options)


def _numbered(marks: Sequence[int]) -> list[int]:
    """Each token a word, but for marks."""
    return [-1 if mark else place - sum(marks[:place]) for place, mark in enumerate(marks)]


def special_ids(tokenizer: Any) -> dict[str, int]:
    """Padding, beginning and end of a tokenizer of transformers', by the names that configs have for them."""
    found = {f"{kind}_token_id": getattr(tokenizer, f"{kind}_token_id") for kind in ("pad", "bos", "eos")}
    return {name: number for name, number in found.items() if number is not None}


def _load_tokenizer(place: str) -> Any:
    from transformers import AutoTokenizer

    return AutoTokenizer.from_pretrained(place)
