"""A trial as the controller and the display see it while it runs and after."""

from __future__ import annotations

import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from hone.report import short
from hone.sweep.configs import TrialConfig
from hone.worker.messages import Ending, Failed, Lease, Pruned, Result


@dataclass
class Trial:
    """One trial. The controller alone changes it.

    Attributes:
        number: Its number in the study.
        values: What the study suggested, by key.
        config: Its config.
        directory: Where it runs.
        lease: What it may use.
        attempt: 1, or more after retries.
        began: ``time.monotonic()`` of its start.
        started: Whether training has begun.
        validations: How many it has reported.
        known: How many an earlier attempt had reported.
        latest: The objective as last reported.
        ending: How it ended, once it has.
        stopped: Ended by the user rather than by itself.
    """

    number: int
    values: dict[str, Any]
    config: TrialConfig
    directory: Path
    lease: Lease = field(default_factory=Lease)
    attempt: int = 1
    began: float = field(default_factory=time.monotonic)
    started: bool = False
    validations: int = 0
    known: int = 0
    latest: float | None = None
    ending: Ending | None = None
    stopped: bool = False
    seconds: float = 0.0

    @property
    def name(self) -> str:
        """What people see: ``mlp-017 lr=3.1e-04 batch_size=64``."""
        return f"{self.config.model}-{self.number:03d} {describe(self.values)}".strip()

    @property
    def state(self) -> str:
        """``running``, ``complete``, ``pruned``, ``failed`` or ``stopped``."""
        if self.stopped:
            return "stopped"
        names: dict[type, str] = {
            Result: "complete",
            Pruned: "pruned",
            Failed: "failed",
            type(None): "running",
        }
        return names[type(self.ending)]


def describe(values: dict[str, Any]) -> str:
    """Searched values in a line, each by the last part of its key."""
    return " ".join(f"{key.rpartition('.')[2]}={short(value)}" for key, value in values.items())


def attempt_directory(directory: Path, number: int, attempt: int = 1) -> Path:
    """Where a trial runs: ``0007``, and ``0007-2`` where it is tried a second time."""
    return directory / (f"{number:04d}" if attempt == 1 else f"{number:04d}-{attempt}")


def latest_attempt(directory: Path, number: int) -> Path:
    """Where a trial ran last."""
    tries = [int(one.name.rpartition("-")[2]) for one in directory.glob(f"{number:04d}-*")]
    return attempt_directory(directory, number, max(tries, default=1))
