"""Charts as plotly figures, for the page."""

from __future__ import annotations

import math
from typing import Any

import plotly.graph_objects as go
from plotly.subplots import make_subplots

from hone.report.chart import Axis, Chart, Panel, Parallel, Scale, Series, Surface
from hone.report.look import RAMP, clock_text, clock_ticks, log_ticks, number, plotly_layout, shorten
from hone.report.parallel import ABSENT, posts_of

SYMBOLS = {"circle": "circle", "cross": "x-thin", "diamond": "diamond", "star": "star", "square": "square"}
PIXELS = 96
RAMP_STOPS = [[place / (len(RAMP) - 1), color] for place, color in enumerate(RAMP)]


def figure_of(chart: Chart) -> go.Figure:
    """A chart as a plotly figure; its title and caption are the page's.

    Args:
        chart: What to draw.
    """
    if chart.parallel is not None:
        assert chart.scale is not None
        figure = _parallel(chart.parallel, chart.scale)
    else:
        figure = _panels(chart)
    figure.update_layout(height=round(chart.size[1] * PIXELS))
    return figure


def _panels(chart: Chart) -> go.Figure:
    columns = min(chart.columns, len(chart.panels))
    rows = math.ceil(len(chart.panels) / columns)
    figure = make_subplots(
        rows,
        columns,
        subplot_titles=[one.title for one in chart.panels] if any(one.title for one in chart.panels) else None,
        horizontal_spacing=min(0.24 / columns, 0.1 if columns > 1 else 0.24),
        vertical_spacing=min(0.85 / (chart.size[1] * PIXELS / 110), 0.9 / max(1, rows - 1)) if rows > 1 else 0.1,
        shared_yaxes=chart.share_y,
    )
    layout = plotly_layout()
    axes = {name: layout.pop(name) for name in ("xaxis", "yaxis")}
    figure.update_layout(**layout)
    figure.update_xaxes(**axes["xaxis"])
    figure.update_yaxes(**axes["yaxis"])
    for place, panel in enumerate(chart.panels):
        row, column = place // columns + 1, place % columns + 1
        _add_panel(figure, panel, chart.scale, row, column)
    bars = any(series.kind in ("bars", "spans") for panel in chart.panels for series in panel.series)
    if bars:
        figure.update_layout(barmode="overlay", bargap=0.3)
    return figure


def _add_panel(figure: go.Figure, panel: Panel, scale: Scale | None, row: int, column: int) -> None:
    if panel.surface is not None and scale is not None:
        figure.add_trace(_surface(panel.surface, scale), row, column)
    for one in panel.series:
        # The bar beside a surface says what its points' colours mean too.
        figure.add_trace(_trace(one, scale, bar=panel.surface is None), row, column)
    figure.update_xaxes(**_axis(panel.x), row=row, col=column)
    figure.update_yaxes(**_axis(panel.y), row=row, col=column)


def _surface(surface: Surface, scale: Scale) -> Any:
    colors = _colors(scale)
    # One colour axis for a surface and its points would have plotly draw both over and over without end.
    return go.Contour(
        x=surface.x,
        y=surface.y,
        z=surface.z,
        zmin=colors.pop("cmin"),
        zmax=colors.pop("cmax"),
        line={"color": "white", "width": 0.5},
        ncontours=13,
        hoverinfo="skip",
        **colors,
    )


