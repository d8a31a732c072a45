"""What a tool's MLflow store says that it did, read by plain SQL: the same question to each tool."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path

from tools import Tool

EPOCHS = 5
# A run that other runs are nested under is no trial.
TRIALS = """
    SELECT run_uuid FROM runs WHERE status = 'FINISHED' AND lifecycle_stage = 'active'
    AND run_uuid NOT IN (SELECT value FROM tags WHERE key = 'mlflow.parentRunId')
"""


class Unequal(Exception):
    """A tool did not do the workload, so that its time means nothing."""


def best_test_accuracy(directory: Path, tool: Tool, trials: int) -> float:
    """Check that each trial was tracked in full, and find the best.

    Args:
        directory: Where the tool ran.
        tool: The tool.
        trials: How many it was asked for.

    Returns:
        The highest test accuracy of a trial.

    Raises:
        Unequal: There are more or fewer trials, or one lacks a parameter, an epoch or its test accuracy.
    """
    store = directory / tool.store
    if not store.is_file():
        raise Unequal(f"{tool.name}: no MLflow store at {tool.store}")
    with closing(sqlite3.connect(f"file:{store}?mode=ro", uri=True)) as database:
        runs = [run for (run,) in database.execute(TRIALS)]
        if len(runs) != trials:
            raise Unequal(f"{tool.name}: {len(runs)} finished runs, not {trials}")
        return max(_test_accuracy(database, tool, run) for run in runs)


def _test_accuracy(database: sqlite3.Connection, tool: Tool, run: str) -> float:
    parameters = {key.rpartition(".")[2] for (key,) in _rows(database, "SELECT key FROM params", run)}
    if missing := {"lr", "batch_size"} - parameters:
        raise Unequal(f"{tool.name}: run {run} lacks the parameters {sorted(missing)}")
    points = [key for (key,) in _rows(database, "SELECT key FROM metrics", run)]
    for name in ("train/loss", "val/accuracy"):
        if points.count(name) < EPOCHS:
            raise Unequal(f"{tool.name}: run {run} has {points.count(name)} points of {name}, not {EPOCHS}")
    tested = _rows(database, "SELECT value FROM latest_metrics", run, "AND key = 'test/accuracy'")
    if not tested:
        raise Unequal(f"{tool.name}: run {run} has no test/accuracy")
    return float(tested[0][0])


def _rows(database: sqlite3.Connection, select: str, run: str, also: str = "") -> list[tuple]:
    return database.execute(f"{select} WHERE run_uuid = ? {also}", (run,)).fetchall()
