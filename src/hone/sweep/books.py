"""The sweep's books: one run for the study, one for each trial, all written by the courier."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

from hone.config.files import yaml_text
from hone.config.secrets import hide_password
from hone.config.targets import target_modules
from hone.provenance import environment
from hone.report import Leaderboard
from hone.sweep.plan import Plan
from hone.sweep.runs import CHECKPOINTS, close_run
from hone.sweep.search_file import SEARCH_FILE, search_text
from hone.sweep.trial import Trial
from hone.tracking.courier import Courier
from hone.tracking.lookup import BEST, DIRECTION, INFEASIBLE, METRIC, OBJECTIVE, SEARCHED
from hone.tracking.record import run_record
from hone.tracking.run import ERROR, KIND, STUDY, TRIAL, RunRecord, TrackedRun, kept_run_id
from hone.tracking.store import NOTE_TAG, Store
from hone.worker.messages import Failed, Started
from hone.worker.run import attempts


class Books:
    """Writes a sweep's runs. Nothing is opened before a trial trains, so bad input leaves nothing behind.

    Args:
        courier: Who carries everything to the store.
        plan: The sweep.
        study: The study's name.
        directory: Where the study's trials lie.
        parent: Run id of the study, to go on with; None for a new one.
        unfinished: Run ids of trials that are to be gone on with, by number.
        slots: How many trials run at once.
    """

    def __init__(
        self,
        courier: Courier,
        plan: Plan,
        study: str,
        directory: Path,
        parent: str | None = None,
        unfinished: Mapping[int, str] | None = None,
        slots: int = 1,
    ) -> None:
        self.courier = courier
        self.plan = plan
        self.study = study
        self.parent = TrackedRun(courier, directory)
        self.parent.run_id = parent
        self._resumed = parent
        self.slots = slots
        self._open = False
        self._runs: dict[int, TrackedRun] = {}
        self._opened: list[TrackedRun] = []
        self.unfinished = dict(unfinished or {})

    def open_study(self) -> None:
        """Open the study's run, or take it up again, and wait until that is done.

        Raises:
            StoreError: The store cannot be written.
        """
        if self._open:
            return
        self._open = True
        if self._resumed:
            self.parent.reopen()
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
        if trial.number in self.unfinished:
            run.take_up(self.unfinished.pop(trial.number))
            return
        tags = {KIND: "trial", STUDY: self.study, TRIAL: str(trial.number), SEARCHED: ",".join(trial.values)}
        config = trial.config.config
        provenance = environment().of_run(
            threads=trial.lease.cpus,
            gpus=trial.lease.gpus,
            seed=int(config["seed"]),
            digests=started.digests,
            state=started.state,
            modules=target_modules(config),
        )
        record = run_record(trial.name, tags, config, trial.config.text, trial.config.overrides, provenance)
        # A searched group is no key of the config, and a parameter all the same.
        run.open(replace(record, params={**record.params, **trial.values}))
        self._opened.append(run)

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
        metrics = {OBJECTIVE: trial.objectives[0]} if trial.objectives else {}
        if not trial.feasible:
            metrics[INFEASIBLE] = 1.0
        close_run(run, None if trial.stopped else trial.ending, trial.directory, metrics)

    def forget_checkpoint(self, directory: Path) -> None:
        """Delete the checkpoint of a trial that has ended from its run's artifacts.

        Args:
            directory: The trial's directory.
        """

        def errand(store: Store) -> None:
            if (run_id := kept_run_id(directory)) is not None:
                store.delete_files(run_id, CHECKPOINTS)

        self.courier.send(errand)

    def log_best(self, value: float, ended: int) -> None:
        """Log the best value so far, with the number of trials that have ended as its step."""
        self.parent.log({f"{BEST}{self.plan.sweep.metric}": value}, ended)

    def end_study(self, board: Leaderboard, state: str, files: list[Path]) -> None:
        """End the study's run.

        Args:
            board: Its trials.
            state: ``complete``, ``stopped`` or ``failed``.
            files: More artifacts.
        """
        if not self._open:
            return
        self.parent.add_files(files)
        self.parent.add_text(board.as_csv(), "leaderboard.csv")
        self.parent.note(board.as_markdown())
        statuses = {"complete": "FINISHED", "stopped": "KILLED", "failed": "FAILED"}
        self.parent.end(statuses[state], state)

    def discard(self) -> None:
        """Delete every run that this sweep opened: it stood on bad input."""
        for run in self._runs.values():
            if run not in self._opened:
                run.end("KILLED", "stopped")
        opened = [*self._opened, *([] if self._resumed else [self.parent])]
        self.courier.send(lambda store: _delete(store, opened))

    def abort(self, board: Leaderboard) -> None:
        """End every run that is open: the sweep itself broke.

        Args:
            board: The study as it was before this session.
        """
        for run in self._runs.values():
            run.end("KILLED", "stopped")
        self.end_study(board, "failed", [])

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
        base = plan.configs.shared()
        record = run_record(self.study, tags, base.config, base.text, base.overrides, environment())
        sweep = plan.sweep.model_dump(mode="json", by_alias=True)
        if sweep["study"]["storage"]:
            sweep["study"]["storage"] = hide_password(sweep["study"]["storage"])
        search = search_text(plan, self.slots, resumed=False)
        return replace(record, texts={**record.texts, "sweep.yaml": yaml_text(sweep), SEARCH_FILE: search})


def _delete(store: Store, runs: list[TrackedRun]) -> None:
    for run in runs:
        if run.run_id is not None:
            store.delete_run(run.run_id)
