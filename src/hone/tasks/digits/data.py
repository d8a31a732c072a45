"""Scikit-learn's 1,797 handwritten digits, 8 by 8 pixels, in three stratified splits."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from functools import cache
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np
import pytorch_lightning as pl
import torch
from torch import Tensor
from torch.utils.data import DataLoader, Dataset

from hone.errors import DataError
from hone.tasks.splits import stratified_parts

NUM_CLASSES = 10
BRIGHTEST = 16.0
Split = tuple[Tensor, Tensor]


class DigitsData(pl.LightningDataModule):
    """Images of shape (batch, 1, 8, 8), float32, and labels of shape (batch,), int64.

    The splits depend on ``split_seed`` alone, never on a trial's seed, so that the same images judge
    all trials.

    Args:
        batch_size: Images in a batch.
        val_fraction: Share of the images to validate on, in (0, 1).
        test_fraction: Share of the images to test on, in (0, 1).
        split_seed: Decides which image is in which split.
        standardise: Give pixels the mean 0 and deviation 1 that they then have over the training split; else they
            are in [0, 1].
        num_workers: Processes that load batches; the images lie in memory, so 0 is fastest.

    Raises:
        DataError: The batch size is below 1, or the fractions leave nothing to train on.
    """

    def __init__(
        self,
        batch_size: int = 64,
        val_fraction: float = 0.2,
        test_fraction: float = 0.2,
        split_seed: int = 0,
        standardise: bool = True,
        num_workers: int = 0,
    ) -> None:
        super().__init__()
        if batch_size < 1:
            raise DataError(f"must be at least 1, not {batch_size}", where="data.batch_size")
        for name, fraction in (("val_fraction", val_fraction), ("test_fraction", test_fraction)):
            if not 0 < fraction < 1 or val_fraction + test_fraction >= 1:
                raise DataError(f"must leave something to train on, not {fraction}", where=f"data.{name}")
        self.batch_size = batch_size
        self.fractions = (1 - val_fraction - test_fraction, val_fraction, test_fraction)
        self.split_seed = split_seed
        self.standardise = standardise
        self.num_workers = num_workers

    @property
    def num_classes(self) -> int:
        """Ten digits."""
        return NUM_CLASSES

    @property
    def input_shape(self) -> tuple[int, ...]:
        """Channels, height and width."""
        return (1, 8, 8)

    def setup(self, stage: str | None = None) -> None:
        """Read and split the images."""
        images, labels = load_digits()
        parts = stratified_parts(labels, self.fractions, self.split_seed)
        if self.standardise:
            seen = images[parts[0]]
            images = (images - seen.mean()) / seen.std()
        self.train, self.val, self.test = ((images[part], labels[part]) for part in parts)

    def train_dataloader(self) -> DataLoader[Split]:
        """Shuffled batches."""
        return self._loader(self.train, shuffle=True)

    def val_dataloader(self) -> DataLoader[Split]:
        """The validation split in order."""
        return self._loader(self.val, shuffle=False)

    def test_dataloader(self) -> DataLoader[Split]:
        """The test split in order."""
        return self._loader(self.test, shuffle=False)

    def predict_dataloader(self) -> DataLoader[Split]:
        """The test split in order."""
        return self.test_dataloader()

    def example(self, split: str, row: int) -> Tensor:
        """One image of a split, of shape (1, 8, 8)."""
        images: Tensor = getattr(self, split)[0]
        return images[row]

    def content_digest(self) -> dict[str, str]:
        """SHA-256 of the file that the images come from."""
        return {DIGITS_FILE: hashlib.sha256(_digits_path().read_bytes()).hexdigest()}

    def _loader(self, split: Split, *, shuffle: bool) -> DataLoader[Split]:
        # A split that is judged changes no weights, so its batches may be as large as is quick.
        size = self.batch_size if shuffle else max(self.batch_size, 512)
        return DataLoader(
            BatchedTensors(*split), batch_size=size, shuffle=shuffle, num_workers=self.num_workers, collate_fn=_as_it_is
        )


class BatchedTensors(Dataset[Split]):
    """Tensors in memory, from which a whole batch is taken at once rather than image by image.

    Args:
        tensors: Each with the same first dimension.
    """

    def __init__(self, *tensors: Tensor) -> None:
        self.tensors = tensors

    def __len__(self) -> int:
        return len(self.tensors[0])

    def __getitem__(self, index: int) -> Split:
        images, labels = self.tensors
        return images[index], labels[index]

    def __getitems__(self, indices: Sequence[int]) -> Split:
        chosen = torch.as_tensor(indices)
        images, labels = self.tensors
        return images[chosen], labels[chosen]


def _as_it_is(batch: Any) -> Any:
    return batch


DIGITS_FILE = "digits.csv.gz"


@cache
def load_digits() -> Split:
    """Read the images that scikit-learn brings.

    Returns:
        Images of shape (1797, 1, 8, 8), float32 in [0, 1], and labels of shape (1797,), int64.

    Raises:
        DataError: scikit-learn is not installed.

    Source: Alpaydin and Kaynak, "Optical Recognition of Handwritten Digits", UCI Machine Learning Repository, 1998.
    """
    # sklearn.datasets.load_digits reads the same file, after a second and more of imports.
    table = np.loadtxt(_digits_path(), delimiter=",", dtype=np.float32)
    images = torch.from_numpy(table[:, :-1]).reshape(-1, 1, 8, 8) / BRIGHTEST
    return images, torch.from_numpy(table[:, -1].astype(np.int64))


def _digits_path() -> Path:
    found = find_spec("sklearn")
    if found is None or found.origin is None:
        raise DataError("scikit-learn, which brings these images, is not installed", where="data")
    return Path(found.origin).parent / "datasets" / "data" / DIGITS_FILE
