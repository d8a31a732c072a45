"""What a worker is asked to score and what it measured: files of a directory, so that it can be run cold as a trial."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

REQUEST_FILE, MEASURED_FILE = "score.json", "measured.json"
SPLITS = ("test", "val", "train")
# By the class of a row, and by how many tokens it has.
CLASS, LENGTH = "class", "length"


@dataclass(frozen=True)
class ScoreRequest:
    """A checkpoint to score, beside the ``trial.yaml`` that it came from.

    Attributes:
        checkpoint: Absolute.
        split: ``test``, ``val`` or ``train``.
        slices: Columns of the data to cut the split by, beside those that it is always cut by.
        resamples: How often rows are drawn anew for an interval.
        confidence: Of the intervals.
        predictions_only: Another checkpoint is to be compared with this one, and nothing else is asked of it.
        against: The directory of one that was scored so.
    """

    checkpoint: str
    split: str = "test"
    slices: tuple[str, ...] = ()
    resamples: int = 1_000
    confidence: float = 0.95
    predictions_only: bool = False
    against: str | None = None

    def write(self, directory: Path) -> None:
        """Put it into a directory."""
        (directory / REQUEST_FILE).write_text(json.dumps(asdict(self), indent=2))


def read_request(directory: Path) -> ScoreRequest | None:
    """What a directory asks to be scored; None where it asks to be trained."""
    try:
        fields: dict[str, Any] = json.loads((directory / REQUEST_FILE).read_text())
    except FileNotFoundError:
        return None
    fields["slices"] = tuple(fields["slices"])
    return ScoreRequest(**fields)


def write_measured(content: Mapping[str, Any], directory: Path) -> None:
    """Leave what was measured."""
    (directory / MEASURED_FILE).write_text(json.dumps(content, indent=2))


def read_measured(directory: Path) -> dict[str, Any]:
    """What was measured."""
    content: dict[str, Any] = json.loads((directory / MEASURED_FILE).read_text())
    return content
