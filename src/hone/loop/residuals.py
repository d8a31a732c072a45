"""What is left of a trial's result when everything but one parameter is accounted for.

A sampler that learns tries an option that it likes late, beside other values that it has learnt to like by then; the
option would be given credit for them.
"""

from __future__ import annotations

import random
import warnings
from collections.abc import Sequence

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
    columns = _columns([one for one in slots if one.label != without.label], without, trials)
    if not columns:
        return {one.number: float(rank) - float(np.mean(ranks)) for one, rank in zip(trials, ranks, strict=True)}
    rows = np.array(columns).T
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


def _columns(slots: Sequence[Slot], without: Slot, trials: Sequence[Tried]) -> list[list[float]]:
    """Where each trial lies, key by key, whichever condition it had its value under.

    What is searched under some options alone would tell by being there which option a trial has: where that is what
    is judged, a trial without it is given a value that another has, at random.
    """
    draw = random.Random(0)
    telling = _standing_on(without.parameter.key, slots)
    columns = []
    for key in dict.fromkeys(one.parameter.key for one in slots):
        found: dict[int, float] = {}
        for slot in (one for one in slots if one.parameter.key == key):
            found |= _places(slot)
        there = sorted({one.number for one in trials} & found.keys())
        if there:
            others = [found[number] for number in there] if key in telling else [ABSENT]
            columns.append([found[one.number] if one.number in found else draw.choice(others) for one in trials])
    return columns


def _standing_on(key: str, slots: Sequence[Slot]) -> set[str]:
    """Keys that are searched under conditions on a key, or on what is searched so itself."""
    found: set[str] = set()
    while more := {one.parameter.key for one in slots if {key, *found} & {*one.conditions}} - found:
        found |= more
    return found


def _places(slot: Slot) -> dict[int, float]:
    """Where each of a place's trials lies; of a choice, the number of its option among those that were tried."""
    own = Range.of(slot.parameter)
    if own is not None:
        return {one.number: own.share(slot.value(one)) for one in slot.trials}
    options = sorted({str(slot.value(one)) for one in slot.trials})
    return {one.number: float(options.index(str(slot.value(one)))) for one in slot.trials}
