"""``hone sync``."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from rich.console import Console
from rich.markup import escape

from hone.cli.hints import print_undelivered
from hone.cli.looking import Place
from hone.sync import Synced, sync


def deliver(place: Place, directory: Path | None) -> int:
    """Deliver what waits and print what was done.

    Args:
        place: The store.
        directory: Where it waits; that of the config where None.

    Returns:
        Exit status: 0 where nothing is left, 1 where something could not be delivered.

    Raises:
        HoneError: The store cannot be reached.
    """
    console = Console(soft_wrap=True, highlight=False)
    tracking = place.tracking()
    if directory is not None:
        tracking = replace(tracking, directory=str(directory))
    said: list[Synced] = []

    def say(synced: Synced) -> None:
        said.append(synced)
        console.print(_line(synced))

    summary = sync(tracking, say)
    print_undelivered(console, summary.refused, "", tracking)
    if summary.ended:
        console.print(f"{_count(summary.ended, 'run')} whose process is gone ended as crashed")
    if not said:
        console.print("nothing waits to be delivered")
    return 1 if summary.left else 0


def _line(synced: Synced) -> str:
    done = synced.runs - synced.left
    line = f"[bold]{escape(synced.name)}[/]: {_count(done, 'run')} delivered, {_count(synced.points, 'metric value')}"
    if synced.left:
        line += f"; [yellow]{_count(synced.left, 'run')} left:[/] {escape(synced.reason)}"
    return line


def _count(number: int, noun: str) -> str:
    return f"{number:,} {noun}{'' if number == 1 else 's'}"
