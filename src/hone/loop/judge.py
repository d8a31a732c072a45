"""How a round's winner is judged: where it lags, on validation; and once, on the test split."""

from __future__ import annotations

import csv
import json
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from rich.console import Console

from hone.errors import HoneError
from hone.evaluate import Evaluation, Options, Slice, evaluate
from hone.executors import StartWorkers
from hone.loop.mistakes import Lagging
from hone.loop.state import Score
from hone.tracking.store import Store
from hone.tracking.tags import EVALUATES, KIND, METRIC, ROUND, SPLIT
from hone.tracking.tags import EVALUATION as EVALUATED
from hone.worker.disk import CLASSES, EVALUATION, SUMMARY

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
        summary = json.loads((directory / EVALUATION / SUMMARY).read_text())
        with (directory / EVALUATION / CLASSES).open(newline="") as file:
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


@dataclass(frozen=True)
class Judge:
    """Judges a round's winner by ``hone evaluate``.

    Attributes:
        store: Where runs are tracked; None where no store is to be opened, and nothing can be scored again.
        start_workers: Gives the worker that scores.
        root: The tracking directory.
        console: Where it is said why something cannot be scored.
        config_dir: The user's config directory.
        config_name: The primary config.
    """

    store: Store | None
    start_workers: StartWorkers
    root: Path
    console: Console
    config_dir: Path | None = None
    config_name: str = "config"

    def lagging(self, run: str | None, number: int, directory: Path, by: float) -> tuple[Lagging, ...]:
        """Where a round's winner lags, on validation.

        Args:
            run: Its id.
            number: The round.
            directory: The trial's, which holds what it predicted where it cannot be scored again.
            by: So far below the whole, or above it where less is better.
        """
        found = self._evaluate(run, number, "val")
        return lagging_classes(directory, by) if found is None else _lagging(found, by)

    def score(self, run: str | None, number: int) -> Score | None:
        """A round's winner on the test split, the one time that the round looks at it.

        Returns:
            What it came to; None where it cannot be scored.
        """
        if (earlier := self._scored(run, number)) is not None:
            return earlier
        found = self._evaluate(run, number, "test")
        if found is None or found.metric not in found.scores:
            return None
        own = found.scores[found.metric]
        return Score(f"test/{found.metric}", own.value, own.low, own.high, found.source)

    def _scored(self, run: str | None, number: int) -> Score | None:
        """What a session found that was killed before it could keep it."""
        if self.store is None or run is None:
            return None
        wanted = {KIND: EVALUATED, EVALUATES: run, SPLIT: "test", ROUND: str(number)}
        tags = " and ".join(f"tags.`{key}` = '{value}'" for key, value in wanted.items())
        for one in self.store.runs(f"{tags} and attributes.status = 'FINISHED'", limit=1):
            metric, metrics = one.data.tags[METRIC], one.data.metrics
            if metric in metrics:
                return Score(metric, metrics[metric], metrics.get(f"{metric}_low"), metrics.get(f"{metric}_high"), run)
        return None

    def _evaluate(self, run: str | None, number: int, split: str) -> Evaluation | None:
        if self.store is None or run is None:
            return None
        options = Options(
            compare=False,
            pictures=False,
            tags={ROUND: str(number)},
            config_dir=self.config_dir,
            config_name=self.config_name,
        )
        try:
            return evaluate(self.store, run, split, start_workers=self.start_workers, root=self.root, options=options)
        except HoneError as error:
            self.console.print(f"[dim]the winner was not scored on {split}: {error}[/]", highlight=False)
            return None


def _lagging(found: Evaluation, by: float) -> tuple[Lagging, ...]:
    own = []
    for one in found.lagging:
        whole = _whole(each for each in found.slices if each.group == one.group)
        if abs(whole - one.score.value) > by and one.rows >= LEAST_ROWS:
            own.append(Lagging(f"{one.group} {one.name}", found.slice_metric, one.score.value, whole, one.rows))
    return tuple(own)


def _whole(parts: Iterable[Slice]) -> float:
    """What all parts of one cut come to together."""
    own = list(parts)
    return sum(one.score.value * one.rows for one in own) / sum(one.rows for one in own)
