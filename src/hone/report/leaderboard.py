"""A study's trials, best first."""

from __future__ import annotations

import csv
import io
from dataclasses import dataclass, field
from typing import Any

from rich.table import Table

TOP = 10


@dataclass(frozen=True)
class Row:
    """One trial of a leaderboard.

    Attributes:
        number: Its number.
        state: ``complete``, ``pruned``, ``failed`` or ``stopped``.
        value: Its objective, or None.
        values: The searched values by key.
        metrics: What else it measured, such as ``test/accuracy``.
        seconds: How long it took.
    """

    number: int
    state: str
    value: float | None
    values: dict[str, Any]
    metrics: dict[str, float] = field(default_factory=dict)
    seconds: float = 0.0


@dataclass(frozen=True)
class Leaderboard:
    """A study's trials.

    Attributes:
        study: Its name.
        metric: Its objective.
        maximize: Whether more is better.
        rows: In any order.
    """

    study: str
    metric: str
    maximize: bool
    rows: tuple[Row, ...]

    def ranked(self) -> list[Row]:
        """Complete trials, best first, then the others by number."""
        complete = [one for one in self.rows if one.state == "complete" and one.value is not None]
        sign = -1 if self.maximize else 1
        rest = [one for one in self.rows if one not in complete]
        return sorted(complete, key=lambda one: (sign * (one.value or 0.0), one.number)) + sorted(
            rest, key=lambda one: one.number
        )

    def best(self) -> Row | None:
        """The best complete trial, or None where there is none."""
        first = next(iter(self.ranked()), None)
        return first if first is not None and first.state == "complete" else None

    def counts(self) -> dict[str, int]:
        """How many trials ended in each state."""
        states = [one.state for one in self.rows]
        return {state: states.count(state) for state in dict.fromkeys(sorted(states))}

    def as_table(self, top: int = TOP) -> Table:
        """The best trials for the terminal."""
        table = Table(title=f"{self.study}: best of {len(self.rows)} trials", title_justify="left", box=None)
        table.add_column("trial", justify="right", style="cyan")
        for name in self._columns(short_keys=True):
            table.add_column(name, justify="right")
        table.add_column("seconds", justify="right", style="dim")
        for place, row in enumerate(self._complete()[:top]):
            table.add_row(*self._cells(row), style="bold green" if place == 0 else None)
        return table

    def as_markdown(self, top: int = TOP) -> str:
        """A note for the dashboard: what was searched, the best trials, how to run the best again."""
        columns = ["trial", *self._columns(), "seconds"]
        lines = [
            f"**{'Maximize' if self.maximize else 'Minimize'} {self.metric}**: "
            + ", ".join(f"{count} {state}" for state, count in self.counts().items()),
            "",
            f"| {' | '.join(columns)} |",
            "|" + " ---: |" * len(columns),
            *(f"| {' | '.join(self._cells(row))} |" for row in self._complete()[:top]),
        ]
        if self.best() is not None:
            lines += [
                "",
                "Run the best again: `hone train --config best.yaml`, with this run's artifact `best.yaml`.",
            ]
        return "\n".join(lines)

    def as_csv(self) -> str:
        """Every trial, best first, one row each."""
        keys = list(dict.fromkeys(key for row in self.rows for key in row.values))
        metrics = sorted({name for row in self.rows for name in row.metrics} - {self.metric})
        text = io.StringIO()
        writer = csv.writer(text, lineterminator="\n")
        writer.writerow(["trial", "state", self.metric, *keys, *metrics, "seconds"])
        for row in self.ranked():
            found = [row.metrics.get(name, "") for name in metrics]
            values = [row.values.get(key, "") for key in keys]
            objective = "" if row.value is None else row.value
            writer.writerow([row.number, row.state, objective, *values, *found, f"{row.seconds:.2f}"])
        return text.getvalue()

    def _complete(self) -> list[Row]:
        return [one for one in self.ranked() if one.state == "complete"]

    def _tested(self) -> list[str]:
        """The metric of the same name on the test split, where trials have it."""
        name = f"test/{self.metric.rpartition('/')[2]}"
        return [name] if name != self.metric and any(name in row.metrics for row in self.rows) else []

    def _columns(self, *, short_keys: bool = False) -> list[str]:
        keys = list(dict.fromkeys(key for row in self.rows for key in row.values))
        leaves = [key.rpartition(".")[2] for key in keys]
        if short_keys and len(set(leaves)) == len(leaves):
            keys = leaves
        return [self.metric, *self._tested(), *keys]

    def _cells(self, row: Row) -> list[str]:
        keys = list(dict.fromkeys(key for one in self.rows for key in one.values))
        tested = [f"{row.metrics[name]:.4f}" if name in row.metrics else "" for name in self._tested()]
        objective = "" if row.value is None else f"{row.value:.4f}"
        values = [short(row.values.get(key, "")) for key in keys]
        return [str(row.number), objective, *tested, *values, f"{row.seconds:.1f}"]


def short(value: Any) -> str:
    """A value as a table or a run's name shows it."""
    if isinstance(value, float):
        return f"{value:.1e}" if value and not 0.01 <= abs(value) < 1_000 else f"{value:.4g}"
    return str(value)


def clock(seconds: float) -> str:
    """Seconds as people read them: ``42s``, ``3m 05s``, ``1h 12m``."""
    whole = max(0, round(seconds))
    if whole < 60:
        return f"{whole}s"
    if whole < 3_600:
        return f"{whole // 60}m {whole % 60:02d}s"
    return f"{whole // 3_600}h {whole % 3_600 // 60:02d}m"
