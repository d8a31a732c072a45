"""Where lines across parallel axes run: heights from 0 to 1, and below them where a trial has no value."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from hone.report.chart import Axis, Parallel, Scale
from hone.report.look import DASH, log_ticks, number

ABSENT = -0.1
LINEAR_TICKS = 5


@dataclass(frozen=True)
class Post:
    """One axis, standing.

    Attributes:
        label: Above it.
        low: Its lowest value; its logarithm on a logarithmic axis.
        high: Its highest.
        log: It is logarithmic.
        ticks: Height and text of each.
        absent: Some trial has no value on it.
    """

    label: str
    low: float
    high: float
    log: bool
    ticks: tuple[tuple[float, str], ...]
    absent: bool

    def height(self, value: float) -> float:
        """Where a value is on it; below it for NaN."""
        if math.isnan(value):
            return ABSENT
        place = math.log10(value) if self.log else value
        return (place - self.low) / (self.high - self.low)


@dataclass(frozen=True)
class Line:
    """One trial.

    Attributes:
        points: Axis and height of each turn.
        value: What colours it.
        weight: How good that is, from 0 to 1.
    """

    points: tuple[tuple[float, float], ...]
    value: float
    weight: float


def posts_of(parallel: Parallel) -> list[Post]:
    """The axes of a parallel chart."""
    return [_post(axis, [row[place] for row in parallel.rows]) for place, axis in enumerate(parallel.axes)]


def lines_of(parallel: Parallel, scale: Scale) -> list[Line]:
    """The lines of a parallel chart, best last, so that the best is on top."""
    posts = posts_of(parallel)
    span = scale.high - scale.low or 1.0
    lines = []
    for row in parallel.rows:
        share = min(1.0, max(0.0, (row[-1] - scale.low) / span))
        points = tuple(
            (float(place), post.height(value)) for place, (post, value) in enumerate(zip(posts, row, strict=True))
        )
        lines.append(Line(points, row[-1], 1 - share if scale.reverse else share))
    return sorted(lines, key=lambda one: one.weight)


def _post(axis: Axis, values: Sequence[float]) -> Post:
    known = [one for one in values if not math.isnan(one)]
    absent = len(known) < len(values)
    log = axis.scaling == "log"
    if axis.scaling == "choices":
        low, high = 0.0, float(max(1, len(axis.choices) - 1))
        marks = [(float(place), text) for place, text in enumerate(axis.choices)]
    else:
        least, most = axis.limits or (min(known, default=0.0), max(known, default=1.0))
        if least == most:
            least, most = (least / 2, most * 2) if log else (least - 0.5, most + 0.5)
        marks = [(one, number(one)) for one in (log_ticks(least, most) if log else _ticks(least, most, axis.whole))]
        low, high = (math.log10(least), math.log10(most)) if log else (least, most)
    post = Post(axis.label, low, high, log, (), absent)
    ticks = [(post.height(value), text) for value, text in marks]
    if absent:
        ticks.append((ABSENT, DASH))
    return Post(axis.label, low, high, log, tuple(ticks), absent)


def _ticks(low: float, high: float, whole: bool) -> list[float]:
    """Round numbers from end to end."""
    raw = (high - low) / LINEAR_TICKS
    power = 10.0 ** math.floor(math.log10(raw))
    step = next(part * power for part in (1, 2, 5, 10) if part * power >= raw)
    step = max(1.0, step) if whole else step
    return [step * place for place in range(math.ceil(low / step - 1e-9), math.floor(high / step + 1e-9) + 1)]
