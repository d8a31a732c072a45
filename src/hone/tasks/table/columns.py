"""From a table's columns to numbers: standardised, with what is missing marked, categories numbered."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import torch
from torch import Tensor

from hone.errors import DataError, did_you_mean

# Category 0 is what is missing, or was not in the training split.
UNKNOWN = 0


class Columns:
    """What the training split says of each column.

    Args:
        table: The training split's features.
        categorical: Columns to take for categories; None for those that hold anything but numbers.

    Raises:
        DataError: A column is not there.
    """

    def __init__(self, table: Any, categorical: Sequence[str] | None) -> None:
        names = list(table.columns)
        for one in categorical or ():
            if one not in names:
                raise DataError(f"no column {one!r}.{did_you_mean(one, names)}", where="data.categorical")
        chosen = set(categorical) if categorical is not None else {one for one in names if not _is_number(table[one])}
        strange = next((one for one in names if one not in chosen and not _is_number(table[one])), None)
        if strange is not None:
            raise DataError(f"{strange!r} holds no numbers, and must be among them", where="data.categorical")
        self.numeric = [one for one in names if one not in chosen]
        self.categorical = [one for one in names if one in chosen]
        numbers = _numbers(table, self.numeric)
        self.mean, self.deviation = _moments(numbers)
        # A column in which nothing is missing needs no mark.
        self.marked = np.isnan(numbers).any(axis=0)
        self.codes: dict[str, Mapping[Any, int]] = {
            one: {value: place for place, value in enumerate(sorted(table[one].dropna().unique(), key=str), 1)}
            for one in self.categorical
        }

    @property
    def width(self) -> int:
        """Numbers of a row: the numeric columns, and a mark for each in which some are missing."""
        return len(self.numeric) + int(self.marked.sum())

    @property
    def cardinalities(self) -> list[int]:
        """Categories of each categorical column, the unknown included."""
        return [len(codes) + 1 for codes in self.codes.values()]

    def numbers(self, table: Any) -> Tensor:
        """Numbers of each row.

        Returns:
            Shape (rows, width), float32: mean 0 and deviation 1 over the training split, what is missing at 0.
        """
        raw = _numbers(table, self.numeric)
        missing = np.isnan(raw)
        scaled = np.where(missing, 0.0, (raw - self.mean) / self.deviation)
        return torch.from_numpy(np.concatenate([scaled, missing[:, self.marked]], axis=1).astype(np.float32))

    def categories(self, table: Any) -> Tensor:
        """Category numbers of each row, of shape (rows, categorical columns), int64."""
        coded = [table[one].map(codes).fillna(UNKNOWN).to_numpy(np.int64) for one, codes in self.codes.items()]
        return torch.from_numpy(np.stack(coded, axis=1)) if coded else torch.zeros(len(table), 0, dtype=torch.long)


def _is_number(column: Any) -> bool:
    return column.dtype.kind in "iuf"


def _numbers(table: Any, names: Sequence[str]) -> Any:
    return table[list(names)].to_numpy(np.float64, na_value=np.nan)


def _moments(numbers: Any) -> tuple[Any, Any]:
    present = np.ma.masked_invalid(numbers)
    mean, deviation = present.mean(axis=0).filled(0.0), present.std(axis=0).filled(1.0)
    return mean, np.where(deviation > 0, deviation, 1.0)
