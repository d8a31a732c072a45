"""From what a worker measured to what people and programs read."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from hone.evaluate.results import ALIKE, BETTER, WORSE, Comparison, Latency, Mistakes, Score, Size, Slice
from hone.worker.disk import MISTAKES, SUMMARY

MIB = 2**20
LEVEL = 0.05
ACCURACY, LOSS = "accuracy", "loss"


def scores_of(measured: Mapping[str, Any]) -> dict[str, Score]:
    """Every metric, those with an interval first."""
    scores = {name: Score(**one) for name, one in measured["scores"].items()}
    return dict(sorted(scores.items(), key=lambda one: (one[1].low is None, one[0] == LOSS)))


def slices_of(measured: Mapping[str, Any]) -> tuple[Slice, ...]:
    """The parts of the split."""
    return tuple(
        Slice(one["group"], one["name"], one["rows"], Score(one["value"], one["low"], one["high"]), one["lags"])
        for one in measured["slices"]
    )


def mistakes_of(measured: Mapping[str, Any], folder: Path) -> Mistakes:
    """What was taken for what."""
    if measured["kind"] != "classes":
        return Mistakes()
    summary = json.loads((folder / SUMMARY).read_text())
    surest = json.loads((folder / MISTAKES).read_text(encoding="utf-8"))
    wrong = round((1 - summary["accuracy"]) * summary["rows"])
    confused = tuple((one["label"], one["predicted"], one["rows"]) for one in measured["confused"])
    return Mistakes(wrong, confused, tuple(surest))


def latency_of(measured: Mapping[str, Any]) -> tuple[Latency, ...]:
    """How long answers take."""
    return tuple(Latency(**one) for one in measured["latency"])


def size_of(measured: Mapping[str, Any]) -> Size:
    """How large the model is."""
    return Size(measured["size"]["parameters"], measured["size"]["bytes"] / MIB)


def metric_of(monitor: str, scores: Mapping[str, Score]) -> str:
    """The metric that a run is judged by, as it stands among the scores.

    Args:
        monitor: Such as ``val/accuracy``.
        scores: By name.
    """
    return next((one for one in _names_of(monitor) if one in scores), next(iter(scores), monitor))


def is_maximized(metric: str, monitor: str, mode: str, measured: Mapping[str, Any]) -> bool:
    """Whether more of a metric is better.

    Args:
        metric: As ``metric_of`` gives it.
        monitor: The config's.
        mode: Of the monitor: ``max`` or ``min``.
        measured: What the worker left.
    """
    known = measured["higher"].get(metric)
    return mode == "max" if metric in _names_of(monitor) or known is None else bool(known)


def _names_of(monitor: str) -> tuple[str, ...]:
    """A monitor without its split's name, and with it."""
    prefixes = ("val/", "val_", "test/", "test_", "train/", "train_")
    return *(monitor.removeprefix(one) for one in prefixes if monitor.startswith(one)), monitor


def comparison_of(
    measured: Mapping[str, Any], run_id: str, ours: str, theirs: str, metric: str
) -> tuple[Comparison | None, str]:
    """How another model compares.

    Args:
        measured: What the worker left.
        run_id: The other's run.
        ours: What this one is called.
        theirs: What the other is called.
        metric: What the verdict is by, where both have it.

    Returns:
        The comparison; or None, and why there is none.
    """
    found = measured.get("comparison")
    if not found or "reason" in found:
        return None, (found or {}).get("reason", "it gives no predictions")
    # Of what nobody says which way is better, no model is better.
    known = {name: one for name, one in found["metrics"].items() if one["higher"] is not None}
    name = metric if metric in known else ACCURACY if ACCURACY in known else next(iter(known), "")
    if not name:
        return None, "no metric can be computed of its predictions"
    one = known[name]
    differences = {key: Score(value["difference"], value["low"], value["high"]) for key, value in known.items()}
    word = _word(one)
    verdict = _sentence(ours, theirs, name, one, word, measured)
    comparison = Comparison(
        run_id,
        theirs,
        name,
        one["ours"],
        one["theirs"],
        differences[name],
        one["p"],
        one["test"],
        word,
        verdict,
        differences,
        found["only_ours"],
        found["only_theirs"],
    )
    return comparison, ""


def _word(one: Mapping[str, Any]) -> str:
    if not one["p"] < LEVEL:
        return ALIKE
    return BETTER if (one["difference"] > 0) == one["higher"] else WORSE


def _sentence(ours: str, theirs: str, name: str, one: Mapping[str, Any], word: str, measured: Mapping[str, Any]) -> str:
    said = {
        BETTER: f"{ours} is better than {theirs}",
        WORSE: f"{ours} is worse than {theirs}",
        ALIKE: f"{ours} cannot be told apart from {theirs}",
    }[word]
    confidence = f"{measured['confidence']:.0%}"
    figures = (
        f"{name} {one['ours']:.4f} against {one['theirs']:.4f}, a difference of {one['difference']:+.4f} "
        f"({confidence} interval {one['low']:+.4f} to {one['high']:+.4f})"
    )
    p = "p < 0.0001" if one["p"] < 1e-4 else f"p = {one['p']:.4f}"
    return f"{said}: {figures}, {p} by {one['test']} on the same {measured['rows']:,} {measured['split']} rows."
