"""What a trial that is anybody's program says of itself: ``hone.report`` and ``hone.should_prune``."""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Mapping, Sequence
from typing import Any

from hone.tracking.spool import SpoolWriter
from hone.worker.messages import Begin, Report, Started
from hone.worker.ranks import is_first_rank

PLACE = ("MLFLOW_RUN_ID", "MLFLOW_TRACKING_URI", "MLFLOW_EXPERIMENT_ID")


class Pruning(Exception):
    """Raised where the study wants a trial to stop, and it would go on."""


class Talk:
    """The talk between a program and its controller. Safe to use from several threads.

    Args:
        line: The worker's line to its controller.
        spool: Where metrics are written; None in a process that is not to write any.
        objectives: Names of what is searched for.

    Attributes:
        pruned: The program knows that its trial is pruned.
        latest: What it reported last.
        step: Of that report.
    """

    def __init__(self, line: Any, spool: SpoolWriter | None, objectives: Sequence[str]) -> None:
        self.line = line
        self.spool = spool
        self.objectives = tuple(objectives)
        self.begun = False
        self.pruned = False
        self.latest: dict[str, float] = {}
        self.step = 0
        self._count = 0
        self._stop = False
        self._run: Begin | None = None
        self._lock = threading.RLock()

    def begin(self) -> None:
        """Say that the program begins, and wait until it may."""
        with self._lock:
            if not self.begun:
                self.line.started(Started())
            self.begun = True

    def run(self) -> Begin:
        """Ask for the trial's run in the tracking store, for a program that logs to it by itself."""
        with self._lock:
            if self._run is None and is_first_rank():
                self._run = self.line.started(Started(wants_run=True))
                self.begun = True
            return self._run or place_of_first_rank()

    def report(self, step: int, metrics: Mapping[str, float], *, spooled: bool = True) -> bool:
        """Report metrics of one moment.

        Args:
            step: Counts up.
            metrics: Values by name.
            spooled: They are to be tracked, since the program does not do so itself.

        Returns:
            Whether the trial should stop.
        """
        with self._lock:
            self.step, self._count = int(step), self._count + 1
            self.latest = dict(metrics)
            if spooled:
                self.track(metrics)
            self._stop = bool(self.line.report(Report(self.step, self.latest, self._count)).stop) or self._stop
            return self._stop

    def track(self, metrics: Mapping[str, float]) -> None:
        """Write metrics of the last step down, to be tracked."""
        self.log(metrics, self.step)

    def log(self, metrics: Mapping[str, float], step: int) -> None:
        """Write metrics down that the program logs by itself."""
        with self._lock:
            if self.spool is not None:
                self.spool.append(metrics, step, time.time())
                self.spool.flush()

    def should_prune(self) -> bool:
        """Whether the trial should stop; a program that has been told is taken at its word when it returns."""
        self.pruned = self.pruned or self._stop
        return self._stop


def place_of_first_rank() -> Begin:
    """Where the first rank logs, as it told the processes that it started."""
    run_id, uri, experiment = (os.environ.get(name) for name in PLACE)
    return Begin(run_id, uri or "", experiment or "") if uri else Begin()


_talk: Talk | None = None


def talk_by(talk: Talk | None) -> None:
    """Let ``report`` and ``should_prune`` talk so; None for a program that is no trial."""
    global _talk
    _talk = talk


def report(step: int, value: float | Mapping[str, float]) -> None:
    """Report how a trial is doing, for the study to judge whether it should go on.

    Does nothing in a program that no sweep of hone's runs.

    Args:
        step: Counts up: an epoch, a step, a fold.
        value: The objective so far, or metrics by name.
    """
    if _talk is not None:
        named = value if isinstance(value, Mapping) else {_talk.objectives[0]: value}
        _talk.report(step, {str(name): float(one) for name, one in named.items()})


def should_prune() -> bool:
    """Whether the study wants this trial to stop: what it returns then does not count, so return at once.

    Returns:
        False in a program that no sweep of hone's runs.
    """
    return _talk is not None and _talk.should_prune()
