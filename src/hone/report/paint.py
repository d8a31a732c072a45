"""Charts as PNG, by matplotlib: no browser is needed, and none is started."""

from __future__ import annotations

import math
from collections.abc import Callable
from pathlib import Path
from typing import Any

import matplotlib as mpl
from matplotlib.collections import LineCollection
from matplotlib.colors import LinearSegmentedColormap, Normalize
from matplotlib.figure import Figure
from matplotlib.layout_engine import ConstrainedLayoutEngine
from matplotlib.ticker import FixedLocator, FuncFormatter, MaxNLocator, NullFormatter, NullLocator

from hone.report.chart import Axis, Chart, Panel, Parallel, Scale, Series, Surface
from hone.report.look import (
    DASH,
    FAINT,
    INK,
    MUTED,
    RAMP,
    clock_text,
    clock_ticks,
    log_ticks,
    matplotlib_style,
    number,
    shorten,
)
from hone.report.parallel import lines_of, posts_of

MARKERS = {"circle": "o", "cross": "x", "diamond": "D", "star": "*", "square": "s"}
COLORS = LinearSegmentedColormap.from_list("hone", RAMP)


def save_png(chart: Chart, path: Path) -> None:
    """Draw a chart into a file.

    Args:
        chart: What to draw.
        path: The file, replaced when it is complete.
    """
    with mpl.rc_context(matplotlib_style()):
        figure = _figure(chart)
        temporary = path.with_name(f".{path.name}")
        figure.savefig(temporary, format="png")
    temporary.replace(path)


def _figure(chart: Chart) -> Figure:
    width, height = chart.size
    figure = Figure(figsize=(width, height))
    shown = [one.name for panel in chart.panels for one in panel.series if one.name]
    names = list(dict.fromkeys(shown))
    legend = len(names) > 1
    columns = _legend_columns(names, width)
    top = 0.34 + (0.06 + 0.2 * math.ceil(len(names) / columns) if legend else 0.04)
    bottom = 0.24 if chart.caption else 0.0
    figure.set_layout_engine(
        ConstrainedLayoutEngine(
            rect=(0.005, bottom / height, 0.99, 1 - (top + bottom) / height), h_pad=0.06, w_pad=0.06
        )
    )
    figure.text(0.012, 1 - 0.22 / height, chart.title, fontsize=11.5, fontweight="bold", va="center", ha="left")
    if chart.caption:
        figure.text(0.012, 0.13 / height, chart.caption, fontsize=8, color=MUTED, va="center", ha="left")
    if chart.parallel is not None:
        _draw_parallel(figure, chart.parallel, chart.scale)
        return figure
    grid = _grid(figure, chart)
    for axes, panel in zip(grid, chart.panels, strict=True):
        _draw_panel(axes, panel, chart.scale)
    if legend:
        _draw_legend(figure, grid, 1 - 0.34 / height, columns)
    if chart.scale is not None:
        _draw_scale(figure, chart.scale, grid)
    return figure


def _grid(figure: Figure, chart: Chart) -> list[Any]:
    columns = min(chart.columns, len(chart.panels))
    rows = math.ceil(len(chart.panels) / columns)
    grid = figure.subplots(rows, columns, squeeze=False, sharey="row" if chart.share_y else False)
    flat = [one for row in grid for one in row]
    for spare in flat[len(chart.panels) :]:
        spare.set_visible(False)
    return flat[: len(chart.panels)]


def _draw_panel(axes: Any, panel: Panel, scale: Scale | None) -> None:
    if panel.title:
        axes.set_title(panel.title, loc="left")
    if panel.image is not None:
        axes.imshow(panel.image.pixels, cmap="gray_r", aspect="equal", interpolation="nearest")
        axes.set_axis_off()
        return
    if panel.surface is not None:
        _draw_surface(axes, panel.surface, scale)
    for one in panel.series:
        _draw_series(axes, one, scale)
    _set_axis(axes.xaxis, panel.x)
    _set_axis(axes.yaxis, panel.y)
    _tilt_names(axes, panel.x)
    if panel.surface is not None and panel.surface.cells:
        axes.invert_yaxis()
        axes.grid(visible=False)


