"""Lines of text files, plain or gzipped."""

from __future__ import annotations

import gzip
import hashlib
from collections.abc import Iterable
from pathlib import Path

from hone.errors import DataError, did_you_mean


def read_lines(name: str, key: str) -> list[str]:
    """Read a text file.

    Args:
        name: Its path; one that ends in ``.gz`` is unpacked.
        key: The config key that holds it, for messages.

    Returns:
        Its lines in order, without their ends.

    Raises:
        DataError: It is missing, empty or no text in UTF-8.
    """
    path = Path(name).expanduser()
    if not path.is_file():
        beside = [one.name for one in path.parent.glob("*")] if path.parent.is_dir() else []
        raise DataError(f"no such file: {path}.{did_you_mean(path.name, beside)}", where=key)
    try:
        raw = gzip.decompress(path.read_bytes()) if path.suffix == ".gz" else path.read_bytes()
        lines = raw.decode("utf-8").splitlines()
    except (OSError, EOFError, UnicodeDecodeError) as error:
        raise DataError(f"{path} cannot be read: {error}", where=key) from error
    if not lines:
        raise DataError(f"{path} is empty: it holds no lines", where=key)
    return lines


def digests_of(names: Iterable[str | None]) -> dict[str, str]:
    """SHA-256 of each file that is named."""
    paths = {name: Path(name).expanduser() for name in names if name is not None}
    return {name: hashlib.sha256(path.read_bytes()).hexdigest() for name, path in paths.items()}
