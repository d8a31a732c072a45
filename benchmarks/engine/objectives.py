"""Objectives that do next to nothing, so that what is left is the engine."""

import math
import time


def nothing(x: float) -> float:
    """The engine's own cost."""
    return x


def nap(x: float, seconds: float) -> float:
    """A trial whose length is known."""
    time.sleep(seconds)
    return x


def spread(x: float, shortest: float, longest: float) -> float:
    """Trials between two lengths, as many of each on a logarithmic scale; ``x`` in [0, 1] says which."""
    time.sleep(shortest * (longest / shortest) ** x)
    return x


def bowl(width: float, depth: float, seconds: float, limit: float) -> float:
    """A bowl of which the part beyond ``limit`` does not fit into memory.

    Raises:
        MemoryError: Width times depth is beyond the limit.
    """
    time.sleep(seconds)
    if width * depth > limit:
        raise MemoryError(f"{width * depth:.2f} is more than {limit}")
    return math.hypot(width - 0.6, depth - 0.45)
