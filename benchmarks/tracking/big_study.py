"""A store with one study of many trials, filled by SQL: through the client it would take a quarter of an hour."""

from __future__ import annotations

import random
import sqlite3
import time
import uuid
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path

from hone.tracking.store import TrackingConfig, open_store

STUDY = "big-1"
PARAMS, METRICS, POINTS, TAGS = 30, 20, 20, 15
SECOND = 1_000
Rows = list[tuple[object, ...]]
TABLES = {
    "runs": "run_uuid, name, source_type, source_name, user_id, status, start_time, end_time, lifecycle_stage,"
    " artifact_uri, experiment_id",
    "tags": "key, value, run_uuid",
    "params": "key, value, run_uuid",
    "metrics": "key, value, timestamp, run_uuid, step, is_nan",
    "latest_metrics": "key, value, timestamp, run_uuid, step, is_nan",
}


@dataclass
class Filling:
    """Rows for each table of MLflow's."""

    experiment: int
    artifacts: str
    began: int = field(default_factory=lambda: int(time.time() - 36_000) * SECOND)
    rows: dict[str, Rows] = field(default_factory=lambda: {name: [] for name in TABLES})

    def add_run(self, name: str, tags: dict[str, str], place: int, state: str = "FINISHED") -> str:
        """Add a run; ``place`` says when it started."""
        run_id = uuid.uuid4().hex
        start = self.began + place * 10 * SECOND
        uri = f"{self.artifacts}/{run_id}/artifacts"
        self.rows["runs"].append(
            (run_id, name, "LOCAL", "hone", "me", state, start, start + 60 * SECOND, "active", uri, self.experiment)
        )
        filler = {f"note.{number}": f"some text {number}" for number in range(TAGS - len(tags) - 1)}
        for key, value in {"mlflow.runName": name, **tags, **filler}.items():
            self.rows["tags"].append((key, value, run_id))
        return run_id

    def add_params(self, run_id: str, params: dict[str, object]) -> None:
        """Add parameters."""
        self.rows["params"] += [(key, str(value), run_id) for key, value in params.items()]

    def add_metric(self, run_id: str, key: str, values: list[float]) -> None:
        """Add a metric's history and its last value."""
        history = [(key, value, self.began + step, run_id, step, 0) for step, value in enumerate(values)]
        self.rows["metrics"] += history
        self.rows["latest_metrics"].append(history[-1])


def fill(directory: Path, trials: int = 2_000, seed: int = 0) -> list[str]:
    """Make a store under a directory with a study of many trials.

    Args:
        directory: As ``tracking.directory``.
        trials: How many.
        seed: Of the values.

    Returns:
        The run ids: the study's, then its trials'.
    """
    store = open_store(TrackingConfig(directory=str(directory)))
    filling = Filling(int(store.experiment.experiment_id), store.experiment.artifact_location)
    ids = list(_runs(filling, trials, random.Random(seed)))
    with closing(sqlite3.connect(directory / "mlflow.db")) as database, database:
        for table, columns in TABLES.items():
            marks = ", ".join("?" * len(columns.split(",")))
            database.executemany(f"INSERT INTO {table} ({columns}) VALUES ({marks})", filling.rows[table])
    return ids


def _runs(filling: Filling, trials: int, draw: random.Random) -> Iterator[str]:
    shared = {"hone.study": STUDY, "hone.metric": "val/accuracy", "hone.direction": "maximize"}
    parent = filling.add_run(STUDY, {**shared, "hone.kind": "study", "hone.state": "complete"}, 0)
    filling.add_metric(parent, "best/val/accuracy", [0.9])
    yield parent
    for number in range(trials):
        yield _trial(filling, parent, number, draw)


def _trial(filling: Filling, parent: str, number: int, draw: random.Random) -> str:
    state, status = draw.choice((("complete", "FINISHED"), ("complete", "FINISHED"), ("pruned", "KILLED")))
    rate, batch = 10 ** draw.uniform(-5, -1), draw.choice((16, 32, 64))
    tags = {
        "hone.kind": "trial",
        "hone.study": STUDY,
        "hone.trial": str(number),
        "hone.state": state,
        "hone.searched": "optimizer.lr,data.batch_size",
        "mlflow.parentRunId": parent,
    }
    run_id = filling.add_run(f"mlp-{number:03d} lr={rate:.1e} bs={batch}", tags, number + 1, status)
    fixed = {f"model.fixed_{one}": one for one in range(PARAMS - 2)}
    filling.add_params(run_id, {"optimizer.lr": rate, "data.batch_size": batch, **fixed})
    for metric in range(METRICS - 1):
        filling.add_metric(run_id, f"val/metric_{metric}", [draw.random() for _ in range(POINTS)])
    if state == "complete":
        filling.add_metric(run_id, "objective", [draw.random()])
    return run_id
