"""The data and the network that the peers share, written as a user of Lightning would."""

from __future__ import annotations

import numpy as np
import pytorch_lightning as pl
import torch
from sklearn.datasets import load_digits
from sklearn.model_selection import train_test_split
from torch import Tensor, nn
from torch.nn import functional
from torch.utils.data import DataLoader, TensorDataset

SPLIT_SEED = 42


class Digits(pl.LightningDataModule):
    """Scikit-learn's handwritten digits, split in the same way for each trial.

    Args:
        batch_size: Of the training batches.
    """

    def __init__(self, batch_size: int) -> None:
        super().__init__()
        self.batch_size = batch_size

    def setup(self, stage: str) -> None:
        """Load and split; Lightning's hook."""
        images, labels = load_digits(return_X_y=True)
        rest, test = train_test_split(np.arange(len(labels)), test_size=0.2, stratify=labels, random_state=SPLIT_SEED)
        train, val = train_test_split(rest, test_size=0.25, stratify=labels[rest], random_state=SPLIT_SEED)
        pixels = torch.tensor(images / 16, dtype=torch.float32)
        classes = torch.tensor(labels)
        self.splits = {
            name: TensorDataset(pixels[rows], classes[rows])
            for name, rows in (("train", train), ("val", val), ("test", test))
        }

    def train_dataloader(self) -> DataLoader:
        """Give shuffled batches to fit on."""
        return DataLoader(self.splits["train"], batch_size=self.batch_size, shuffle=True)

    def val_dataloader(self) -> DataLoader:
        """Give batches to validate on after each epoch."""
        return DataLoader(self.splits["val"], batch_size=256)

    def test_dataloader(self) -> DataLoader:
        """Give batches to test on at the end."""
        return DataLoader(self.splits["test"], batch_size=256)


class DigitsMLP(pl.LightningModule):
    """64-128-10, trained by Adam.

    Args:
        lr: The learning rate.
    """

    def __init__(self, lr: float) -> None:
        super().__init__()
        self.lr = lr
        self.net = nn.Sequential(nn.Linear(64, 128), nn.ReLU(), nn.Linear(128, 10))

    def training_step(self, batch: list[Tensor]) -> Tensor:
        """Log the loss as the epoch's mean."""
        pixels, classes = batch
        loss = functional.cross_entropy(self.net(pixels), classes)
        self.log("train/loss", loss, on_step=False, on_epoch=True)
        return loss

    def validation_step(self, batch: list[Tensor]) -> None:
        """Log the accuracy that the search maximizes."""
        self.log("val/accuracy", self._accuracy(batch))

    def test_step(self, batch: list[Tensor]) -> None:
        """Log the accuracy that is reported."""
        self.log("test/accuracy", self._accuracy(batch))

    def configure_optimizers(self) -> torch.optim.Optimizer:
        """Give Adam over everything."""
        return torch.optim.Adam(self.parameters(), lr=self.lr)

    def _accuracy(self, batch: list[Tensor]) -> Tensor:
        pixels, classes = batch
        return (self.net(pixels).argmax(dim=1) == classes).float().mean()
