"""How far a score would move if other rows of the same kind had been drawn."""

from __future__ import annotations

import contextlib
import warnings
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from scipy import stats

Array = np.ndarray[Any, Any]

# Numbers that are drawn anew in all, beyond which fewer resamples do: a minute of a core.
MOST_DRAWN = 50_000_000
FEWEST = 200
BATCH = 25
MOSTLY = 0.5


@dataclass(frozen=True)
class Drawn:
    """A statistic over resamples.

    Attributes:
        low: Lower ends, one for each value of the statistic; NaN where there is none.
        high: Upper ends.
        values: Each value in each resample.
    """

    low: Array
    high: Array
    values: Array


def resamples_for(asked: int, size: int) -> int:
    """How many resamples are drawn of so many numbers: as many as were asked for, where these are few."""
    return min(asked, max(FEWEST, MOST_DRAWN // max(1, size)))


def bootstrap(statistic: Callable[[Array], Array], rows: int, resamples: int, confidence: float, seed: int) -> Drawn:
    """Percentile intervals of several values at once, over the same resamples.

    Args:
        statistic: From places of rows, which may repeat, to the values.
        rows: How many there are, at least 2.
        resamples: How often they are drawn.
        confidence: Such as 0.95.
        seed: Decides what is drawn.

    Source: Efron and Tibshirani, "An Introduction to the Bootstrap", 1993, chapter 13.
    """

    def over_all(drawn: Array, axis: int) -> Array:  # noqa: ARG001 - SciPy gives it
        return np.stack([statistic(one) for one in drawn], axis=-1)

    with _one_thread(), warnings.catch_warnings():
        # Of a statistic that cannot be computed of some resample, which is a NaN here.
        warnings.simplefilter("ignore")
        found = stats.bootstrap(
            (np.arange(rows),),
            over_all,
            n_resamples=resamples,
            batch=BATCH,
            vectorized=True,
            confidence_level=confidence,
            method="percentile",
            rng=np.random.default_rng(seed),
        )
        values = np.atleast_2d(found.bootstrap_distribution)
        tails = 50 * (1 - confidence)
        # By those resamples of which it can be computed, where that is most of them.
        low, high = np.nanpercentile(values, [tails, 100 - tails], axis=-1)
    known = (~np.isnan(values)).mean(axis=-1) > MOSTLY
    return Drawn(np.where(known, low, np.nan), np.where(known, high, np.nan), values)


@contextlib.contextmanager
def _one_thread() -> Iterator[None]:
    """Thousands of small sums: sharing each out among threads takes longer than it does."""
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        yield
    finally:
        torch.set_num_threads(threads)


def mean_interval(values: Array, resamples: int, confidence: float, seed: int) -> tuple[float, float]:
    """Percentile interval of a mean; NaN where there is none."""
    if len(values) < 2 or np.isnan(values).any():
        return float("nan"), float("nan")
    found = stats.bootstrap(
        (values,),
        np.mean,
        n_resamples=resamples,
        batch=max(1, 5_000_000 // len(values)),
        confidence_level=confidence,
        method="percentile",
        rng=np.random.default_rng(seed),
    )
    return float(found.confidence_interval.low), float(found.confidence_interval.high)


def share_interval(right: int, rows: int, confidence: float) -> tuple[float, float]:
    """Wilson's interval of a share, which holds for few rows and for shares of none or all."""
    found = stats.binomtest(right, rows).proportion_ci(confidence, method="wilson")
    return float(found.low), float(found.high)
