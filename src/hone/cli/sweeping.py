"""``hone sweep``."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from rich.console import Console

from hone.executors import warm

if TYPE_CHECKING:
    from hone.sweep.session import SweepSummary


def sweep(file: Path, overrides: tuple[str, ...], config_dir: Path | None, config_name: str, resume: bool) -> int:
    """Run a sweep and print what it came to.

    Args:
        file: The sweep file.
        overrides: Everything after it.
        config_dir: The user's config directory.
        config_name: The primary config.
        resume: Go on with a study.

    Returns:
        Exit status: 0 for a complete sweep, 1 where no trial is complete, 130 after Ctrl-C.

    Raises:
        HoneError: What the user gave is wrong, or too many trials failed.
    """
    # First of all: its imports take seconds, and go on while this process composes and opens the store.
    here = not any(one.startswith("executor=") and one != "executor=local" for one in overrides)
    with warm.EarlyWorkers(at_once=here) as workers:
        from hone.sweep.session import SweepRequest, run_sweep

        console = Console()
        summary = run_sweep(SweepRequest(file, overrides, config_dir, config_name, resume), workers, console)
    _print(console, summary)
    if summary.error is not None:
        raise summary.error
    return {"complete": 0, "stopped": 130, "failed": 1}[summary.state]


def _print(console: Console, summary: SweepSummary) -> None:
    from hone.cli.hints import dashboard_command, near, print_undelivered

    board = summary.board
    print_undelivered(console, summary.undelivered, summary.waiting, summary.tracking)
    lines = {}
    if summary.best is not None:
        lines["best config"] = f"{near(summary.best)}  (hone train --config {near(summary.best)})"
    if summary.state == "stopped":
        lines["go on"] = f"the same command with --resume study.name={board.study}"
    lines["dashboard"] = dashboard_command(summary.tracking)
    for name, text in lines.items():
        console.print(f"[dim]{name:>12}[/]  {text}", soft_wrap=True, highlight=False)


def print_config(
    file: Path, overrides: tuple[str, ...], config_dir: Path | None, config_name: str, cfg: str, resolve: bool
) -> None:
    """Print the config that all trials of a sweep share.

    Args:
        file: The sweep file.
        overrides: Everything after it.
        config_dir: The user's config directory.
        config_name: The primary config.
        cfg: ``job`` or ``all``.
        resolve: Resolve interpolations.

    Raises:
        HoneError: What the user gave is wrong.
    """
    from hone.cli.hints import print_composition
    from hone.sweep.plan import make_plan

    plan = make_plan(file, overrides, config_dir, config_name)
    print_composition(plan.configs.composition(), cfg, resolve)
