"""The sweep's books: one run for the study, one for each trial, all written by the courier."""

from __future__ import annotations

import contextlib
import os
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

from hone.config.files import read_yaml, yaml_text
from hone.config.secrets import hide_in_text, hide_override, hide_values
from hone.config.targets import target_modules
from hone.errors import StoreError
from hone.provenance import environment
from hone.report import Goal, Leaderboard, describe_study, short
from hone.report.description import TABLE_FILE, TABLE_TAG, TABLES, table_of
from hone.sweep.plan import Plan
from hone.sweep.round import Round
from hone.sweep.runs import CHECKPOINTS, close_run, log_model
from hone.sweep.search_file import SEARCH_FILE, search_text
from hone.sweep.trial import Trial, trial_directory
from hone.tracking.courier import Courier
from hone.tracking.lookup import BEST, DIRECTION, INFEASIBLE, METRIC, OBJECTIVE, SEARCHED
from hone.tracking.outbox import Outbox, has_run
from hone.tracking.record import run_record
from hone.tracking.records import DeleteModel
from hone.tracking.run import ERROR, KIND, STUDY, TRIAL, RunRecord, TrackedRun
from hone.tracking.store import NOTE_TAG
from hone.tracking.tags import PART, ROUND
from hone.worker.messages import Begin, Failed, Started
from hone.worker.run import attempts, read_result

BEST_FILE = "best.yaml"
SAME_SECONDS = 1.0


@dataclass(frozen=True)
class Known:
    """What a store has of a study.

    Attributes:
        parent: The id of the study's run.
        unfinished: Run ids of trials that nobody ended properly, by number.
    """

    parent: str | None = None
    unfinished: Mapping[int, str] = field(default_factory=dict)


