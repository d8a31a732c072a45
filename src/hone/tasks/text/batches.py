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
    """

    def __init__(self, ids: Sequence[Sequence[int]], labels: Sequence[int], pad_id: int) -> None:
        self.ids = [torch.tensor(one, dtype=torch.long) for one in ids]
        self.labels = torch.tensor(labels, dtype=torch.long)
        self.lengths = [len(one) for one in ids]
        self.pad_id = pad_id

    def __len__(self) -> int:
        return len(self.ids)

    def __getitem__(self, index: int) -> Batch:
        inputs, labels = self.__getitems__([index])
        return {name: one[0] for name, one in inputs.items()}, labels[0]

    def __getitems__(self, indices: Sequence[int]) -> Batch:
        """A whole batch at once.

        Returns:
            ``input_ids`` and ``attention_mask``, each of shape (batch, longest); labels of shape (batch,).
        """
        padded = pad_sequence([self.ids[one] for one in indices], batch_first=True, padding_value=self.pad_id)
        lengths = torch.tensor([self.lengths[one] for one in indices])
        mask = (torch.arange(padded.shape[1]) < lengths[:, None]).long()
        return {"input_ids": padded, "attention_mask": mask}, self.labels[list(indices)]


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
