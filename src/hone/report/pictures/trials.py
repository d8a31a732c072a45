"""What several pictures of a study need: its trials by state, axes that outliers do not flatten, colours of values."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np

from hone.report.chart import Axis, Scale, Series
from hone.report.look import STATES, SYMBOLS, better
from hone.report.view import StudyView, TrialView

# More points than these are too many to see, and slow in a browser.
MOST_POINTS = 1_000
# Beyond so many times the middle half of the values, a poor value is an outlier.
FAR = 5.0
SHOWN_STATES = ("complete", "pruned", "infeasible")


def sampled(trials: Sequence[TrialView], most: int, keep: Sequence[TrialView] = ()) -> list[TrialView]:
    """Evenly spaced trials, no more than asked for, with those that must be among them."""
    if len(trials) <= most:
        return list(trials)
    places = np.linspace(0, len(trials) - 1, most).round().astype(int)
    chosen = {trials[place].number: trials[place] for place in places} | {one.number: one for one in keep}
    return sorted(chosen.values(), key=lambda one: one.number)


def sample_note(shown: int, total: int, what: str = "trials") -> str:
    """Says that not everything is shown, where that is so."""
    return f"{shown:,} of {total:,} {what} shown." if shown < total else ""


def objective_axis(view: StudyView, place: int, trials: Sequence[TrialView]) -> tuple[Axis, str]:
    """An axis for an objective of some trials, on which those that did far worse do not flatten the others.

    Returns:
        The axis, and a note of what lies beyond it.
    """
    valued = [one for one in trials if len(one.values) > place]
    complete = [one.values[place] for one in valued if one.state == "complete"]
    values = [one.values[place] for one in valued]
    return values_axis(view, place, values, complete or values)


def values_axis(view: StudyView, place: int, values: Sequence[float], ordinary: Sequence[float]) -> tuple[Axis, str]:
    """The same for any values of an objective; ``ordinary`` are those that are not to be flattened."""
    more = view.maximize[place]
    low, high, beyond = focus(values, ordinary, more=more)
    pad = (high - low) * 0.06 or abs(high) * 0.05 or 0.5
    note = f"{beyond} far {'lower' if more else 'higher'} values are beyond the axis or at its edge." if beyond else ""
    return Axis(better(view.metrics[place], more=more), limits=(low - pad, high + pad)), note


def within(axis: Axis, place: int) -> Callable[[TrialView], float]:
    """A trial's objective, at the edge of the axis where it lies beyond."""
    assert axis.limits is not None
    # Half of a mark would be cut off.
    inset = 0.015 * (axis.limits[1] - axis.limits[0])
    low, high = axis.limits[0] + inset, axis.limits[1] - inset
    return lambda one: min(max(one.values[place], low), high)


def focus(values: Sequence[float], ordinary: Sequence[float], *, more: bool) -> tuple[float, float, int]:
    """The range in which what matters lies.

    Args:
        values: Finite.
        ordinary: Those by which it is judged what is far.
        more: High values matter.

    Returns:
        Its ends, and how many poor values lie beyond.
    """
    if not values:
        return 0.0, 1.0, 0
    array = np.asarray(values, dtype=float)
    first, third = np.quantile(np.asarray(ordinary, dtype=float), [0.25, 0.75])
    room = FAR * float(third - first)
    if len(array) < 8 or room == 0:
        return float(array.min()), float(array.max()), 0
    near = array[array >= first - room] if more else array[array <= third + room]
    return float(near.min()), float(near.max()), len(array) - len(near)


def value_scale(view: StudyView, place: int = 0) -> Scale | None:
    """Colours for an objective, deep where it is good; None without two different values."""
    values = [one.values[place] for one in view.valued]
    low, high, _ = focus(values, values, more=view.maximize[place])
    if not values or low == high:
        return None
    return Scale(better(view.metrics[place], more=view.maximize[place]), low, high, reverse=not view.maximize[place])


def by_state(
    view: StudyView,
    trials: Sequence[TrialView],
    x: Callable[[TrialView], float],
    y: Callable[[TrialView], float],
    *,
    legend: bool = True,
) -> list[Series]:
    """Points of trials with a value, a series for each state, the best apart."""
    series = []
    # Of several objectives the best in the first is one point of a front, and no more.
    best = view.best if len(view.metrics) == 1 else None
    for state in SHOWN_STATES:
        own = [one for one in trials if one.state == state and one.values and one is not best]
        if own:
            series.append(_points(view, state, own, x, y, legend))
    if best is not None and best.number in {one.number for one in trials}:
        series.append(_points(view, "best", [best], x, y, legend))
    return series


def _points(
    view: StudyView,
    state: str,
    own: Sequence[TrialView],
    x: Callable[[TrialView], float],
    y: Callable[[TrialView], float],
    legend: bool,
) -> Series:
    name = f"best: trial {own[0].number}" if state == "best" else state
    return Series(
        name if legend else "",
        [x(one) for one in own],
        [y(one) for one in own],
        color=STATES[state],
        symbol=SYMBOLS[state],  # type: ignore[arg-type]
        size=8.0 if state == "best" else 4.5 if len(own) > 200 else 6.0,
        opacity=1.0 if state == "best" else 0.8 if len(own) <= 200 else 0.55,
        labels=[view.describe(one) for one in own],
    )


def failures(
    view: StudyView, trials: Sequence[TrialView], x: Callable[[TrialView], float], floor: float, *, legend: bool = True
) -> list[Series]:
    """Trials that have no value, as crosses along the foot of the picture."""
    own = [one for one in trials if one.state == "failed"]
    if not own:
        return []
    return [
        Series(
            "failed" if legend else "",
            [x(one) for one in own],
            [floor] * len(own),
            color=STATES["failed"],
            symbol="cross",
            size=5.5,
            labels=[view.describe(one) for one in own],
        )
    ]
