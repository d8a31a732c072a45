"""Data: points on two spirals, and which of the two each lies on."""

import math

import pytorch_lightning as pl
import torch
from torch.utils.data import DataLoader, Dataset, TensorDataset, random_split


class Spirals(pl.LightningDataModule):
    """Makes its points itself; yours would read files in ``setup``.

    Args:
        points: How many there are, of which a fifth each are for validation and testing.
        turns: How often each spiral winds.
        noise: Standard deviation of what is added to each coordinate.
        batch_size: Points that a step sees.
        seed: Decides what is random here.
    """

    num_classes = 2

    def __init__(
        self, points: int = 1200, turns: float = 1.5, noise: float = 0.15, batch_size: int = 64, seed: int = 42
    ) -> None:
        super().__init__()
        self.points, self.turns, self.noise, self.batch_size, self.seed = points, turns, noise, batch_size, seed

    def setup(self, stage: str | None = None) -> None:
        """Make the points."""
        generator = torch.Generator().manual_seed(self.seed)
        labels = torch.arange(self.points) % 2
        radius = torch.rand(self.points, generator=generator).sqrt()
        angle = 2 * math.pi * self.turns * radius + math.pi * labels
        clean = torch.stack([radius * angle.cos(), radius * angle.sin()], dim=1) * 3
        data = TensorDataset(clean + self.noise * torch.randn(clean.shape, generator=generator), labels)
        self.train, self.val, self.test = random_split(data, [0.6, 0.2, 0.2], generator)

    def train_dataloader(self) -> DataLoader:
        """Three fifths, in another order each epoch."""
        return self._loader(self.train, shuffle=True)

    def val_dataloader(self) -> DataLoader:
        """A fifth, to choose by."""
        return self._loader(self.val)

    def test_dataloader(self) -> DataLoader:
        """A fifth, to report."""
        return self._loader(self.test)

    def _loader(self, data: Dataset, shuffle: bool = False) -> DataLoader:
        return DataLoader(data, self.batch_size, shuffle=shuffle)
