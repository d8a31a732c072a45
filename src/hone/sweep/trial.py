"""A trial as the controller and the display see it while it runs and after."""

from __future__ import annotations

import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from hone.errors import HoneError
from hone.sweep.configs import TrialConfig, TrialConfigs
from hone.sweep.names import trial_name
from hone.worker.messages import Ending, Failed, Lease, Pruned, Result


@dataclass
class Trial:
    """One trial. The controller alone changes it.

    Attributes:
        number: Its number in the study.
        values: What the study suggested, by key.
        config: Its config.
        directory: Where it runs, each attempt at it.
        lease: What it may use.
        failures: How many attempts at it have failed.
        alone: It shares its devices with nobody.
        began: ``time.monotonic()`` of the start of the attempt.
        heard: ``time.monotonic()`` of its last message.
        started: Whether training has begun.
        validations: How many it has reported.
        known: How many an earlier attempt had reported.
        latest: The objective as last reported.
        ending: How it ended, once it has.
        condemned: Why the controller ended it, where it did.
        stopped: Ended by the user rather than by itself; the study goes on with it when it is resumed.
        feasible: It keeps every constraint.
        objectives: Every objective, once it is complete.
        seconds: How long its attempts took.
    """

    number: int
    values: dict[str, Any]
    config: TrialConfig
    directory: Path
    lease: Lease = field(default_factory=Lease)
    failures: int = 0
    alone: bool = False
    began: float = field(default_factory=time.monotonic)
    heard: float = field(default_factory=time.monotonic)
    started: bool = False
    validations: int = 0
    known: int = 0
    latest: float | None = None
    ending: Ending | None = None
    condemned: Failed | None = None
    stopped: bool = False
    feasible: bool = True
    objectives: tuple[float, ...] = ()
    seconds: float = 0.0

    @classmethod
    def planned(cls, configs: TrialConfigs, number: int, values: dict[str, Any], directory: Path) -> Trial:
        """A trial of suggested values. One whose config does not compose has failed before it could begin.

        Args:
            configs: Give it its config.
            number: Its number.
            values: What the study suggested.
            directory: Where it runs.
        """
        try:
            return cls(number, values, configs.trial(values, number), directory)
        except HoneError as error:
            failed = Failed("error", error.message, bad_input=True, where=error.where)
            # Where its failure is kept.
            directory.mkdir(parents=True, exist_ok=True)
            return cls(number, values, configs.shared(), directory, ending=failed)

    @property
    def name(self) -> str:
        """What people see: ``mlp-017 lr=3.1e-04 bs=64``."""
        return trial_name(self.config.model, self.number, self.values)

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

    def try_again(self) -> None:
        """Make ready for another attempt, from the last checkpoint where there is one."""
        self.known = max(self.known, self.validations)
        self.ending, self.condemned, self.started = None, None, False


def trial_directory(directory: Path, number: int) -> Path:
    """Where a trial runs: ``0007``."""
    return directory / f"{number:04d}"
