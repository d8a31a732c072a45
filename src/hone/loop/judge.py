"""How a round's winner is judged: where it lags, on validation; and once, on the test split."""

from __future__ import annotations

import csv
import json
from pathlib import Path

from hone.loop.mistakes import Lagging
from hone.loop.state import Score

FOLDER, SUMMARY, CLASSES = "evaluation", "evaluation.json", "classes.csv"
# Fewer examples of a class say nothing of it.
LEAST_ROWS = 10


def lagging_classes(directory: Path, by: float) -> tuple[Lagging, ...]:
    """The classes on which a trial lags, by what it predicted on the validation split.

    Args:
        directory: The trial's.
        by: So far below the recall of all classes together.

    Returns:
        The worst first; none where its predictions were not kept, or are of no classes.
    """
    try:
        summary = json.loads((directory / FOLDER / SUMMARY).read_text())
        with (directory / FOLDER / CLASSES).open(newline="") as file:
            rows = list(csv.DictReader(file))
    except (OSError, ValueError):
        return ()
    if summary.get("split") != "val" or not rows:
        return ()
    whole = float(summary["accuracy"])
    found = [
        Lagging(f"class {row['class']}", "recall", float(row["recall"]), whole, int(row["rows"]))
        for row in rows
        if int(row["rows"]) >= LEAST_ROWS and whole - float(row["recall"]) > by
    ]
    return tuple(sorted(found, key=lambda one: one.value))


class Judge:
    """Judges a round's winner."""

    def lagging(self, directory: Path, by: float) -> tuple[Lagging, ...]:
        """Where a trial lags, on validation."""
        return lagging_classes(directory, by)

    def score(self, run: str | None, metric: str, directory: Path) -> Score | None:  # noqa: ARG002 - until there is hone.evaluate
        """A winner on the test split, the one time that a round looks at it; None where it cannot be scored."""
        return None
