"""One session of a sweep, door to door: from a sweep file to a leaderboard."""

from __future__ import annotations

import re
import shutil
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
from hone.sweep.books import Books
from hone.sweep.controller import Controller, Outcome
from hone.sweep.display import Display
from hone.sweep.plan import Plan, make_plan
from hone.sweep.recovery import recover_runs, recover_trials
from hone.sweep.trial import latest_attempt
from hone.tracking.courier import Courier
from hone.tracking.lookup import study_run
from hone.tracking.run import end_abandoned
from hone.tracking.store import TrackingConfig, open_store
from hone.worker.messages import Failed
from hone.worker.run import TRIAL_FILE, read_result

BEST_FILE = "best.yaml"


@dataclass(frozen=True)
class SweepRequest:
    """What the user typed.

    Attributes:
        path: The sweep file.
        overrides: Everything after it.
        config_dir: The user's config directory.
        config_name: The primary config.
        resume: Go on with the latest study of this file, or with the one that ``study.name`` names.
    """

    path: Path
    overrides: tuple[str, ...] = ()
    config_dir: Path | None = None
    config_name: str = "config"
    resume: bool = False


@dataclass(frozen=True)
class SweepSummary:
    """What a sweep came to.

    Attributes:
        board: Its trials.
        state: ``complete``, ``stopped`` or ``failed``.
        best: The best trial's config, where there is one.
        tracking: Where runs are kept.
        undelivered: What could not be tracked, one line each.
        error: Why it ended early, where it did.
    """

    board: Leaderboard
    state: str
    best: Path | None
    tracking: TrackingConfig
    undelivered: tuple[str, ...]
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
    tracking: TrackingConfig = build(plan.config["tracking"], "tracking")
    executor = _executor(plan, start_workers)
    try:
        store = open_store(tracking)
        end_abandoned(store)
        environment()
        study = _open_study(plan, tracking.root, request.resume)
        with Courier(store) as courier:
            outcome, board, best = _run(request, plan, study, executor, courier, tracking, console)
    finally:
        executor.close()
    undelivered = tuple(str(one) for one in courier.errors)
    return SweepSummary(board, outcome.state, best, tracking, undelivered, outcome.error)


def _run(
    request: SweepRequest,
    plan: Plan,
    study: Study,
    executor: Executor,
    courier: Courier,
    tracking: TrackingConfig,
    console: Console,
) -> tuple[Outcome, Leaderboard, Path | None]:
    directory = tracking.root / "trials" / study.name
    directory.mkdir(parents=True, exist_ok=True)
    before = _finished(study, plan, directory)
    parent = study_run(courier.store, study.name) if request.resume else None
    books = Books(courier, plan, study.name, directory, parent)
    if request.resume:
        recover_runs(study.name, plan.sweep.metric, directory, courier)
    console.print(f"study [bold]{study.name}[/], {executor.slots} trials at once", highlight=False)
    if len(before.rows) >= plan.sweep.trials:
        console.print(f"it has its {plan.sweep.trials} trials already; trials={2 * plan.sweep.trials} runs more")
    try:
        with Display(console, before, plan.sweep.trials, executor.slots) as display:
            outcome = Controller(plan, study, executor, books, display, directory).run()
    except HoneError:
        executor.close()
        books.discard()
        if not request.resume:
            _forget(plan, study, tracking.root, directory)
        raise
    except BaseException:
        executor.close()
        books.abort(before)
        raise
    board = display.board()
    best = _write_best(board, directory)
    books.end_study(board, outcome.state, [best] if best else [])
    return outcome, board, best


def _executor(plan: Plan, start_workers: StartWorkers) -> Executor:
    asked = plan.sweep.resources
    modules = plan.modules()
    executor: Executor = build(
        plan.config["executor"],
        "executor",
        resources=Resources(asked.cpus, asked.gpus),
        start_workers=lambda: start_workers(modules),
    )
    return executor


def _open_study(plan: Plan, root: Path, resume: bool) -> Study:
    directory = root / "studies"
    storage = plan.sweep.study.storage
    quieten()
    known = study_names(storage, directory)
    study = open_study(
        plan.sweep.study.name or _name(plan.stem, known, resume),
        plan.space,
        metric=plan.sweep.metric,
        direction=plan.sweep.direction,
        storage=storage,
        directory=directory,
        sampler=plan.sampler(),
        pruner=plan.pruner(),
        resume=resume,
    )
    if resume:
        study.go_on_with(plan.sampler(study.asked))
        recover_trials(study, plan.sweep.metric, root / "trials" / study.name)
    return study


def _name(stem: str, known: list[str], resume: bool) -> str:
    """The file's name with the next free number; the latest there is, to resume."""
    numbers = [int(found[1]) for one in known if (found := re.fullmatch(re.escape(stem) + r"-(\d+)", one))]
    if resume and not numbers:
        raise StudyError(f"there is no study of {stem} to resume yet", where="--resume")
    return f"{stem}-{max(numbers, default=0) + (0 if resume else 1)}"


def _finished(study: Study, plan: Plan, directory: Path) -> Leaderboard:
    rows = []
    for one in study.finished():
        ending = read_result(latest_attempt(directory, one.number))
        metrics = {} if ending is None or isinstance(ending, Failed) else ending.metrics
        rows.append(Row(one.number, one.state, one.value, one.values, metrics, one.seconds))
    return Leaderboard(study.name, plan.sweep.metric, study.maximize, tuple(rows))


def _write_best(board: Leaderboard, directory: Path) -> Path | None:
    row = board.best()
    trial = latest_attempt(directory, row.number) / TRIAL_FILE if row else None
    if trial is None or not trial.is_file():
        return None
    write_yaml(read_yaml(trial), directory / BEST_FILE)
    return directory / BEST_FILE


def _forget(plan: Plan, study: Study, root: Path, directory: Path) -> None:
    delete_study(study.name, plan.sweep.study.storage, root / "studies")
    shutil.rmtree(directory, ignore_errors=True)