class Books:
    """Writes a sweep's runs. Nothing is opened before a trial trains, so bad input leaves nothing behind.

    Args:
        courier: Who carries everything to the store.
        plan: The sweep.
        study: The study's name.
        directory: Where the study's trials lie.
        known: What a store has of the study that is gone on with; None for a new study.
        slots: How many trials run at once.
        of_round: Of which loop's round the study is a part, if any.
    """

    def __init__(
        self,
        courier: Courier,
        plan: Plan,
        study: str,
        directory: Path,
        known: Known | None = None,
        slots: int = 1,
        of_round: Round | None = None,
    ) -> None:
        self.courier = courier
        self.plan = plan
        self.study = study
        self.parent = TrackedRun(courier, directory, TrackedRun(courier, of_round.loop) if of_round else None)
        self.of_round = of_round
        self.known = known or Known()
        self._resumed = known is not None and (known.parent is not None or has_run(directory))
        self.slots = slots
        self._open = False
        self._runs: dict[int, TrackedRun] = {}
        self._params: dict[int, tuple[str, ...]] = {}
        self._opened: list[TrackedRun] = []
        self._best: tuple[float, int] | None = None
        self._logged: tuple[float | None, float] = (None, 0.0)

    def open_study(self) -> None:
        """Open the study's run, or take it up again, and wait until that is done.

        Raises:
            StoreError: The store cannot be written.
        """
        if self._open:
            return
        self._open = True
        if self._resumed:
            self.parent.take_up(self.known.parent)
            self.parent.add_text(search_text(self.plan, self.slots, resumed=True), SEARCH_FILE)
        else:
            self.parent.open(self._study_record(), spool=False)
        self.courier.settle()

    def open_trial(self, trial: Trial, started: Started) -> None:
        """Open a trial's run, or go on with it.

        Args:
            trial: The trial, its training about to begin.
            started: What its worker said.
        """
        self.open_study()
        if trial.number in self._runs:
            return
        run = TrackedRun(self.courier, trial.directory, self.parent)
        self._runs[trial.number] = run
        if self._resumed and (trial.number in self.known.unfinished or has_run(trial.directory)):
            run.take_up(self.known.unfinished.get(trial.number))
            return
        tags = {KIND: "trial", STUDY: self.study, TRIAL: str(trial.number), SEARCHED: ",".join(trial.values)}
        config = trial.config.config
        provenance = environment().of_run(
            threads=trial.lease.cpus,
            gpus=trial.lease.gpus,
            seed=config.get("seed"),
            digests=started.digests,
            state=started.state,
            modules=target_modules(config),
        )
        searched = ", ".join(f"{key} = {short(value)}" for key, value in trial.values.items())
        tags |= {NOTE_TAG: f"**Searched:** {searched}"}
        tags |= {METRIC: ", ".join(self.plan.sweep.metrics), DIRECTION: ", ".join(self.plan.sweep.directions)}
        record = run_record(
            trial.name, tags, config, trial.config.text, trial.config.overrides, provenance, started.rows
        )
        # A searched group is no key of the config, and a parameter all the same. The dashboard keeps this order.
        params = {**trial.values, **record.params, **trial.values}
        run.open(replace(record, params=params))
        self._params[trial.number] = tuple(params)
        self._opened.append(run)

    def place_of(self, trial: Trial) -> Begin:
        """Where a trial is tracked, for a program that logs to the store by itself; waits until its run is there."""
        store = self.courier.store
        with contextlib.suppress(StoreError):
            self.courier.settle()
        run_id = self._runs[trial.number].run_id
        if store is None or run_id is None:
            return Begin()
        params = self._params.get(trial.number)
        return Begin(run_id, store.uri, store.experiment.experiment_id, params)

    def are_closed(self, number: int, directory: Path) -> bool:
        """Whether the run of a trial that has ended was ended too, or is going to be by what waits in its outbox."""
        outbox = Outbox(directory)
        if outbox.size:
            return not outbox.is_open()
        return has_run(directory) and number not in self.known.unfinished

    def note_failure(self, trial: Trial, failed: Failed) -> None:
        """Keep why an attempt failed that is followed by another."""
        run = self._runs.get(trial.number)
        if run is not None:
            count = attempts(trial.directory) + 1
            run.tag({f"{ERROR}.{count}": f"{failed.kind}: {failed.message}"})
            if failed.traceback:
                run.add_text(failed.traceback, f"traceback-{count}.txt")

    def end_trial(self, trial: Trial) -> None:
        """End a trial's run; one that failed before its training began gets one, so that its failure can be seen.

        Args:
            trial: The trial, ended.
        """
        if trial.number not in self._runs:
            if trial.stopped or not isinstance(trial.ending, Failed):
                return
            self.open_trial(trial, Started())
        run = self._runs.pop(trial.number)
        self._params.pop(trial.number, None)
        metrics = {OBJECTIVE: trial.objectives[0]} if trial.objectives else {}
        if not trial.feasible:
            metrics[INFEASIBLE] = 1.0
        close_run(run, None if trial.stopped else trial.ending, trial.directory, metrics)

    def forget_checkpoint(self, directory: Path) -> None:
        """Delete the checkpoint of a trial that has ended from its run's artifacts.

        Args:
            directory: The trial's directory.
        """
        # A trial whose run is still open is dropped before its checkpoint was copied.
        if has_run(directory) and directory not in {run.directory for run in self._runs.values()}:
            run = TrackedRun(self.courier, directory)
            run.delete_files(CHECKPOINTS)
            if self._resumed and directory not in {one.directory for one in self._opened}:
                # Of an earlier session, which logged the models of its best trials at its end.
                run.put(DeleteModel())

    def log_best(self, value: float, ended: int) -> None:
        """Log the best value so far, with the number of trials that have ended as its step.

        A better one at once; the same again only now and then, where trials end many times a second.
        """
        self._best = value, ended
        if value != self._logged[0] or time.monotonic() - self._logged[1] > SAME_SECONDS:
            self._log_best()

    def _log_best(self) -> None:
        """Log what is known of the best value and not logged yet."""
        if self._best is None:
            return
        (value, ended), self._best = self._best, None
        self._logged = value, time.monotonic()
        # By its objective a study stands beside its best trial, however the dashboard sorts.
        self.parent.log({f"{BEST}{self.plan.sweep.metric}": value, OBJECTIVE: value}, ended)

    def log_models(self, kept: Sequence[int], board: Leaderboard) -> None:
        """Log the checkpoints that are kept as models.

        Args:
            kept: Numbers of their trials.
            board: The study's trials.
        """
        values = {row.number: row.values for row in board.rows}
        for number in kept:
            directory = trial_directory(self.parent.directory, number)
            if has_run(directory):
                run = TrackedRun(self.courier, directory, self.parent)
                log_model(run, read_result(directory), values.get(number, {}))

    def show(self, board: Leaderboard, *, running: bool = False) -> None:
        """Write what is known of the study into its run: description and leaderboard.

        Args:
            board: Its trials.
            running: It goes on.
        """
        if not self._open:
            return
        self.parent.add_text(board.as_csv(), "leaderboard.csv")
        self.parent.add_text(table_of(board), TABLE_FILE)
        self.parent.tag({NOTE_TAG: describe_study(board, self._goal(), running=running), TABLE_TAG: TABLES})

    def add_report(self, folder: Path) -> None:
        """Copy the study's pictures into its run, over earlier ones."""
        if self._open:
            self.parent.add_folder(folder, folder.name)

    def add_pictures(self, folder: Path, names: Sequence[str]) -> None:
        """Copy pictures of what a trial predicted into its run.

        Args:
            folder: Where they lie, in the trial's directory.
            names: Theirs.
        """
        if has_run(folder.parent):
            TrackedRun(self.courier, folder.parent).add_files([folder / one for one in names], folder.name)

    def _goal(self) -> Goal:
        plan = self.plan
        searched = {one.key: one.text for one in plan.space.parameters}
        for branch in plan.space.branches:
            searched |= {f"{one.key} ({branch.text})": one.text for one in branch.parameters}
        return Goal(
            file=str(plan.path),
            searched=searched,
            constraints={one.metric: one.text for one in plan.constraints},
            trials=plan.trials,
            best_config=os.path.relpath(self.parent.directory / BEST_FILE),
            pictures=bool(plan.config["tracking"].get("report", True)),
        )

    def end_study(self, board: Leaderboard, state: str, best: Path | None = None) -> None:
        """End the study's run.

        Args:
            board: Its trials.
            state: ``complete``, ``stopped`` or ``failed``.
            best: The config of the best trial, where there is one.
        """
        if not self._open:
            return
        self._log_best()
        if best is not None:
            self.parent.add_text(yaml_text(hide_values(read_yaml(best))), best.name)
        self.show(board)
        statuses = {"complete": "FINISHED", "stopped": "KILLED", "failed": "FAILED"}
        self.parent.end(statuses[state], state)

    def discard(self) -> None:
        """Delete every run that this sweep opened: it stood on bad input."""
        for run in self._runs.values():
            if run not in self._opened:
                run.end("KILLED", "stopped")
        for run in (*self._opened, *([self.parent] if self._open and not self._resumed else [])):
            run.delete()
        # Their directories go next.
        with contextlib.suppress(StoreError):
            self.courier.settle()

    def abort(self, board: Leaderboard) -> None:
        """End every run that is open: the sweep itself broke.

        Args:
            board: The study as it was before this session.
        """
        for run in self._runs.values():
            run.end("KILLED", "stopped")
        self.end_study(board, "failed")

    def _study_record(self) -> RunRecord:
        plan = self.plan
        tags = {
            KIND: "study",
            STUDY: self.study,
            METRIC: ", ".join(plan.sweep.metrics),
            DIRECTION: ", ".join(plan.sweep.directions),
            SEARCHED: ",".join(plan.space.keys),
            NOTE_TAG: f"Searching {', '.join(plan.space.keys)} for {plan.sweep.direction[:3]} {plan.sweep.metric}.",
        }
        if self.of_round is not None:
            tags |= {ROUND: str(self.of_round.number), PART: self.of_round.part}
        base = plan.configs.shared()
        # What is searched has no one value for the study.
        record = run_record(self.study, tags, base.config, base.text, base.overrides, environment())
        sweep = plan.sweep.model_dump(mode="json", by_alias=True)
        fixed = {key: value for key, value in record.params.items() if key not in plan.space.keys}
        search = search_text(plan, self.slots, resumed=False)
        shown = {**hide_values(sweep), "base": [hide_override(one) for one in sweep["base"]]}
        texts = {"sweep.yaml": hide_in_text(yaml_text(shown)), SEARCH_FILE: search}
        return replace(record, params=fixed, texts={**record.texts, **texts})
