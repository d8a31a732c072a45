"""From ``hydra.sweeper`` to a sweep, and from the sweep to ``optimization_results.yaml``."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

from omegaconf import DictConfig
from rich.console import Console

from hone.cli.hints import dashboard_command, print_undelivered
from hone.config.application import Application
from hone.config.files import write_yaml
from hone.config.jobs import Jobs
from hone.config.written import override_text
from hone.errors import HoneError
from hone.report import Leaderboard, Row
from hone.sweep.application import ApplicationPlan, make_application_plan
from hone.sweep.session import SweepSummary, run_plan
from hydra_plugins.hone_sweeper._early import EarlyWorkers
from hydra_plugins.hone_sweeper._settings import WHERE, read_settings

RESULTS = "optimization_results.yaml"
# What keys of a sweep file are called under hydra.sweeper.
IN_HYDRA = {"trials": "n_trials", "study.name": "study_name", "study.storage": "storage"}
STATUS = {"stopped": 130, "failed": 1}


def sweep(
    settings: dict[str, Any], loader: Any, master: DictConfig, arguments: list[str], workers: EarlyWorkers
) -> None:
    """Sweep an application; the one place where an error of its user's becomes a line and an exit status.

    Args:
        settings: What stands under ``hydra.sweeper``.
        loader: Hydra's config loader.
        master: What Hydra composed for the sweep.
        arguments: The command line's overrides.
        workers: They load the application meanwhile.
    """
    console = Console()
    try:
        plan = _plan(settings, Jobs(loader, master), master, arguments, workers.application)
        summary = run_plan(plan, workers, console, resume=plan.resume)
        _conclude(console, plan, summary)
        if summary.error is not None:
            raise summary.error
    except HoneError as error:
        print(f"hone: {_told(error)}", file=sys.stderr)
        sys.exit(2)
    if summary.state in STATUS:
        sys.exit(STATUS[summary.state])


def _told(error: HoneError) -> str:
    """An error with its place as it stands in a Hydra config rather than in a sweep file."""
    text = str(error)
    if not text.startswith(f"{WHERE}: "):
        return text
    key, colon, rest = text.removeprefix(f"{WHERE}: ").partition(":")
    return f"{WHERE}.{IN_HYDRA.get(key, key)}{colon}{rest}"


def _plan(
    settings: dict[str, Any], jobs: Jobs, master: DictConfig, arguments: list[str], application: Application
) -> ApplicationPlan:
    read = read_settings(settings, master)
    return make_application_plan(
        read.sweep,
        read.nodes,
        read.params,
        arguments,
        jobs,
        application,
        extend=read.extend,
        resume=read.resume,
    )


def _conclude(console: Console, plan: ApplicationPlan, summary: SweepSummary) -> None:
    print_undelivered(console, summary.undelivered, summary.waiting, summary.tracking)
    path = Path(plan.application.sweep_dir, RESULTS)
    results = _results(plan, summary.board)
    if results:
        path.parent.mkdir(parents=True, exist_ok=True)
        write_yaml(results, path)
    lines = {}
    best = summary.board.best()
    if best is not None and len(summary.board.metrics) == 1:
        lines["best"] = " ".join(override_text(*one) for one in _params(plan, best).items())
    if results:
        lines["results"] = str(path)
    if summary.state == "stopped":
        lines["go on"] = (
            f"the same command with hydra.sweeper.resume=true hydra.sweeper.study_name={summary.board.study}"
        )
    lines["dashboard"] = dashboard_command(summary.tracking)
    for name, text in lines.items():
        console.print(f"[dim]{name:>12}[/]  {text}", soft_wrap=True, highlight=False, markup=True)


def _results(plan: ApplicationPlan, board: Leaderboard) -> dict[str, Any]:
    """What hydra-optuna-sweeper writes down: the best trial, or all that none beats."""
    best = board.best()
    if best is None:
        return {}
    if len(board.metrics) == 1:
        return {"name": "hone", "best_params": _params(plan, best), "best_value": best.value}
    solutions = [{"params": _params(plan, one), "values": list(one.objectives)} for one in board.front()]
    return {"name": "hone", "solutions": solutions}


def _params(plan: ApplicationPlan, row: Row) -> dict[str, Any]:
    return {plan.name(key): value for key, value in row.values.items()}
