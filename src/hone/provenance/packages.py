"""Installed packages, and the lock files beside the code."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from importlib.metadata import distributions
from pathlib import Path

LOCKS = (
    "requirements.lock",
    "requirements.txt",
    "uv.lock",
    "poetry.lock",
    "pdm.lock",
    "Pipfile.lock",
    "pixi.lock",
    "conda-lock.yml",
    "pylock.toml",
)


def installed() -> dict[str, str]:
    """Version of each installed distribution, by name."""
    found: dict[str, str] = {}
    for one in distributions():
        # The first on the path is the one that is imported.
        found.setdefault(one.name, one.version)
    return dict(sorted(found.items()))


def local_packages() -> tuple[str, ...]:
    """Names of those that came from no package index: editable installs, files, repositories."""
    return tuple(sorted({one.name for one in distributions() if one.read_text("direct_url.json")}))


def lock_digests(directories: Iterable[Path]) -> dict[str, str]:
    """SHA-256 of each lock file, by name.

    Args:
        directories: Where to look; the first that has a file counts.
    """
    digests: dict[str, str] = {}
    for directory in directories:
        for name in LOCKS:
            path = directory / name
            if name not in digests and path.is_file():
                digests[name] = hashlib.sha256(path.read_bytes()).hexdigest()
    return digests
