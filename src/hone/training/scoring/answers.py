"""A model's predictions, kept so that another one can be compared with it on the same rows."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from hone.tracking.inputs import data_digest
from hone.training.figures import Predictions

ANSWERS_FILE = "answers.npz"


@dataclass(frozen=True)
class Answers:
    """Predictions, and which rows they are of.

    Attributes:
        predictions: By row.
        digest: Of what the rows were read from.
    """

    predictions: Predictions
    digest: str

    @classmethod
    def of(cls, predictions: Predictions, config: Mapping[str, Any], digests: Mapping[str, str], split: str) -> Answers:
        """With the digest of the split's own file where it has one, of all data where it is cut from it."""
        given = config["data"].get(split)
        own = digests.get(given) if isinstance(given, str) else None
        return cls(predictions, own or data_digest(config, digests))


def keep_answers(answers: Answers, directory: Path) -> None:
    """Write them into a directory."""
    said = answers.predictions
    np.savez(
        directory / ANSWERS_FILE,
        kind=said.kind,
        digest=answers.digest,
        rows=said.rows,
        truth=said.truth,
        scores=said.scores,
    )


def same_rows(ours: Answers, directory: Path) -> tuple[Predictions | None, str]:
    """What another model said of the same rows.

    Args:
        ours: What this one said.
        directory: Where the other's answers were kept.

    Returns:
        Its predictions, or None and why they cannot be compared.
    """
    if not (directory / ANSWERS_FILE).is_file():
        return None, "it gives no predictions"
    with np.load(directory / ANSWERS_FILE, allow_pickle=False) as kept:
        theirs = Predictions(str(kept["kind"]), kept["rows"], kept["truth"], kept["scores"])
        digest = str(kept["digest"])
    said = ours.predictions
    if theirs.kind != said.kind:
        return None, f"one predicts {said.kind}, the other {theirs.kind}"
    if not np.array_equal(theirs.rows, said.rows) or not np.array_equal(theirs.truth, said.truth):
        return None, "they were not scored on the same rows"
    if theirs.scores.shape != said.scores.shape:
        return None, "they tell different classes apart"
    if digest != ours.digest:
        return None, "the content of their data differs"
    return theirs, ""
