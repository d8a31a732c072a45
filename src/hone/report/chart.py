"""A picture before it is drawn: what it shows, without saying by which library."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

Kind = Literal["points", "line", "steps", "bars", "spans", "columns"]
Symbol = Literal["circle", "cross", "diamond", "star", "square"]
Scaling = Literal["linear", "log", "choices", "clock", "percent"]


@dataclass(frozen=True)
class Axis:
    """One axis.

    Attributes:
        label: What it shows, with its unit.
        scaling: How; ``choices`` puts one name at each whole number from 0, ``clock`` reads seconds.
        choices: The names.
        limits: Where it begins and ends; None for what its values need.
        whole: It counts, so that no tick stands between two whole numbers.
    """

    label: str
    scaling: Scaling = "linear"
    choices: tuple[str, ...] = ()
    limits: tuple[float, float] | None = None
    whole: bool = False


@dataclass(frozen=True)
class Series:
    """Values that belong together and look alike.

    Attributes:
        name: In the legend; empty for none.
        x: One value for each point; for bars and spans, where each begins.
        y: Likewise.
        kind: How it is drawn. Bars and spans lie along x, columns stand on it.
        ends: Where bars, spans and columns end along x.
        heights: Of columns.
        color: One colour for all.
        values: A number for each point, coloured by the chart's scale in place of ``color``.
        symbol: Of points.
        size: Of points and lines, in points.
        opacity: In (0, 1].
        edge: Around each point.
        dash: A broken line.
        labels: What is shown of each point under the mouse.
        texts: What is written at the end of each bar.
    """

    name: str
    x: Sequence[float]
    y: Sequence[float]
    kind: Kind = "points"
    ends: Sequence[float] = ()
    heights: Sequence[float] = ()
    color: str = ""
    values: Sequence[float] | None = None
    symbol: Symbol = "circle"
    size: float = 6.0
    opacity: float = 1.0
    edge: str = "white"
    dash: bool = False
    labels: Sequence[str] = ()
    texts: Sequence[str] = ()


@dataclass(frozen=True)
class Surface:
    """Values over a plane: a field that was interpolated, or the cells of a matrix.

    Attributes:
        x: Columns, ascending.
        y: Rows, ascending.
        z: A value for each row and column.
        cells: Each is a cell of its own, with its text in it, rather than a point of a smooth field.
        texts: What is written in each cell.
    """

    x: Sequence[float]
    y: Sequence[float]
    z: Sequence[Sequence[float]]
    cells: bool = False
    texts: Sequence[Sequence[str]] = ()


@dataclass(frozen=True)
class Image:
    """A small picture inside a panel.

    Attributes:
        pixels: Rows of grey from 0 to 1, or of red, green and blue.
    """

    pixels: Any


@dataclass(frozen=True)
class Panel:
    """One coordinate system.

    Attributes:
        x: The horizontal axis.
        y: The vertical axis.
        series: What is drawn, first to last.
        surface: What lies below.
        title: Above it.
        image: Shown in place of all else.
    """

    x: Axis
    y: Axis
    series: tuple[Series, ...] = ()
    surface: Surface | None = None
    title: str = ""
    image: Image | None = None


@dataclass(frozen=True)
class Parallel:
    """Lines across several axes, one for each trial.

    Attributes:
        axes: The axes; the last one colours the lines.
        rows: One value for each axis; NaN where there is none.
        labels: What each row is called.
    """

    axes: tuple[Axis, ...]
    rows: Sequence[Sequence[float]]
    labels: Sequence[str] = ()


@dataclass(frozen=True)
class Scale:
    """Which colour is which value.

    Attributes:
        label: What the colours show.
        low: The palest.
        high: The deepest.
        reverse: Low values are the deepest: less is better.
    """

    label: str
    low: float
    high: float
    reverse: bool = False


@dataclass(frozen=True)
class Chart:
    """One picture.

    Attributes:
        name: Of its file.
        title: What it shows, or better what can be seen in it.
        panels: Its coordinate systems.
        caption: What the reader must know, such as that only some trials are shown.
        columns: Panels in a row.
        share_y: Panels have one vertical axis.
        scale: What colours mean, where they are values.
        parallel: In place of panels.
        size: Width and height of the whole, in inches.
    """

    name: str
    title: str
    panels: tuple[Panel, ...] = ()
    caption: str = ""
    columns: int = 1
    share_y: bool = False
    scale: Scale | None = None
    parallel: Parallel | None = None
    size: tuple[float, float] = field(default=(8.0, 4.6))
