"""Where a model lags: its score on parts of a split."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from scipy import stats

from hone.training.figures import Predictions
from hone.training.scoring.groups import Group
from hone.training.scoring.intervals import mean_interval, share_interval

Array = np.ndarray[Any, Any]

# What is called lagging would come by chance no oftener.
LEVEL = 0.05


def score_slices(
    predictions: Predictions, groups: Mapping[str, Group], resamples: int, confidence: float, seed: int
) -> list[dict[str, Any]]:
    """Score each slice: the share that is right, or the mean absolute error.

    A slice lags where its rows do worse than all others, by Fisher's exact test (of numbers, by Mann and Whitney's),
    with Benjamini and Hochberg's correction for the number of slices of all groups.

    Args:
        predictions: By row.
        groups: As ``groups_of`` gives them.
        resamples: For the intervals of mean absolute errors.
        confidence: Of the intervals.
        seed: Decides what is drawn.

    Returns:
        Group, name, rows, value, low, high and lags of each.
    """
    scored: list[dict[str, Any]] = []
    chances: list[float] = []
    values = _by_row(predictions)
    for kind, group in groups.items():
        for name in (one for one in group.order if (group.of_row == one).any()):
            inside = group.of_row == name
            own = values[inside]
            low, high = _interval(own, resamples, confidence, seed)
            chances.append(_chance(own, values[~inside]))
            ends = {"low": None if np.isnan(low) else low, "high": None if np.isnan(high) else high}
            scored.append({"group": kind, "name": name, "rows": len(own), "value": float(own.mean()), **ends})
    if not scored:
        return []
    adjusted = stats.false_discovery_control(chances)
    return [{**one, "lags": bool(chance < LEVEL)} for one, chance in zip(scored, adjusted, strict=True)]


def _by_row(predictions: Predictions) -> Array:
    """Whether each row is right, or by how much it is off."""
    if predictions.kind == "classes":
        right: Array = predictions.scores.argmax(axis=1) == predictions.truth
        return right
    return np.abs(predictions.scores - predictions.truth)


def _interval(own: Array, resamples: int, confidence: float, seed: int) -> tuple[float, float]:
    if own.dtype == bool:
        return share_interval(int(own.sum()), len(own), confidence)
    return mean_interval(own, resamples, confidence, seed)


def _chance(own: Array, others: Array) -> float:
    """How often a slice that is like the others would do so badly."""
    if not len(others):
        return 1.0
    if own.dtype == bool:
        table = [[int(own.sum()), int((~own).sum())], [int(others.sum()), int((~others).sum())]]
        return float(stats.fisher_exact(table, alternative="less").pvalue)
    found = float(stats.mannwhitneyu(own, others, alternative="greater").pvalue)
    # Of a prediction that is not a number nothing can be said.
    return 1.0 if np.isnan(found) else found
