"""A study's trials, best first."""

from __future__ import annotations

import csv
import io
import operator
from collections import Counter
from collections.abc import Iterable, Sequence
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
        value: Its first objective, or None.
        values: The searched values by key.
        metrics: What else it measured, such as ``test/accuracy``.
        seconds: How long it took.
        feasible: It keeps every constraint.
        objectives: Every objective of a trial that is complete.
        failure: Why it failed, where it did.
    """

    number: int
    state: str
    value: float | None
    values: dict[str, Any]
    metrics: dict[str, float] = field(default_factory=dict)
    seconds: float = 0.0
    feasible: bool = True
    objectives: tuple[float, ...] = ()
    failure: str = ""

    @property
    def counts(self) -> bool:
        """Whether it may be the best."""
        return self.state == "complete" and self.value is not None and self.feasible


class Leaderboard:
    """A study's trials, added as they end.

    Args:
        study: Its name.
        metrics: Its objectives.
        maximize: Whether more is better, for each.
        rows: The trials so far.
    """

    def __init__(self, study: str, metrics: Sequence[str], maximize: Sequence[bool], rows: Iterable[Row] = ()) -> None:
        self.study = study
        self.metrics = tuple(metrics)
        self._maximize = tuple(maximize)
        self._rows: list[Row] = []
        self._best: Row | None = None
        self._counts: Counter[str] = Counter()
        for row in rows:
            self.add(row)

    @property
    def metric(self) -> str:
        """The first objective."""
        return self.metrics[0]

    @property
    def maximize(self) -> bool:
        """Whether more of the first objective is better."""
        return self._maximize[0]

    @property
    def maximizes(self) -> tuple[bool, ...]:
        """Whether more is better, for each objective."""
        return self._maximize

    @property
    def rows(self) -> tuple[Row, ...]:
        """The trials in the order in which they ended."""
        return tuple(self._rows)

    def __len__(self) -> int:
        return len(self._rows)

    def add(self, row: Row) -> None:
        """Add a trial that has ended."""
        self._rows.append(row)
        self._counts[row.state] += 1
        if row.counts and (self._best is None or self._key(row) < self._key(self._best)):
            self._best = row

    def ranked(self) -> list[Row]:
        """Complete trials, best first, then the others by number."""
        first = sorted((one for one in self._rows if one.counts), key=self._key)
        broken = [one for one in self._rows if one.state == "complete" and one.value is not None and not one.feasible]
        rest = [one for one in self._rows if one.state != "complete" or one.value is None]
        return first + sorted(broken, key=self._key) + sorted(rest, key=lambda one: one.number)

    def best(self) -> Row | None:
        """The best complete trial by the first objective, or None where there is none."""
        return self._best

    def front(self) -> list[Row]:
        """The trials that none other beats in every objective, best first by the first one."""
        signs = [-1 if more else 1 for more in self._maximize]
        rows = [one for one in self.ranked() if one.counts and len(one.objectives) == len(signs)]
        costs = [tuple(sign * value for sign, value in zip(signs, one.objectives, strict=True)) for one in rows]
        return [
            row
            for row, cost in zip(rows, costs, strict=True)
            if not any(other != cost and all(map(operator.le, other, cost)) for other in costs)
        ]

    def counts(self) -> dict[str, int]:
        """How many trials ended in each state."""
        return dict(sorted(self._counts.items()))

    def _key(self, row: Row) -> tuple[float, int]:
        return (-1 if self.maximize else 1) * (row.value or 0.0), row.number

    def as_table(self, top: int = TOP) -> Table:
        """The best trials for the terminal."""
        table = Table(title=f"{self.study}: {self._title()}", title_justify="left", box=None)
        table.add_column("trial", justify="right", style="cyan")
        for name in self._columns(short_keys=True):
            table.add_column(name, justify="right")
        table.add_column("seconds", justify="right", style="dim")
        for place, row in enumerate(self._shown()[:top]):
            style = "bold green" if place == 0 or len(self.metrics) > 1 else None
            table.add_row(*self._cells(row), style=style if row.feasible else "dim")
        return table

    def _title(self) -> str:
        if len(self.metrics) > 1:
            return f"Pareto front of {len(self)} trials"
        return f"best of {len(self)} trials"

    def _shown(self) -> list[Row]:
        return self.front() if len(self.metrics) > 1 else self._complete()

    def as_markdown_table(self, top: int = TOP) -> str:
        """The best trials in Markdown; an empty string where there is none."""
        shown = self._shown()[:top]
        if not shown:
            return ""
        columns = ["trial", *self._columns(short_keys=True), "seconds"]
        lines = [f"| {' | '.join(columns)} |", "|" + " ---: |" * len(columns)]
        escaped = ([cell.replace("|", "\\|") for cell in self._cells(row)] for row in shown)
        return "\n".join([*lines, *(f"| {' | '.join(cells)} |" for cells in escaped)])

    def as_columns(self) -> tuple[list[str], list[list[Any]]]:
        """Every trial, best first: the names of the columns, and a row for each trial with None where it has none."""
        keys = list(dict.fromkeys(key for row in self.rows for key in row.values))
        metrics = sorted({name for row in self.rows for name in row.metrics} - {self.metric})
        bounded = not all(row.feasible for row in self._rows)
        rows = []
        for row in self.ranked():
            found = [row.metrics.get(name) for name in metrics]
            values = [row.values.get(key) for key in keys]
            keeps = [row.feasible] if bounded else []
            rows.append([row.number, row.state, row.value, *values, *found, *keeps, round(row.seconds, 2)])
        return ["trial", "state", self.metric, *keys, *metrics, *(["feasible"] if bounded else []), "seconds"], rows

    def as_csv(self) -> str:
        """Every trial, best first, one row each."""
        columns, rows = self.as_columns()
        text = io.StringIO()
        writer = csv.writer(text, lineterminator="\n")
        writer.writerow(columns)
        for row in rows:
            writer.writerow([str(one).lower() if isinstance(one, bool) else one for one in row])
        return text.getvalue()

    def _complete(self) -> list[Row]:
        return [one for one in self.ranked() if one.state == "complete"]

    def tested(self) -> list[str]:
        """The metric of the same name on the test split, where trials have it."""
        name = f"test/{self.metric.rpartition('/')[2]}"
        return [name] if name != self.metric and any(name in row.metrics for row in self.rows) else []

    def _columns(self, *, short_keys: bool = False) -> list[str]:
        keys = list(dict.fromkeys(key for row in self.rows for key in row.values))
        leaves = [key.rpartition(".")[2] for key in keys]
        if short_keys and len(set(leaves)) == len(leaves):
            keys = leaves
        return [*self.metrics, *self.tested(), *keys]

    def _cells(self, row: Row) -> list[str]:
        keys = list(dict.fromkeys(key for one in self.rows for key in one.values))
        tested = [f"{row.metrics[name]:.4f}" if name in row.metrics else "" for name in self.tested()]
        first = "" if row.value is None else f"{row.value:.4f}"
        others = [f"{row.metrics[name]:.4f}" if name in row.metrics else "" for name in self.metrics[1:]]
        values = [short(row.values.get(key, "")) for key in keys]
        return [str(row.number), first, *others, *tested, *values, f"{row.seconds:.1f}"]


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
