"""Words that are left out or change places, on whole batches and on the device they are on; texts said otherwise."""

from __future__ import annotations

from collections.abc import Mapping

import torch
from torch import Tensor

from hone.errors import DataError
from hone.tasks.augmentation.back_translation import BackTranslation


class TextAugmentation:
    """Changes a batch of encoded texts, word by word.

    Args:
        word_dropout: Chance that a word is left out, in [0, 1); of each text one stays.
        swap: Chance that a word changes places with another of its text, in [0, 1].
        back_translation: Says texts otherwise before they are encoded; null for none.

    Raises:
        DataError: A number is out of its range.

    Sources: Iyyer et al., "Deep Unordered Composition Rivals Syntactic Methods for Text Classification", 2015 (word
        dropout); Wei and Zou, "EDA: Easy Data Augmentation Techniques for Boosting Performance on Text Classification
        Tasks", 2019 (swap).
    """

    def __init__(
        self, word_dropout: float = 0.0, swap: float = 0.0, back_translation: BackTranslation | None = None
    ) -> None:
        if not 0 <= word_dropout < 1:
            raise DataError(f"must be in [0, 1), not {word_dropout}", where="data.augment.word_dropout")
        if not 0 <= swap <= 1:
            raise DataError(f"must be in [0, 1], not {swap}", where="data.augment.swap")
        self.word_dropout, self.swap = word_dropout, swap
        self.back_translation = back_translation if back_translation is not None and back_translation.chance else None

    @property
    def changes_words(self) -> bool:
        """Whether batches are changed at all."""
        return bool(self.word_dropout or self.swap)

    def __call__(self, inputs: Mapping[str, Tensor], words: Tensor, pad_id: int) -> dict[str, Tensor]:
        """Change a batch.

        Args:
            inputs: ``input_ids`` and ``attention_mask``, each of shape (batch, longest).
            words: Of the same shape: the number of each token's word in its text; -1 for padding and other marks, which
                stay at their end.
            pad_id: The token id of padding.

        Returns:
            ``input_ids`` and ``attention_mask`` of the same shape.
        """
        most = max(1, int(words.max()) + 1)
        places = swapped(words, most, self.swap)
        left_out = dropped(words, most, self.word_dropout)
        is_word = words >= 0
        leading = is_word.cumsum(1) == 0
        keys = torch.where(is_word, places.gather(1, words.clamp(min=0)), torch.where(leading, -1, most))
        # The tokens of a word have the same key, and keep their order.
        order = keys.masked_fill(left_out, most + 1).argsort(dim=1, stable=True)
        return {
            "input_ids": inputs["input_ids"].masked_fill(left_out, pad_id).gather(1, order),
            "attention_mask": inputs["attention_mask"].masked_fill(left_out, 0).gather(1, order),
        }


def swapped(words: Tensor, most: int, chance: float) -> Tensor:
    """Let words change places by pairs.

    Args:
        words: As for ``TextAugmentation``.
        most: Words of the longest text.
        chance: That a word changes places.

    Returns:
        Shape (batch, most): the new place of each word.
    """
    count = words.amax(dim=1, keepdim=True) + 1
    places = torch.arange(most, device=words.device)
    if not chance:
        return places.expand(len(words), most)
    scores = torch.rand(len(words), most, device=words.device).masked_fill(places >= count, torch.inf)
    # Words in random order: the first two are a pair, the next two, and so on.
    drawn = scores.argsort(dim=1)
    partners = places ^ 1
    pairs = torch.rand(len(words), most // 2 + 1, device=words.device) < chance
    moved = pairs[:, places // 2] & (partners < count) & (places < count)
    other = drawn.gather(1, partners.clamp(max=most - 1).expand_as(drawn))
    return torch.empty_like(drawn).scatter(1, drawn, torch.where(moved, other, drawn))


def dropped(words: Tensor, most: int, chance: float) -> Tensor:
    """Choose words to leave out.

    Args:
        words: As for ``TextAugmentation``.
        most: Words of the longest text.
        chance: That a word is left out.

    Returns:
        The shape of ``words``: whether each token is left out.
    """
    if not chance:
        return torch.zeros_like(words, dtype=torch.bool)
    exists = torch.arange(most, device=words.device) <= words.amax(dim=1, keepdim=True)
    draws = torch.rand(len(words), most, device=words.device).masked_fill(~exists, -1.0)
    out = (draws < chance) & (draws < draws.amax(dim=1, keepdim=True))
    return out.gather(1, words.clamp(min=0)) & (words >= 0)
