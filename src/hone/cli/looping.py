"""``hone loop``."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from rich.console import Console
from rich.markup import escape

from hone.errors import LoopError
from hone.executors import warm

if TYPE_CHECKING:
    from hone.loop.session import LoopSummary


@dataclass(frozen=True)
class Options:
    """The command's own options, as ``LoopRequest`` describes them."""

    rounds: int | None
    budget: str | None
    review: bool
    go_on: bool


def loop(
    target: str | None, overrides: tuple[str, ...], options: Options, config_dir: Path | None, config_name: str
) -> int:
    """Run a loop and print what it came to.

    Args:
        target: The sweep file; to go on, a loop's name, or None for the latest.
        overrides: Everything after it.
        options: The command's own options.
        config_dir: The user's config directory.
        config_name: The primary config.

    Returns:
        Exit status: 0 for a loop that is complete or waits for review, 1 where no trial was, 130 after Ctrl-C.

    Raises:
        HoneError: What the user gave is wrong, or a round cannot go on.
    """
    # First of all: its imports take seconds, and go on while this process composes and opens the store.
    with warm.LastingWorkers() as workers:
        from hone.loop.session import LoopRequest, run_loop

        if options.go_on and target is not None and "=" in target:
            # Nothing but overrides: the latest loop.
            overrides, target = (target, *overrides), None
        request = LoopRequest(
            target,
            overrides,
            options.rounds,
            _seconds(options.budget),
            options.review,
            options.go_on,
            config_dir,
            config_name,
        )
        console = Console()
        summary = run_loop(request, workers, console)
    _print(console, summary)
    return {"complete": 0, "waiting": 0, "failed": 1, "stopped": 130}[summary.result]


def _seconds(budget: str | None) -> float | None:
    from hone.sweep.file import seconds_of

    try:
        return None if budget is None else float(seconds_of(budget))
    except ValueError as error:
        raise LoopError(f"{error}, not {budget!r}", where="--budget") from None


def _print(console: Console, summary: LoopSummary) -> None:
    from hone.cli.hints import dashboard_command, near, print_undelivered

    console.print()
    for line in summary.lines:
        console.print(escape(line.replace("`", "")), soft_wrap=True, highlight=False)
    print_undelivered(console, summary.undelivered, summary.waiting, summary.tracking)
    lines = {}
    if summary.next_file is not None:
        lines["next round"] = f"{near(summary.next_file)}, to be looked at and edited"
    if summary.result in ("stopped", "waiting"):
        lines["go on"] = f"hone loop --continue {summary.state.name}"
    if summary.best is not None:
        lines["best config"] = f"{near(summary.best)}  (hone train --config {near(summary.best)})"
    if (page := summary.directory / "report" / "index.html").is_file():
        lines["report"] = near(page)
    lines["dashboard"] = dashboard_command(summary.tracking)
    for name, text in lines.items():
        console.print(f"[dim]{name:>12}[/]  {text}", soft_wrap=True, highlight=False)
