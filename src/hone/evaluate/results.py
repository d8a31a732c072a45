"""What an evaluation came to, as frozen records."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

BETTER, WORSE, ALIKE = "better", "worse", "not told apart"


@dataclass(frozen=True)
class Score:
    """A metric.

    Attributes:
        value: Its value.
        low: Lower end of its interval; None where there is none.
        high: Upper end.
    """

    value: float
    low: float | None = None
    high: float | None = None


@dataclass(frozen=True)
class Slice:
    """A part of the split.

    Attributes:
        group: What it is cut by: ``class``, ``length``, or a column.
        name: Which part.
        rows: How many rows it has.
        score: Share that is right; of numbers, the mean absolute error.
        lags: It does worse than all other rows, and hardly by chance.
    """

    group: str
    name: str
    rows: int
    score: Score
    lags: bool


@dataclass(frozen=True)
class Mistakes:
    """What it took for what.

    Attributes:
        rows: How many rows are wrong; None for what has no classes.
        confused: The commonest: the class, what it was taken for, how often.
        surest: The most confident, as ``mistakes.json`` has them: row, label, predicted, probability, and text.
    """

    rows: int | None = None
    confused: tuple[tuple[str, str, int], ...] = ()
    surest: tuple[Mapping[str, Any], ...] = ()


@dataclass(frozen=True)
class Latency:
    """How long answers take, their inputs at hand, the warm-up left out.

    Attributes:
        batch_size: Rows of a batch.
        p50: Milliseconds a batch, median.
        p95: Milliseconds a batch, 95th percentile.
        answers: How many were timed.
    """

    batch_size: int
    p50: float
    p95: float
    answers: int


@dataclass(frozen=True)
class Size:
    """How large the model is.

    Attributes:
        parameters: How many.
        mib: Parameters and buffers, in units of 2**20 bytes.
    """

    parameters: int
    mib: float


@dataclass(frozen=True)
class Comparison:
    """Another model on the same rows.

    Attributes:
        run_id: The other run.
        name: What to call it.
        metric: What the verdict is by.
        ours: This model's value.
        theirs: The other's.
        difference: This model's less the other's, with its interval.
        p: How often two models that are alike would differ so much.
        test: What that is from.
        word: ``better``, ``worse`` or ``not told apart``.
        verdict: A sentence.
        differences: Of every metric.
        only_ours: Rows that only this model has right; None for what has no classes.
        only_theirs: Rows that only the other has right.
    """

    run_id: str
    name: str
    metric: str
    ours: float
    theirs: float
    difference: Score
    p: float
    test: str
    word: str
    verdict: str
    differences: Mapping[str, Score] = field(default_factory=dict)
    only_ours: int | None = None
    only_theirs: int | None = None


@dataclass(frozen=True)
class Evaluation:
    """A run's best checkpoint on a split.

    Attributes:
        run_id: The evaluation's own run; None where the store has not taken it yet.
        name: The evaluation's name.
        source: The id of the run whose checkpoint it is.
        source_name: That run's name.
        split: ``test``, ``val`` or ``train``.
        kind: ``classes`` or ``numbers``; None where no predictions are given, and so no intervals and no slices.
        rows: How many rows were scored; None where that is not known.
        metric: The metric that the run is judged by, as it stands in ``scores``.
        maximize: Whether more of it is better.
        confidence: Of the intervals.
        resamples: How often rows were drawn anew for them.
        scores: Every metric, without the split's name: ``accuracy``, not ``test/accuracy``.
        slices: Parts of the split.
        mistakes: What it took for what.
        calibration_error: By how much its probabilities are off on average; None for what has none.
        latency: At a batch of 1 and at the run's batch size; empty where it cannot be timed.
        device: What it ran on.
        size: How large it is.
        comparison: With the champion or another run; None where there was none to compare with.
        notes: What the user should know, a line each.
        directory: Where its files are.
        undelivered: What the store refused, one line each.
        waiting: What waits for ``hone sync``, in a line.
    """

    run_id: str | None
    name: str
    source: str
    source_name: str
    split: str
    kind: str | None
    rows: int | None
    metric: str
    maximize: bool
    confidence: float
    resamples: int
    scores: Mapping[str, Score]
    slices: tuple[Slice, ...]
    mistakes: Mistakes
    calibration_error: float | None
    latency: tuple[Latency, ...]
    device: str
    size: Size
    comparison: Comparison | None
    notes: tuple[str, ...]
    directory: Path
    undelivered: tuple[str, ...] = ()
    waiting: str = ""

    @property
    def lagging(self) -> tuple[Slice, ...]:
        """The slices that do worse than the rest, worst first."""
        worst = sorted(self.slices, key=lambda one: one.score.value, reverse=self.kind == "numbers")
        return tuple(one for one in worst if one.lags)

    @property
    def slice_metric(self) -> str:
        """What slices are scored by."""
        return "mean absolute error" if self.kind == "numbers" else "accuracy"
