"""One session of a sweep, door to door: from a sweep file to a leaderboard."""

from __future__ import annotations

import contextlib
import re
import shutil
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from rich.console import Console

from hone.config.build import build
from hone.config.files import read_yaml, write_yaml
from hone.errors import HoneError, StudyError
from hone.executors import Executor, Resources, StartWorkers
from hone.provenance import environment
from hone.report import Leaderboard, Row
from hone.study import Study, delete_study, open_study, quieten, study_names
from hone.sweep.books import BEST_FILE, Books, Known
from hone.sweep.controller import Controller, Desk, Outcome
from hone.sweep.disk import Shelf
from hone.sweep.display import Display
from hone.sweep.lock import only_controller
from hone.sweep.plan import Plan, make_plan
from hone.sweep.recovery import enqueue_known, mend_books, recover_trials
from hone.sweep.reporting import Reporting
from hone.sweep.round import Round, of_round
from hone.sweep.trial import Trial, trial_directory
from hone.sweep.warm_start import with_earlier
from hone.tracking.courier import Courier
from hone.tracking.lookup import study_run, unfinished_trials
from hone.tracking.run import end_abandoned
from hone.tracking.store import Store, TrackingConfig, open_store
from hone.worker.messages import Failed
from hone.worker.run import TRIAL_FILE, read_result


@dataclass(frozen=True)
class SweepRequest:
    """What the user typed.

    Attributes:
        path: The sweep file.
        overrides: Everything after it.
        config_dir: The user's config directory.
        config_name: The primary config.
        resume: Go on with the latest study of this file, or with the one that ``study.name`` names.
        round: Of which loop's round it is a part, if any.
    """

    path: Path
    overrides: tuple[str, ...] = ()
    config_dir: Path | None = None
    config_name: str = "config"
    resume: bool = False
    round: Round | None = None


@dataclass(frozen=True)
class SweepSummary:
    """What a sweep came to.

    Attributes:
        board: Its trials.
        state: ``complete``, ``stopped`` or ``failed``.
        best: The best trial's config, where there is one.
        tracking: Where runs are kept.
        undelivered: What the store refused, one line each.
        waiting: What waits for ``hone sync``, in a line; an empty string where nothing does.
        error: Why it ended early, where it did.
    """

    board: Leaderboard
    state: str
    best: Path | None
    tracking: TrackingConfig
    undelivered: tuple[str, ...]
    waiting: str
    error: HoneError | None


def run_sweep(request: SweepRequest, start_workers: StartWorkers, console: Console) -> SweepSummary:
    """Run a sweep, or go on with one.

    Args:
        request: What the user typed.
        start_workers: Gives the workers that trials run in, importing the modules it is given.
        console: Where progress is shown.

    Returns:
        What it came to.

    Raises:
        HoneError: What the user gave is wrong. No run and no study is left behind.
    """
    plan = make_plan(request.path, request.overrides, request.config_dir, request.config_name)
    return run_plan(plan, start_workers, console, resume=request.resume, part=request.round)


def run_plan(
    plan: Plan, start_workers: StartWorkers, console: Console, *, resume: bool, part: Round | None = None
) -> SweepSummary:
    """Run a sweep that is planned, or go on with one.

    Args:
        plan: The sweep.
        start_workers: Gives the workers that trials run in, importing the modules it is given.
        console: Where progress is shown.
        resume: Go on with a study.
        part: Of which loop's round it is a part, if any.

    Returns:
        What it came to.

    Raises:
        HoneError: What the user gave is wrong. No run and no study is left behind.
    """
    tracking: TrackingConfig = build(plan.config["tracking"], "tracking")
    plan = with_earlier(plan, tracking.root / "studies")
    if part is not None:
        plan = of_round(plan, part)
    executor = _executor(plan, start_workers)
    try:
        store = None if tracking.offline else open_store(tracking)
        if store is not None:
            end_abandoned(store)
        environment()
        executor.ready()
        with contextlib.ExitStack() as held:
            study, directory = _take_study(plan, tracking.root, resume, held)
            if resume and study.asked:
                plan.settle_in(directory)
            else:
                # Killed before its first trial, a study may lack what was to be tried first.
                _begin(study, plan, store, tracking.root, directory)
            courier = held.enter_context(Courier(store))
            if resume:
                courier.take_up(directory)
            outcome, board, best = _run(resume, part, plan, study, executor, courier, tracking, console, held)
    finally:
        executor.close()
    undelivered = tuple(str(one) for one in courier.errors)
    return SweepSummary(board, outcome.state, best, tracking, undelivered, courier.waiting(), outcome.error)


