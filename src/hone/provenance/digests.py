"""Content digests of files, hashed once for as long as they do not change."""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
from pathlib import Path

# A smaller file is hashed in less time than it takes to be sure that it is the same.
SMALL = 16_000_000
MOST_REMEMBERED = 500


def file_digest(path: Path) -> str:
    """SHA-256 of a file.

    That of a large one is remembered in the user's cache, by its place, size and the times at which its content and its
    inode last changed; the latter no program can set back.

    Args:
        path: The file.

    Raises:
        OSError: It cannot be read.
    """
    facts = path.stat()
    if facts.st_size < SMALL:
        return _hashed(path)
    key = str(path.resolve())
    stamp = [facts.st_size, facts.st_mtime_ns, facts.st_ctime_ns, facts.st_ino, facts.st_dev]
    known = _remembered()
    if key in known and known[key][0] == stamp:
        return str(known[key][1])
    digest = _hashed(path)
    _remember({**_remembered(), key: [stamp, digest]})
    return digest


def _hashed(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _memory() -> Path:
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "hone" / "digests.json"


def _remembered() -> dict[str, list[object]]:
    try:
        known = json.loads(_memory().read_text())
    except (OSError, ValueError):
        return {}
    return {name: one for name, one in known.items() if isinstance(one, list) and len(one) == 2}


def _remember(known: dict[str, list[object]]) -> None:
    latest = dict(list(known.items())[-MOST_REMEMBERED:])
    temporary = _memory().with_name(f".digests.{os.getpid()}")
    # A home that cannot be written costs time and nothing else.
    with contextlib.suppress(OSError):
        _memory().parent.mkdir(parents=True, exist_ok=True)
        temporary.write_text(json.dumps(latest))
        temporary.replace(_memory())