def _draw_surface(axes: Any, surface: Surface, scale: Scale | None) -> None:
    assert scale is not None
    colors = COLORS.reversed() if scale.reverse else COLORS
    if surface.cells:
        axes.imshow(surface.z, cmap=colors, vmin=scale.low, vmax=scale.high, aspect="auto")
        _write_cells(axes, surface, scale)
        return
    levels = [scale.low + (scale.high - scale.low) * place / 12 for place in range(13)]
    axes.contourf(surface.x, surface.y, surface.z, levels=levels, cmap=colors, extend="both")
    axes.contour(surface.x, surface.y, surface.z, levels=levels, colors="white", linewidths=0.4, alpha=0.6)
    axes.grid(visible=False)


def _write_cells(axes: Any, surface: Surface, scale: Scale) -> None:
    middle = (scale.low + scale.high) / 2
    size = max(4.5, 8.5 - len(surface.x) / 5)
    for row, texts in enumerate(surface.texts):
        for column, text in enumerate(texts):
            dark = (surface.z[row][column] > middle) != scale.reverse
            axes.text(column, row, text, ha="center", va="center", fontsize=size, color="white" if dark else INK)


def _draw_series(axes: Any, one: Series, scale: Scale | None) -> None:
    label = one.name or None
    if one.kind == "points":
        _draw_points(axes, one, scale, label)
    elif one.kind in ("line", "steps"):
        style = "steps-post" if one.kind == "steps" else "default"
        axes.plot(
            one.x,
            one.y,
            color=one.color,
            linewidth=one.size,
            alpha=one.opacity,
            linestyle="--" if one.dash else "-",
            drawstyle=style,
            label=label,
            solid_capstyle="round",
        )
    elif one.kind == "columns":
        widths = [end - begin for begin, end in zip(one.x, one.ends, strict=True)]
        axes.bar(one.x, one.heights, widths, align="edge", color=one.color, edgecolor="white", label=label)
    else:
        widths = [end - begin for begin, end in zip(one.x, one.ends, strict=True)]
        thick = one.size if 0 < one.size < 1 else 0.66
        edge = {"edgecolor": "white", "linewidth": 0.5} if one.kind == "spans" else {}
        axes.barh(one.y, widths, left=one.x, height=thick, color=one.color, alpha=one.opacity, label=label, **edge)
        for y, end, text in zip(one.y, one.ends, one.texts, strict=False):
            axes.annotate(text, (end, y), (4, 0), textcoords="offset points", va="center", fontsize=8, color=INK)


def _draw_points(axes: Any, one: Series, scale: Scale | None, label: str | None) -> None:
    marker = MARKERS[one.symbol]
    size = (one.size * (1.7 if marker == "*" else 1.0)) ** 2
    edges = {} if marker == "x" else {"edgecolors": one.edge, "linewidths": 0.6}
    common = {"s": size, "marker": marker, "alpha": one.opacity, "label": label, "zorder": 3, **edges}
    if one.values is None or scale is None:
        axes.scatter(one.x, one.y, color=one.color, **common)
    else:
        colors = COLORS.reversed() if scale.reverse else COLORS
        axes.scatter(one.x, one.y, c=one.values, cmap=colors, vmin=scale.low, vmax=scale.high, **common)


def _legend_columns(names: list[str], width: float) -> int:
    """As many as fit beside each other."""
    longest = max(map(len, names), default=1)
    return max(1, min(len(names), int(width / (0.45 + 0.075 * longest))))


def _draw_legend(figure: Figure, grid: list[Any], top: float, columns: int) -> None:
    handles: dict[str, Any] = {}
    for axes in grid:
        for handle, name in zip(*axes.get_legend_handles_labels(), strict=True):
            handles.setdefault(name, handle)
    legend = figure.legend(
        list(handles.values()),
        list(handles),
        loc="upper left",
        bbox_to_anchor=(0.003, top),
        ncols=columns,
        handletextpad=0.5,
        columnspacing=1.4,
        borderpad=0.3,
    )
    legend.set_in_layout(False)
    for handle in legend.legend_handles:
        if handle is not None:
            handle.set_alpha(1.0)


def _draw_scale(figure: Figure, scale: Scale, grid: list[Any]) -> None:
    colors = COLORS.reversed() if scale.reverse else COLORS
    mappable = mpl.cm.ScalarMappable(Normalize(scale.low, scale.high), colors)
    bar = figure.colorbar(mappable, ax=grid, fraction=0.04, pad=0.015, aspect=28)
    bar.outline.set_visible(False)
    bar.set_label(scale.label, fontsize=8.5)
    bar.ax.yaxis.set_major_formatter(FuncFormatter(lambda value, _: number(value)))
    bar.ax.grid(visible=False)


