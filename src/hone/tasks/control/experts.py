"""Scripted experts: functions from an observation to an action."""

from __future__ import annotations

from typing import Any


def cart_pole(observation: Any) -> int:
    """Push the cart to the side to which its pole falls, and back to the middle in the long run.

    Args:
        observation: Position and speed of the cart, angle and angular speed of the pole.

    Returns:
        0 to push to the left, 1 to the right.
    """
    position, speed, angle, spin = (float(one) for one in observation)
    return int(angle + 0.5 * spin + 0.02 * position + 0.04 * speed > 0)
