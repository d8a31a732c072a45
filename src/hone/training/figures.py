"""What predictions come to: files that cost a few milliseconds. Pictures of them are drawn elsewhere."""

from __future__ import annotations

import csv
import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import torch
from torchmetrics.functional import explained_variance, mean_absolute_error, mean_squared_error, r2_score
from torchmetrics.functional.classification import multiclass_calibration_error, multiclass_confusion_matrix

from hone.worker.disk import CLASSES, IMAGES, MISTAKES, PREDICTIONS, SUMMARY

LONGEST_TEXT = 2_000

Array = np.ndarray[Any, Any]


@dataclass(frozen=True)
class Predictions:
    """What a model said of the rows of a split.

    Attributes:
        kind: ``classes`` or ``numbers``.
        rows: The place of each in the split.
        truth: Class numbers of shape (rows,), or the targets.
        scores: Probabilities of shape (rows, classes), or the predicted numbers.
    """

    kind: str
    rows: Array
    truth: Array
    scores: Array


def write_evaluation(
    predictions: Predictions, folder: Path, split: str, data: Any = None, *, mistakes: int = 16, bins: int = 15
) -> None:
    """Write predictions and what they come to.

    Args:
        predictions: By row.
        folder: Where to; it is made.
        split: ``test`` or ``val``.
        data: The data module; its ``class_names`` and ``example(split, row)`` are used where it has them.
        mistakes: How many of the most confident mistakes to keep.
        bins: Bins of the calibration curve.
    """
    folder.mkdir(parents=True, exist_ok=True)
    if predictions.kind == "classes":
        summary = _write_classes(predictions, folder, split, data, mistakes, bins)
    else:
        summary = _write_numbers(predictions, folder)
    content = {"split": split, "kind": predictions.kind, "rows": len(predictions.rows), **summary}
    (folder / SUMMARY).write_text(json.dumps(content))


def _write_classes(
    predictions: Predictions, folder: Path, split: str, data: Any, mistakes: int, bins: int
) -> dict[str, Any]:
    count = predictions.scores.shape[1]
    names = class_names(data, count)
    predicted = predictions.scores.argmax(axis=1)
    _write_parquet(predictions, predicted, names, folder / PREDICTIONS)
    probabilities, truth = torch.from_numpy(predictions.scores), torch.from_numpy(predictions.truth)
    confusion = multiclass_confusion_matrix(torch.from_numpy(predicted), truth, count, validate_args=False).numpy()
    error = multiclass_calibration_error(probabilities, truth, count, n_bins=bins, norm="l1", validate_args=False)
    table = _per_class(confusion, names)
    with (folder / CLASSES).open("w", newline="") as file:
        writer = csv.DictWriter(file, list(table[0]), lineterminator="\n")
        writer.writeheader()
        writer.writerows(table)
    _write_mistakes(predictions, predicted, names, folder, split, data, mistakes)
    return {
        "classes": names,
        "accuracy": float((predicted == predictions.truth).mean()),
        "calibration_error": float(error),
        "bins": bins,
        "confusion": confusion.tolist(),
    }


def class_names(data: Any, count: int) -> list[str]:
    """What the classes are called; their numbers where nobody says."""
    names = getattr(data, "class_names", None)
    return [str(one) for one in names] if names is not None and len(names) == count else list(map(str, range(count)))


def _per_class(confusion: Array, names: list[str]) -> list[dict[str, Any]]:
    """Rows of the matrix are true classes, columns predicted ones."""
    right = confusion.diagonal().astype(float)
    support, predicted = confusion.sum(axis=1), confusion.sum(axis=0)
    precision = right / np.maximum(predicted, 1)
    recall = right / np.maximum(support, 1)
    f1 = 2 * right / np.maximum(support + predicted, 1)
    return [
        {
            "class": name,
            "rows": int(support[place]),
            "predicted": int(predicted[place]),
            "precision": round(float(precision[place]), 6),
            "recall": round(float(recall[place]), 6),
            "f1": round(float(f1[place]), 6),
        }
        for place, name in enumerate(names)
    ]


