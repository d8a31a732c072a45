"""A comparison in the terminal."""

from __future__ import annotations

from rich.console import Console
from rich.table import Table
from rich.text import Text

from hone.compare.curves import COLOURS, MOST_CHARTS, chart
from hone.compare.differences import Comparison, Row

NARROWEST = 9


def print_comparison(comparison: Comparison, metrics: list[str], console: Console) -> None:
    """Print what differs, then how metrics went.

    Args:
        comparison: The runs.
        metrics: Which to draw.
        console: Where to.
    """
    for number, (name, run) in enumerate(zip(comparison.names, comparison.runs, strict=True), start=1):
        line = Text(f"{_letter(number)}  ", style=f"bold {COLOURS[(number - 1) % len(COLOURS)]}")
        line.append(name, style="not bold default").append(f"  {run.run_id}", style="dim")
        console.print(line, soft_wrap=True)
    for title, rows, same in comparison.sections:
        console.print()
        note = f"[dim]{same} the same[/]" if rows else f"[dim]all {same} the same[/]"
        console.print(f"[bold]{title}[/]  {note}", highlight=False)
        if rows:
            console.print(_table(rows, len(comparison.runs), console.width))
    for metric in metrics[:MOST_CHARTS]:
        console.print()
        console.print(chart(comparison, metric, console.width))
    if len(metrics) > MOST_CHARTS:
        console.print(f"[dim]--metric draws others: {', '.join(metrics[MOST_CHARTS:])}[/]", highlight=False)


def _table(rows: tuple[Row, ...], runs: int, width: int) -> Table:
    table = Table(box=None, header_style="dim", padding=(0, 2, 0, 0))
    longest = max(len(key) for key, _ in rows)
    table.add_column("", overflow="fold", width=min(longest, max(16, width - runs * (NARROWEST + 2) - 2)))
    for number in range(1, runs + 1):
        style = f"bold {COLOURS[(number - 1) % len(COLOURS)]}"
        table.add_column(Text(_letter(number), style=style), overflow="fold", min_width=3)
    for key, values in rows:
        table.add_row(Text(key), *map(Text, values))
    return table


def _letter(number: int) -> str:
    """A short name for a run: A, B, ... and by its number once these are used up."""
    return chr(ord("A") + number - 1) if number <= 26 else str(number)
