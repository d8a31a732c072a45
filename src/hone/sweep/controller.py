"""The controller: one thread that asks the study, starts trials, answers their workers and tells how they ended."""

from __future__ import annotations

import signal
import time
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path

from hone.config.files import write_text
from hone.errors import HoneError, SweepStopped, missing_metric
from hone.executors import Executor
from hone.study import Study
from hone.sweep.books import Books
from hone.sweep.display import Display
from hone.sweep.plan import Plan
from hone.sweep.runs import ending_of, objective_of
from hone.sweep.trial import Trial, attempt_directory
from hone.worker.messages import Begin, Exited, Failed, Message, Pruned, Report, Result, Started, Verdict
from hone.worker.run import TRIAL_FILE

POLL_SECONDS = 0.25
# A failure rate is judged once so many trials have ended.
JUDGED_TRIALS = 4
# Failures that come from the values tried, not from the code or the machine.
BAD_VALUES = ("diverged", "oom")


@dataclass
class Outcome:
    """What became of a sweep.

    Attributes:
        state: ``complete``, ``stopped`` or ``failed``.
        trials: Those that ended in this session, by number.
        error: Why it ended early, where it did.
    """

    state: str = "complete"
    trials: list[Trial] = field(default_factory=list)
    error: HoneError | None = None


