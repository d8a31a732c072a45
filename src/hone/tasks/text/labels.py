"""From the labels in the data to class numbers."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from hone.errors import DataError, did_you_mean


def classes_of(labels: Sequence[Any], label_map: Mapping[Any, int] | None) -> dict[Any, int]:
    """Number the classes.

    Args:
        labels: Those of the training split.
        label_map: Label to class number; None to number the labels in their order.

    Returns:
        Class number of each label; the numbers run from 0 without a gap.

    Raises:
        DataError: The map leaves a gap, or there are fewer than two classes.
    """
    if label_map is not None:
        return _mapped(label_map)
    try:
        found = sorted(set(labels), key=lambda one: (str(type(one)), one))
    except TypeError:
        raise DataError(f"holds no plain labels but {labels[0]!r}", where="data.label_column") from None
    if len(found) < 2:
        raise DataError(f"train has one label only: {found[0]!r}", where="data.label_column")
    return {label: number for number, label in enumerate(found)}


def class_numbers(labels: Sequence[Any], classes: Mapping[Any, int], split: str, key: str) -> list[int]:
    """Class number of each label.

    Args:
        labels: Labels as the data has them.
        classes: As ``classes_of`` gives them.
        split: Name of the split, for messages.
        key: Config key that decides which labels there are, for messages.

    Raises:
        DataError: A label is none of the classes.
    """
    strange = next((one for one in labels if one not in classes), None)
    if strange is not None:
        known = ", ".join(map(repr, classes))
        near = did_you_mean(str(strange), [str(one) for one in classes])
        raise DataError(f"label {strange!r} of {split} is none of {known}.{near}", where=key)
    return [classes[one] for one in labels]


def _mapped(label_map: Mapping[Any, int]) -> dict[Any, int]:
    numbers = sorted(set(label_map.values()))
    if numbers != list(range(len(numbers))) or len(numbers) < 2:
        raise DataError(f"classes are numbered from 0 without a gap, not {numbers}", where="data.label_map")
    return dict(label_map)
