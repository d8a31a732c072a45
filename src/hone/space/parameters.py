"""Searched parameters: a key of a config with the distribution that its values are drawn from."""

from __future__ import annotations

import fnmatch
import json
import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from optuna.distributions import (
    BaseDistribution,
    CategoricalDistribution,
    FloatDistribution,
    IntDistribution,
)

from hone.config.sweeps import Choice, Entry, Interval, Range, parse_override
from hone.config.written import choice
from hone.errors import SpaceError

GroupOptions = Callable[[str], Sequence[str]]


@dataclass(frozen=True)
class Parameter:
    """One searched key.

    Attributes:
        key: Dotted config key, or a config group.
        distribution: What Optuna draws from.
        text: The sweep as it was written.
        prefix: ``+`` or ``++`` where the key is added to the config.
        section: The condition under which it is searched, as it was written; empty for always.
    """

    key: str
    distribution: BaseDistribution
    text: str
    prefix: str = ""
    section: str = ""

    def value(self, drawn: Any) -> Any:
        """The config value for what Optuna drew; lists and dicts are drawn as their JSON."""
        kind = self.distribution
        if isinstance(kind, CategoricalDistribution) and isinstance(drawn, str):
            return _decoded(drawn)
        # Three steps of 0.1 are 0.3, and not 0.30000000000000004.
        return round(drawn, 12) if isinstance(kind, FloatDistribution) and kind.step is not None else drawn

    def drawn(self, value: Any, where: str) -> Any:
        """What Optuna must draw for a config value.

        Args:
            value: The value.
            where: Where it stands, for the message.

        Raises:
            SpaceError: The space does not offer it.
        """
        encoded = _encoded(value)
        if isinstance(self.distribution, CategoricalDistribution):
            offered = next((one for one in self.distribution.choices if _alike(one, encoded)), _NONE)
        else:
            offered = _nearest_step(self.distribution, value)
        if offered is _NONE:
            raise SpaceError(f"{value!r} is not in the space: {self.text}", where=where)
        return offered

    @property
    def count(self) -> float:
        """How many values there are; infinity where they cannot be counted."""
        kind = self.distribution
        if isinstance(kind, CategoricalDistribution):
            return len(kind.choices)
        if isinstance(kind, IntDistribution):
            return (kind.high - kind.low) // kind.step + 1
        if kind.step is None:
            return 1 if kind.low == kind.high else math.inf
        return round((kind.high - kind.low) / kind.step) + 1

    @property
    def listed(self) -> str:
        """The sweep as it was written, but for a pattern, in whose place stand the options that fit it."""
        sweep = parse_override(f"{self.key}={self.text}").sweep
        return choice(self.points() or []) if isinstance(sweep, Choice) and sweep.glob else self.text

    def points(self) -> list[Any] | None:
        """Every value that there is, or None where they cannot be counted."""
        kind = self.distribution
        if isinstance(kind, CategoricalDistribution):
            return [self.value(one) for one in kind.choices]
        if isinstance(kind, IntDistribution):
            return list(range(kind.low, kind.high + 1, kind.step))
        if kind.step is None:
            return [kind.low] if kind.low == kind.high else None
        return [round(kind.low + place * kind.step, 12) for place in range(int(self.count))]


def parse_parameter(
    key: str, text: str, where: str, group_options: GroupOptions | None, section: str = ""
) -> Parameter:
    """Parse one entry of a space.

    Args:
        key: A config key or group, after ``+`` or ``++`` where it is added to the config.
        text: A sweep of Hydra's grammar.
        where: File and key, for messages.
        group_options: Gives a config group's options, which ``glob(...)`` picks from.
        section: The condition under which it is searched.

    Raises:
        SpaceError: It cannot be sampled.
    """
    try:
        entry = parse_override(f"{key}={text}")
    except SpaceError as error:
        raise SpaceError(error.message, where=where) from error
    if entry.sweep is None:
        raise SpaceError(
            f"{text} is one value; sweep it by choice(...), range(...) or interval(...), or move it to base",
            where=where,
        )
    return Parameter(entry.key, _distribution(entry, where, group_options), text, entry.prefix, section)


