"""Whether two runs came to the same, and where they part."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from dataclasses import dataclass, field

from hone.tracking.fetch import Points

IDENTICAL, CLOSE, DIFFERS = "identical", "within tolerance", "differs"
TOLERANCE = 1e-3
# Below it, what two values differ by is nothing, however small they are.
LEAST = 1e-6
# Measures of the machine and its load, and what a study or a later evaluation adds to a run.
OTHER = re.compile(
    r"(system|time|speed|eval|evaluate|evaluation|best|carbon|cost)/.*"
    r"|objective|infeasible"
    r"|(.*[/_.])?(latency|throughput|seconds|duration|elapsed|runtime|memory|peak_memory)([/_].*)?"
    r"|.*(_ms|_seconds|_per_second|per_sec|_time|_mb|_gb|_bytes)"
)


@dataclass(frozen=True)
class Difference:
    """Two values that should be one.

    Attributes:
        metric: Which.
        step: At which step.
        recorded: What the run had; None where it had nothing.
        again: What it has now; None where it has nothing.
    """

    metric: str
    step: int
    recorded: float | None
    again: float | None

    @property
    def size(self) -> float:
        """By how much they differ, as a share of the larger; infinity where one is missing or not finite."""
        if self.recorded is None or self.again is None:
            return math.inf
        if not (math.isfinite(self.recorded) and math.isfinite(self.again)):
            return math.inf
        apart, scale = abs(self.recorded - self.again), max(abs(self.recorded), abs(self.again))
        return 0.0 if apart <= LEAST else apart / scale

    def __str__(self) -> str:
        before = "nothing" if self.recorded is None else f"{self.recorded!r}"
        now = "nothing" if self.again is None else f"{self.again!r}"
        return f"{self.metric} at step {self.step}: {before} recorded, {now} now"


@dataclass(frozen=True)
class Verdict:
    """What a reproduction came to.

    Attributes:
        word: ``identical``, ``within tolerance`` or ``differs``.
        values: How many values were compared.
        metrics: Of how many metrics.
        first: The first that differ, by step.
        largest: Those that differ most.
        weights: Whether the weights are the same to the bit; None where one run has no digest of them.
        ending: How the two ended, where they ended differently.
        left_out: Metrics that were not compared: they measure the machine.
        tolerance: The share by which values may differ.
    """

    word: str
    values: int
    metrics: int
    first: Difference | None = None
    largest: Difference | None = None
    weights: bool | None = None
    ending: str = ""
    left_out: tuple[str, ...] = field(default=())
    tolerance: float = TOLERANCE

    @property
    def good(self) -> bool:
        """Whether the run is reproduced."""
        return self.word != DIFFERS

    def lines(self) -> list[str]:
        """The verdict in words, a line each."""
        said = [f"{self.values} values of {self.metrics} metrics compared"]
        if self.ending:
            said.append(self.ending)
        if self.weights is None:
            said.append("the weights were not compared: one of the runs has no digest of them")
        else:
            said.append(f"the weights are {'the same to the bit' if self.weights else 'others'}")
        if self.first is not None:
            said.append(f"first difference: {self.first}")
        if self.largest is not None and self.largest != self.first:
            said.append(f"largest difference: {self.largest}")
        if self.word == CLOSE and self.largest is not None:
            said.append(f"that is {self.largest.size:.1e} of the value; {self.tolerance:g} is tolerated")
        if self.left_out:
            said.append(f"not compared, as measures of the machine: {', '.join(self.left_out)}")
        return said


def judge(
    recorded: Points,
    again: Points,
    *,
    weights: tuple[str, str] = ("", ""),
    endings: tuple[str, str] = ("", ""),
    tolerance: float = TOLERANCE,
) -> Verdict:
    """Compare two runs.

    Args:
        recorded: The values of the run.
        again: Those of its reproduction.
        weights: The digests of both's weights; empty where there is none.
        endings: How each ended.
        tolerance: The share by which values may differ.
    """
    left_out = sorted(one for one in {*recorded, *again} if OTHER.fullmatch(one))
    names = sorted({*recorded, *again} - set(left_out))
    found = [one for name in names for one in _differences(name, recorded.get(name, ()), again.get(name, ()))]
    count = sum(len(recorded.get(name, ())) for name in names)
    same_weights = weights[0] == weights[1] if all(weights) else None
    first = min(found, key=lambda one: (one.step, one.metric), default=None)
    largest = max(found, key=lambda one: one.size, default=None)
    ending = "" if endings[0] == endings[1] else f"it ended {endings[0]}, and {endings[1]} now"
    if ending or (largest is not None and largest.size > tolerance):
        word = DIFFERS
    else:
        word = CLOSE if found or same_weights is False else IDENTICAL
    return Verdict(word, count, len(names), first, largest, same_weights, ending, tuple(left_out), tolerance)


def _differences(
    name: str, recorded: tuple[tuple[int, float], ...], again: tuple[tuple[int, float], ...]
) -> list[Difference]:
    before, now = _by_step(recorded), _by_step(again)
    found = []
    for place in sorted({*before, *now}):
        old, new = before.get(place), now.get(place)
        # By their text, since NaN is no number's equal, and 0.0 is -0.0's.
        if repr(old) != repr(new):
            found.append(Difference(name, place[0], old, new))
    return found


def _by_step(points: tuple[tuple[int, float], ...]) -> Mapping[tuple[int, int], float]:
    """Values by step, and by their order within one."""
    counts: dict[int, int] = {}
    values = {}
    for step, value in points:
        values[step, counts.get(step, 0)] = value
        counts[step] = counts.get(step, 0) + 1
    return values
