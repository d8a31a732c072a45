"""Search spaces: each key of a config with the distribution that its values are drawn from."""

from __future__ import annotations

import fnmatch
import json
import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from optuna.distributions import (
    BaseDistribution,
    CategoricalDistribution,
    FloatDistribution,
    IntDistribution,
)

from hone.config.sweeps import Choice, Entry, Interval, Range, parse_override
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
    """

    key: str
    distribution: BaseDistribution
    text: str
    prefix: str = ""

    def value(self, drawn: Any) -> Any:
        """The config value for what Optuna drew; lists and dicts are drawn as their JSON."""
        if isinstance(self.distribution, CategoricalDistribution) and isinstance(drawn, str):
            return _decoded(drawn)
        return drawn


@dataclass(frozen=True)
class Space:
    """A whole search space.

    Attributes:
        parameters: In the order of the sweep file.
    """

    parameters: tuple[Parameter, ...]

    @property
    def distributions(self) -> dict[str, BaseDistribution]:
        """What Optuna asks with."""
        return {one.key: one.distribution for one in self.parameters}

    @property
    def texts(self) -> dict[str, str]:
        """Each key with its sweep as it was written."""
        return {one.key: one.text for one in self.parameters}

    def values(self, drawn: Mapping[str, Any]) -> dict[str, Any]:
        """Config values for what Optuna drew.

        Args:
            drawn: A trial's ``params``.

        Returns:
            Values by key, in the order of the space.
        """
        return {one.key: one.value(drawn[one.key]) for one in self.parameters if one.key in drawn}

    def without(self, keys: Sequence[str]) -> Space:
        """The space less the keys that the command line fixed."""
        return Space(tuple(one for one in self.parameters if one.key not in keys))


def parse_space(entries: Mapping[str, str], where: str, group_options: GroupOptions | None = None) -> Space:
    """Parse a ``space:`` section.

    Args:
        entries: Key to sweep, such as ``{"optimizer.lr": "tag(log, interval(1e-5, 1e-1))"}``.
        where: File and section, for messages.
        group_options: Gives a config group's options, which ``glob(...)`` picks from.

    Returns:
        The space.

    Raises:
        SpaceError: It is empty, or a sweep cannot be sampled.
    """
    if not entries:
        raise SpaceError("is empty; give at least one key to search, such as optimizer.lr", where=where)
    return Space(tuple(_parameter(key, str(text), f"{where}.{key}", group_options) for key, text in entries.items()))


def _parameter(key: str, text: str, where: str, group_options: GroupOptions | None) -> Parameter:
    try:
        entry = parse_override(f"{key}={text}")
    except SpaceError as error:
        raise SpaceError(error.message, where=where) from error
    if entry.sweep is None:
        raise SpaceError(
            f"{text} is one value; sweep it by choice(...), range(...) or interval(...), or move it to base",
            where=where,
        )
    return Parameter(entry.key, _distribution(entry, where, group_options), text, entry.prefix)


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
    return FloatDistribution(low, round(high, 12), step=abs(sweep.step))


def _logarithmic(low: float, high: float, sweep: Range, where: str) -> IntDistribution:
    if low <= 0 or abs(sweep.step) != 1 or not isinstance(sweep.start, int):
        raise SpaceError("tag(log, range(...)) needs positive integers and steps of 1", where=where)
    return IntDistribution(int(low), int(high), log=True)


def _continuous(sweep: Interval, where: str) -> IntDistribution | FloatDistribution:
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
