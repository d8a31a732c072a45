"""Text classification data from files, folders or the hub."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import pytorch_lightning as pl
import torch
from torch.utils.data import DataLoader

from hone.errors import DataError
from hone.tasks.splits import stratified_parts
from hone.tasks.text.batches import Batch, EncodedTexts, LengthGroupedSampler
from hone.tasks.text.files import Columns, Rows, Source, file_digest, read_fields, read_rows, rows_digest
from hone.tasks.text.labels import class_numbers, classes_of
from hone.tasks.text.vocabulary import Encoder, PretrainedTokenizer, Vocabulary

SPLITS = ("train", "val", "test")


class TextData(pl.LightningDataModule):
    """Texts with one label each, encoded once and padded batch by batch.

    Args:
        train: A CSV, TSV, JSONL or Parquet file; or, where ``dataset`` is given, the name of a split.
        val: Likewise; null for a stratified share of train.
        test: Likewise; null for a stratified share of train.
        dataset: A hub data set, or a folder that its ``save_to_disk`` wrote, instead of files.
        subset: Configuration of a hub data set.
        text_column: The text's column.
        label_column: The label's column.
        column_names: All columns in order, for files without a header.
        delimiter: Between columns of a CSV file; null for a tab in ``.tsv`` and a comma elsewhere.
        label_map: Label in the data to class number; null for the labels of train in order.
        val_fraction: Share of train to validate on where ``val`` is null, in (0, 1).
        test_fraction: Share of train to test on where ``test`` is null, in (0, 1).
        train_fraction: Share of the training split to use, stratified, in (0, 1].
        split_seed: Decides which row is in which split.
        tokenizer: Hub name or folder of a pretrained tokenizer; null for a vocabulary built on train.
        lowercase: The vocabulary takes no account of case.
        min_count: A rarer word is unknown to the vocabulary.
        max_vocabulary: The most words in the vocabulary.
        max_length: Tokens beyond are cut off.
        batch_size: Texts in a batch.
        num_workers: Processes that load batches; the texts lie in memory, so 0 is fastest.

    Raises:
        DataError: A number is out of its range.
    """

    def __init__(
        self,
        train: str | None = None,
        val: str | None = None,
        test: str | None = None,
        dataset: str | None = None,
        subset: str | None = None,
        text_column: str = "text",
        label_column: str = "label",
        column_names: Sequence[str] | None = None,
        delimiter: str | None = None,
        label_map: Mapping[Any, int] | None = None,
        val_fraction: float = 0.1,
        test_fraction: float = 0.1,
        train_fraction: float = 1.0,
        split_seed: int = 0,
        tokenizer: str | None = None,
        lowercase: bool = True,
        min_count: int = 2,
        max_vocabulary: int = 30_000,
        max_length: int = 128,
        batch_size: int = 32,
        num_workers: int = 0,
    ) -> None:
        super().__init__()
        for name, number in (("batch_size", batch_size), ("max_length", max_length)):
            if number < 1:
                raise DataError(f"must be at least 1, not {number}", where=f"data.{name}")
        for name, share in (("val_fraction", val_fraction), ("test_fraction", test_fraction)):
            if not 0 < share < 1 or val_fraction + test_fraction >= 1:
                raise DataError(f"must leave something to train on, not {share}", where=f"data.{name}")
        if not 0 < train_fraction <= 1:
            raise DataError(f"must be in (0, 1], not {train_fraction}", where="data.train_fraction")
        self.given = {"train": train, "val": val, "test": test}
        self.dataset, self.subset = dataset, subset
        self.columns = Columns(text_column, label_column, column_names, delimiter)
        self.label_map = dict(label_map) if label_map is not None else None
        self.fractions = {"val": val_fraction, "test": test_fraction}
        self.train_fraction = train_fraction
        self.split_seed = split_seed
        self.tokenizer = tokenizer
        self.vocabulary_options = {"min_count": min_count, "max_size": max_vocabulary, "lowercase": lowercase}
        self.max_length = max_length
        self.batch_size = batch_size
        self.num_workers = num_workers
        self.splits: dict[str, EncodedTexts] = {}
        self.texts: dict[str, Sequence[str]] = {}
        self.digests: dict[str, str] = {}
        # Rows of train that each split is made of, for those that are cut from it.
        self.cut: dict[str, list[int]] = {}

    @property
    def num_classes(self) -> int:
        """How many classes the training split has."""
        return len(set(self.classes.values()))

    @property
    def class_names(self) -> list[str]:
        """The label of each class, as the data has it."""
        names: dict[int, str] = {}
        for label, number in self.classes.items():
            names.setdefault(number, str(label))
        return [names[number] for number in sorted(names)]

    @property
    def vocab_size(self) -> int:
        """How many different token ids there are."""
        return self.encoder.size

    @property
    def pad_id(self) -> int:
        """The token id that shorter texts are filled with."""
        return self.encoder.pad_id

    @property
    def token_ids(self) -> dict[str, int]:
        """Size of the vocabulary and the padding, by the names that configs of transformers' have for them."""
        return {"vocab_size": self.vocab_size, **self.encoder.special_ids}

    @property
    def class_counts(self) -> list[int]:
        """How often each class is in the training split."""
        return torch.bincount(self.splits["train"].labels, minlength=self.num_classes).tolist()

    def setup(self, stage: str | None = None) -> None:
        """Read, split and encode everything, once.

        Raises:
            DataError: A file, column, label or tokenizer is missing or wrong.
        """
        if self.splits:
            return
        read = self._read()
        self.digests = {name: rows_digest(part) for name, part in read.items()} if self.dataset else {}
        self.classes = classes_of(read["train"][1], self.label_map)
        rows = self._split(read)
        rows["train"] = self._fraction(rows["train"])
        self.encoder = self._encoder(rows["train"][0])
        self.splits = {name: self._encode(name, part) for name, part in rows.items()}
        # What is judged can be shown again; of what is trained on nobody asks for single rows.
        self.texts = {name: rows[name][0] for name in ("val", "test")}

    def train_dataloader(self) -> DataLoader[Batch]:
        """Shuffled batches of texts of like length."""
        split = self.splits["train"]
        return self._loader(split, self.batch_size, LengthGroupedSampler(split.lengths, self.batch_size))

    def val_dataloader(self) -> DataLoader[Batch]:
        """The validation split, longest texts first."""
        return self._judged("val")

    def test_dataloader(self) -> DataLoader[Batch]:
        """The test split, longest texts first."""
        return self._judged("test")

    def predict_dataloader(self) -> DataLoader[Batch]:
        """The test split in the order of its file."""
        return self._loader(self.splits["test"], self.batch_size, None)

    def example(self, split: str, row: int) -> str:
        """One text of the validation or the test split."""
        return self.texts[split][row]

    def fields(self, split: str) -> dict[str, list[Any]]:
        """Every column of a split beside its texts, by name: what an evaluation can be cut by."""
        named = split if self._is_given(split) else "train"
        columns = read_fields(self._source(named), self.columns)
        rows = self.cut.get(split)
        return columns if rows is None else {name: [one[row] for row in rows] for name, one in columns.items()}

    def content_digest(self) -> dict[str, str]:
        """SHA-256 of each file that the texts come from; of texts and labels, by split, where they are in none."""
        if self.dataset is None:
            return {one: file_digest(Path(one).expanduser()) for one in self.given.values() if one is not None}
        self.setup()
        return dict(self.digests)

    def _read(self) -> dict[str, Rows]:
        if self.given["train"] is None and self.dataset is None:
            raise DataError("name a file here, or a hub data set by data.dataset", where="data.train")
        return {name: read_rows(self._source(name), self.columns) for name in SPLITS if self._is_given(name)}

    def _is_given(self, name: str) -> bool:
        return self.given[name] is not None or (name == "train" and self.dataset is not None)

    def _source(self, name: str) -> Source:
        key = f"data.{name}"
        if self.dataset is None:
            return Source(str(self.given[name]), key)
        return Source(self.dataset, "data.dataset", self.given[name] or name, self.subset)

    def _split(self, rows: dict[str, Rows]) -> dict[str, Rows]:
        """Cut from train what is not given."""
        absent = [name for name in ("val", "test") if name not in rows]
        if not absent:
            return rows
        shares = [self.fractions[name] for name in absent]
        parts = stratified_parts(_codes(rows["train"][1]), [1 - sum(shares), *shares], self.split_seed)
        for name, part in zip(absent, parts[1:], strict=True):
            rows[name] = _chosen(rows["train"], part)
            self.cut[name] = part.tolist()
            if not rows[name][0]:
                raise DataError(f"train has too few rows to cut {name} from", where=f"data.{name}")
        rows["train"] = _chosen(rows["train"], parts[0])
        self.cut["train"] = parts[0].tolist()
        return rows

    def _fraction(self, rows: Rows) -> Rows:
        if self.train_fraction == 1:
            return rows
        shares = [self.train_fraction, 1 - self.train_fraction]
        part = stratified_parts(_codes(rows[1]), shares, self.split_seed)[0]
        chosen = _chosen(rows, part)
        before = self.cut.get("train", range(len(rows[0])))
        self.cut["train"] = [before[one] for one in part.tolist()]
        if not chosen[0]:
            raise DataError(f"{self.train_fraction} of {len(rows[0])} rows is none", where="data.train_fraction")
        return chosen

    def _encoder(self, texts: Sequence[str]) -> Encoder:
        if self.tokenizer is not None:
            return PretrainedTokenizer(self.tokenizer)
        return Vocabulary(texts, **self.vocabulary_options)  # type: ignore[arg-type]

    def _encode(self, name: str, rows: Rows) -> EncodedTexts:
        texts, labels = rows
        numbers = class_numbers(labels, self.classes, name, self._label_key(name))
        return EncodedTexts(self.encoder.encode(texts, self.max_length), numbers, self.encoder.pad_id)

    def _label_key(self, name: str) -> str:
        if self.label_map is not None:
            return "data.label_map"
        return f"data.{name}" if self.given[name] is not None else "data.label_column"

    def _judged(self, name: str) -> DataLoader[Batch]:
        split = self.splits[name]
        longest_first = torch.tensor(split.lengths).argsort(descending=True, stable=True).tolist()
        # A split that is judged changes no weights, so its batches may be as large as is quick.
        return self._loader(split, max(self.batch_size, 64), longest_first)

    def _loader(self, split: EncodedTexts, size: int, sampler: Any) -> DataLoader[Batch]:
        return DataLoader(split, batch_size=size, sampler=sampler, num_workers=self.num_workers, collate_fn=_as_it_is)


def _as_it_is(batch: Any) -> Any:
    return batch


def _codes(labels: Sequence[Any]) -> torch.Tensor:
    numbers = {label: number for number, label in enumerate(sorted(set(labels), key=str))}
    return torch.tensor([numbers[one] for one in labels])


def _chosen(rows: Rows, part: torch.Tensor) -> Rows:
    texts, labels = rows
    indices = part.tolist()
    return [texts[one] for one in indices], [labels[one] for one in indices]