def _run(
    resume: bool,
    part: Round | None,
    plan: Plan,
    study: Study,
    executor: Executor,
    courier: Courier,
    tracking: TrackingConfig,
    console: Console,
    held: contextlib.ExitStack,
) -> tuple[Outcome, Leaderboard, Path | None]:
    directory = tracking.root / "trials" / study.name
    board = _finished(study, plan, directory)
    recovered = recover_trials(study, plan, directory)
    known = _known(courier, study.name) if resume else None
    books = Books(courier, plan, study.name, directory, known, executor.slots, part)
    shelf = Shelf(plan.sweep.disk, directory, maximize=board.maximize, forget=books.forget_checkpoint)
    reporting = held.enter_context(Reporting(books, plan.sweep.study.storage, tracking.root))
    _announce(console, plan, study, board, executor, recovered)
    if resume:
        mend_books(study, plan, books, directory)
    before = Leaderboard(board.study, board.metrics, study.maximize, board.rows)
    try:
        shelf.lay_ballast()
        shelf.take_up(board.rows)
        with Display(console, board, plan.trials, executor.slots) as display:
            desk = Desk(executor, books, display, shelf, reporting)
            outcome = Controller(plan, study, desk, directory, recovered).run()
    except HoneError:
        executor.close()
        if len(board):
            # What has ended is not lost by what came after it.
            books.abort(board)
            raise
        books.discard()
        if not resume:
            _forget(plan, study, tracking.root, directory)
        raise
    except BaseException:
        executor.close()
        books.abort(before)
        raise
    finally:
        shelf.make_room()
    best = _write_best(board, directory)
    books.log_models(shelf.kept, board)
    books.end_study(board, outcome.state, best)
    # Before the pictures, for which not everybody wants to wait.
    _show(console, board)
    if not outcome.hurry:
        reporting.finish(board, console, stopped=outcome.state == "stopped")
    return outcome, board, best


def _show(console: Console, board: Leaderboard) -> None:
    if board.best() is None:
        console.print(f"[red]no trial of {board.study} is complete[/]")
    else:
        console.print(board.as_table())


def _announce(
    console: Console,
    plan: Plan,
    study: Study,
    board: Leaderboard,
    executor: Executor,
    recovered: Sequence[Trial],
) -> None:
    console.print(f"study [bold]{board.study}[/], {executor.slots} trials at once", highlight=False)
    if plan.sweep.learn_from:
        earlier = ", ".join(plan.sweep.learn_from)
        console.print(
            f"its sampler learns from {study.learnt} trials of {earlier}, which lie in its space", highlight=False
        )
    if plan.trials < plan.sweep.trials:
        console.print(f"the grid has {plan.trials} points", highlight=False)
    if going_on := [str(one.number) for one in recovered if one.ending is None]:
        console.print(f"going on with {len(going_on)} trials that were running: {', '.join(going_on)}", highlight=False)
    if len(board) >= plan.trials:
        console.print(f"it has its {plan.trials} trials already; trials={2 * plan.trials} runs more", highlight=False)


