"""How a study came on, and where it arrived."""

from __future__ import annotations

from collections.abc import Sequence

from hone.report.chart import Axis, Chart, Panel, Series
from hone.report.look import STATES
from hone.report.pictures.trials import MOST_POINTS, by_state, failures, objective_axis, sample_note, sampled, within
from hone.report.view import StudyView, TrialView


def history(view: StudyView) -> Chart | None:
    """Each trial's objective in the order of the trials, with the best so far."""
    ended = [one for one in view.trials if one.state != "running"]
    if not ended:
        return None
    shown = sampled(ended, MOST_POINTS, [view.best] if view.best else [])
    notes = [sample_note(len(shown), len(ended))]
    panels = []
    for place in range(len(view.metrics)):
        panel, note = _history_panel(view, shown, place, legend=place == 0)
        panels.append(panel)
        notes.append(note)
    title = "Optimisation history"
    if view.best is not None and len(view.metrics) == 1:
        title += f": best {view.metrics[0]} {view.best.values[0]:.4g}, trial {view.best.number}"
    height = 1.4 + 3.2 * len(panels)
    return Chart("history", title, tuple(panels), " ".join(filter(None, notes)), size=(8.0, height))


def _history_panel(view: StudyView, shown: Sequence[TrialView], place: int, *, legend: bool) -> tuple[Panel, str]:
    valued = [one for one in shown if len(one.values) > place]
    axis, note = objective_axis(view, place, valued)
    assert axis.limits is not None
    low, high = axis.limits
    floor = low
    if any(one.state == "failed" for one in shown):
        axis = Axis(axis.label, limits=(low - 0.07 * (high - low), high))
        floor = low - 0.02 * (high - low)
    inside = within(axis, place)
    series = by_state(view, valued, lambda one: one.number, inside, legend=legend)
    steps = _best_so_far(view, place)
    if steps is not None:
        series.insert(0, Series("best so far" if legend else "", *steps, kind="steps", color=STATES["best"], size=1.8))
    series += failures(view, shown, lambda one: one.number, floor, legend=legend)
    count = max(one.number for one in view.trials) + 1
    x = Axis("trial", limits=(-0.03 * count - 0.5, count * 1.03 - 0.5), whole=True)
    return Panel(x, axis, tuple(series)), note


def _best_so_far(view: StudyView, place: int) -> tuple[list[float], list[float]] | None:
    pick = max if view.maximize[place] else min
    x: list[float] = []
    y: list[float] = []
    for one in view.complete:
        value = pick(one.values[place], y[-1]) if y else one.values[place]
        if not y or value != y[-1]:
            x.append(one.number)
            y.append(value)
    if not x:
        return None
    return [*x, view.trials[-1].number], [*y, y[-1]]


def front(view: StudyView) -> Chart | None:
    """The Pareto front, of each pair of objectives."""
    count = len(view.metrics)
    if count < 2 or not view.valued:
        return None
    optimal = _front(view)
    shown = sampled(view.valued, MOST_POINTS, optimal)
    pairs = [(first, second) for first in range(count) for second in range(first + 1, count)][:3]
    panels, notes = [], [sample_note(len(shown), len(view.valued))]
    for number, (first, second) in enumerate(pairs):
        panel, found = _front_panel(view, shown, optimal, (first, second), legend=number == 0)
        panels.append(panel)
        notes += found
    title = f"Pareto front: {len(optimal)} of {len(view.complete)} trials that no other beats in every objective"
    wide = 5.6 if len(panels) == 1 else 4.4 * len(panels)
    caption = " ".join(filter(None, notes))
    return Chart("front", title, tuple(panels), caption, columns=len(panels), size=(max(8.0, wide), 5.0))


def _front_panel(
    view: StudyView, shown: Sequence[TrialView], optimal: Sequence[TrialView], pair: tuple[int, int], *, legend: bool
) -> tuple[Panel, list[str]]:
    first, second = pair
    x, x_note = objective_axis(view, first, shown)
    y, y_note = objective_axis(view, second, shown)
    numbers = {one.number for one in optimal}
    groups = {
        "complete": (
            "beaten by another",
            [one for one in shown if one.state == "complete" and one.number not in numbers],
        ),
        "infeasible": ("outside a constraint", [one for one in shown if one.state == "infeasible"]),
        "best": ("Pareto front", sorted(optimal, key=lambda one: one.values[first])),
    }
    series = []
    for state, (name, own) in groups.items():
        if not own:
            continue
        xs, ys = list(map(within(x, first), own)), list(map(within(y, second), own))
        if state == "best" and len(view.metrics) == 2:
            series.append(Series("", xs, ys, "line", color=STATES[state], size=1.4, opacity=0.6))
        series.append(
            Series(
                name if legend else "",
                xs,
                ys,
                color=STATES[state],
                symbol="square" if state == "infeasible" else "circle",
                size=7.0 if state == "best" else 5.0,
                opacity=1.0 if state == "best" else 0.5,
                labels=[view.describe(one) for one in own],
            )
        )
    return Panel(x, y, tuple(series)), [x_note, y_note]


def _front(view: StudyView) -> list[TrialView]:
    numbers = {one.number for one in view.study.best_trials}
    return [one for one in view.complete if one.number in numbers]
