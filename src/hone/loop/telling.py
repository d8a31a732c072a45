"""A round in the terminal: what was confirmed, what was decided."""

from __future__ import annotations

from rich.console import Console
from rich.markup import escape
from rich.table import Table

from hone.loop.state import Candidate, RoundRecord
from hone.report import short
from hone.sweep.names import describe

STYLES = {"note": "dim", "grow": "cyan", "shrink": "green", "drop": "red", "bound": "yellow", "freeze": "blue"}


def tell_round(console: Console, record: RoundRecord) -> None:
    """Print what a round came to.

    Args:
        console: Where to.
        record: The round.
    """
    if record.candidates:
        console.print(_confirmed(record))
    if record.score is not None:
        console.print(f"tested once, the winner: {scored(record)}", highlight=False)
    if record.decisions:
        console.print(f"\n[bold]what follows from round {record.number}[/]", highlight=False)
    for one in record.decisions:
        style = STYLES.get(one.kind, "magenta")
        change = f" {one.key}" if one.key else ""
        to = f": {one.after}" if one.changes and one.after else ""
        console.print(f"  [{style}]{one.kind:>8}[/]{escape(f'{change}{to}')}", highlight=False)
        console.print(f"           [dim]{escape(one.reason)}[/]", highlight=False)


def scored(record: RoundRecord) -> str:
    """What the winner came to on the test split."""
    score = record.score
    assert score is not None
    interval = "" if score.low is None or score.high is None else f" (95 % from {score.low:.4f} to {score.high:.4f})"
    return f"{score.metric} {score.value:.4f}{interval}"


def _confirmed(record: RoundRecord) -> Table:
    table = Table(title=f"confirmed: {record.metric} over other seeds", title_justify="left", box=None)
    for name in ("trial", "found", "mean", "spread"):
        table.add_column(name, justify="right", style="cyan" if name == "trial" else None)
    table.add_column("values")
    for place, one in enumerate(record.candidates):
        style = "bold green" if place == 0 and one.mean is not None else None
        table.add_row(str(one.trial), f"{one.found:.4f}", *means(one), escape(describe(one.values)), style=style)
    return table


def means(one: Candidate) -> tuple[str, str]:
    """Mean and spread of a candidate; what failed, where one of its seeds did."""
    if one.mean is None:
        failed = sum(value is None for value in one.scores)
        return f"{failed} of {len(one.scores)} failed", ""
    return f"{one.mean:.4f}", short(one.spread)
