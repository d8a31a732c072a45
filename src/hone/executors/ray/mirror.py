"""A trial's directory on a node that does not share the controller's disk, kept alike on both sides."""

from __future__ import annotations

import os
import shutil
from collections.abc import Collection, Iterator
from dataclasses import dataclass
from pathlib import Path

from hone.tracking.outbox import MARK_FILE, OUTBOX_FILE, TEXTS
from hone.tracking.spool import DELIVERED_FILE, SPOOL_FILE
from hone.worker.run import JOB_FILE, LOG_FILE, TRIAL_FILE

# What only grows: its end is sent, and not the whole of it again and again.
GROWING = (LOG_FILE, SPOOL_FILE)
# What the controller keeps of a trial's run is of no use on its node, and the other way round.
OF_CONTROLLER = (OUTBOX_FILE, MARK_FILE, DELIVERED_FILE, TEXTS, JOB_FILE)
OF_NODE = (*OF_CONTROLLER, TRIAL_FILE)
CHUNK_BYTES = 16 * 1024**2
MOST_BYTES = 64 * 1024**2
PART = ".part"


@dataclass(frozen=True)
class Change:
    """A piece of a file, or that it is gone.

    Attributes:
        path: Relative to the directory.
        content: The bytes; None where the file is gone.
        offset: Where they stand in the file.
        last: The file is complete with them.
        modified: Its time of change, nanoseconds.
    """

    path: str
    content: bytes | None
    offset: int = 0
    last: bool = True
    modified: int = 0


class Mirror:
    """Finds what has changed in a directory since it was looked at last.

    Args:
        directory: The directory.
        left_out: Names, as patterns, of files that stay here.
    """

    def __init__(self, directory: Path, left_out: Collection[str]) -> None:
        self.directory = directory
        self._left_out = tuple(left_out)
        self._sent: dict[str, tuple[int, int]] = {}
        self._seen: dict[str, tuple[int, int]] = {}
        self._pieces: Iterator[Change] | None = None

    def settle(self) -> None:
        """Take what is there now for known on the other side."""
        self._sent = self._seen = self._look()

    def changes(self, *, final: bool = False) -> list[Change]:
        """The next changes, no more than fit into one message.

        Args:
            final: Nobody writes any more, so that a file is sent although it has changed just now.

        Returns:
            Changes; an empty list where there are none left.
        """
        self._pieces = self._pieces or self._all(final=final)
        found, size = [], 0
        for one in self._pieces:
            found.append(one)
            size += len(one.content or b"")
            if size >= MOST_BYTES:
                return found
        self._pieces = None
        return found

    def _all(self, *, final: bool) -> Iterator[Change]:
        there = self._look()
        before, self._seen = self._seen, there
        for path in [one for one in self._sent if one not in there]:
            del self._sent[path]
            yield Change(path, None)
        for path, state in there.items():
            growing = path in GROWING
            # A file that is being written is left until it rests.
            if state == self._sent.get(path) or not (final or growing or before.get(path) == state):
                continue
            start = self._sent.get(path, (0, 0))[0] if growing else 0
            yield from self._file(path, start if start <= state[0] else 0, state)

    def _file(self, path: str, start: int, state: tuple[int, int]) -> Iterator[Change]:
        offset, end = start, state[0]
        try:
            with (self.directory / path).open("rb") as file:
                file.seek(offset)
                while True:
                    content = file.read(min(CHUNK_BYTES, end - offset))
                    last = offset + len(content) >= end or not content
                    yield Change(path, content, offset, last, state[1])
                    offset += len(content)
                    if last:
                        break
        except FileNotFoundError:
            return
        self._sent[path] = state

    def _look(self) -> dict[str, tuple[int, int]]:
        found = {}
        for path in sorted(self.directory.rglob("*")):
            name = path.relative_to(self.directory)
            if any(part.startswith(".") for part in name.parts) or any(path.match(one) for one in self._left_out):
                continue
            try:
                state = path.stat()
            except FileNotFoundError:
                continue
            if path.is_file():
                found[str(name)] = (state.st_size, state.st_mtime_ns)
        return found


def apply(changes: Collection[Change], directory: Path) -> None:
    """Change a directory as another was changed.

    Args:
        changes: As ``Mirror`` found them, in order.
        directory: The directory; files appear in it when they are complete.

    Raises:
        ValueError: A path leads out of it.
        OSError: It cannot be written.
    """
    for one in changes:
        path = directory / one.path
        if not path.resolve().is_relative_to(directory.resolve()):
            raise ValueError(f"{one.path} leads out of the trial's directory")
        if one.content is None:
            path.unlink(missing_ok=True)
            continue
        path.parent.mkdir(parents=True, exist_ok=True)
        if one.path in GROWING:
            _write(path, one)
            continue
        part = path.with_name(f".{path.name}{PART}")
        _write(part, one)
        if one.last:
            os.utime(part, ns=(one.modified, one.modified))
            part.replace(path)


def empty(directory: Path) -> None:
    """Make an empty directory of it."""
    shutil.rmtree(directory, ignore_errors=True)
    directory.mkdir(parents=True)


def _write(path: Path, change: Change) -> None:
    assert change.content is not None
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT, 0o644)
    try:
        os.ftruncate(descriptor, change.offset)
        os.pwrite(descriptor, change.content, change.offset)
    finally:
        os.close(descriptor)
