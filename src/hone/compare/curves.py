"""Learning curves: in the terminal, by dots of braille, and as pictures."""

from __future__ import annotations

import io
import itertools
import math
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from rich.text import Text

from hone.compare.differences import Comparison

COLOURS = ("cyan", "yellow", "magenta", "green", "red", "blue")
PICTURE_COLOURS = ("#0072b2", "#e69f00", "#cc79a7", "#009e73", "#d55e00", "#56b4e9")
# A cell of braille is two dots wide and four high; these are the bits of its dots, row by row.
DOTS = ((0x01, 0x08), (0x02, 0x10), (0x04, 0x20), (0x40, 0x80))
BRAILLE = 0x2800
ROWS = 8
MARGIN = 10
MOST_CHARTS = 4
Curve = tuple[tuple[int, float], ...]


def curved(comparison: Comparison, wanted: Sequence[str] = ()) -> list[str]:
    """The metrics worth a chart: those asked for, or those with several finite values, validation first.

    Args:
        comparison: The runs.
        wanted: Names of metrics.
    """
    names = sorted({name for points in comparison.points for name in points})
    if wanted:
        return [one for one in wanted if one in names]
    long = [one for one in names if any(len(finite(points.get(one, ()))) > 1 for points in comparison.points)]
    order = ("val", "train", "test")
    return sorted(
        long, key=lambda one: (order.index(one.split("/")[0]) if one.split("/")[0] in order else len(order), one)
    )


def finite(curve: Curve) -> Curve:
    """The points of a curve that can be drawn."""
    return tuple((step, value) for step, value in curve if math.isfinite(value))


def chart(comparison: Comparison, metric: str, width: int) -> Text:
    """One metric of all runs, drawn in text.

    Args:
        comparison: The runs.
        metric: Its name.
        width: Columns of the terminal.
    """
    curves = [finite(points.get(metric, ())) for points in comparison.points]
    steps = [step for curve in curves for step, _ in curve]
    values = [value for curve in curves for _, value in curve]
    if not values:
        return Text(f"{metric}: no finite values")
    box = _Box(min(steps), max(steps), min(values), max(values), max(10, width - MARGIN - 2))
    cells: dict[tuple[int, int], tuple[int, int]] = {}
    for number, curve in enumerate(curves):
        for column, row in box.path(curve):
            bits, _ = cells.get((column // 2, row // 4), (0, 0))
            cells[column // 2, row // 4] = bits | DOTS[row % 4][column % 2], number
    text = Text(f"{metric}\n", style="bold")
    for line in range(ROWS):
        edge = {0: f"{box.high:.4g}", ROWS - 1: f"{box.low:.4g}"}.get(line, "")
        text.append(f"{edge:>{MARGIN - 1}} ┤" if edge else " " * MARGIN + "│", style="dim")
        for column in range(box.columns):
            bits, number = cells.get((column, line), (0, 0))
            text.append(chr(BRAILLE + bits) if bits else " ", style=COLOURS[number % len(COLOURS)])
        text.append("\n")
    ends = f"step {box.first}", str(box.last)
    text.append(" " * (MARGIN + 1) + ends[0] + ends[1].rjust(box.columns - len(ends[0])), style="dim")
    return text


class _Box:
    """Where points lie on a canvas of dots."""

    def __init__(self, first: int, last: int, low: float, high: float, columns: int) -> None:
        self.first, self.last, self.low, self.high, self.columns = first, last, low, high, columns

    def path(self, curve: Curve) -> list[tuple[int, int]]:
        """The dots of a curve, its points joined by lines."""
        ends = [self._dot(step, value) for step, value in curve]
        dots = list(ends[:1])
        for (column, row), (next_column, next_row) in itertools.pairwise(ends):
            length = max(abs(next_column - column), abs(next_row - row), 1)
            for part in range(1, length + 1):
                share = part / length
                dots.append((round(column + share * (next_column - column)), round(row + share * (next_row - row))))
        return dots

    def _dot(self, step: int, value: float) -> tuple[int, int]:
        across = (step - self.first) / max(1, self.last - self.first)
        up = (value - self.low) / (self.high - self.low or 1.0)
        return round(across * (self.columns * 2 - 1)), round((1 - up) * (ROWS * 4 - 1))


def write_png(comparison: Comparison, metrics: Sequence[str], path: Path) -> None:
    """Draw curves into a PNG file.

    Args:
        comparison: The runs.
        metrics: Which.
        path: The file.
    """
    figure = _figure(comparison, metrics)
    figure.savefig(path, dpi=120)


def as_svg(comparison: Comparison, metrics: Sequence[str]) -> str:
    """Draw curves as SVG, to stand in a page."""
    figure = _figure(comparison, metrics)
    content = io.StringIO()
    figure.savefig(content, format="svg", metadata={"Date": None, "Creator": None})
    return content.getvalue()[content.getvalue().index("<svg") :]


def _figure(comparison: Comparison, metrics: Sequence[str]) -> Any:
    # Not pyplot, which would want a display and keeps every figure.
    from matplotlib.figure import Figure

    columns = min(2, max(1, len(metrics)))
    rows = max(1, math.ceil(len(metrics) / columns))
    figure = Figure(figsize=(5.2 * columns, 3.2 * rows + 0.5), layout="constrained")
    axes = figure.subplots(rows, columns, squeeze=False).flatten()
    lines: dict[int, Any] = {}
    for axis, metric in zip(axes, metrics, strict=False):
        axis.set_title(metric, fontsize=10, loc="left")
        axis.set_xlabel("step", fontsize=8)
        axis.tick_params(labelsize=8)
        axis.spines[["top", "right"]].set_visible(False)
        for number, points in enumerate(comparison.points):
            if curve := finite(points.get(metric, ())):
                steps, values = zip(*curve, strict=True)
                colour = PICTURE_COLOURS[number % len(PICTURE_COLOURS)]
                marker = "o" if len(curve) < 30 else None
                [lines[number]] = axis.plot(steps, values, color=colour, marker=marker, markersize=3, linewidth=1.5)
    for axis in axes[len(metrics) :]:
        axis.set_visible(False)
    names = [comparison.names[number] for number in sorted(lines)]
    handles = [lines[number] for number in sorted(lines)]
    if handles:
        # Names are anybody's, and a dollar would begin a formula.
        labels = [name.replace("$", r"\$") for name in names]
        figure.legend(handles, labels, loc="outside lower left", ncols=min(3, len(labels)), fontsize=8, frameon=False)
    return figure
