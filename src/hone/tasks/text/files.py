"""Texts and labels from CSV, TSV, JSONL and Parquet files, folders and the hub, through ``datasets``."""

from __future__ import annotations

import csv
import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from hone.errors import DataError, did_you_mean

FORMATS = {".csv": "csv", ".tsv": "csv", ".txt": "csv", ".jsonl": "json", ".json": "json", ".parquet": "parquet"}
TABLES = (".csv", ".tsv", ".txt")
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
            raise DataError(_no_column(column, source, columns, table.column_names), where=f"data.{key}")
    if len(table) == 0:
        raise DataError(f"{source.path} is empty: it holds no rows", where=source.key)
    rows = table.select_columns([columns.text, columns.label])
    texts, labels = rows[columns.text][:], rows[columns.label][:]
    missing = next((row for row, one in enumerate(texts) if one is None or labels[row] is None), None)
    if missing is not None:
        raise DataError(f"row {missing + 1} of {source.path} lacks its text or label", where=source.key)
    return [str(one) for one in texts], labels


def read_fields(source: Source, columns: Columns) -> dict[str, list[Any]]:
    """Read the columns of one split beside its texts.

    Args:
        source: Where from.
        columns: Which column the texts are.

    Returns:
        Values by column, row by row.

    Raises:
        DataError: It is missing, empty or unreadable.
    """
    table = _read_file(source, columns) if source.split is None else _read_named(source)
    return {name: table[name][:] for name in table.column_names if name != columns.text}


def rows_digest(rows: Rows) -> str:
    """SHA-256 of texts and labels, for data that is in no single file."""
    digest = hashlib.sha256()
    for row in zip(*rows, strict=True):
        digest.update(repr(row).encode())
    return digest.hexdigest()


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
        raise DataError(f"{path} cannot be read: {_reason(error)}", where=source.key) from error


def _reason(error: Exception) -> str:
    return " ".join(str(error.__cause__ or error).split())[:200] or type(error).__name__


def _no_column(column: str, source: Source, columns: Columns, found: Sequence[str]) -> str:
    headless = source.split is None and columns.names is None and Path(source.path).suffix.lower() in TABLES
    hint = " A file without a header needs data.column_names." if headless else ""
    return f"no column {column!r} in {source.path}.{did_you_mean(column, found)} There are: {', '.join(found)}.{hint}"


def _csv_options(path: Path, columns: Columns) -> dict[str, Any]:
    tabbed = path.suffix.lower() in (".tsv", ".txt")
    delimiter = columns.delimiter or ("\t" if tabbed else ",")
    options: dict[str, Any] = {"delimiter": delimiter, "keep_default_na": False}
    if delimiter == "\t":
        # A quotation mark in tab-separated text is a mark like any other.
        options["quoting"] = csv.QUOTE_NONE
    if columns.names is not None:
        options["column_names"] = list(columns.names)
        _check_width(path, columns.names, options)
    return options


def _check_width(path: Path, names: Sequence[str], options: Mapping[str, Any]) -> None:
    """Refuse names that are not as many as the columns: pandas would take those at the left for an index."""
    with path.open(newline="", encoding="utf-8") as file:
        rows = csv.reader(file, delimiter=options["delimiter"], quoting=options.get("quoting", csv.QUOTE_MINIMAL))
        width = len(next(rows, names))
    if width != len(names):
        raise DataError(f"names {len(names)} columns, and {path.name} has {width}", where="data.column_names")


def _read_named(source: Source) -> Any:
    library = _library()
    folder = Path(source.path).expanduser()
    saved = any((folder / one).is_file() for one in ("dataset_dict.json", "state.json"))
    try:
        if not saved:
            return library.load_dataset(source.path, source.subset, split=source.split)
        table = library.load_from_disk(str(folder))
    except Exception as error:
        raise DataError(f"{source.path!r} cannot be read: {_reason(error)}", where=source.key) from error
    if not isinstance(table, dict):
        table = {"train": table}
    if source.split not in table:
        near = did_you_mean(str(source.split), table)
        raise DataError(f"no split {source.split!r} in {source.path}.{near} There are: {', '.join(table)}.", source.key)
    return table[source.split]
