"""A picture of where a model lags, from what an evaluation measured."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from hone.report.chart import Axis, Chart, Panel, Scaling, Series
from hone.report.look import ACCENT, MUTED, STATES, shorten

MOST = 40
LONGEST_NAME = 28
INTERVAL = 0.16
LAGS = STATES["failed"]


def slices_of(summary: Mapping[str, Any]) -> Chart | None:
    """Each slice's score with its interval; those that lag stand out.

    Args:
        summary: An evaluation's ``evaluation.json``; training's own has no slices.
    """
    # The first is on top.
    found = list(reversed(summary.get("slices", [])[:MOST]))
    if not found:
        return None
    numbers = summary["kind"] == "numbers"
    names = tuple(shorten(f"{one['group']} {one['name']} ({one['rows']:,})", LONGEST_NAME) for one in found)
    places = [float(place) for place in range(len(found))]
    series = [_intervals(found, places, lags=False), _intervals(found, places, lags=True)]
    series += [_points(found, places, lags=False), _points(found, places, lags=True)]
    if not numbers:
        overall = float(summary["accuracy"])
        line = Series(
            "all rows", [overall, overall], [-0.5, len(found) - 0.5], "line", color=MUTED, dash=True, size=1.0
        )
        series.insert(0, line)
    ends = [value for one in found for value in one["score"].values() if value is not None]
    pad = 0.03 * (max(ends) - min(ends)) or 0.02
    label: tuple[str, Scaling] = (
        ("mean absolute error (lower is better)", "linear") if numbers else ("accuracy", "percent")
    )
    panel = Panel(
        Axis(*label, limits=(min(ends) - pad, max(ends) + pad)),
        Axis("", "choices", names, limits=(-0.6, len(found) - 0.4)),
        tuple(one for one in series if one.x),
    )
    lagging = sum(one["lags"] for one in found)
    said = f"{lagging} of {len(found)} slices lag" if lagging else "no slice lags"
    left = len(summary["slices"]) - len(found)
    caption = "Red: worse than all other rows, and hardly by chance." if lagging else ""
    more = f" {left} more are in evaluation.json." if left else ""
    title = f"Slices: {said}, {summary['rows']:,} {summary['split']} rows"
    return Chart("slices", title, (panel,), f"{caption}{more}".strip(), size=(8.0, 1.8 + 0.28 * len(found)))


def _chosen(
    found: Sequence[Mapping[str, Any]], places: Sequence[float], *, lags: bool
) -> list[tuple[Mapping[str, Any], float]]:
    return [(one, place) for one, place in zip(found, places, strict=True) if one["lags"] is lags]


def _points(found: Sequence[Mapping[str, Any]], places: Sequence[float], *, lags: bool) -> Series:
    own = _chosen(found, places, lags=lags)
    values = [one["score"]["value"] for one, _ in own]
    return Series("lags" if lags else "", values, [place for _, place in own], color=LAGS if lags else ACCENT, size=6.5)


def _intervals(found: Sequence[Mapping[str, Any]], places: Sequence[float], *, lags: bool) -> Series:
    own = [(one, place) for one, place in _chosen(found, places, lags=lags) if one["score"]["low"] is not None]
    return Series(
        "",
        [one["score"]["low"] for one, _ in own],
        [place for _, place in own],
        "spans",
        ends=[one["score"]["high"] for one, _ in own],
        color=LAGS if lags else ACCENT,
        size=INTERVAL,
        opacity=0.45,
    )
