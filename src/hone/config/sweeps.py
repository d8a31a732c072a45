"""Hydra's sweep grammar, parsed into plain records that know nothing of Hydra or Optuna."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any

from hydra.core.override_parser.overrides_parser import OverridesParser
from hydra.core.override_parser.types import (
    ChoiceSweep,
    Glob,
    IntervalSweep,
    Override,
    QuotedString,
    RangeSweep,
)
from hydra.errors import HydraException

from hone.config.explain import first_line
from hone.errors import SpaceError, did_you_mean

FUNCTIONS = ("choice", "range", "interval", "glob", "tag", "shuffle", "sort", "int", "float", "str", "bool")


@dataclass(frozen=True)
class Choice:
    """One of several values; ``glob`` holds patterns that a config group's options are matched with."""

    values: tuple[Any, ...]
    glob: tuple[str, ...] = ()
    exclude: tuple[str, ...] = ()


@dataclass(frozen=True)
class Interval:
    """A value between two ends, both included; an integer where both ends are integers by ``int(...)``."""

    low: float
    high: float
    log: bool = False

    @property
    def integer(self) -> bool:
        """Whether the grammar said ``int(interval(...))``."""
        return isinstance(self.low, int) and isinstance(self.high, int)


@dataclass(frozen=True)
class Range:
    """Steps from ``start``, ``stop`` excluded, as in Hydra."""

    start: float
    stop: float
    step: float
    log: bool = False


@dataclass(frozen=True)
class Entry:
    """One override: a key with a sweep over it, or with a fixed value."""

    key: str
    sweep: Choice | Interval | Range | None
    text: str
    value: Any = None
    prefix: str = ""


def parse_override(text: str) -> Entry:
    """Parse one override of Hydra's grammar.

    Args:
        text: Such as ``optimizer.lr=tag(log, interval(1e-5, 1e-1))`` or ``model=bert``.

    Returns:
        The key with its sweep, or with none where the value is fixed.

    Raises:
        SpaceError: The text is not of the grammar.
    """
    try:
        override = OverridesParser.create().parse_override(text)
        sweep = _sweep(override)
    except HydraException as error:
        raise SpaceError(_reason(error), where=text.split("=")[0]) from error
    prefix = {"ADD": "+", "FORCE_ADD": "++", "DEL": "~"}.get(override.type.name, "")
    key = override.get_key_element().lstrip("+~")
    return Entry(key, sweep, text, None if sweep else _plain(override.value()), prefix)


def _reason(error: HydraException) -> str:
    reason = first_line(str(error))
    unknown = re.search(r"Unknown function '(\w+)'", reason)
    return f"no such function: {unknown[1]}.{did_you_mean(unknown[1], FUNCTIONS)}" if unknown else reason


def _sweep(override: Override) -> Choice | Interval | Range | None:
    if not override.is_sweep_override():
        return None
    value = override.value()
    if isinstance(value, ChoiceSweep):
        return Choice(tuple(_plain(one) for one in value.list))
    if isinstance(value, Glob):
        return Choice((), glob=tuple(value.include), exclude=tuple(value.exclude))
    if isinstance(value, RangeSweep) and value.shuffle:
        # Its values have no order.
        return Choice(tuple(value.range()))
    if isinstance(value, RangeSweep):
        return Range(value.start, value.stop, value.step, log="log" in value.tags)
    assert isinstance(value, IntervalSweep)
    return Interval(value.start, value.end, log="log" in value.tags)


def _plain(value: Any) -> Any:
    if isinstance(value, QuotedString):
        return value.text
    if isinstance(value, list):
        return [_plain(one) for one in value]
    if isinstance(value, dict):
        return {_plain(key): _plain(one) for key, one in value.items()}
    return value