def _write_parquet(predictions: Predictions, predicted: Array, names: list[str], path: Path) -> None:
    words = _words(names)
    columns: dict[str, Any] = {
        "row": _column(predictions.rows),
        "label": pa.DictionaryArray.from_arrays(_column(predictions.truth.astype(np.int32)), words),
        "predicted": pa.DictionaryArray.from_arrays(_column(predicted.astype(np.int32)), words),
    }
    for place, name in enumerate(names):
        columns[f"p({name})"] = _column(predictions.scores[:, place])
    pq.write_table(pa.Table.from_arrays(list(columns.values()), names=list(columns)), path)


def _column(values: Array) -> Any:
    """Numbers as Arrow has them. ``pa.array`` would import pandas, for a fifth of a second in each trial."""
    contiguous = np.ascontiguousarray(values)
    return pa.Array.from_buffers(
        pa.from_numpy_dtype(contiguous.dtype), len(contiguous), [None, pa.py_buffer(contiguous)]
    )


def _words(texts: list[str]) -> Any:
    encoded = [one.encode() for one in texts]
    ends = np.cumsum([0, *map(len, encoded)], dtype=np.int32)
    return pa.Array.from_buffers(pa.string(), len(texts), [None, pa.py_buffer(ends), pa.py_buffer(b"".join(encoded))])


def _write_mistakes(
    predictions: Predictions, predicted: Array, names: list[str], folder: Path, split: str, data: Any, most: int
) -> None:
    """The most confident first."""
    wrong = np.flatnonzero(predicted != predictions.truth)
    sure = predictions.scores[wrong, predicted[wrong]]
    chosen = wrong[np.argsort(-sure, kind="stable")][:most]
    found, images = [], {}
    for place in chosen:
        row = int(predictions.rows[place])
        mistake: dict[str, Any] = {
            "row": row,
            "label": names[int(predictions.truth[place])],
            "predicted": names[int(predicted[place])],
            "probability": round(float(predictions.scores[place, predicted[place]]), 6),
            "probability_of_label": round(float(predictions.scores[place, predictions.truth[place]]), 6),
        }
        example = _example(data, split, row)
        if isinstance(example, str):
            mistake["text"] = example[:LONGEST_TEXT]
        elif example is not None:
            images[str(row)] = np.asarray(example, dtype=np.float32)
        found.append(mistake)
    (folder / MISTAKES).write_text(json.dumps(found, indent=2, ensure_ascii=False), encoding="utf-8")
    if images:
        np.savez(folder / IMAGES, **images)  # type: ignore[arg-type]


def _example(data: Any, split: str, row: int) -> Any:
    if not hasattr(data, "example"):
        return None
    try:
        return data.example(split, row)
    except (LookupError, AttributeError):
        # Of what is trained on, single rows need not be at hand.
        return None


def _write_numbers(predictions: Predictions, folder: Path) -> dict[str, Any]:
    columns = {
        "row": _column(predictions.rows),
        "target": _column(predictions.truth),
        "predicted": _column(predictions.scores),
        "residual": _column(predictions.truth - predictions.scores),
    }
    pq.write_table(pa.Table.from_arrays(list(columns.values()), names=list(columns)), folder / PREDICTIONS)
    predicted, truth = torch.from_numpy(predictions.scores), torch.from_numpy(predictions.truth)
    figures: dict[str, Any] = {
        "mean_absolute_error": mean_absolute_error(predicted, truth),
        "root_mean_squared_error": mean_squared_error(predicted, truth, squared=False),
    }
    if len(truth) > 1:
        figures |= {"r2": r2_score(predicted, truth), "explained_variance": explained_variance(predicted, truth)}
    return {name: float(value) for name, value in figures.items()}
