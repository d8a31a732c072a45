"""Constraints: bounds that a trial's metrics must keep for the trial to be a candidate at all."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from dataclasses import dataclass

from hone.errors import SweepFileError

BOUND = re.compile(r"(<=|>=)\s*([-+]?(?:\d+\.?\d*|\.\d+)(?:[eE][-+]?\d+)?)")

# Storages keep finite numbers only.
BEYOND_MEASURE = 1e300


@dataclass(frozen=True)
class Constraint:
    """A bound on one metric.

    Attributes:
        metric: As training logs it.
        text: As it was written, such as ``<= 20``.
        most: Whether the bound is the most that is allowed, or the least.
        bound: The bound.
    """

    metric: str
    text: str
    most: bool
    bound: float

    def violation(self, value: float) -> float:
        """By how much a value breaks the bound; 0 or less where it keeps it.

        A value that is NaN breaks it without measure.
        """
        if math.isnan(value):
            return BEYOND_MEASURE
        return value - self.bound if self.most else self.bound - value


def parse_constraints(entries: Mapping[str, str], where: str) -> tuple[Constraint, ...]:
    """Parse a ``constraints:`` section.

    Args:
        entries: Metric to bound, such as ``{"latency_ms": "<= 20"}``.
        where: File and section, for messages.

    Raises:
        SweepFileError: A bound is not of the form ``<= NUMBER`` or ``>= NUMBER``.
    """
    return tuple(_constraint(metric, text, f"{where}.{metric}") for metric, text in entries.items())


def _constraint(metric: str, text: str, where: str) -> Constraint:
    found = BOUND.fullmatch(text.strip())
    if found is None:
        raise SweepFileError(f"write '<= NUMBER' or '>= NUMBER', not {text!r}", where=where)
    return Constraint(metric, text.strip(), found[1] == "<=", float(found[2]))