def _take_study(plan: Plan, root: Path, resume: bool, held: contextlib.ExitStack) -> tuple[Study, Path]:
    """Open the study, with its directory locked: two controllers would each run its trials."""
    quieten()
    name = _name(plan, root, resume)
    directory = root / "trials" / name
    if resume and directory.is_dir():
        held.enter_context(only_controller(directory))
    if not resume and any(directory.glob("[0-9]*")):
        raise StudyError(
            f"{directory} holds trials of another study of that name; choose another name, or move them away",
            where="study.name",
        )
    study = _open_study(plan, name, root / "studies", resume)
    if not (resume and directory.is_dir()):
        directory.mkdir(parents=True, exist_ok=True)
        held.enter_context(only_controller(directory))
    return study, directory


def _known(courier: Courier, study: str) -> Known:
    """What the store has of a study; what this directory has goes there meanwhile."""
    if courier.store is None:
        return Known()
    return Known(study_run(courier.store, study), unfinished_trials(courier.store, study))


def _begin(study: Study, plan: Plan, store: Store | None, root: Path, directory: Path) -> None:
    try:
        plan.settle_in(directory)
        enqueue_known(study, plan, store)
    except HoneError:
        _forget(plan, study, root, directory)
        raise


def _executor(plan: Plan, start_workers: StartWorkers) -> Executor:
    asked = plan.sweep.resources
    executor: Executor = build(
        plan.config["executor"],
        "executor",
        resources=Resources(asked.cpus, asked.gpus, asked.memory, asked.nodes),
        start_workers=start_workers,
        modules=plan.modules(),
    )
    return executor


def _open_study(plan: Plan, name: str, directory: Path, resume: bool) -> Study:
    study = open_study(
        name,
        plan.space,
        metrics=plan.sweep.metrics,
        directions=plan.sweep.directions,
        constraints=plan.constraints,
        storage=plan.sweep.study.storage,
        directory=directory,
        sampler=plan.sampler(),
        pruner=plan.pruner(),
        resume=resume,
    )
    study.extend = plan.extend
    study.learn_from(plan.prior)
    if resume:
        study.go_on_with(plan.sampler(study.asked))
    return study


def _name(plan: Plan, root: Path, resume: bool) -> str:
    """The file's name with the next free number; the latest there is, to resume."""
    if plan.sweep.study.name:
        return plan.sweep.study.name
    known = study_names(plan.sweep.study.storage, root / "studies")
    if not resume:
        # Studies of other storages have their trials here too.
        known = [*known, *(one.name for one in (root / "trials").glob("*"))]
    numbers = [int(found[1]) for one in known if (found := re.fullmatch(re.escape(plan.stem) + r"-(\d+)", one))]
    if resume and not numbers:
        raise StudyError(f"there is no study of {plan.stem} to resume yet", where="--resume")
    return f"{plan.stem}-{max(numbers, default=0) + (0 if resume else 1)}"


def _finished(study: Study, plan: Plan, directory: Path) -> Leaderboard:
    rows = []
    for one in study.finished():
        ending = read_result(trial_directory(directory, one.number))
        metrics = {} if ending is None or isinstance(ending, Failed) else ending.metrics
        failure = ending.shown if isinstance(ending, Failed) and one.state == "failed" else ""
        rows.append(
            Row(
                one.number,
                one.state,
                one.value,
                one.values,
                metrics,
                one.seconds,
                one.feasible,
                one.objectives,
                failure,
            )
        )
    return Leaderboard(study.name, plan.sweep.metrics, study.maximize, rows)


def _write_best(board: Leaderboard, directory: Path) -> Path | None:
    row = board.best()
    trial = trial_directory(directory, row.number) / TRIAL_FILE if row else None
    if trial is None or not trial.is_file():
        return None
    write_yaml(read_yaml(trial), directory / BEST_FILE)
    return directory / BEST_FILE


def _forget(plan: Plan, study: Study, root: Path, directory: Path) -> None:
    delete_study(study.name, plan.sweep.study.storage, root / "studies")
    shutil.rmtree(directory, ignore_errors=True)
