"""Tables from CSV and Parquet files."""

from __future__ import annotations

from collections.abc import Sequence
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from hone.errors import DataError, did_you_mean
from hone.tasks.extras import import_extra

SEPARATORS = {".csv": ",", ".tsv": "\t"}
FORMATS = (*SEPARATORS, ".parquet")
PACKAGE = "package://"


def table_path(name: str, key: str) -> Path:
    """Find a table's file.

    Args:
        name: A path, or ``package://PACKAGE/PATH`` for a file that an installed package brings.
        key: The config key that holds it, for messages.

    Raises:
        DataError: There is no such file, or no such package.
    """
    path = _in_package(name, key) if name.startswith(PACKAGE) else Path(name).expanduser()
    if not path.is_file():
        beside = [one.name for one in path.parent.glob("*")] if path.parent.is_dir() else []
        raise DataError(f"no such file: {path}.{did_you_mean(path.name, beside)}", where=key)
    if path.suffix.lower() not in FORMATS:
        raise DataError(f"{path.name} is none of {', '.join(FORMATS)}", where=key)
    return path


def read_table(path: Path, columns: Sequence[str] | None, key: str) -> Any:
    """Read a table.

    Args:
        path: As ``table_path`` found it.
        columns: All columns in order, for files without a header.
        key: The config key that holds its name, for messages.

    Returns:
        A data frame of pandas'.

    Raises:
        DataError: It cannot be read or is empty, or pandas is not installed.
    """
    pandas = import_extra("pandas", "table", "data")
    suffix = path.suffix.lower()
    try:
        if suffix == ".parquet":
            table = pandas.read_parquet(path)
        else:
            named = {"names": list(columns), "header": None} if columns is not None else {}
            table = pandas.read_csv(path, sep=SEPARATORS[suffix], skipinitialspace=True, **named)
    except (ValueError, OSError) as error:
        raise DataError(f"{path} cannot be read: {error}", where=key) from error
    if len(table) == 0:
        raise DataError(f"{path} is empty: it holds no rows", where=key)
    return table.rename(columns=str)


def _in_package(name: str, key: str) -> Path:
    package, _, rest = name.removeprefix(PACKAGE).partition("/")
    found = find_spec(package)
    if found is None or found.origin is None:
        raise DataError(f"needs the {package} package, which brings this file: pip install {package}", where=key)
    return Path(found.origin).parent / rest
