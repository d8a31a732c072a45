"""The spool: an append-only file of metrics in a run's directory.

Training writes it and never waits; whoever keeps the books delivers it to the store in batches. How far it has been
delivered stands beside it, so that a delivery that was cut off goes on where it stopped.
"""

from __future__ import annotations

import json
import os
import threading
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import BinaryIO, Self

SPOOL_FILE = "metrics.jsonl"
DELIVERED_FILE = "metrics.delivered"
BUFFERED_BYTES = 65_536
MOST_PENDING = 256
# What an outage of days leaves does not fit into memory.
CHUNK_BYTES = 1_000_000


@dataclass(frozen=True)
class Point:
    """One value of one metric.

    Attributes:
        name: The metric.
        value: Its value; NaN and infinities are kept.
        step: Optimizer step.
        timestamp: Milliseconds since the epoch.
    """

    name: str
    value: float
    step: int
    timestamp: int


class SpoolWriter:
    """Appends metrics to a run's spool.

    A trial that is taken up again from a checkpoint comes by the same steps once more: what the spool has of a metric
    up to some step is not written a second time.

    Args:
        directory: The run's directory, which exists.

    Attributes:
        reached: The last step of each metric that an earlier attempt wrote.
    """

    def __init__(self, directory: Path) -> None:
        self.reached = _last_steps(directory / SPOOL_FILE)
        # Training and the sampling of its machine write in turns.
        self._lock = threading.Lock()
        self._pending: list[tuple[int, float, Mapping[str, float]]] = []
        self._file = (directory / SPOOL_FILE).open("a", buffering=BUFFERED_BYTES, encoding="utf-8")

    def append(self, metrics: Mapping[str, float], step: int, seconds: float) -> None:
        """Append metrics of one moment.

        Args:
            metrics: Values by name.
            step: Optimizer step.
            seconds: ``time.time()`` of the moment.
        """
        reached = self.reached
        new = {name: value for name, value in metrics.items() if step > reached.get(name, -1)} if reached else metrics
        if not new:
            return
        # Written as text many at once: between two steps of a training each would be encoded with cold caches.
        with self._lock:
            self._pending.append((step, seconds, new))
        if len(self._pending) >= MOST_PENDING:
            self.flush()

    def flush(self) -> None:
        """Hand what is buffered to the operating system."""
        with self._lock:
            pending, self._pending = self._pending, []
            for step, seconds, metrics in pending:
                self._file.write(json.dumps([step, round(seconds * 1000), metrics]) + "\n")
            self._file.flush()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.flush()
        self._file.close()


class SpoolReader:
    """Reads what a spool holds beyond what was delivered.

    Args:
        directory: The run's directory.
    """

    def __init__(self, directory: Path) -> None:
        self._spool = directory / SPOOL_FILE
        self._mark = directory / DELIVERED_FILE
        self._delivered = read_mark(self._mark)
        self._read_to = self._delivered

    def take(self, most: int = CHUNK_BYTES) -> list[Point]:
        """Read whole lines that are new since the last ``confirm``.

        Args:
            most: Bytes to read at once, but for a line that is longer.

        Returns:
            Their points in order; none where nothing is new. A line that a crash cut off is left until it is whole.
        """
        try:
            with self._spool.open("rb") as spool:
                points: list[Point] = []
                self._read_to = self._delivered
                # A chunk may hold nothing but half a line and its end.
                while not points and (lines := _whole_lines(spool, self._read_to, most)):
                    self._read_to += sum(map(len, lines))
                    points = [point for line in lines for point in _points(line)]
                return points
        except FileNotFoundError:
            return []

    @property
    def behind(self) -> bool:
        """Whether there is something to take."""
        return has_line(self._spool, self._delivered)

    def confirm(self) -> None:
        """Remember that what ``take`` gave is in the store."""
        if self._read_to == self._delivered:
            return
        self._delivered = self._read_to
        write_mark(self._mark, self._delivered)


def read_mark(path: Path) -> int:
    """How far a file has been delivered, as the file beside it says."""
    try:
        return int(path.read_bytes())
    except (FileNotFoundError, ValueError):
        return 0


def has_line(path: Path, offset: int) -> bool:
    """Whether a file holds a whole line from an offset on."""
    try:
        with path.open("rb") as file:
            file.seek(offset)
            return file.readline().endswith(b"\n")
    except FileNotFoundError:
        return False


def write_mark(path: Path, offset: int) -> None:
    """Remember how far a file has been delivered."""
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT, 0o644)
    try:
        # Always as long as before, so that it is written over in place: a full disk allows that.
        os.pwrite(descriptor, b"%020d" % offset, 0)
    finally:
        os.close(descriptor)


def _whole_lines(spool: BinaryIO, start: int, most: int) -> list[bytes]:
    spool.seek(start)
    lines = spool.readlines(most)
    return lines if not lines or lines[-1].endswith(b"\n") else lines[:-1]


def read_metric(directory: Path, name: str) -> list[tuple[int, float]]:
    """One metric of a run's spool from its beginning, whatever was delivered of it.

    Args:
        directory: The run's directory.
        name: The metric.

    Returns:
        Step and value of each point, by step; nothing where there is no spool.
    """
    try:
        content = (directory / SPOOL_FILE).read_bytes()
    except OSError:
        return []
    mark = name.encode()
    points = (point for line in content.splitlines() if mark in line for point in _points(line))
    return sorted({point.step: point.value for point in points if point.name == name}.items())


def _last_steps(spool: Path) -> dict[str, int]:
    """The last step of each metric that a spool has; what a crash left of a last line is cut off."""
    steps: dict[str, int] = {}
    if not spool.is_file():
        return steps
    whole = 0
    with spool.open("rb+") as file:
        for line in file:
            if line.endswith(b"\n"):
                whole += len(line)
                for point in _points(line):
                    steps[point.name] = max(point.step, steps.get(point.name, -1))
        if file.tell() > whole:
            file.truncate(whole)
    return steps


def _points(line: bytes) -> list[Point]:
    try:
        step, timestamp, metrics = json.loads(line)
    except ValueError:
        # Half a line, from a process that was killed and a later one that appended to it.
        return []
    return [Point(name, value, step, timestamp) for name, value in metrics.items()]
