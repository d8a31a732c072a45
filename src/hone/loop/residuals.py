"""What is left of a trial's result when everything but one parameter is accounted for.

A sampler that learns tries an option that it likes late, beside other values that it has learnt to like by then; the
option would be given credit for them.
"""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from typing import Any

from hone.loop.draft import Slot
from hone.loop.evidence import Evidence, Tried
from hone.space.ranges import Range

TREES = 200
ABSENT = -1.0


def residuals(evidence: Evidence, slots: Sequence[Slot], without: Slot) -> dict[int, float]:
    """The rank of each trial, less the rank that all its other values lead to expect.

    Args:
        evidence: The trials.
        slots: All places.
        without: The one that is left out.

    Returns:
        By trial; above 0 where it was worse than expected. The trials of ``without`` only.
    """
    import numpy as np
    from scipy.stats import rankdata
    from sklearn.ensemble import RandomForestRegressor

    trials = list(without.trials)
    ranks = rankdata([min(evidence.badness(one), 1e301) for one in trials])
    others = [one for one in slots if one.label != without.label]
    if not others:
        return {one.number: float(rank) - float(np.mean(ranks)) for one, rank in zip(trials, ranks, strict=True)}
    rows = np.array([_places(slot, trials) for slot in others]).T
    # Each trial is judged by the trees that have not seen it; with so many, each is unseen by some.
    forest = RandomForestRegressor(TREES, oob_score=True, min_samples_leaf=2, random_state=0)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)
        expected = forest.fit(rows, ranks).oob_prediction_
    return {one.number: float(rank - hoped) for one, rank, hoped in zip(trials, ranks, expected, strict=True)}


def chance_of(worse: Sequence[float], better: Sequence[float]) -> float:
    """How likely some costs are so much higher than others by chance, by Mann and Whitney's test."""
    from scipy.stats import mannwhitneyu

    return float(mannwhitneyu(worse, better, alternative="greater").pvalue)


def _places(slot: Slot, trials: Sequence[Tried]) -> list[float]:
    """Where each trial lies; of a choice, the number of its option among those that were tried."""
    own = Range.of(slot.parameter)
    values: list[Any] = [one.values.get(slot.parameter.key) for one in trials]
    if own is not None:
        return [ABSENT if one is None else own.share(one) for one in values]
    options = sorted({str(one) for one in values if one is not None})
    return [ABSENT if one is None else float(options.index(str(one))) for one in values]
