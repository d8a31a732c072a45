"""Encoded texts, and batches of them padded to their longest."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import torch
from torch import Tensor
from torch.nn.utils.rnn import pad_sequence
from torch.utils.data import Dataset, Sampler

Batch = tuple[dict[str, Tensor], Tensor]
GROUPED_BATCHES = 50


class EncodedTexts(Dataset[Batch]):
    """Token ids and labels in memory.

    Args:
        ids: Token ids of each text.
        labels: Class of each text.
        pad_id: What shorter texts are filled with.
        words: Number of each token's word in its text, -1 for marks that are no words; batches have them as well.
        otherwise: The same texts, said otherwise.
        chance: That a text is taken from those, each time that it is asked for.
    """

    def __init__(
        self,
        ids: Sequence[Sequence[int]],
        labels: Sequence[int],
        pad_id: int,
        words: Sequence[Sequence[int]] | None = None,
        otherwise: EncodedTexts | None = None,
        chance: float = 0.0,
    ) -> None:
        self.ids = [torch.tensor(one, dtype=torch.long) for one in ids]
        self.labels = torch.tensor(labels, dtype=torch.long)
        self.lengths = [len(one) for one in ids]
        self.pad_id = pad_id
        self.words = [torch.tensor(one, dtype=torch.long) for one in words or ()]
        self.otherwise, self.chance = otherwise, chance

    def __len__(self) -> int:
        return len(self.ids)

    def __getitem__(self, index: int) -> Batch:
        inputs, labels = self.__getitems__([index])
        return {name: one[0] for name, one in inputs.items()}, labels[0]

    def __getitems__(self, indices: Sequence[int]) -> Batch:
        """A whole batch at once.

        Returns:
            ``input_ids`` and ``attention_mask``, and ``words`` where they are known, each of shape (batch, longest);
            labels of shape (batch,).
        """
        chosen = self._chosen(indices)
        padded = pad_sequence([one.ids[row] for one, row in chosen], batch_first=True, padding_value=self.pad_id)
        lengths = torch.tensor([one.lengths[row] for one, row in chosen])
        mask = (torch.arange(padded.shape[1]) < lengths[:, None]).long()
        inputs = {"input_ids": padded, "attention_mask": mask}
        if self.words:
            inputs["words"] = pad_sequence([one.words[row] for one, row in chosen], batch_first=True, padding_value=-1)
        return inputs, self.labels[list(indices)]

    def _chosen(self, indices: Sequence[int]) -> list[tuple[EncodedTexts, int]]:
        if self.otherwise is None:
            return [(self, row) for row in indices]
        draws = torch.rand(len(indices)).tolist()
        return [(self.otherwise if draw < self.chance else self, row) for row, draw in zip(indices, draws, strict=True)]


class LengthGroupedSampler(Sampler[int]):
    """Shuffles rows so that texts of like length share a batch, which halves what is padded.

    Rows are shuffled, cut into groups of ``GROUPED_BATCHES`` batches, and sorted by length inside each; then the
    batches are shuffled. ``transformers`` has the like, behind imports of two seconds.

    Args:
        lengths: Length of each row.
        batch_size: Rows in a batch.
    """

    def __init__(self, lengths: Sequence[int], batch_size: int) -> None:
        self.lengths = torch.tensor(lengths)
        self.batch_size = batch_size

    def __len__(self) -> int:
        return len(self.lengths)

    def __iter__(self) -> Iterator[int]:
        shuffled = torch.randperm(len(self.lengths))
        groups = torch.split(shuffled, self.batch_size * GROUPED_BATCHES)
        ordered = torch.cat([group[self.lengths[group].argsort(descending=True)] for group in groups])
        batches = list(torch.split(ordered, self.batch_size))
        # The one that may be short stays last: it must not shift the others.
        places = [*torch.randperm(len(batches) - 1).tolist(), len(batches) - 1]
        for place in places:
            yield from batches[place].tolist()
