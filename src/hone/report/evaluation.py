"""Pictures of what a run predicted, from the files that training left."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow.parquet as pq
from sklearn.calibration import calibration_curve
from sklearn.metrics import average_precision_score, precision_recall_curve, roc_auc_score, roc_curve

from hone.report.chart import Axis, Chart, Image, Panel, Scale, Series, Surface
from hone.report.look import ACCENT, MUTED, SERIES, STATES, shorten
from hone.report.slices import slices_of
from hone.worker.disk import IMAGES, MISTAKES, PREDICTIONS, SUMMARY

MOST_CLASSES = 30
MOST_CURVES = 10
MOST_CURVE_POINTS = 400
MOST_POINTS = 4_000
SHOWN_MISTAKES = 16
SHARE = (-0.02, 1.02)

Array = np.ndarray[Any, Any]


@dataclass(frozen=True)
class Evaluated:
    """A run's predictions.

    Attributes:
        folder: Where they lie.
        summary: What they came to.
        truth: Class numbers, or targets.
        scores: Probabilities of shape (rows, classes), or predicted numbers.
    """

    folder: Path
    summary: dict[str, Any]
    truth: Array
    scores: Array

    @property
    def classes(self) -> list[str]:
        """Names of the classes."""
        return list(self.summary.get("classes", []))

    @property
    def where(self) -> str:
        """Which rows were judged."""
        return f"{self.summary['rows']:,} {self.summary['split']} rows"


def read_evaluation(folder: Path) -> Evaluated:
    """Read what training left."""
    summary = json.loads((folder / SUMMARY).read_text())
    table = pq.read_table(folder / PREDICTIONS)
    if summary["kind"] == "numbers":
        return Evaluated(folder, summary, _numbers(table, "target"), _numbers(table, "predicted"))
    places = {name: place for place, name in enumerate(summary["classes"])}
    truth = np.asarray([places[one] for one in table.column("label").to_pylist()])
    scores = np.stack([_numbers(table, f"p({name})") for name in summary["classes"]], axis=1)
    return Evaluated(folder, summary, truth, scores)


def _numbers(table: Any, name: str) -> Array:
    return np.asarray(table.column(name).combine_chunks().to_numpy(zero_copy_only=False))


def confusion(run: Evaluated) -> Chart | None:
    """Which classes are taken for which."""
    if not 2 <= len(run.classes) <= MOST_CLASSES:
        return None
    counts = np.asarray(run.summary["confusion"])
    shares = counts / np.maximum(counts.sum(axis=1, keepdims=True), 1)
    texts = [[f"{count:,}" if count else "" for count in row] for row in counts]
    places = list(range(len(run.classes)))
    names = tuple(run.classes)
    side = min(11.0, max(4.8, 1.8 + 0.46 * len(names)))
    panel = Panel(
        Axis("predicted", "choices", names, limits=(-0.5, len(names) - 0.5)),
        Axis("true class", "choices", names, limits=(-0.5, len(names) - 0.5)),
        surface=Surface(places, places, shares.tolist(), cells=True, texts=texts),
    )
    title = f"Confusion matrix: {run.summary['accuracy']:.1%} of {run.where} right"
    return Chart(
        "confusion", title, (panel,), scale=Scale("share of the true class", 0.0, 1.0), size=(side + 1.6, side)
    )


def curves(run: Evaluated) -> Chart | None:
    """Precision against recall, and the ROC curve, of each class against the rest."""
    shown = _curve_classes(run)
    if not shown:
        return None
    recalls, rates = [], []
    for number, place in enumerate(shown):
        positive, score = run.truth == place, run.scores[:, place]
        color = SERIES[number % len(SERIES)]
        name = shorten(run.classes[place], 16)
        precision, recall, _ = precision_recall_curve(positive, score)
        false, true, _ = roc_curve(positive, score)
        area, roc = average_precision_score(positive, score), roc_auc_score(positive, score)
        said = f"{run.classes[place]}: average precision {area:.3f}, area under ROC {roc:.3f}"
        recalls.append(_curve(name, recall[::-1], precision[::-1], color, said))
        rates.append(_curve("", false, true, color, said))
    rates.append(Series("", [0, 1], [0, 1], "line", color=MUTED, size=1.0, dash=True))
    panels = (
        Panel(Axis("recall", "percent", limits=SHARE), Axis("precision", "percent", limits=SHARE), tuple(recalls)),
        Panel(
            Axis("false positive rate", "percent", limits=SHARE),
            Axis("true positive rate", "percent", limits=SHARE),
            tuple(rates),
        ),
    )
    left = len(run.classes) - len(shown)
    caption = f"The {len(shown)} hardest of {len(run.classes)} classes, each against the rest." if left > 0 else ""
    title = f"Precision and recall, ROC: {run.where}"
    return Chart("curves", title, panels, caption, columns=2, size=(10.0, 5.0))


def _curve_classes(run: Evaluated) -> list[int]:
    """The classes with both kinds of rows; the second of two, the hardest of many."""
    count = len(run.classes)
    known = [place for place in range(count) if 0 < int((run.truth == place).sum()) < len(run.truth)]
    if count == 2:
        return known[-1:]
    areas = {place: average_precision_score(run.truth == place, run.scores[:, place]) for place in known}
    return sorted(sorted(known, key=lambda place: float(areas[place]))[:MOST_CURVES])


def _curve(name: str, x: Array, y: Array, color: str, said: str) -> Series:
    places = np.unique(np.linspace(0, len(x) - 1, MOST_CURVE_POINTS).round().astype(int))
    xs, ys = x[places].tolist(), y[places].tolist()
    return Series(name, xs, ys, "line", color=color, size=1.7, labels=[said] * len(xs))


def calibration(run: Evaluated) -> Chart | None:
    """Whether a probability of 0.8 is right eight times of ten."""
    if len(run.classes) < 2:
        return None
    sure, right = run.scores.max(axis=1), run.scores.argmax(axis=1) == run.truth
    bins = int(run.summary["bins"])
    share, mean = calibration_curve(right, np.clip(sure, 0, 1), n_bins=bins)
    edges = np.linspace(0, 1, bins + 1)
    counts, _ = np.histogram(sure, edges)
    limits = (max(0.0, 1 / len(run.classes) - 0.08), 1.02)
    bars = Series(
        "",
        edges[:-1].tolist(),
        [0.0] * bins,
        "columns",
        ends=edges[1:].tolist(),
        heights=(counts / max(1, counts.sum())).tolist(),
        color="#cbd5e1",
        labels=[f"{count:,} rows" for count in counts],
    )
    panels = (
        Panel(
            Axis("probability of the predicted class", "percent", limits=limits),
            Axis("share that is right", "percent", limits=SHARE),
            (
                Series("as sure as right", [0, 1], [0, 1], "line", color=MUTED, size=1.0, dash=True),
                Series("this model", mean.tolist(), share.tolist(), "line", color=ACCENT, size=1.8),
                Series("", mean.tolist(), share.tolist(), color=ACCENT, size=5.5),
            ),
        ),
        Panel(
            Axis("probability of the predicted class", "percent", limits=limits),
            Axis("share of the rows", "percent"),
            (bars,),
        ),
    )
    title = f"Calibration: off by {run.summary['calibration_error']:.1%} on average"
    return Chart("calibration", title, panels, f"Over {run.where}, in {bins} bins.", columns=2, size=(10.0, 4.6))


def mistakes(run: Evaluated) -> Chart | None:
    """The most confident mistakes, where their images are known."""
    path = run.folder / IMAGES
    if not path.is_file():
        return None
    found = json.loads((run.folder / MISTAKES).read_text(encoding="utf-8"))
    panels = []
    with np.load(path) as images:
        for one in found[:SHOWN_MISTAKES]:
            pixels = _shown(images[str(one["row"])]) if str(one["row"]) in images else None
            if pixels is not None:
                title = f"{shorten(one['label'], 12)}, not {shorten(one['predicted'], 12)}  {one['probability']:.0%}"
                panels.append(Panel(Axis(""), Axis(""), title=title, image=Image(pixels)))
    if not panels:
        return None
    columns = min(4, len(panels))
    rows = -(-len(panels) // columns)
    return Chart(
        "mistakes",
        "The most confident mistakes",
        tuple(panels),
        "What it is, what the model took it for, and how sure it was.",
        columns=columns,
        size=(max(5.2, 2.3 * columns), 0.9 + 2.1 * rows),
    )


def _shown(pixels: Array) -> Any:
    """Rows of grey or of colours, from 0 to 1; None for what is no image."""
    array = np.asarray(pixels, dtype=float)
    if array.ndim == 3 and array.shape[0] in (1, 3):
        array = array.transpose(1, 2, 0)
    if array.ndim == 3 and array.shape[2] == 1:
        array = array[:, :, 0]
    if array.ndim not in (2, 3) or not np.isfinite(array).all():
        return None
    low, high = array.min(), array.max()
    return ((array - low) / (high - low or 1.0)).tolist()


def residuals(run: Evaluated) -> Chart | None:
    """Predicted against true numbers, and what is left."""
    if run.summary["kind"] != "numbers" or len(run.truth) < 2:
        return None
    places = np.unique(np.linspace(0, len(run.truth) - 1, MOST_POINTS).round().astype(int))
    truth, predicted = run.truth[places].astype(float), run.scores[places].astype(float)
    ends = [float(min(truth.min(), predicted.min())), float(max(truth.max(), predicted.max()))]
    pad = (ends[1] - ends[0]) * 0.04 or 0.5
    limits = (ends[0] - pad, ends[1] + pad)
    opacity = 0.7 if len(places) < 300 else 0.35
    left = Panel(
        Axis("target", limits=limits),
        Axis("predicted", limits=limits),
        (
            Series("", ends, ends, "line", color=MUTED, size=1.0, dash=True),
            Series("", truth.tolist(), predicted.tolist(), color=ACCENT, size=4.5, opacity=opacity),
        ),
    )
    right = Panel(
        Axis("predicted", limits=limits),
        Axis("residual: target less predicted"),
        (
            Series("", ends, [0.0, 0.0], "line", color=MUTED, size=1.0, dash=True),
            Series(
                "", predicted.tolist(), (truth - predicted).tolist(), color=STATES["pruned"], size=4.5, opacity=opacity
            ),
        ),
    )
    error = run.summary["mean_absolute_error"]
    title = f"Predicted and true: off by {error:.3g} on average"
    shown = "" if len(places) == len(run.truth) else f"{len(places):,} of {len(run.truth):,} rows shown. "
    return Chart("residuals", title, (left, right), f"{shown}Over {run.where}.", columns=2, size=(10.0, 4.8))


EVALUATIONS: dict[str, Callable[[Evaluated], Chart | None]] = {
    "confusion": confusion,
    "curves": curves,
    "calibration": calibration,
    "mistakes": mistakes,
    "residuals": residuals,
    "slices": lambda run: slices_of(run.summary),
}