class Controller:
    """Runs trials until the study has enough of them.

    Args:
        plan: The sweep.
        study: Its study.
        executor: Where trials run.
        books: Where they are tracked.
        display: Where they are shown.
        directory: Where their directories lie, absolute.
    """

    def __init__(
        self, plan: Plan, study: Study, executor: Executor, books: Books, display: Display, directory: Path
    ) -> None:
        self.plan = plan
        self.study = study
        self.executor = executor
        self.books = books
        self.display = display
        self.directory = directory
        self.outcome = Outcome()
        self.metric = plan.sweep.metric
        self._active: dict[int, Trial] = {}
        self._waiting: list[Trial] = []
        self._left = plan.sweep.trials - len(study.finished())
        self._deadline = time.monotonic() + plan.sweep.timeout if plan.sweep.timeout else None
        self._interrupts = 0
        self._failures: Counter[str] = Counter()

    def run(self) -> Outcome:
        """Run to the end.

        Returns:
            What became of the sweep.

        Raises:
            HoneError: What the user gave cannot be trained, found before any trial began.
        """
        caught = {one: signal.signal(one, self._interrupt) for one in (signal.SIGINT, signal.SIGTERM)}
        try:
            while self._fill():
                for number, message in self.executor.wait(POLL_SECONDS):
                    self._hear(self._active[number], message)
                self.display.update(list(self._active.values()))
        finally:
            for one, handler in caught.items():
                signal.signal(one, handler)
        if self._interrupts:
            self.outcome.state = "stopped"
        elif self.outcome.error or not self.display.board().best():
            self.outcome.state = "failed"
        return self.outcome

    def _fill(self) -> bool:
        """Give every free slot a trial; False when none runs and none is to come."""
        while self._may_start() and len(self._active) < self.executor.slots:
            self._start(self._waiting.pop(0) if self._waiting else self._ask())
        return bool(self._active)

    def _may_start(self) -> bool:
        if self._interrupts or self.outcome.error:
            return False
        if self._deadline is not None and time.monotonic() > self._deadline:
            return False
        return bool(self._waiting) or (self._left > 0 and not self.study.exhausted)

    def _ask(self) -> Trial:
        suggestion = self.study.ask()
        self._left -= 1
        config = self.plan.configs.trial(suggestion.values)
        directory = attempt_directory(self.directory, suggestion.number)
        return Trial(suggestion.number, suggestion.values, config, directory)

    def _start(self, trial: Trial) -> None:
        trial.directory.mkdir(parents=True)
        write_text(trial.config.text, trial.directory / TRIAL_FILE)
        trial.began = time.monotonic()
        self._active[trial.number] = trial
        trial.lease = self.executor.start(trial.number, str(trial.directory), (self.metric,))

    def _hear(self, trial: Trial, message: Message) -> None:
        if isinstance(message, Started):
            self._begin(trial, message)
        elif isinstance(message, Report):
            self._judge(trial, message)
        elif isinstance(message, Result | Pruned | Failed):
            trial.ending = message
        elif isinstance(message, Exited):
            self._conclude(trial, message)

    def _begin(self, trial: Trial, started: Started) -> None:
        # Only the first must wait: where the store cannot be written, nothing is to be trained.
        self.books.open_study()
        self.executor.answer(trial.number, Begin())
        trial.started = True
        self.books.open_trial(trial, started)

    def _judge(self, trial: Trial, report: Report) -> None:
        trial.validations += 1
        stop = False
        if self.metric in report.metrics:
            trial.latest = report.metrics[self.metric]
            # What an earlier attempt reported stands: a study takes one value for each step.
            if trial.validations > trial.known:
                stop = self.study.report(trial.number, trial.validations, trial.latest)
        self.executor.answer(trial.number, Verdict(stop))

    def _conclude(self, trial: Trial, exited: Exited) -> None:
        """Close a trial whose process group is gone."""
        del self._active[trial.number]
        trial.seconds = time.monotonic() - trial.began
        trial.stopped = self._interrupts > 1 and not isinstance(trial.ending, Result | Pruned)
        trial.ending = ending_of(trial.ending, trial.directory, exited)
        self._refuse_bad_input(trial)
        value = objective_of(trial.ending, self.metric)
        if isinstance(trial.ending, Result) and value is None:
            trial.ending = Failed("diverged", f"{self.metric} is not finite")
        self.books.end_trial(trial, value)
        if self._retry(trial):
            return
        self._tell(trial, value)
        self.outcome.trials.append(trial)
        self.display.ended(trial, value)
        board = self.display.board()
        best = board.best()
        if best is not None and best.value is not None:
            self.books.log_best(best.value, len(board.rows))
        self._judge_failures()

    def _tell(self, trial: Trial, value: float | None) -> None:
        if isinstance(trial.ending, Result) and value is not None:
            self.study.complete(trial.number, value)
        elif isinstance(trial.ending, Pruned):
            self.study.prune(trial.number)
        elif trial.stopped:
            self.study.abandon(trial.number)
        else:
            assert isinstance(trial.ending, Failed)
            self._failures[trial.ending.kind] += 1
            self.study.fail(trial.number, trial.ending.kind)

    def _refuse_bad_input(self, trial: Trial) -> None:
        """Before any trial has ended well, a fault of input is the sweep's; later it is that trial's."""
        if any(isinstance(one.ending, Result | Pruned) for one in self.outcome.trials):
            return
        ending = trial.ending
        if isinstance(ending, Failed) and ending.bad_input:
            where = f"{self.plan.path}: metric" if ending.where == "monitor" else ending.where
            raise HoneError(ending.message, where=where)
        if isinstance(ending, Result) and self.metric not in ending.metrics:
            raise missing_metric(self.metric, ending.metrics, f"{self.plan.path}: metric")

    def _retry(self, trial: Trial) -> bool:
        """Run a failed trial again, with the same values, under what is left of its retries."""
        ending = trial.ending
        if not isinstance(ending, Failed) or trial.stopped or ending.kind in BAD_VALUES or ending.bad_input:
            return False
        if trial.attempt > self.plan.sweep.failure.retries or self._interrupts or self.outcome.error:
            return False
        # A directory of its own: the courier may still be carrying files from the one before.
        attempt = trial.attempt + 1
        directory = attempt_directory(self.directory, trial.number, attempt)
        again = Trial(trial.number, trial.values, trial.config, directory, attempt=attempt)
        again.known = max(trial.known, trial.validations)
        self._waiting.append(again)
        self.display.note(f"trial {trial.number} failed ({ending.kind}: {ending.message}); it is tried again")
        return True

    def _judge_failures(self) -> None:
        ended = self.outcome.trials
        failed = [one for one in ended if isinstance(one.ending, Failed) and one.ending.kind not in BAD_VALUES]
        allowed = self.plan.sweep.failure.max_failure_rate
        if self.outcome.error or len(ended) < JUDGED_TRIALS or len(failed) <= allowed * len(ended):
            return
        last = failed[-1]
        assert isinstance(last.ending, Failed)
        self.outcome.error = SweepStopped(
            f"{len(failed)} of {len(ended)} trials failed, which is more than failure.max_failure_rate={allowed:g} "
            f"allows. The last: {last.ending.message} ({last.directory / 'log.txt'})"
        )
        self._kill_all()

    def _interrupt(self, signum: int, _frame: object) -> None:
        # Ctrl-C: once to let what runs finish, twice to end it. A plain kill comes once, from somebody in a hurry.
        self._interrupts += 2 if signum == signal.SIGTERM else 1
        if self._interrupts == 1:
            self.display.note("stopping: the trials that run finish first; press Ctrl-C again to end them now")
        else:
            self._kill_all()

    def _kill_all(self) -> None:
        for number in list(self._active):
            self.executor.kill(number)
