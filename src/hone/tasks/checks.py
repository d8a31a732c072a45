"""Numbers of a data config, refused by key where they are out of their range."""

from __future__ import annotations

from hone.errors import DataError


def at_least(least: int, **numbers: int) -> None:
    """Check whole numbers.

    Args:
        least: The smallest that is allowed.
        **numbers: By config key under ``data``.

    Raises:
        DataError: One is smaller.
    """
    for name, number in numbers.items():
        if number < least:
            raise DataError(f"must be at least {least}, not {number}", where=f"data.{name}")


def shares(**parts: float) -> None:
    """Check shares that are cut from train.

    Args:
        **parts: By config key under ``data``.

    Raises:
        DataError: One is not in (0, 1), or they leave nothing to train on.
    """
    for name, part in parts.items():
        if not 0 < part < 1 or sum(parts.values()) >= 1:
            raise DataError(f"must leave something to train on, not {part}", where=f"data.{name}")


def share(**parts: float) -> None:
    """Check shares of which each may be the whole.

    Args:
        **parts: By config key under ``data``.

    Raises:
        DataError: One is not in (0, 1].
    """
    for name, part in parts.items():
        if not 0 < part <= 1:
            raise DataError(f"must be in (0, 1], not {part}", where=f"data.{name}")
