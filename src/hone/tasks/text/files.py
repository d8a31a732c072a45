"""Texts and labels from CSV, TSV, JSONL and Parquet files, folders and the hub, through ``datasets``."""

from __future__ import annotations

import csv
import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from hone.errors import DataError, did_you_mean

FORMATS = {".csv": "csv", ".tsv": "csv", ".txt": "csv", ".jsonl": "json", ".json": "json", ".parquet": "parquet"}
Rows = tuple[list[str], list[Any]]


@dataclass(frozen=True)
class Source:
    """Where the rows of one split come from.

    Attributes:
        path: A file, a folder that ``Dataset.save_to_disk`` wrote, or a hub data set's name.
        split: The split inside a folder or hub data set; None for a file.
        subset: Configuration of a hub data set.
        key: The config key that named it, for messages.
    """

    path: str
    key: str
    split: str | None = None
    subset: str | None = None


@dataclass(frozen=True)
class Columns:
    """Which columns to read.

    Attributes:
        text: The text's.
        label: The label's.
        names: All columns in order, for files without a header.
        delimiter: Between columns; None for a tab in ``.tsv`` and a comma elsewhere.
    """

    text: str
    label: str
    names: Sequence[str] | None = None
    delimiter: str | None = None


def read_rows(source: Source, columns: Columns) -> Rows:
    """Read one split.

    Args:
        source: Where from.
        columns: Which columns.

    Returns:
        Texts and raw labels, row by row.

    Raises:
        DataError: It is missing, empty, unreadable, or a column does not exist.
    """
    table = _read_file(source, columns) if source.split is None else _read_named(source)
    for column, key in ((columns.text, "text_column"), (columns.label, "label_column")):
        if column not in table.column_names:
            shown = ", ".join(table.column_names)
            near = did_you_mean(column, table.column_names)
            raise DataError(f"no column {column!r} in {source.path}.{near} There are: {shown}.", where=f"data.{key}")
    if len(table) == 0:
        raise DataError(f"{source.path} is empty: it holds no rows", where=source.key)
    rows = table.select_columns([columns.text, columns.label])
    texts, labels = rows[columns.text][:], rows[columns.label][:]
    missing = next((row for row, one in enumerate(texts) if one is None or labels[row] is None), None)
    if missing is not None:
        raise DataError(f"row {missing + 1} of {source.path} lacks its text or label", where=source.key)
    return [str(one) for one in texts], labels


def file_digest(path: Path) -> str:
    """SHA-256 of a file."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _library() -> Any:
    try:
        import datasets
    except ImportError:
        raise DataError("needs the datasets package: pip install 'hone-ml[text]'", where="data") from None
    datasets.disable_progress_bars()
    datasets.logging.set_verbosity_error()
    return datasets


def _read_file(source: Source, columns: Columns) -> Any:
    path = Path(source.path).expanduser()
    if not path.is_file():
        beside = [one.name for one in path.parent.glob("*")] if path.parent.is_dir() else []
        raise DataError(f"no such file: {path}.{did_you_mean(path.name, beside)}", where=source.key)
    kind = FORMATS.get(path.suffix.lower())
    if kind is None:
        raise DataError(f"{path.name} is none of {', '.join(sorted(FORMATS))}", where=source.key)
    if path.stat().st_size == 0:
        raise DataError(f"{path} is empty: it holds no rows", where=source.key)
    options = _csv_options(path, columns) if kind == "csv" else {}
    library = _library()
    try:
        return library.load_dataset(kind, data_files=str(path.resolve()), split="train", **options)
    except Exception as error:
        if "corresponds to no data" in str(error):
            raise DataError(f"{path} is empty: it holds no rows", where=source.key) from error
        reason = " ".join(str(error.__cause__ or error).split())[:200]
        raise DataError(f"{path} cannot be read: {reason}", where=source.key) from error


def _csv_options(path: Path, columns: Columns) -> dict[str, Any]:
    tabbed = path.suffix.lower() in (".tsv", ".txt")
    delimiter = columns.delimiter or ("\t" if tabbed else ",")
    options: dict[str, Any] = {"delimiter": delimiter, "keep_default_na": False}
    if delimiter == "\t":
        # A quotation mark in tab-separated text is a mark like any other.
        options["quoting"] = csv.QUOTE_NONE
    if columns.names is not None:
        options["column_names"] = list(columns.names)
    return options


def _read_named(source: Source) -> Any:
    library = _library()
    folder = Path(source.path).expanduser()
    try:
        if (folder / "dataset_dict.json").is_file():
            return library.load_from_disk(str(folder))[source.split]
        return library.load_dataset(source.path, source.subset, split=source.split)
    except Exception as error:
        reason = " ".join(str(error.__cause__ or error).split())[:200]
        raise DataError(f"{source.path!r} cannot be read: {reason}", where=source.key) from error
