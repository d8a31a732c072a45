"""A range of numbers that can be narrowed and widened, and written down again in Hydra's grammar."""

from __future__ import annotations

import itertools
import math
from collections.abc import Sequence
from dataclasses import dataclass, replace

from optuna.distributions import FloatDistribution, IntDistribution

from hone.space.parameters import Parameter

DIGITS = 2


@dataclass(frozen=True)
class Range:
    """Numbers from ``low`` to ``high``.

    Attributes:
        low: The least.
        high: The most, included.
        log: Searched, and so measured, in powers.
        integer: Only whole numbers.
        step: Only every so many from ``low``; None for all.
    """

    low: float
    high: float
    log: bool = False
    integer: bool = False
    step: float | None = None

    @classmethod
    def of(cls, parameter: Parameter) -> Range | None:
        """The range of a parameter, or None where it is a choice."""
        kind = parameter.distribution
        if isinstance(kind, IntDistribution):
            step = kind.step if kind.step != 1 or "range(" in parameter.text else None
            return cls(kind.low, kind.high, kind.log, integer=True, step=step)
        if isinstance(kind, FloatDistribution):
            return cls(kind.low, kind.high, kind.log, step=kind.step)
        return None

    @property
    def width(self) -> float:
        """How wide it is: in decades where it is measured in powers."""
        return self.place(self.high) - self.place(self.low)

    @property
    def unit(self) -> str:
        """What the width is counted in."""
        return " decades" if self.log else ""

    def place(self, value: float) -> float:
        """Where a value lies, on a scale on which distances can be compared."""
        return math.log10(value) if self.log else float(value)

    def at(self, place: float) -> float:
        """The value at a place."""
        return 10.0**place if self.log else place

    def share(self, value: float) -> float:
        """Where a value lies between the ends, from 0 to 1."""
        return (self.place(value) - self.place(self.low)) / self.width if self.width else 0.5

    def to(self, low: float, high: float) -> Range:
        """The range between two other ends, moved outwards to numbers that are short to write.

        Args:
            low: A place.
            high: A place.
        """
        return replace(self, low=self._end(low, up=False), high=self._end(high, up=True))

    def up_to(self, place: float, least: float) -> Range:
        """The part of it up to a place, its end moved inwards to a number that is short to write.

        Args:
            place: The place.
            least: A value below it that the range keeps.
        """
        return replace(self, high=max(self._end(place, up=False), type(self.high)(least)))

    def within(self, least: float | None, most: float | None) -> Range:
        """The part of it between two limits."""
        low = self.low if least is None else max(self.low, least)
        high = self.high if most is None else min(self.high, most)
        return replace(self, low=low, high=high)

    def _end(self, place: float, *, up: bool) -> float:
        value = self.at(place)
        for own in (self.low, self.high):
            if math.isclose(value, own, rel_tol=1e-9, abs_tol=1e-12):
                return own
        rounded = math.ceil if up else math.floor
        if self.step is not None:
            steps = rounded(round((value - self.low) / self.step, 6))
            value = self.low + steps * self.step
            return int(value) if self.integer else round(value, 12)
        if self.integer:
            return rounded(round(value, 6))
        return _short(value, rounded) if self.log else _short(value, rounded, self.high - self.low)

    @property
    def text(self) -> str:
        """As a sweep file has it."""
        if self.step is not None:
            stop = self.high + self.step
            last = int(stop) if self.integer else round(stop, 12)
            by = "" if self.integer and self.step == 1 else f", {self.step:g}"
            inner = f"range({_written(self.low)}, {_written(last)}{by})"
            return f"tag(log, {inner})" if self.log else inner
        inner = f"interval({_written(self.low)}, {_written(self.high)})"
        inner = f"tag(log, {inner})" if self.log else inner
        return f"int({inner})" if self.integer else inner


@dataclass(frozen=True)
class Ladder:
    """Numbers to choose from, in even steps or by one factor, such as 16, 32, 64.

    Attributes:
        rungs: Ascending.
        factor: By which each is more than the one before; None where it is by ``step``.
        step: Likewise.
    """

    rungs: tuple[float, ...]
    factor: float | None = None
    step: float | None = None

    @classmethod
    def of(cls, options: Sequence[object]) -> Ladder | None:
        """The ladder that options make, or None where they make none."""
        if len(options) < 2 or any(isinstance(one, bool) or not isinstance(one, int | float) for one in options):
            return None
        rungs = tuple(sorted(float(one) for one in options))  # type: ignore[arg-type]
        pairs = list(itertools.pairwise(rungs))
        if rungs[0] > 0 and len({round(high / low, 6) for low, high in pairs}) == 1:
            return cls(rungs, factor=rungs[1] / rungs[0])
        if len(rungs) > 2 and len({round(high - low, 9) for low, high in pairs}) == 1:
            return cls(rungs, step=rungs[1] - rungs[0])
        return None

    def beyond(self, *, above: bool) -> float:
        """The next rung above the highest, or below the lowest."""
        end = self.rungs[-1] if above else self.rungs[0]
        if self.factor is not None:
            return end * self.factor if above else end / self.factor
        assert self.step is not None
        return end + self.step if above else end - self.step


def _short(value: float, rounded: object, width: float | None = None) -> float:
    """A number moved to one of few digits; of a linear range, few compared with its width."""
    size = abs(value) if width is None else width
    if not size:
        return value
    digits = DIGITS - 1 - math.floor(math.log10(size))
    scaled = value * 10.0**digits
    # 0.30000000000000004 is 0.3, in whichever direction.
    whole = round(scaled) if math.isclose(scaled, round(scaled), rel_tol=1e-9, abs_tol=1e-9) else rounded(scaled)  # type: ignore[operator]
    return float(f"{whole * 10.0**-digits:.12g}")


def _written(value: float) -> str:
    if isinstance(value, int):
        return str(value)
    text = f"{value:.10g}"
    # What has no point is an integer to Hydra's grammar.
    return text if any(one in text for one in ".e") else f"{text}.0"
