"""Whether two models differ, judged on the same examples."""

from __future__ import annotations

from typing import Any

import numpy as np
from scipy import stats

from hone.training.figures import Predictions
from hone.training.scoring.intervals import bootstrap, resamples_for
from hone.training.scoring.measures import ACCURACY, Measures

Array = np.ndarray[Any, Any]

MCNEMAR, BOOTSTRAP = "McNemar's exact test", "paired bootstrap"


def compare(
    measures: Measures, ours: Predictions, theirs: Predictions, resamples: int, confidence: float, seed: int
) -> dict[str, Any]:
    """Compare two models on rows that both have answered.

    Args:
        measures: Of the first.
        ours: What the first said.
        theirs: What the second said of the same rows.
        resamples: How often rows are drawn anew.
        confidence: Of the intervals.
        seed: Decides what is drawn.

    Returns:
        For each metric both values, the difference with its interval, p and the test that it is from; and for classes
        how many rows only one of the two has right.

    Source: McNemar, "Note on the sampling error of the difference between correlated proportions", 1947.
    """
    others = measures.with_scores(theirs.scores)
    count = resamples_for(resamples, 2 * ours.scores.size)
    everything = np.arange(len(ours.rows))
    first, second = measures.over(everything), others.over(everything)
    drawn = bootstrap(lambda rows: measures.over(rows) - others.over(rows), len(ours.rows), count, confidence, seed)
    metrics: dict[str, dict[str, Any]] = {
        name: {
            "ours": float(first[place]),
            "theirs": float(second[place]),
            "difference": float(first[place] - second[place]),
            "low": float(drawn.low[place]),
            "high": float(drawn.high[place]),
            "p": _two_sided(drawn.values[place]),
            "test": BOOTSTRAP,
            "higher": measures.higher[name],
        }
        for place, name in enumerate(measures.names)
    }
    if ours.kind != "classes":
        return {"metrics": metrics, "only_ours": None, "only_theirs": None}
    right, right_there = (one.scores.argmax(axis=1) == ours.truth for one in (ours, theirs))
    only_ours, only_theirs = int((right & ~right_there).sum()), int((right_there & ~right).sum())
    if ACCURACY in metrics and np.isclose(metrics[ACCURACY]["ours"], right.mean(), atol=1e-6):
        metrics[ACCURACY] |= {"p": mcnemar(only_ours, only_theirs), "test": MCNEMAR}
    return {"metrics": metrics, "only_ours": only_ours, "only_theirs": only_theirs}


def mcnemar(only_ours: int, only_theirs: int) -> float:
    """How often two models that are alike would disagree so one-sidedly.

    Args:
        only_ours: Rows that only the first has right.
        only_theirs: Rows that only the second has right.
    """
    disagreed = only_ours + only_theirs
    return float(stats.binomtest(only_ours, disagreed).pvalue) if disagreed else 1.0


def _two_sided(differences: Array) -> float:
    known = differences[~np.isnan(differences)]
    if not len(known):
        return float("nan")
    # One more than were drawn: no p-value is nought.
    tails = ((known <= 0).sum() + 1, (known >= 0).sum() + 1)
    return float(min(1.0, 2 * min(tails) / (len(known) + 1)))
