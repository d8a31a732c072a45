"""Ways to cut a split into slices: by class, by length, by any column of the data."""

from __future__ import annotations

from collections import Counter
from collections.abc import Hashable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from hone.errors import DataError, did_you_mean
from hone.training.figures import Predictions
from hone.worker.scoring import CLASS, LENGTH

Array = np.ndarray[Any, Any]

BUCKETS = 4
# More values than these are cut into buckets where they are numbers; of others the rarest are put together.
MOST_VALUES = 12
OTHERS, MISSING = "others", "missing"
LONGEST_NUMBER = 15


@dataclass(frozen=True)
class Group:
    """One way to cut.

    Attributes:
        of_row: The name of each prediction's slice.
        order: The names in the order in which people look for them.
    """

    of_row: Array
    order: tuple[str, ...]


def groups_of(
    predictions: Predictions,
    names: Sequence[str],
    lengths: Sequence[int] | None,
    fields: Mapping[str, Sequence[Any]],
    asked: Sequence[str],
) -> dict[str, Group]:
    """Cut a split.

    Args:
        predictions: By row.
        names: Names of the classes; none for numbers.
        lengths: Tokens of each prediction's row, where they are known.
        fields: Columns of the data, by place in the split.
        asked: Columns that the user asks for beside class and length.

    Returns:
        Groups by what they are cut by; what cuts nothing is left out, unless it was asked for.

    Raises:
        DataError: There is no such column.
    """
    found: dict[str, Group] = {}
    if names:
        found[CLASS] = Group(np.asarray(names, dtype=object)[predictions.truth], tuple(names))
    if lengths is not None:
        found[LENGTH] = group_by(lengths, " tokens")
    for one in asked:
        if one in fields:
            found[one] = group_by([fields[one][row] for row in predictions.rows])
        elif one not in found:
            raise _no_column(one, [*fields, *found], any_fields=bool(fields))
    return {name: group for name, group in found.items() if len(set(group.of_row)) > 1 or name in asked}


def _no_column(name: str, known: Sequence[str], *, any_fields: bool) -> DataError:
    there = f" There are: {', '.join(known)}." if known else ""
    hint = "" if any_fields else " A data module offers columns by fields(split)."
    return DataError(f"no column {name!r} to cut by.{did_you_mean(name, known)}{there}{hint}", where="--slice")


def group_by(values: Sequence[Any], unit: str = "") -> Group:
    """Cut by the values of a column.

    Args:
        values: By row; None and NaN are missing.
        unit: Put after numbers.
    """
    values = [_plain(one) for one in values]
    missing = [one is None or (isinstance(one, float) and np.isnan(one)) for one in values]
    known = [one for one, gone in zip(values, missing, strict=True) if not gone]
    numeric = all(isinstance(one, int | float) and not isinstance(one, bool) for one in known)
    if numeric and len(set(known)) > MOST_VALUES:
        return _buckets(np.asarray([np.nan if gone else one for one, gone in zip(values, missing, strict=True)]), unit)
    kept = [str(one) for one, _ in Counter(known).most_common(MOST_VALUES)]
    ordered = [str(one) for one in sorted(set(known))] if numeric else sorted(kept)
    # A value of that name is not all others.
    others, gone_ones = (one if one not in kept else f"({one})" for one in (OTHERS, MISSING))
    names = [
        gone_ones if gone else f"{one}{unit}" if str(one) in kept else others
        for one, gone in zip(values, missing, strict=True)
    ]
    order = dict.fromkeys((*(f"{one}{unit}" for one in ordered), others, gone_ones))
    return Group(np.asarray(names, dtype=object), tuple(order))


def _plain(value: Any) -> Any:
    """A value as Python has it; of what cannot be told apart, such as a list, its text."""
    value = value.item() if isinstance(value, np.generic) else value
    return value if isinstance(value, Hashable) else str(value)


def _buckets(numbers: Array, unit: str) -> Group:
    """Quarters of about as many rows each, named by their ends."""
    numbers = numbers.astype(float)
    known = ~np.isnan(numbers)
    cuts = np.unique(np.quantile(numbers[known], np.linspace(0, 1, BUCKETS + 1)[1:-1], method="lower"))
    places = np.searchsorted(cuts, numbers, side="left")
    names = np.full(len(numbers), MISSING, dtype=object)
    masks = [inside for place in range(len(cuts) + 1) if (inside := (places == place) & known).any()]
    ends = [(float(numbers[inside].min()), float(numbers[inside].max())) for inside in masks]
    # As many digits as tell the quarters apart.
    for digits in (4, 6, 9, 12, 17):
        written = [tuple(_digits(one, digits) for one in pair) for pair in ends]
        if len(set(written)) == len(written):
            break
    order = [f"{low}{unit}" if low == high else f"{low} to {high}{unit}" for low, high in written]
    for inside, name in zip(masks, order, strict=True):
        names[inside] = name
    return Group(names, (*order, MISSING))


def _digits(number: float, digits: int) -> str:
    """A number with so many digits and no power of ten, but where it is very small or very large."""
    text = f"{number:.{digits}g}"
    whole = f"{float(text):.0f}"
    return whole if "e+" in text and len(whole) <= LONGEST_NUMBER else text