def _distribution(entry: Entry, where: str, group_options: GroupOptions | None) -> BaseDistribution:
    sweep = entry.sweep
    if isinstance(sweep, Choice):
        return _categorical(entry.key, sweep, where, group_options)
    if isinstance(sweep, Range):
        return _stepped(sweep, where)
    assert isinstance(sweep, Interval)
    return _continuous(sweep, where)


def _categorical(key: str, sweep: Choice, where: str, group_options: GroupOptions | None) -> CategoricalDistribution:
    values = list(sweep.values)
    if sweep.glob:
        options = group_options(key) if group_options else []
        values = [
            one
            for one in options
            if any(fnmatch.fnmatch(one, pattern) for pattern in sweep.glob)
            and not any(fnmatch.fnmatch(one, pattern) for pattern in sweep.exclude)
        ]
    if not values:
        raise SpaceError("offers nothing to choose from", where=where)
    encoded = [_encoded(one) for one in values]
    if len(set(map(repr, encoded))) < len(encoded):
        raise SpaceError("names a value twice", where=where)
    return CategoricalDistribution(encoded)


def _stepped(sweep: Range, where: str) -> IntDistribution | FloatDistribution:
    if sweep.step == 0:
        raise SpaceError("steps by 0", where=where)
    count = math.ceil(round((sweep.stop - sweep.start) / sweep.step, 9))
    if count < 1:
        raise SpaceError(f"is empty: range({sweep.start}, {sweep.stop}) excludes its stop", where=where)
    last = sweep.start + (count - 1) * sweep.step
    low, high = sorted((sweep.start, last))
    if sweep.log:
        return _logarithmic(low, high, sweep, where)
    if all(isinstance(one, int) for one in (sweep.start, sweep.stop, sweep.step)):
        return IntDistribution(int(low), int(high), step=abs(int(sweep.step)))
    return FloatDistribution(round(low, 12), round(high, 12), step=abs(sweep.step))


def _logarithmic(low: float, high: float, sweep: Range, where: str) -> IntDistribution:
    if low <= 0 or abs(sweep.step) != 1 or not isinstance(sweep.start, int):
        raise SpaceError("tag(log, range(...)) needs positive integers and steps of 1", where=where)
    return IntDistribution(int(low), int(high), log=True)


def _continuous(sweep: Interval, where: str) -> IntDistribution | FloatDistribution:
    if not (math.isfinite(sweep.low) and math.isfinite(sweep.high)):
        raise SpaceError(f"needs two finite ends, not {sweep.low:g} and {sweep.high:g}", where=where)
    if sweep.low > sweep.high:
        raise SpaceError(
            f"starts above its end; write interval({sweep.high:g}, {sweep.low:g})",
            where=where,
        )
    if sweep.log and sweep.low <= 0:
        raise SpaceError(f"tag(log, ...) needs a positive start, not {sweep.low:g}", where=where)
    if sweep.integer:
        return IntDistribution(int(sweep.low), int(sweep.high), log=sweep.log)
    return FloatDistribution(sweep.low, sweep.high, log=sweep.log)


# What Optuna stores as a choice is a scalar; the mark tells such a text from one that the user wrote.
_MARK = "json:"


def _encoded(value: Any) -> Any:
    return f"{_MARK}{json.dumps(value)}" if isinstance(value, list | dict) else value


def _decoded(drawn: str) -> Any:
    return json.loads(drawn.removeprefix(_MARK)) if drawn.startswith(_MARK) else drawn


_NONE = object()


def _alike(offered: Any, value: Any) -> bool:
    # True is 1 to Python, and 16.0 the same batch size as 16.
    return bool(offered == value) and isinstance(offered, bool) == isinstance(value, bool)


def _nearest_step(kind: BaseDistribution, value: Any) -> Any:
    """The value as a number that the distribution offers."""
    if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value):
        return _NONE
    integer = isinstance(kind, IntDistribution)
    number = round(value) if integer else float(value)
    if number != value or not kind.low <= number <= kind.high:
        return _NONE
    if kind.step is not None:
        number = kind.low + round((number - kind.low) / kind.step) * kind.step
    return number if math.isclose(number, value, rel_tol=1e-9, abs_tol=1e-12) else _NONE
