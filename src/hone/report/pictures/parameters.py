"""What the searched parameters have to do with the objective."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray
from optuna.distributions import CategoricalDistribution

from hone.report.chart import Axis, Chart, Panel, Parallel, Scale, Series, Surface
from hone.report.look import MUTED, SERIES, STATES, better, shorten
from hone.report.pictures.trials import (
    MOST_POINTS,
    by_state,
    failures,
    objective_axis,
    sample_note,
    sampled,
    value_scale,
    within,
)
from hone.report.view import ParameterView, StudyView, TrialView

MOST_SLICES = 12
MOST_AXES = 8
MOST_LINES = 500
MOST_FITTED = 400
GRID = 48
NEIGHBOURS = 40
SMOOTHING = 0.02

Field = NDArray[np.float64]


def importances(view: StudyView) -> Chart | None:
    """How much of the difference between good trials and the rest each parameter accounts for."""
    found = view.importances
    names = [one.name for one in view.by_importance if any(one.name in part for part in found)][:20]
    if not names:
        return None
    places = {name: len(names) - 1 - place for place, name in enumerate(names)}
    several = len(view.metrics) > 1
    series, thick = [], 0.26 if several else 0.0
    for number, part in enumerate(found):
        own = [name for name in names if name in part]
        shift = thick * ((len(found) - 1) / 2 - number) if several else 0.0
        series.append(
            Series(
                view.metrics[number] if several else "",
                [0.0] * len(own),
                [places[name] + shift for name in own],
                "bars",
                ends=[part[name] for name in own],
                color=SERIES[number % len(SERIES)],
                size=thick,
                texts=[f"{part[name]:.0%}" for name in own],
                labels=[f"{name}: {part[name]:.1%}" for name in own],
            )
        )
    most = max((share for part in found for share in part.values()), default=1.0)
    x = Axis("share of what decides whether a trial is among the best", "percent", limits=(0.0, max(0.05, most) * 1.12))
    y = Axis("", "choices", tuple(reversed(names)))
    caption = "By PED-ANOVA. Of parameters that depend on each other it shows each one's own part."
    if len(view.valued) < 20:
        caption = f"From {len(view.valued)} trials only: a hint, no more. {caption}"
    height = 1.8 + (0.46 if several else 0.36) * len(names)
    return Chart("importances", "Parameter importances", (Panel(x, y, tuple(series)),), caption, size=(8.0, height))


def slices(view: StudyView) -> Chart | None:
    """The objective against each parameter by itself."""
    parameters = view.by_importance[:MOST_SLICES]
    ended = [one for one in view.trials if one.state != "running"]
    if not parameters or not ended:
        return None
    shown = sampled(ended, MOST_POINTS, [view.best] if view.best else [])
    notes = [
        sample_note(len(shown), len(ended)),
        sample_note(len(parameters), len(view.parameters), "parameters"),
    ]
    panels: list[Panel] = []
    columns = min(len(parameters), 3 if len(parameters) != 4 else 2)
    for place in range(min(2, len(view.metrics))):
        # Each objective begins a row of its own.
        for number, one in enumerate(parameters):
            panel, note = _slice(view, shown, one, place, first=not panels, labelled=number % columns == 0)
            panels.append(panel)
            notes.append(note)
    rows = math.ceil(len(panels) / columns)
    return Chart(
        "slices",
        "Each parameter by itself",
        tuple(panels),
        " ".join(dict.fromkeys(filter(None, notes))),
        columns=columns,
        share_y=len(view.metrics) == 1 or len(parameters) <= columns,
        size=(max(6.5, 3.3 * columns), 1.2 + 3.0 * rows),
    )


def _slice(
    view: StudyView, shown: Sequence[TrialView], one: ParameterView, place: int, *, first: bool, labelled: bool
) -> tuple[Panel, str]:
    own = [trial for trial in shown if one.name in trial.params]
    valued = [trial for trial in own if len(trial.values) > place]
    axis, note = objective_axis(view, place, shown)
    assert axis.limits is not None
    low, high = axis.limits
    floor = low
    if any(trial.state == "failed" for trial in shown):
        floor = low - 0.02 * (high - low)
        low -= 0.07 * (high - low)
    y = Axis(axis.label if labelled else "", limits=(low, high))
    series = by_state(view, valued, lambda trial: _spread(one, trial), within(axis, place), legend=first)
    series += failures(view, own, lambda trial: _spread(one, trial), floor, legend=first)
    return Panel(_padded(one.axis), y, tuple(series)), note


def _spread(one: ParameterView, trial: TrialView) -> float:
    """Where a trial stands; beside each other those of one choice, always the same way."""
    place = one.place(trial)
    if one.axis.scaling != "choices":
        return place
    return place + 0.36 * ((trial.number * 0.618034) % 1 - 0.5)


def _padded(axis: Axis) -> Axis:
    """Room beside the outermost values."""
    if axis.limits is None:
        return axis
    low, high = axis.limits
    if axis.scaling == "log":
        factor = (high / low) ** 0.05 if high > low else 2.0
        return Axis(axis.label, axis.scaling, limits=(low / factor, high * factor), whole=axis.whole)
    pad = (high - low) * 0.05 or 0.5
    return Axis(axis.label, axis.scaling, limits=(low - pad, high + pad), whole=axis.whole)


def contour(view: StudyView) -> Chart | None:
    """The objective over the two parameters that matter most of those that are numbers, else of all."""
    scale = value_scale(view)
    pair = _pair(view)
    if scale is None or pair is None:
        return None
    first, second = pair
    own = [one for one in view.valued if first.name in one.params and second.name in one.params]
    if len(own) < 4:
        return None
    shown = sampled(own, MOST_POINTS, [view.best] if view.best and view.best in own else [])
    surface = _surface(own, pair, scale)
    points = [
        Series(
            "",
            [_spread(first, one) for one in shown],
            [_spread(second, one) for one in shown],
            values=[one.values[0] for one in shown],
            size=5.5 if len(shown) < 200 else 3.5,
            edge="white" if surface is not None else MUTED,
            labels=[view.describe(one) for one in shown],
        )
    ]
    if view.best is not None and view.best in own:
        x, y = _spread(first, view.best), _spread(second, view.best)
        points.append(
            Series(
                f"best: trial {view.best.number}",
                [x],
                [y],
                color=STATES["best"],
                symbol="star",
                size=11,
                labels=[view.describe(view.best)],
            )
        )
    notes = [sample_note(len(shown), len(own))]
    if surface is not None:
        notes.append("The surface is smoothed between the trials.")
    panel = Panel(_padded(first.axis), _padded(second.axis), tuple(points), surface)
    title = f"Contour: {view.metrics[0]} over {shorten(first.name, 30)} and {shorten(second.name, 30)}"
    return Chart("contour", title, (panel,), " ".join(filter(None, notes)), scale=scale, size=(8.0, 5.2))


def _pair(view: StudyView) -> tuple[ParameterView, ParameterView] | None:
    """The two that matter most, of those that enough trials have together."""
    ranked = [one for one in view.by_importance if len({one.place(trial) for trial in view.valued}) > 1]
    for number, first in enumerate(ranked):
        for second in ranked[number + 1 :]:
            together = sum(first.name in one.params and second.name in one.params for one in view.valued)
            if together >= max(4, len(view.valued) // 4):
                return first, second
    return None


def _surface(own: Sequence[TrialView], pair: tuple[ParameterView, ParameterView], scale: Scale) -> Surface | None:
    """A smooth field through the trials; None where an axis has choices in no order, between which there is nothing."""
    if not all(map(_ordered, pair)) or len(own) < 6:
        return None
    from scipy.interpolate import RBFInterpolator

    fitted = sampled(own, MOST_FITTED)
    at = np.array([[_unit(one, one.place(trial)) for one in pair] for trial in fitted])
    values = np.clip([one.values[0] for one in fitted], scale.low, scale.high)
    at, values = _merged(at, values)
    if len(at) < 6 or np.linalg.matrix_rank(at - at.mean(axis=0)) < 2:
        return None
    fit = RBFInterpolator(
        at, values, kernel="linear", smoothing=SMOOTHING, neighbors=min(NEIGHBOURS, len(at)), degree=0
    )
    steps = np.linspace(0, 1, GRID)
    plane = np.stack(np.meshgrid(steps, steps), axis=-1).reshape(-1, 2)
    z = np.clip(fit(plane).reshape(GRID, GRID), scale.low, scale.high)
    x, y = ([_from_unit(one, float(step)) for step in steps] for one in pair)
    return Surface(x, y, z.tolist())


def _merged(at: Field, values: Field) -> tuple[Field, Field]:
    """One point where several trials stand at the same place, with their mean."""
    places, which = np.unique(at.round(6), axis=0, return_inverse=True)
    which = which.reshape(-1)
    return places, np.bincount(which, weights=values) / np.bincount(which)


def _unit(one: ParameterView, place: float) -> float:
    low, high = _ends(one)
    if one.axis.scaling == "log":
        return math.log(place / low) / math.log(high / low)
    return (place - low) / (high - low)


def _from_unit(one: ParameterView, share: float) -> float:
    low, high = _ends(one)
    return float(low * (high / low) ** share) if one.axis.scaling == "log" else low + share * (high - low)


def _ends(one: ParameterView) -> tuple[float, float]:
    return _padded(one.axis).limits or (-0.6, len(one.axis.choices) - 0.4)


def _ordered(one: ParameterView) -> bool:
    """Whether there is a way from one value to the next: choices are in an order where they are rising numbers."""
    if not isinstance(one.distribution, CategoricalDistribution):
        return True
    choices = one.distribution.choices
    numbers = [float(value) for value in choices if isinstance(value, int | float) and not isinstance(value, bool)]
    return len(numbers) == len(choices) and numbers == sorted(numbers)


def parallel(view: StudyView) -> Chart | None:
    """Each trial as a line across its parameters to its objective."""
    scale = value_scale(view)
    parameters = view.by_importance[:MOST_AXES]
    if scale is None or len(parameters) < 2:
        return None
    shown = sampled(view.valued, MOST_LINES, view.ranked[:10])
    others = list(range(1, len(view.metrics)))
    values = [one.values[0] for one in view.valued]
    last = Axis(view.metrics[0], limits=(min(values), max(values)))
    axes = [one.axis for one in parameters]
    for place in others:
        found = [one.values[place] for one in shown]
        axes.append(Axis(view.metrics[place], limits=(min(found), max(found))))
    rows = [
        [*(one.place(trial) for one in parameters), *(trial.values[p] for p in others), trial.values[0]]
        for trial in shown
    ]
    clipped = Axis(last.label, limits=(scale.low, scale.high))
    rows = [[*row[:-1], min(max(row[-1], scale.low), scale.high)] for row in rows]
    notes = [
        sample_note(len(shown), len(view.valued)),
        sample_note(len(parameters), len(view.parameters), "parameters"),
    ]
    labels = tuple(f"trial {one.number}" for one in shown)
    wide = max(8.0, 1.45 * (len(axes) + 1))
    return Chart(
        "parallel",
        "Trials across their parameters",
        caption=" ".join(filter(None, notes)),
        scale=Scale(better(view.metrics[0], more=view.maximize[0]), scale.low, scale.high, scale.reverse),
        parallel=Parallel((*axes, clipped), rows, labels),
        size=(min(14.0, wide), 4.8),
    )
