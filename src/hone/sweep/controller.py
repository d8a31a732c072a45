"""The controller: one thread that asks the study, starts trials, answers their workers and tells how they ended."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from hone.config.files import write_text
from hone.errors import DiskError, HoneError, StudyError, missing_metric
from hone.executors import Executor
from hone.study import Study
from hone.sweep.books import Books
from hone.sweep.disk import Shelf
from hone.sweep.display import Display
from hone.sweep.plan import Plan
from hone.sweep.policy import LEAVE, RETRY, Policy
from hone.sweep.reporting import Reporting
from hone.sweep.runs import ending_of, objectives_of
from hone.sweep.stopping import Stopping
from hone.sweep.trial import Trial, trial_directory
from hone.worker.death import kills_by_kernel
from hone.worker.disk import is_full
from hone.worker.messages import (
    Begin,
    Exited,
    Failed,
    Message,
    Pruned,
    Report,
    Result,
    Started,
    TrialJob,
    Verdict,
)
from hone.worker.run import TRIAL_FILE, set_aside

POLL_SECONDS = 0.25


@dataclass
class Outcome:
    """What became of a sweep.

    Attributes:
        state: ``complete``, ``stopped`` or ``failed``.
        error: Why it ended early, where it did.
        hurry: The machine is taken away.
    """

    state: str = "complete"
    error: HoneError | None = None
    hurry: bool = False


@dataclass(frozen=True)
class Desk:
    """What a controller works with.

    Attributes:
        executor: Where trials run.
        books: Where they are tracked.
        display: Where they are shown.
        shelf: What of them is kept on disk.
        reporting: Has the study's report drawn.
    """

    executor: Executor
    books: Books
    display: Display
    shelf: Shelf
    reporting: Reporting


class Controller:
    """Runs trials until the study has enough of them.

    Args:
        plan: The sweep.
        study: Its study.
        desk: What to work with.
        directory: Where the trials' directories lie, absolute.
        recovered: Trials that a controller which is gone left running; those with an ending are told of first.
    """

    def __init__(self, plan: Plan, study: Study, desk: Desk, directory: Path, recovered: Sequence[Trial] = ()) -> None:
        self.plan = plan
        self.study = study
        self.executor, self.books, self.display, self.shelf = desk.executor, desk.books, desk.display, desk.shelf
        self.reporting = desk.reporting
        self.directory = directory
        self.outcome = Outcome()
        self.metric = plan.sweep.metric
        self.policy = Policy(plan.sweep.failure)
        self.stopping = Stopping(self.executor, self.display, plan.sweep.failure.grace)
        self._recovered = list(recovered)
        self._active: dict[int, Trial] = {}
        self._waiting: list[Trial] = []
        self._left = plan.trials - len(study.finished()) - len(recovered)
        self._deadline = time.monotonic() + plan.sweep.timeout if plan.sweep.timeout else None
        self._went_well = False
        self._kills = kills_by_kernel()

    def run(self) -> Outcome:
        """Run to the end.

        Returns:
            What became of the sweep.

        Raises:
            HoneError: What the user gave cannot be trained, found before any trial began.
        """
        with self.stopping:
            self._take_up()
            while self._fill():
                for number, message in self.executor.wait(POLL_SECONDS):
                    self._hear(self._active[number], message)
                self._look_around()
        for trial in self._waiting:
            # Between two attempts as the sweep ends: a resumed one goes on with it.
            trial.stopped = True
            self.books.end_trial(trial)
        if self.stopping.asked:
            self.outcome.state, self.outcome.hurry = "stopped", self.stopping.terminated
        elif self.outcome.error or self.display.board().best() is None:
            self.outcome.state = "failed"
        return self.outcome

    def _take_up(self) -> None:
        """Tell of what ended unheard, and let the rest go on."""
        for trial in self._recovered:
            if trial.ending is None:
                self._waiting.append(trial)
            else:
                self.books.open_trial(trial, Started())
                self._settle(trial)

    def _fill(self) -> bool:
        """Start whatever may be started; False when none runs and none is to come."""
        try:
            while self._may_start():
                if not self._waiting:
                    asked = self._ask()
                    if asked.ending is not None:
                        self._settle(asked)
                        continue
                    self._waiting.append(asked)
                if not self.executor.fits(alone=self._waiting[0].alone):
                    break
                self._start(self._waiting.pop(0))
        except StudyError as error:
            self._give_up(error)
        except OSError as error:
            self._pause(error)
        # What does not fit for now, as long as a device cools down, is waited for.
        return bool(self._active) or self._wants_more()

    def _wants_more(self) -> bool:
        if self.stopping.asked or self.outcome.error:
            return False
        if self._deadline is not None and time.monotonic() > self._deadline:
            return False
        return bool(self._waiting) or (self._left > 0 and not self.study.exhausted)

    def _may_start(self) -> bool:
        return self._wants_more() and (bool(self._waiting) or self.executor.fits())

    def _ask(self) -> Trial:
        try:
            if self.plan.steady:
                self.study.go_on_with(self.plan.sampler(self.study.asked))
            suggestion = self.study.ask()
        except OSError:
            raise
        except Exception as error:
            # A sampler is anybody's code. What it was asked for is taken up again by a resumed study.
            raise StudyError(f"the sampler failed: {type(error).__name__}: {error}", where="sampler") from error
        self._left -= 1
        directory = trial_directory(self.directory, suggestion.number)
        return Trial.planned(self.plan.configs, suggestion.number, suggestion.values, directory)

    def _start(self, trial: Trial) -> None:
        trial.directory.mkdir(parents=True, exist_ok=True)
        set_aside(trial.directory)
        write_text(trial.config.text, trial.directory / TRIAL_FILE)
        trial.began = trial.heard = time.monotonic()
        self._active[trial.number] = trial
        sweep = self.plan.sweep
        key = self.plan.data_key(trial.config.config)
        job = TrialJob(
            trial.number, str(trial.directory), objectives=sweep.metrics, data=key, reserve=sweep.disk.reserve
        )
        try:
            trial.lease = self.executor.start(job, alone=trial.alone)
        except OSError:
            # It has not begun, and is left to a resumed study.
            del self._active[trial.number]
            self._waiting.insert(0, trial)
            raise

    def _look_around(self) -> None:
        """Everything that is not an answer to a message."""
        trials = list(self._active.values())
        self.display.update(trials)
        for note in self.executor.notes():
            self.display.note(note)
        if self.executor.failure is not None:
            self._give_up(self.executor.failure)
        for trial in self.policy.overdue(trials):
            self.executor.kill(trial.number)
        self.stopping.enforce(trials)
        if self.outcome.error is None and (short := self.shelf.short_of_room()):
            self._pause(DiskError(short))

    def _hear(self, trial: Trial, message: Message) -> None:
        trial.heard = time.monotonic()
        try:
            if isinstance(message, Started):
                self._begin(trial, message)
            elif isinstance(message, Report):
                self._judge(trial, message)
            elif isinstance(message, Result | Pruned | Failed):
                trial.ending = message
            elif isinstance(message, Exited):
                self._conclude(trial, message)
        except OSError as error:
            self._pause(error)

    def _begin(self, trial: Trial, started: Started) -> None:
        try:
            self.shelf.check(started.model_bytes, self.executor.slots)
        except DiskError as error:
            if not self._has_ended_trials:
                raise
            # Its model is larger than those of the others.
            trial.condemned = Failed("error", str(error), bad_input=True)
            self.executor.kill(trial.number)
            return
        # Only the first must wait: where the store cannot be written, nothing is to be trained.
        self.books.open_study()
        if not started.wants_run:
            self.executor.answer(trial.number, Begin())
        trial.started = True
        self.books.open_trial(trial, started)
        if started.wants_run:
            self.executor.answer(trial.number, self.books.place_of(trial))
        if started.note:
            self.display.note(f"trial {trial.number}: {started.note}")

    def _judge(self, trial: Trial, report: Report) -> None:
        trial.validations = report.validation or trial.validations + 1
        stop = False
        if self.metric in report.metrics:
            trial.latest = report.metrics[self.metric]
            # What an earlier attempt reported stands: a study takes one value for each step.
            if trial.validations > trial.known and len(self.plan.sweep.metrics) == 1:
                stop = self._should_stop(trial)
        self.executor.answer(trial.number, Verdict(stop))

    def _should_stop(self, trial: Trial) -> bool:
        assert trial.latest is not None
        try:
            return self.study.report(trial.number, trial.validations, trial.latest)
        except OSError:
            raise
        except Exception as error:  # noqa: BLE001 - a pruner is anybody's code
            self._give_up(StudyError(f"the pruner failed: {type(error).__name__}: {error}", where="pruner"))
            return False

    def _conclude(self, trial: Trial, exited: Exited) -> None:
        """Close an attempt whose processes are gone."""
        del self._active[trial.number]
        trial.seconds += time.monotonic() - trial.began
        kills = kills_by_kernel()
        ending = ending_of(trial.ending, trial.directory, exited, out_of_memory=kills > self._kills)
        self._kills = kills
        trial.ending = trial.condemned if trial.condemned and not isinstance(ending, Result | Pruned) else ending
        trial.stopped = self.stopping.ended(trial)
        self._settle(trial)

    def _settle(self, trial: Trial) -> None:
        """Decide what becomes of a trial that has ended, and write it down."""
        if trial.stopped:
            self._leave(trial)
            return
        assert trial.ending is not None
        self._refuse_bad_input(trial)
        self._judge_values(trial)
        ending = trial.ending
        if isinstance(ending, Failed):
            after = self.policy.after(trial, ending)
            if ending.kind == "disk":
                self._pause(DiskError(ending.message))
            if after == LEAVE or (after == RETRY and (self.stopping.asked or self.outcome.error)):
                trial.stopped = True
                self._leave(trial)
                return
            if after == RETRY:
                self._retry(trial, ending)
                return
        self._write_down(trial)

    def _write_down(self, trial: Trial) -> None:
        # The study first: where the books fail, its trial is not lost.
        self._tell(trial)
        self._went_well = self._went_well or isinstance(trial.ending, Result | Pruned)
        self.display.ended(trial)
        self.shelf.put(trial)
        self.books.end_trial(trial)
        board = self.display.board()
        best = board.best()
        if best is not None and best.value is not None:
            self.books.log_best(best.value, len(board))
        self.reporting.ended(trial, board)
        if self.outcome.error is None and (too_many := self.policy.count(trial)):
            self._give_up(too_many)
            self.stopping.kill(self._active.values())

    def _tell(self, trial: Trial) -> None:
        ending = trial.ending
        if isinstance(ending, Result):
            broken = {one.metric: one.violation(ending.metrics[one.metric]) for one in self.plan.constraints}
            trial.feasible = all(one <= 0 for one in broken.values())
            self.study.complete(trial.number, trial.objectives, broken)
        elif isinstance(ending, Pruned):
            self.study.prune(trial.number)
        else:
            assert isinstance(ending, Failed)
            self.study.fail(trial.number, ending.kind, infeasible=self.policy.is_infeasible(ending.kind))

    def _leave(self, trial: Trial) -> None:
        """The study keeps it as running, for a resumed one to go on with."""
        self.display.ended(trial)
        self.books.end_trial(trial)

    def _retry(self, trial: Trial, ending: Failed) -> None:
        """Run a failed trial again, with the same values, from its last checkpoint."""
        self.books.note_failure(trial, ending)
        alone = " alone on its device" if trial.alone else ""
        self.display.note(f"trial {trial.number} failed ({ending.kind}: {ending.message}); it is tried again{alone}")
        trial.try_again()
        self._waiting.append(trial)

    def _judge_values(self, trial: Trial) -> None:
        """A trial that ran to its end without every value that it owes has failed."""
        ending = trial.ending
        if not isinstance(ending, Result):
            return
        values = objectives_of(ending, self.plan.sweep.metrics)
        missing = [one.metric for one in self.plan.constraints if one.metric not in ending.metrics]
        if values is None:
            names = " or ".join(self.plan.sweep.metrics)
            trial.ending = Failed("diverged", f"{names} is not finite")
        elif missing:
            trial.ending = Failed("error", f"it did not log {missing[0]}, on which there is a constraint")
        else:
            trial.objectives = values

    @property
    def _has_ended_trials(self) -> bool:
        return self._went_well or len(self.display.board()) > 0

    def _refuse_bad_input(self, trial: Trial) -> None:
        """Before any trial has ended well, a fault of input is the sweep's; later it is that trial's."""
        if self._has_ended_trials:
            return
        ending = trial.ending
        if isinstance(ending, Failed) and ending.bad_input:
            where = f"{self.plan.path}: metric" if ending.where == "monitor" else ending.where
            raise HoneError(ending.message, where=where)
        for name in self.plan.objectives if isinstance(ending, Result) else ():
            assert isinstance(ending, Result)
            if name not in ending.metrics:
                key = "metric" if name in self.plan.sweep.metrics else f"constraints.{name}"
                raise missing_metric(name, ending.metrics, f"{self.plan.path}: {key}")

    def _pause(self, error: OSError | DiskError) -> None:
        """The disk is full: end what runs, and keep what is done for a resumed study."""
        if isinstance(error, OSError) and not is_full(error):
            raise error
        self.shelf.make_room()
        message = error.message if isinstance(error, DiskError) else f"the disk is full: {error.strerror}"
        self._give_up(DiskError(f"{message}; free some room and go on with --resume", where=str(self.directory)))
        self.stopping.kill(self._active.values())

    def _give_up(self, error: HoneError) -> None:
        self.outcome.error = self.outcome.error or error
