"""Recordings with one label each."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytorch_lightning as pl
import torch
from torch import Tensor
from torch.utils.data import DataLoader, Dataset

from hone.errors import DataError
from hone.tasks.augmentation.audio import AudioAugmentation
from hone.tasks.checks import at_least, share, shares
from hone.tasks.speech.recordings import Recording, find_recordings, read_recordings
from hone.tasks.splits import stratified_parts

Split = tuple[Tensor, Tensor]
LOUDEST = 32768.0


class SpeechData(pl.LightningDataModule):
    """Waveforms of shape (batch, samples), float32 in [-1, 1], and class numbers of shape (batch,).

    Args:
        folder: Where the recordings lie.
        pattern: Regular expression with a group ``label``, found in each path below the folder.
        test_pattern: Regular expression found in the paths of the test split alone; null for a stratified share.
        sample_rate: Samples a second; recordings of another rate are resampled.
        max_seconds: Length of each: shorter ones are followed by silence, longer ones cut.
        augment: Changes training batches; null leaves them as they are.
        val_fraction: Share of what is not test to validate on, in (0, 1).
        test_fraction: Share of all to test on where ``test_pattern`` is null, in (0, 1).
        train_fraction: Share of the training split to use, stratified, in (0, 1].
        split_seed: Decides which recording is in which split.
        batch_size: Recordings in a batch.
        num_workers: Processes that load batches; the recordings lie in memory, so 0 is fastest.

    Raises:
        DataError: A number is out of its range.
    """

    def __init__(
        self,
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
        super().__init__()
        at_least(1, batch_size=batch_size, sample_rate=sample_rate)
        shares(val_fraction=val_fraction, test_fraction=test_fraction)
        share(train_fraction=train_fraction)
        if max_seconds <= 0:
            raise DataError(f"must be above 0, not {max_seconds}", where="data.max_seconds")
        self.folder, self.pattern, self.test_pattern = folder, pattern, test_pattern
        self.sample_rate = sample_rate
        self.num_samples = round(max_seconds * sample_rate)
        self.augment = augment
        self.val_fraction, self.test_fraction, self.train_fraction = val_fraction, test_fraction, train_fraction
        self.split_seed = split_seed
        self.batch_size = batch_size
        self.num_workers = num_workers
        self.splits: dict[str, Waveforms] = {}
        self.chosen: dict[str, list[Recording]] = {}

    @property
    def num_classes(self) -> int:
        """How many labels there are."""
        return len(self.classes)

    @property
    def class_names(self) -> list[str]:
        """The labels."""
        return self.classes

    @property
    def input_shape(self) -> tuple[int, ...]:
        """Samples of a recording."""
        return (self.num_samples,)

    @property
    def rate(self) -> int:
        """Samples a second."""
        return self.sample_rate

    @property
    def class_counts(self) -> list[int]:
        """How often each class is in the training split."""
        return torch.bincount(self.splits["train"].labels, minlength=self.num_classes).tolist()

    def setup(self, stage: str | None = None) -> None:
        """Find and read everything, once.

        Raises:
            DataError: The folder or a recording is missing or wrong.
        """
        if self.splits:
            return
        self.recordings = find_recordings(self.folder, self.pattern, self.test_pattern)
        self.classes = sorted({one.label for one in self.recordings})
        if len(self.classes) < 2:
            raise DataError(f"all recordings have the label {self.classes[0]!r}", where="data.pattern")
        numbers = {label: number for number, label in enumerate(self.classes)}
        codes = torch.tensor([numbers[one.label] for one in self.recordings])
        for name, part in self._parts(codes).items():
            if not len(part):
                raise DataError(f"no recording is left for {name}", where="data.folder")
            chosen = self.chosen[name] = [self.recordings[one] for one in part.tolist()]
            waveforms = read_recordings([one.path for one in chosen], self.sample_rate, self.num_samples)
            self.splits[name] = Waveforms(waveforms, self.targets(chosen, codes[part]))

    def targets(self, recordings: Sequence[Recording], codes: Tensor) -> Tensor:
        """What is to be learned of recordings: their class numbers."""
        return codes

    def on_after_batch_transfer(self, batch: Any, dataloader_idx: int) -> Any:
        """Augment a batch that is trained on, on its device."""
        training = self.trainer is not None and self.trainer.training
        return (self.augment(batch[0]), batch[1]) if training and self.augment is not None else batch

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

    def example(self, split: str, row: int) -> str:
        """The file of one recording of a split, which can be listened to."""
        return str(self.chosen[split][row].path)

    def content_digest(self) -> dict[str, str]:
        """SHA-256 over names and contents of the recordings."""
        digest = hashlib.sha256()
        for one in find_recordings(self.folder, self.pattern, self.test_pattern):
            digest.update(one.path.name.encode())
            digest.update(Path(one.path).read_bytes())
        return {str(self.folder): digest.hexdigest()}

    def _parts(self, codes: Tensor) -> dict[str, Tensor]:
        tested = torch.tensor([one.is_test for one in self.recordings])
        shares = [1.0, 0.0] if self.test_pattern else [1 - self.test_fraction, self.test_fraction]
        rest = torch.nonzero(~tested).flatten()
        used = (1 - self.val_fraction) * self.train_fraction
        wanted = [used * shares[0], self.val_fraction * shares[0], shares[1]]
        cut = stratified_parts(codes[rest], [*wanted, 1 - sum(wanted)], self.split_seed)
        train, val, test = (rest[part] for part in cut[:3])
        return {"train": train, "val": val, "test": torch.nonzero(tested).flatten() if self.test_pattern else test}

    def _loader(self, name: str, *, shuffle: bool) -> DataLoader[Split]:
        # A split that is judged changes no weights, so its batches may be as large as is quick.
        size = self.batch_size if shuffle else max(self.batch_size, 64)
        split = self.splits[name]
        return DataLoader(split, batch_size=size, shuffle=shuffle, num_workers=self.num_workers, collate_fn=_as_it_is)


class Waveforms(Dataset[Split]):
    """Recordings in memory, from which a whole batch is taken at once.

    Args:
        waveforms: Shape (recordings, samples), int16.
        labels: A row for each recording.
    """

    def __init__(self, waveforms: Tensor, labels: Tensor) -> None:
        self.waveforms, self.labels = waveforms, labels

    def __len__(self) -> int:
        return len(self.waveforms)

    def __getitem__(self, index: int) -> Split:
        waveforms, labels = self.__getitems__([index])
        return waveforms[0], labels[0]

    def __getitems__(self, indices: Sequence[int]) -> Split:
        chosen = torch.as_tensor(indices)
        return self.waveforms[chosen].float() / LOUDEST, self.labels[chosen]


def _as_it_is(batch: Any) -> Any:
    return batch
