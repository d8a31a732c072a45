"""Image classification data from folders."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytorch_lightning as pl
import torch
from torch import Tensor
from torch.utils.data import DataLoader, Dataset

from hone.errors import DataError
from hone.tasks.augmentation.images import ImageAugmentation
from hone.tasks.checks import at_least, share, shares
from hone.tasks.image.folder import class_folders, decode, folder_digest, pictures
from hone.tasks.image.preprocessing import Statistics, pretrained_statistics
from hone.tasks.splits import stratified_parts

Split = tuple[Tensor, Tensor]


class ImageFolderData(pl.LightningDataModule):
    """Pictures in memory as uint8, scaled to one size; batches are float32, standardised by channel.

    Args:
        train: A folder that holds a folder for each class.
        val: Likewise; null for a stratified share of train.
        test: Likewise; null for a stratified share of train.
        image_size: Pixels of a side; larger and smaller pictures are scaled, and cut to a square.
        pretrained: Hub name or folder of the model, whose mean and deviation of the channels are used; null for those
            of train.
        augment: Changes training batches; null leaves them as they are.
        val_fraction: Share of train to validate on where ``val`` is null, in (0, 1).
        test_fraction: Share of train to test on where ``test`` is null, in (0, 1).
        train_fraction: Share of the training split to use, stratified, in (0, 1].
        split_seed: Decides which picture is in which split.
        batch_size: Pictures in a batch.
        num_workers: Processes that load batches; the pictures lie in memory, so 0 is fastest.

    Raises:
        DataError: A number is out of its range.
    """

    def __init__(
        self,
        train: str | None = None,
        val: str | None = None,
        test: str | None = None,
        image_size: int = 32,
        pretrained: str | None = None,
        augment: ImageAugmentation | None = None,
        val_fraction: float = 0.1,
        test_fraction: float = 0.1,
        train_fraction: float = 1.0,
        split_seed: int = 0,
        batch_size: int = 64,
        num_workers: int = 0,
    ) -> None:
        super().__init__()
        at_least(1, batch_size=batch_size, image_size=image_size)
        shares(val_fraction=val_fraction, test_fraction=test_fraction)
        share(train_fraction=train_fraction)
        self.folders = {"train": train, "val": val, "test": test}
        self.image_size = image_size
        self.pretrained = pretrained
        self.augment = augment
        self.fractions = {"val": val_fraction, "test": test_fraction}
        self.train_fraction = train_fraction
        self.split_seed = split_seed
        self.batch_size = batch_size
        self.num_workers = num_workers
        self.splits: dict[str, Pictures] = {}

    @property
    def num_classes(self) -> int:
        """How many folders train has."""
        return len(self.classes)

    @property
    def class_names(self) -> list[str]:
        """The folder of each class."""
        return list(self.classes)

    @property
    def input_shape(self) -> tuple[int, ...]:
        """Channels, height and width."""
        return (3, self.image_size, self.image_size)

    @property
    def class_counts(self) -> list[int]:
        """How often each class is in the training split."""
        return torch.bincount(self.splits["train"].labels, minlength=self.num_classes).tolist()

    def setup(self, stage: str | None = None) -> None:
        """Find and decode everything, once.

        Raises:
            DataError: A folder is missing, empty or holds what is no picture.
        """
        if self.splits:
            return
        if self.folders["train"] is None:
            raise DataError("name a folder that holds a folder for each class", where="data.train")
        self.classes = class_folders(self._folder("train"), "data.train")
        self.files = {
            name: pictures(self._folder(name), self.classes, f"data.{name}")
            for name, folder in self.folders.items()
            if folder is not None
        }
        parts = self._split()
        decoded = {name: decode(paths, self.image_size, f"data.{name}") for name, (paths, _) in parts.items()}
        statistics = self._statistics(decoded["train"])
        self.splits = {
            name: Pictures(decoded[name], torch.tensor(labels), statistics) for name, (_, labels) in parts.items()
        }

    def on_after_batch_transfer(self, batch: Any, dataloader_idx: int) -> Any:
        """Augment a batch that is trained on, on its device."""
        training = self.trainer is not None and self.trainer.training
        return self.augment(batch, self.num_classes) if training and self.augment is not None else batch

    def train_dataloader(self) -> DataLoader[Split]:
        """Shuffled batches."""
        return self._loader("train", shuffle=True)

    def val_dataloader(self) -> DataLoader[Split]:
        """The validation split in order."""
        return self._loader("val", shuffle=False)

    def test_dataloader(self) -> DataLoader[Split]:
        """The test split in order."""
        return self._loader("test", shuffle=False)

    def predict_dataloader(self) -> DataLoader[Split]:
        """The test split in order."""
        return self.test_dataloader()

    def example(self, split: str, row: int) -> Tensor:
        """One picture of a split, of shape (3, size, size)."""
        return self.splits[split].images[row]

    def content_digest(self) -> dict[str, str]:
        """SHA-256 of each folder's pictures."""
        self.setup()
        return folder_digest({str(self.folders[name]): paths for name, (paths, _) in self.files.items()})

    def _folder(self, name: str) -> Path:
        return Path(str(self.folders[name])).expanduser()

    def _split(self) -> dict[str, tuple[list[Path], list[int]]]:
        """Cut from train what is not given, and the share of it that is to be used."""
        absent = [name for name in ("val", "test") if name not in self.files]
        paths, labels = self.files["train"]
        cut = [self.fractions[name] for name in absent]
        rest = 1 - sum(cut)
        wanted = [rest * self.train_fraction, *cut, rest * (1 - self.train_fraction)]
        parts = stratified_parts(torch.tensor(labels), wanted, self.split_seed)
        found = {name: files for name, files in self.files.items() if name != "train"}
        for name, part in zip(("train", *absent), parts, strict=False):
            found[name] = [paths[one] for one in part], [labels[one] for one in part]
            if not len(part):
                raise DataError(f"train has too few pictures to cut {name} from", where=f"data.{name}")
        return found

    def _statistics(self, images: Tensor) -> Statistics:
        if self.pretrained is not None:
            known = pretrained_statistics(self.pretrained)
            if known is not None:
                return known
        return Statistics.of(images)

    def _loader(self, name: str, *, shuffle: bool) -> DataLoader[Split]:
        # A split that is judged changes no weights, so its batches may be as large as is quick.
        size = self.batch_size if shuffle else max(self.batch_size, 128)
        split = self.splits[name]
        return DataLoader(split, batch_size=size, shuffle=shuffle, num_workers=self.num_workers, collate_fn=_as_it_is)


class Pictures(Dataset[Split]):
    """Decoded pictures, from which a whole batch is taken and standardised at once.

    Args:
        images: Shape (pictures, 3, size, size), uint8.
        labels: Shape (pictures,), int64.
        statistics: Mean and deviation by channel.
    """

    def __init__(self, images: Tensor, labels: Tensor, statistics: Statistics) -> None:
        self.images, self.labels, self.statistics = images, labels, statistics

    def __len__(self) -> int:
        return len(self.images)

    def __getitem__(self, index: int) -> Split:
        images, labels = self.__getitems__([index])
        return images[0], labels[0]

    def __getitems__(self, indices: Sequence[int]) -> Split:
        chosen = torch.as_tensor(indices)
        return self.statistics.standardise(self.images[chosen]), self.labels[chosen]


def _as_it_is(batch: Any) -> Any:
    return batch
