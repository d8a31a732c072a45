"""Splits that keep each class in proportion."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor


def stratified_parts(labels: Tensor, fractions: Sequence[float], seed: int) -> list[Tensor]:
    """Split rows so that each part has each class in the same proportion.

    Args:
        labels: Shape (rows,), int64.
        fractions: Share of each part; they add up to 1.
        seed: Decides which row is in which part.

    Returns:
        Indices of each part, in rising order, disjoint and together all rows.
    """
    generator = torch.Generator().manual_seed(seed)
    parts: list[list[Tensor]] = [[] for _ in fractions]
    for label in torch.unique(labels):
        rows = torch.nonzero(labels == label).flatten()
        rows = rows[torch.randperm(len(rows), generator=generator)]
        ends = (torch.tensor(fractions).cumsum(0)[:-1] * len(rows)).round().long()
        for part, chosen in zip(parts, rows.tensor_split(ends), strict=True):
            part.append(chosen)
    return [torch.cat(part).sort().values for part in parts]