def _trace(one: Series, scale: Scale | None, *, bar: bool) -> Any:
    shown = {"name": one.name, "showlegend": bool(one.name), "legendgroup": one.name or None}
    hover = {"hovertext": list(one.labels), "hoverinfo": "text"} if one.labels else {}
    if one.kind in ("bars", "spans"):
        return go.Bar(
            base=one.x,
            x=[end - begin for begin, end in zip(one.x, one.ends, strict=True)],
            y=one.y,
            orientation="h",
            width=one.size if 0 < one.size < 1 else 0.7,
            marker={"color": one.color, "line": {"color": "white", "width": 0.5}},
            text=list(one.texts) or None,
            textposition="outside" if one.texts else None,
            cliponaxis=False,
            opacity=one.opacity,
            **shown,
            **hover,
        )
    if one.kind == "columns":
        middles = [(begin + end) / 2 for begin, end in zip(one.x, one.ends, strict=True)]
        widths = [end - begin for begin, end in zip(one.x, one.ends, strict=True)]
        return go.Bar(x=middles, y=one.heights, width=widths, marker={"color": one.color}, **shown, **hover)
    if one.kind in ("line", "steps"):
        line = {"color": one.color, "width": one.size, "dash": "dash" if one.dash else "solid"}
        line |= {"shape": "hv"} if one.kind == "steps" else {}
        return go.Scatter(x=one.x, y=one.y, mode="lines", line=line, opacity=one.opacity, **shown, **hover)
    thin = one.symbol == "cross"
    marker: dict[str, Any] = {
        "symbol": SYMBOLS[one.symbol],
        "size": one.size * (1.8 if one.symbol == "star" else 1.35),
        "opacity": one.opacity,
        "line": {
            "width": 1.6 if thin else 0.7,
            "color": one.color if thin else one.edge,
        },
    }
    if one.values is None or scale is None:
        marker["color"] = one.color
    else:
        marker |= {"color": list(one.values), "showscale": bar, **_colors(scale)}
    return go.Scatter(x=one.x, y=one.y, mode="markers", marker=marker, **shown, **hover)


def _axis(axis: Axis) -> dict[str, Any]:
    said: dict[str, Any] = {"title": {"text": axis.label}}
    limits = axis.limits
    if axis.scaling == "choices":
        places = list(range(len(axis.choices)))
        said |= {"tickvals": places, "ticktext": [shorten(one) for one in axis.choices]}
        limits = limits or (-0.6, len(axis.choices) - 0.4)
    elif axis.scaling == "log" and limits is not None:
        ticks = log_ticks(*limits)
        said |= {"type": "log", "tickvals": ticks, "ticktext": list(map(number, ticks))}
        limits = (math.log10(limits[0]), math.log10(limits[1]))
    elif axis.scaling == "clock" and limits is not None:
        ticks = clock_ticks(*limits)
        said |= {"tickvals": ticks, "ticktext": list(map(clock_text, ticks))}
    elif axis.scaling == "percent":
        said |= {"tickformat": ".0%"}
    elif axis.whole:
        said |= {"tickformat": ",d"}
    if limits is not None:
        said["range"] = list(limits)
    return said


def _colors(scale: Scale) -> dict[str, Any]:
    return {
        "colorscale": RAMP_STOPS,
        "reversescale": scale.reverse,
        "cmin": scale.low,
        "cmax": scale.high,
        "colorbar": {
            "title": {"text": scale.label, "side": "right", "font": {"size": 12}},
            "thickness": 14,
            "outlinewidth": 0,
            "tickfont": {"size": 11},
        },
    }


def _parallel(parallel: Parallel, scale: Scale) -> go.Figure:
    dimensions = []
    for place, post in enumerate(posts_of(parallel)):
        heights = [post.height(row[place]) for row in parallel.rows]
        dimensions.append(
            {
                "label": shorten(post.label.rpartition(".")[2], 18),
                "values": heights,
                "range": [ABSENT if post.absent else 0.0, 1.0],
                "tickvals": [height for height, _ in post.ticks],
                "ticktext": [shorten(text, 16) for _, text in post.ticks],
            }
        )
    line = {**_colors(scale), "color": [row[-1] for row in parallel.rows], "showscale": True}
    figure = go.Figure(go.Parcoords(dimensions=dimensions, line=line, labelfont={"size": 13}, tickfont={"size": 11}))
    layout = plotly_layout()
    figure.update_layout(**{name: value for name, value in layout.items() if not name.endswith("axis")})
    figure.update_layout(margin={"l": 80, "r": 40, "t": 60, "b": 30})
    return figure