def _set_axis(axis: Any, said: Axis) -> None:
    axis.axes.set(**{f"{axis.axis_name}label": said.label})
    if said.scaling == "log":
        axis.axes.set(**{f"{axis.axis_name}scale": "log"})
    if said.limits is not None:
        axis.axes.set(**{f"{axis.axis_name}lim": said.limits})
    if said.scaling == "choices":
        axis.set_major_locator(FixedLocator(range(len(said.choices))))
        axis.set_major_formatter(FuncFormatter(lambda place, _: _choice(said, place)))
        if said.limits is None:
            axis.axes.set(**{f"{axis.axis_name}lim": (-0.6, len(said.choices) - 0.4)})
        return
    low, high = axis.get_view_interval()
    if said.scaling == "log":
        axis.set_major_locator(FixedLocator(log_ticks(low, high)))
        axis.set_minor_locator(NullLocator())
        axis.set_minor_formatter(NullFormatter())
    elif said.scaling == "clock":
        axis.set_major_locator(FixedLocator(clock_ticks(low, high)))
    else:
        axis.set_major_locator(
            MaxNLocator(7, steps=[1, 2, 2.5, 5, 10] if not said.whole else [1, 2, 5, 10], integer=said.whole)
        )
    shown: dict[str, Callable[[float], str]] = {"clock": clock_text, "percent": lambda value: f"{value:.0%}"}
    show = shown.get(said.scaling, number)
    axis.set_major_formatter(FuncFormatter(lambda value, _: show(value)))


def _choice(axis: Axis, place: float) -> str:
    near = round(place)
    return shorten(axis.choices[near]) if 0 <= near < len(axis.choices) else ""


def _tilt_names(axes: Any, axis: Axis) -> None:
    if axis.scaling == "choices" and sum(len(shorten(one)) + 2 for one in axis.choices) > 34:
        for label in axes.get_xticklabels():
            label.set(rotation=35, ha="right", rotation_mode="anchor")


def _draw_parallel(figure: Figure, parallel: Parallel, scale: Scale | None) -> None:
    axes: Any = figure.subplots()
    assert scale is not None
    colors = COLORS.reversed() if scale.reverse else COLORS
    norm = Normalize(scale.low, scale.high)
    lines = lines_of(parallel, scale)
    for line in lines:
        segments = [line.points[start : start + 2] for start in range(len(line.points) - 1)]
        axes.add_collection(
            LineCollection(
                segments,
                colors=[colors(norm(line.value))],
                linewidths=1.0 + 1.4 * line.weight,
                alpha=0.35 + 0.6 * line.weight,
            )
        )
    _draw_posts(axes, parallel)
    _draw_scale(figure, scale, [axes])


def _draw_posts(axes: Any, parallel: Parallel) -> None:
    posts = posts_of(parallel)
    for place, post in enumerate(posts):
        axes.axvline(place, color="#9ca3af", linewidth=0.9, zorder=3)
        for height, text in post.ticks:
            axes.annotate(
                shorten(text, 18),
                (place, height),
                (-5 if place else -6, 0),
                textcoords="offset points",
                ha="right",
                va="center",
                fontsize=7.5,
                color=INK if text != DASH else MUTED,
                bbox={"facecolor": "white", "alpha": 0.75, "edgecolor": "none", "pad": 0.8},
                zorder=4,
            )
            axes.plot([place - 0.012, place + 0.012], [height, height], color="#9ca3af", linewidth=0.9, zorder=3)
    axes.set_xlim(-0.35, len(posts) - 1 + 0.08)
    axes.set_ylim(-0.14 if any(one.absent for one in posts) else -0.04, 1.04)
    axes.set_xticks(range(len(posts)), [shorten(one.label, 22) for one in posts], fontsize=8.5, color=INK)
    axes.tick_params(length=0)
    axes.yaxis.set_visible(False)
    axes.grid(visible=False)
    for side in ("left", "bottom"):
        axes.spines[side].set_visible(False)
    axes.spines["bottom"].set_color(FAINT)
