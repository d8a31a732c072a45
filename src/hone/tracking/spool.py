"""The spool: an append-only file of metrics in a run's directory.

Training writes it and never waits; whoever keeps the books delivers it to the store in batches. How far it has been
delivered stands beside it, so that a delivery that was cut off goes on where it stopped.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Self

SPOOL_FILE = "metrics.jsonl"
DELIVERED_FILE = "metrics.delivered"
BUFFERED_BYTES = 16_384


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
    """

    def __init__(self, directory: Path) -> None:
        self._reached = _last_steps(directory / SPOOL_FILE)
        self._file = (directory / SPOOL_FILE).open("a", buffering=BUFFERED_BYTES, encoding="utf-8")

    def append(self, metrics: Mapping[str, float], step: int, seconds: float) -> None:
        """Append metrics of one moment.

        Args:
            metrics: Values by name.
            step: Optimizer step.
            seconds: ``time.time()`` of the moment.
        """
        new = {name: value for name, value in metrics.items() if step > self._reached.get(name, -1)}
        if new:
            self._file.write(json.dumps([step, round(seconds * 1000), new]) + "\n")

    def flush(self) -> None:
        """Hand what is buffered to the operating system."""
        self._file.flush()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._file.close()


class SpoolReader:
    """Reads what a spool holds beyond what was delivered.

    Args:
        directory: The run's directory.
    """

    def __init__(self, directory: Path) -> None:
        self._spool = directory / SPOOL_FILE
        self._mark = directory / DELIVERED_FILE
        self._delivered = self._read_mark()
        self._read_to = self._delivered

    def take(self) -> list[Point]:
        """Read the whole lines that are new since the last ``confirm``.

        Returns:
            Their points in order. A line that a crash cut off is left until it is whole.
        """
        try:
            with self._spool.open("rb") as spool:
                spool.seek(self._delivered)
                content = spool.read()
        except FileNotFoundError:
            return []
        whole = content[: content.rfind(b"\n") + 1]
        self._read_to = self._delivered + len(whole)
        return [point for line in whole.splitlines() for point in _points(line)]

    def confirm(self) -> None:
        """Remember that what ``take`` gave is in the store."""
        if self._read_to == self._delivered:
            return
        self._delivered = self._read_to
        temporary = self._mark.with_suffix(".new")
        temporary.write_text(str(self._delivered))
        temporary.replace(self._mark)

    def _read_mark(self) -> int:
        try:
            return int(self._mark.read_text())
        except (FileNotFoundError, ValueError):
            return 0


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
    with spool.open("rb+") as file:
        content = file.read()
        file.truncate(content.rfind(b"\n") + 1)
    for line in content.splitlines():
        for point in _points(line):
            steps[point.name] = max(point.step, steps.get(point.name, -1))
    return steps


def _points(line: bytes) -> list[Point]:
    try:
        step, timestamp, metrics = json.loads(line)
    except ValueError:
        # Half a line, from a process that was killed and a later one that appended to it.
        return []
    return [Point(name, value, step, timestamp) for name, value in metrics.items()]
