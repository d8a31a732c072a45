"""What happened while a study ran: how each trial learned, and when it ran where."""

from __future__ import annotations

import heapq
import math
from collections.abc import Sequence
from dataclasses import dataclass

from hone.report.chart import Axis, Chart, Panel, Series
from hone.report.look import STATES
from hone.report.pictures.trials import sampled, values_axis
from hone.report.view import StudyView, TrialView
from hone.tracking.spool import read_metric
from hone.worker.run import given_devices

HIGHLIGHTED = 3
OTHERS, PRUNED = 40, 40
MOST_SPANS = 2_000
HIGHLIGHTS = ("#059669", "#2563eb", "#0891b2")


@dataclass(frozen=True)
class _Curve:
    trial: TrialView
    x: list[float]
    y: list[float]


def learning_curves(view: StudyView) -> Chart | None:
    """The objective over training: the best trials, those that were pruned, and a part of the rest."""
    best = view.ranked[:HIGHLIGHTED]
    chosen = {
        "complete": sampled([one for one in view.valued if one not in best], OTHERS),
        "pruned": sampled([one for one in view.trials if one.state == "pruned"], PRUNED),
        "best": best,
    }
    curves = {state: _curves(view, own) for state, own in chosen.items()}
    if not any(curves.values()):
        return None
    values = [value for own in curves.values() for one in own for value in one.y]
    axis, note = values_axis(view, 0, values, values)
    series = _faint(curves["complete"], "other complete", "#9ca3af", 0.55)
    series += _faint(curves["pruned"], "pruned", STATES["pruned"], 0.7)
    for place, one in enumerate(curves["best"]):
        name = f"trial {one.trial.number}" if place else f"best: trial {one.trial.number}"
        series.append(_line(one, name, HIGHLIGHTS[place], 2.2 if place == 0 else 1.6))
    series += _ends(curves["pruned"])
    shown = sum(map(len, curves.values()))
    total = len(view.valued) + sum(one.state == "pruned" for one in view.trials)
    notes = [note, f"{shown:,} of {total:,} trials shown." if shown < total else ""]
    panel = Panel(Axis("step", whole=True), axis, tuple(series))
    return Chart("learning-curves", f"Learning curves: {view.metrics[0]}", (panel,), " ".join(filter(None, notes)))


def _curves(view: StudyView, trials: Sequence[TrialView]) -> list[_Curve]:
    curves = []
    for one in trials:
        # The study counts validations, which are not of one length where batch sizes are searched.
        points = read_metric(view.directory / f"{one.number:04d}", view.metrics[0]) or sorted(one.reports.items())
        points = [(step, value) for step, value in points if math.isfinite(value)]
        if len(points) > 1 or (points and one.state == "pruned"):
            curves.append(_Curve(one, [float(step) for step, _ in points], [value for _, value in points]))
    return curves


def _faint(curves: Sequence[_Curve], name: str, color: str, opacity: float) -> list[Series]:
    return [_line(one, "" if place else name, color, 0.9, opacity) for place, one in enumerate(curves)]


def _line(curve: _Curve, name: str, color: str, size: float, opacity: float = 1.0) -> Series:
    labels = [f"trial {curve.trial.number}, {curve.trial.state}: {value:.5g}" for value in curve.y]
    return Series(name, curve.x, curve.y, "line", color=color, size=size, opacity=opacity, labels=labels)


def _ends(curves: Sequence[_Curve]) -> list[Series]:
    """Where pruned trials stopped."""
    if not curves:
        return []
    xs, ys = [one.x[-1] for one in curves], [one.y[-1] for one in curves]
    return [Series("", xs, ys, color=STATES["pruned"], symbol="diamond", size=4.5)]


def timeline(view: StudyView) -> Chart | None:
    """When each trial ran, and in which slot."""
    ran = [one for one in view.trials if one.began and one.ended]
    if not ran:
        return None
    shown = sorted(ran, key=lambda one: one.began)[-MOST_SPANS:]
    start = min(one.began for one in shown)
    lanes, names = _lanes(view, shown)
    end = max(one.ended - start for one in shown if one.ended)
    series = []
    for state in ("complete", "pruned", "infeasible", "failed"):
        # The first slot is on top.
        own = [(one, len(names) - 1 - lane) for one, lane in zip(shown, lanes, strict=True) if one.state == state]
        if own:
            series.append(
                Series(
                    state,
                    [one.began - start for one, _ in own],
                    [float(lane) for _, lane in own],
                    "spans",
                    ends=[(one.ended or 0.0) - start for one, _ in own],
                    color=STATES[state],
                    labels=[f"{view.describe(one)}<br>{(one.ended or 0) - one.began:.1f} s" for one, _ in own],
                )
            )
    busy = sum((one.ended or 0.0) - one.began for one in shown) / ((end or 1.0) * len(names))
    title = f"Timeline: {len(ran):,} trials in {len(names)} slot{'s' * (len(names) > 1)}, {min(1.0, busy):.0%} busy"
    note = f"The last {len(shown):,} trials." if len(shown) < len(ran) else ""
    panel = Panel(
        Axis("time since the first trial", "clock", limits=(0.0, (end or 1.0) * 1.01)),
        Axis("", "choices", tuple(reversed(names))),
        tuple(series),
    )
    return Chart("timeline", title, (panel,), note, size=(8.0, min(9.0, 1.7 + 0.34 * len(names))))


def _lanes(view: StudyView, trials: Sequence[TrialView]) -> tuple[list[int], list[str]]:
    """The lane of each trial: its devices where it had any, then the first slot that was free."""
    devices = [given_devices(view.directory / f"{one.number:04d}") for one in trials]
    names: list[str] = []
    lanes = [0] * len(trials)
    for owner in dict.fromkeys(devices):
        own = [place for place, device in enumerate(devices) if device == owner]
        free: list[int] = []
        busy: list[tuple[float, int]] = []
        count = 0
        for place in own:
            while busy and busy[0][0] <= trials[place].began + 1e-6:
                heapq.heappush(free, heapq.heappop(busy)[1])
            slot = heapq.heappop(free) if free else count
            count = max(count, slot + 1)
            heapq.heappush(busy, (trials[place].ended or 0.0, slot))
            lanes[place] = len(names) + slot
        names += [
            f"{owner} {slot + 1}" if owner and count > 1 else owner or f"slot {slot + 1}" for slot in range(count)
        ]
    return lanes, names
