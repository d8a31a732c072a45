"""The user, or a machine that is taken away, ends the sweep: trials finish, save their state, or are killed."""

from __future__ import annotations

import signal
import time
from collections.abc import Iterable
from types import TracebackType
from typing import Self

from hone.executors import Executor
from hone.report import clock
from hone.sweep.display import Display
from hone.sweep.trial import Trial
from hone.worker.messages import Failed, Pruned, Result


class Stopping:
    """Listens for Ctrl-C and SIGTERM while it is used as a ``with`` block.

    Ctrl-C once: trials have the grace period to finish, then another to save their state. Twice: they end now. SIGTERM:
    they save their state at once.

    Args:
        executor: Where trials run.
        display: Where it is said what happens.
        grace: Seconds.

    Attributes:
        asked: Whether the sweep is to end.
        terminated: Whether the machine is taken away.
    """

    def __init__(self, executor: Executor, display: Display, grace: float) -> None:
        self.executor = executor
        self.display = display
        self.grace = grace
        self.asked = False
        self._interrupts = 0
        self.terminated = False
        self._began = 0.0
        self._told = 0
        self._preempted: set[int] = set()
        self._killed: set[int] = set()

    def __enter__(self) -> Self:
        self._before = {one: signal.signal(one, self._hear) for one in (signal.SIGINT, signal.SIGTERM)}
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for one, handler in self._before.items():
            signal.signal(one, handler)

    def enforce(self, trials: Iterable[Trial]) -> None:
        """Do to the trials that run what the time has come for.

        Args:
            trials: They.
        """
        if not self.asked:
            return
        self._tell()
        waited = time.monotonic() - self._began
        grace = 0.0 if self.terminated else self.grace
        if self._interrupts > 1 or waited > grace + self.grace:
            self.kill(trials)
        elif self.terminated or waited > grace:
            for trial in trials:
                if trial.number not in self._preempted:
                    self._preempted.add(trial.number)
                    self.executor.preempt(trial.number)

    def kill(self, trials: Iterable[Trial]) -> None:
        """End trials now."""
        for trial in list(trials):
            self._killed.add(trial.number)
            self.executor.kill(trial.number)

    def ended(self, trial: Trial) -> bool:
        """Whether a trial ended because it was made to, rather than by itself."""
        if isinstance(trial.ending, Result | Pruned) or trial.condemned is not None:
            return False
        saved = isinstance(trial.ending, Failed) and trial.ending.kind == "preempted"
        return trial.number in self._killed or (saved and trial.number in self._preempted)

    def _hear(self, signum: int, _frame: object) -> None:
        if not self.asked:
            self._began = time.monotonic()
        self.asked = True
        if signum == signal.SIGTERM:
            if not self.terminated:
                self._began = time.monotonic()
            self.terminated = True
        else:
            self._interrupts += 1

    def _tell(self) -> None:
        """Here rather than where the signal is heard, which may be in the midst of drawing the table."""
        level = 3 if self._interrupts > 1 else 2 if self.terminated else 1
        if level <= self._told:
            return
        self._told = level
        grace = clock(self.grace)
        self.display.note(
            {
                1: f"stopping: trials that run have {grace} to finish, then they are saved and ended; "
                "press Ctrl-C again to end them now",
                2: f"stopping: trials that run are saved and ended, {grace} at most",
                3: "stopping: trials that run are ended now; a resumed study goes on from their last checkpoints",
            }[level]
        )
