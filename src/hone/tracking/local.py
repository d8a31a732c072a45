"""A run as its own directory knows it, whether or not a store has heard of it."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path

from hone.config.files import write_text

RUN_FILE = "run.json"


@dataclass(frozen=True)
class Opened:
    """What ``run.json`` holds: which run of which store a directory belongs to.

    Attributes:
        run_id: The run's id.
        parent: Its parent's id, if any.
        store: The store, as it may be shown.
        artifacts: Where its artifacts are; empty where that is not known.
        key: What the run was opened with, to find it again; empty where that is not known.
    """

    run_id: str
    parent: str | None = None
    store: str = ""
    artifacts: str = ""
    key: str = ""


class LocalRun:
    """The run of a directory: named by that directory until a store has given it an id.

    Args:
        directory: The run's own.

    Attributes:
        again: What is being delivered may have been delivered before, by an attempt that did not live to note it.
    """

    def __init__(self, directory: Path) -> None:
        self.directory = directory
        self.again = False
        self._opened: Opened | None = None

    @property
    def opened(self) -> Opened | None:
        """The run in the store, or None where it has none yet."""
        if self._opened is None:
            self._opened = _read(self.directory)
        return self._opened

    @property
    def run_id(self) -> str | None:
        """The run's id, or None where it has none yet."""
        return self.opened.run_id if self.opened else None

    @property
    def id(self) -> str:
        """The run's id, which it has: ``run_id`` where that is known."""
        assert self.run_id is not None
        return self.run_id

    def keep(self, opened: Opened) -> None:
        """Write down which run this directory belongs to."""
        content = {name: value for name, value in vars(opened).items() if value}
        write_text(json.dumps(content, indent=2), self.directory / RUN_FILE)
        self._opened = opened


def kept_run_id(directory: Path) -> str | None:
    """The id of the run that a directory belongs to, as its opening wrote it; None where there is none."""
    return LocalRun(directory).run_id


def _read(directory: Path) -> Opened | None:
    try:
        content = json.loads((directory / RUN_FILE).read_text())
        return Opened(**{name: content[name] for name in Opened.__dataclass_fields__ if name in content})
    except (OSError, ValueError, TypeError):
        return None
