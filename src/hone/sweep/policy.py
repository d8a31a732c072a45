"""What follows a failure: another attempt, a word to the sampler, or the end of the sweep."""

from __future__ import annotations

import time
from collections.abc import Iterable

from hone.errors import SweepStopped
from hone.report import clock
from hone.sweep.file import FailureSection
from hone.sweep.trial import Trial
from hone.worker.life import age_of_life
from hone.worker.messages import Failed

RETRY, TELL, LEAVE = "retry", "tell", "leave"
# Endings that are no fault of a trial's, after which it goes on.
INTERRUPTED = ("preempted", "disk")
# A trial that is ended again and again from outside is given up at some time.
MOST_PREEMPTIONS = 20


class Policy:
    """Decides after failures, and counts them.

    Args:
        section: The sweep file's.
    """

    def __init__(self, section: FailureSection) -> None:
        self.section = section
        self._ended = 0
        self._failed = 0
        self._preempted: dict[int, int] = {}

    def is_infeasible(self, kind: str) -> bool:
        """Whether the values that were tried are at fault, so that the sampler is to keep away from them."""
        return self.section.policy(kind) == "infeasible"

    def after(self, trial: Trial, ending: Failed) -> str:
        """What becomes of a trial that failed.

        Args:
            trial: The trial; an attempt is counted here.
            ending: How it failed.

        Returns:
            ``RETRY``, ``TELL`` the study, or ``LEAVE`` it running for a resumed study.
        """
        if ending.kind == "disk":
            return LEAVE
        if ending.bad_input:
            return TELL
        if ending.kind == "preempted":
            count = self._preempted[trial.number] = self._preempted.get(trial.number, 0) + 1
            return RETRY if count <= MOST_PREEMPTIONS else TELL
        if ending.kind == "oom" and trial.lease.share < 1:
            trial.alone = True
            return RETRY
        if self.section.policy(ending.kind) == "retry" and trial.failures < self.section.retries:
            trial.failures += 1
            return RETRY
        return TELL

    def overdue(self, trials: Iterable[Trial]) -> list[Trial]:
        """Condemn the trials that take too long, or that train and show no life.

        Args:
            trials: Those that run.

        Returns:
            Those that are to be killed, each time anew.
        """
        now = time.monotonic()
        condemned = []
        for trial in trials:
            limit, stall = self.section.timeout, self.section.stall
            if limit is not None and now - trial.began > limit:
                trial.condemned = Failed("timeout", f"it took longer than failure.timeout={clock(limit)}")
            elif stall is not None and trial.started and _silence(trial, now) > stall:
                trial.condemned = Failed("timeout", f"no sign of life for failure.stall={clock(stall)}")
            if trial.condemned is not None:
                condemned.append(trial)
        return condemned

    def count(self, trial: Trial) -> SweepStopped | None:
        """Count a trial that has ended for good.

        Args:
            trial: The trial.

        Returns:
            Why the sweep must end, where too many have failed.
        """
        self._ended += 1
        ending = trial.ending
        if not isinstance(ending, Failed) or self.is_infeasible(ending.kind):
            return None
        self._failed += 1
        log = trial.directory / "log.txt"
        if self.section.policy(ending.kind) == "stop":
            return SweepStopped(f"trial {trial.number} failed ({ending.kind}): {ending.message} ({log})")
        allowed = self.section.max_failure_rate
        if self._ended < self.section.min_trials or self._failed <= allowed * self._ended:
            return None
        return SweepStopped(
            f"{self._failed} of {self._ended} trials failed, which is more than failure.max_failure_rate={allowed:g} "
            f"allows. The last: {ending.message} ({log})"
        )


def _silence(trial: Trial, now: float) -> float:
    return min(now - trial.heard, age_of_life(trial.directory))
