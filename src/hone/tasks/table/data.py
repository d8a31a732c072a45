"""Rows of a table, and the column to predict."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from typing import Any, Literal

import pytorch_lightning as pl
import torch
from torch import Tensor
from torch.utils.data import DataLoader, Dataset

from hone.errors import DataError, did_you_mean
from hone.tasks.checks import at_least, shares
from hone.tasks.splits import stratified_parts
from hone.tasks.table.columns import Columns
from hone.tasks.table.files import read_table, table_path

Batch = tuple[dict[str, Tensor], Tensor]


class TableData(pl.LightningDataModule):
    """Rows with ``numbers`` and ``categories``, and a class number or a number to predict.

    Args:
        train: A CSV, TSV or Parquet file, or ``package://PACKAGE/PATH`` for one that a package brings.
        val: Likewise; null for a share of train.
        test: Likewise; null for a share of train.
        target: The column to predict.
        task: ``classification`` or ``regression``.
        ignore: Columns to leave out.
        categorical: Columns to take for categories; null for those that hold anything but numbers.
        column_names: All columns in order, for files without a header.
        drop_missing_target: Leave out rows without a target; else they are refused.
        val_fraction: Share of train to validate on where ``val`` is null, in (0, 1); stratified by class.
        test_fraction: Share of train to test on where ``test`` is null, in (0, 1).
        split_seed: Decides which row is in which split.
        batch_size: Rows in a batch.
        num_workers: Processes that load batches; the rows lie in memory, so 0 is fastest.

    Raises:
        DataError: A number is out of its range.
    """

    def __init__(
        self,
        train: str | None = None,
        val: str | None = None,
        test: str | None = None,
        target: str | None = None,
        task: Literal["classification", "regression"] = "classification",
        ignore: Sequence[str] = (),
        categorical: Sequence[str] | None = None,
        column_names: Sequence[str] | None = None,
        drop_missing_target: bool = False,
        val_fraction: float = 0.2,
        test_fraction: float = 0.2,
        split_seed: int = 0,
        batch_size: int = 32,
        num_workers: int = 0,
    ) -> None:
        super().__init__()
        at_least(1, batch_size=batch_size)
        shares(val_fraction=val_fraction, test_fraction=test_fraction)
        self.files = {"train": train, "val": val, "test": test}
        self.target, self.task = target, task
        self.ignore, self.categorical, self.column_names = list(ignore), categorical, column_names
        self.drop_missing_target = drop_missing_target
        self.fractions = {"val": val_fraction, "test": test_fraction}
        self.split_seed = split_seed
        self.batch_size = batch_size
        self.num_workers = num_workers
        self.splits: dict[str, Rows] = {}
        self.tables: dict[str, Any] = {}

    @property
    def num_classes(self) -> int:
        """How many classes the training split has."""
        return len(self.classes)

    @property
    def class_counts(self) -> list[int]:
        """How often each class is in the training split."""
        return torch.bincount(self.splits["train"].targets, minlength=self.num_classes).tolist()

    @property
    def num_numbers(self) -> int:
        """Numbers of a row."""
        return self.columns.width

    @property
    def cardinalities(self) -> list[int]:
        """Categories of each categorical column."""
        return self.columns.cardinalities

    @property
    def target_mean(self) -> float:
        """Of the numbers to predict, over the training split."""
        return float(self.splits["train"].targets.mean())

    @property
    def target_deviation(self) -> float:
        """Of the numbers to predict, over the training split."""
        return float(self.splits["train"].targets.std(correction=0)) or 1.0

    def setup(self, stage: str | None = None) -> None:
        """Read, split and encode everything, once.

        Raises:
            DataError: A file or column is missing or wrong.
        """
        if self.splits:
            return
        if self.files["train"] is None:
            raise DataError("name a CSV or Parquet file", where="data.train")
        tables = self._split({name: self._read(name) for name, file in self.files.items() if file is not None})
        features = {name: table.drop(columns=[self.target, *self.ignore]) for name, table in tables.items()}
        self.columns = Columns(features["train"], self.categorical)
        if self.task == "classification":
            self.classes = sorted(tables["train"][self.target].unique().tolist(), key=lambda one: (str(type(one)), one))
        self.tables = tables
        for name, table in tables.items():
            inputs = {
                "numbers": self.columns.numbers(features[name]),
                "categories": self.columns.categories(features[name]),
            }
            self.splits[name] = Rows(inputs, self._targets(table, name))

    def train_dataloader(self) -> DataLoader[Batch]:
        """Shuffled batches."""
        return self._loader("train", shuffle=True)

    def val_dataloader(self) -> DataLoader[Batch]:
        """The validation split in order."""
        return self._loader("val", shuffle=False)

    def test_dataloader(self) -> DataLoader[Batch]:
        """The test split in order."""
        return self._loader("test", shuffle=False)

    def predict_dataloader(self) -> DataLoader[Batch]:
        """The test split in order."""
        return self.test_dataloader()

    def fields(self, split: str) -> dict[str, list[Any]]:
        """Every column of a split by name, the ignored ones too: what an evaluation can be cut by."""
        return {name: column.tolist() for name, column in self.tables[split].items()}

    def content_digest(self) -> dict[str, str]:
        """SHA-256 of each file."""
        named = {name: file for name, file in self.files.items() if file is not None}
        paths = {file: table_path(file, f"data.{name}") for name, file in named.items()}
        return {file: hashlib.sha256(path.read_bytes()).hexdigest() for file, path in paths.items()}

    def _read(self, name: str) -> Any:
        key = f"data.{name}"
        table = read_table(table_path(str(self.files[name]), key), self.column_names, key)
        names = list(table.columns)
        if self.target is None:
            raise DataError(f"name the column to predict. There are: {', '.join(names)}.", where="data.target")
        for column, where in ((self.target, "target"), *((one, "ignore") for one in self.ignore)):
            if column not in names:
                near = did_you_mean(column, names)
                raise DataError(f"no column {column!r}.{near} There are: {', '.join(names)}.", where=f"data.{where}")
        missing = table[self.target].isna()
        if missing.any() and not self.drop_missing_target:
            raise DataError(
                f"{missing.sum()} rows of {name} have none; data.drop_missing_target=true leaves them out",
                "data.target",
            )
        return table[~missing].reset_index(drop=True)

    def _split(self, tables: dict[str, Any]) -> dict[str, Any]:
        """Cut from train what is not given."""
        absent = [name for name in ("val", "test") if name not in tables]
        train = tables["train"]
        codes = train[self.target].astype("category").cat.codes.to_numpy(copy=True)
        labels = torch.from_numpy(codes).long() if self.task == "classification" else torch.zeros(len(train)).long()
        cut = [self.fractions[name] for name in absent]
        parts = stratified_parts(labels, [1 - sum(cut), *cut], self.split_seed)
        found = {"train": train.iloc[parts[0].numpy()], **{one: tables[one] for one in tables if one != "train"}}
        for name, part in zip(absent, parts[1:], strict=True):
            found[name] = train.iloc[part.numpy()]
        for name, table in found.items():
            if len(table) == 0:
                raise DataError(f"train has too few rows to cut {name} from", where=f"data.{name}")
        return found

    def _targets(self, table: Any, split: str) -> Tensor:
        column = table[self.target]
        if self.task == "regression":
            if column.dtype.kind not in "iuf":
                raise DataError(f"{self.target!r} holds no numbers", where="data.target")
            return torch.tensor(column.to_numpy("float32", copy=True))
        if len(self.classes) < 2:
            raise DataError(f"train has one class only: {self.classes[0]!r}", where="data.target")
        numbers = {value: number for number, value in enumerate(self.classes)}
        strange = next((one for one in column.tolist() if one not in numbers), None)
        if strange is not None:
            known = ", ".join(map(repr, self.classes))
            raise DataError(f"{strange!r} of {split} is none of {known}", where=f"data.{split}")
        return torch.tensor([numbers[one] for one in column.tolist()])

    def _loader(self, name: str, *, shuffle: bool) -> DataLoader[Batch]:
        # A split that is judged changes no weights, so its batches may be as large as is quick.
        size = self.batch_size if shuffle else max(self.batch_size, 1024)
        rows = self.splits[name]
        return DataLoader(rows, batch_size=size, shuffle=shuffle, num_workers=self.num_workers, collate_fn=_as_it_is)


class Rows(Dataset[Batch]):
    """Rows in memory, from which a whole batch is taken at once.

    Args:
        inputs: Tensors by name, each with a row for each row.
        targets: What is to be predicted.
    """

    def __init__(self, inputs: dict[str, Tensor], targets: Tensor) -> None:
        self.inputs, self.targets = inputs, targets

    def __len__(self) -> int:
        return len(self.targets)

    def __getitem__(self, index: int) -> Batch:
        inputs, targets = self.__getitems__([index])
        return {name: one[0] for name, one in inputs.items()}, targets[0]

    def __getitems__(self, indices: Sequence[int]) -> Batch:
        chosen = torch.as_tensor(indices)
        return {name: one[chosen] for name, one in self.inputs.items()}, self.targets[chosen]


def _as_it_is(batch: Any) -> Any:
    return batch
