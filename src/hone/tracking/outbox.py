"""The outbox: what is to be done to a run, as lines of a file in its directory, until it has been done.

The file is there for as long as the run is open or something of it is undelivered, and no longer.
"""

from __future__ import annotations

import contextlib
import errno
import os
from collections.abc import Iterator, Sequence
from pathlib import Path

from hone.tracking.local import RUN_FILE
from hone.tracking.records import Record, decode, encode

OUTBOX_FILE = "outbox.jsonl"
MARK_FILE = "outbox.delivered"
TEXTS = "outbox-*.txt"


class Outbox:
    """One run's outbox. It keeps no file open, so that there may be any number.

    Args:
        directory: The run's directory, which exists.
    """

    def __init__(self, directory: Path) -> None:
        self.directory = directory
        self._file = directory / OUTBOX_FILE
        self._mark = directory / MARK_FILE

    def append(self, records: Sequence[Record]) -> None:
        """Hand records to the operating system, all of them or none.

        Args:
            records: In the order in which they are to be carried.

        Raises:
            OSError: They cannot be written.
        """
        lines = b"".join(encode(one.stowed(self.directory)) + b"\n" for one in records)
        descriptor = os.open(self._file, os.O_RDWR | os.O_CREAT | os.O_APPEND, 0o644)
        try:
            size = os.fstat(descriptor).st_size
            if size and os.pread(descriptor, 1, size - 1) != b"\n":
                # A process that was killed left half a line. What follows it must not be lost with it.
                lines = b"\n" + lines
            if os.write(descriptor, lines) < len(lines):
                os.ftruncate(descriptor, size)
                raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), str(self._file))
        finally:
            os.close(descriptor)

    def waiting(self) -> Iterator[tuple[Record | None, int]]:
        """Read what has not been delivered, line by line.

        Yields:
            Each record, or None for a line that holds none, and the offset that ``confirm`` takes once it is delivered.
        """
        try:
            with self._file.open("rb") as file:
                file.seek(self.delivered)
                while (line := file.readline()).endswith(b"\n"):
                    yield decode(line), file.tell()
        except FileNotFoundError:
            return

    def confirm(self, offset: int) -> None:
        """Remember that everything up to an offset is delivered."""
        descriptor = os.open(self._mark, os.O_WRONLY | os.O_CREAT, 0o644)
        try:
            # Always as long as before: written over in place, which a full disk allows.
            os.pwrite(descriptor, b"%020d" % offset, 0)
        finally:
            os.close(descriptor)

    @property
    def delivered(self) -> int:
        """The offset up to which everything is delivered."""
        try:
            return int(self._mark.read_bytes())
        except (FileNotFoundError, ValueError):
            return 0

    @property
    def size(self) -> int:
        """How long the file is."""
        try:
            return self._file.stat().st_size
        except FileNotFoundError:
            return 0

    def is_open(self, up_to: int | None = None) -> bool:
        """Whether what was written here opened the run, or took it up again, and has not ended it.

        Args:
            up_to: Look at what stands before this offset only.
        """
        is_open, read = False, 0
        if up_to == 0:
            return False
        with contextlib.suppress(FileNotFoundError), self._file.open("rb") as file:
            for line in file:
                read += len(line)
                if up_to is not None and read > up_to:
                    break
                record = decode(line)
                if record is not None and record.leaves_open is not None:
                    is_open = record.leaves_open
        return is_open

    def remove(self) -> None:
        """Remove it, everything being delivered and the run having ended."""
        self._file.unlink(missing_ok=True)
        self._mark.unlink(missing_ok=True)
        for text in self.directory.glob(TEXTS):
            text.unlink(missing_ok=True)


def has_run(directory: Path) -> bool:
    """Whether a run was opened for a directory, in a store or for a store to come."""
    return (directory / RUN_FILE).exists() or (directory / OUTBOX_FILE).exists()


def boxes(directory: Path) -> list[Path]:
    """Directories with an outbox: this one, then those in it by name."""
    own = [directory] if (directory / OUTBOX_FILE).exists() else []
    return own + sorted(one.parent for one in directory.glob(f"*/{OUTBOX_FILE}"))
