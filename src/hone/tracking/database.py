"""Runs read from MLflow's SQLite file as it lies there.

Importing MLflow and opening a store through it takes two seconds and more, which is too long to wait for a list. These
tables have been the same since MLflow 1; where they are not, ``open_runs`` asks MLflow.
"""

from __future__ import annotations

import math
import sqlite3
from collections import defaultdict
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from hone.tracking.rows import Query, RunRow
from hone.tracking.tags import CHAMPION

SCHEME = "sqlite:///"
# SQLite takes no more values than this in one statement of old.
AT_ONCE = 900


class Database:
    """Reads the runs of one experiment; never writes.

    Args:
        path: MLflow's SQLite file.
        experiment: The experiment's name.

    Raises:
        sqlite3.Error: It cannot be read, or is none of MLflow's.
        LookupError: It has no such experiment.
    """

    def __init__(self, path: Path, experiment: str) -> None:
        self._connection = sqlite3.connect(f"{path.absolute().as_uri()}?mode=ro", uri=True)
        row = self._connection.execute(
            "SELECT experiment_id FROM experiments WHERE name = ? AND lifecycle_stage = 'active'", (experiment,)
        ).fetchone()
        if row is None:
            raise LookupError(experiment)
        self.experiment_id = str(row[0])

    def find(self, query: Query) -> list[RunRow]:
        """Give the runs that a query asks for, in its order."""
        where, values = _where(query)
        metric = "LEFT JOIN latest_metrics m ON m.run_uuid = r.run_uuid AND m.key = ?" if query.order else ""
        text = (
            "SELECT r.run_uuid, r.name, r.status, r.start_time, r.end_time, r.artifact_uri FROM runs r "
            f"{metric} WHERE r.experiment_id = ? AND r.lifecycle_stage = 'active' {where} "
            f"ORDER BY {_order(query)} LIMIT ?"
        )
        given = [*([query.order] if query.order else []), int(self.experiment_id), *values, query.limit]
        return self._filled(self._connection.execute(text, given).fetchall())

    def champions(self) -> dict[str, str]:
        """The run id that each registered model's champion comes from, by the model's name."""
        return dict(
            self._connection.execute(
                "SELECT a.name, v.run_id FROM registered_model_aliases a JOIN model_versions v "
                "ON v.name = a.name AND v.version = a.version WHERE a.alias = ?",
                (CHAMPION,),
            ).fetchall()
        )

    def _filled(self, runs: Sequence[tuple[Any, ...]]) -> list[RunRow]:
        ids = [one[0] for one in runs]
        tags, params = self._table("tags", ids), self._table("params", ids)
        metrics = self._table("latest_metrics", ids, "CASE WHEN is_nan THEN NULL ELSE value END")
        return [
            RunRow(
                run_id=run_id,
                name=name or "",
                status=status,
                start=start,
                end=end,
                artifacts=artifacts or "",
                tags=tags[run_id],
                metrics={key: math.nan if value is None else value for key, value in metrics[run_id].items()},
                params=params[run_id],
            )
            for run_id, name, status, start, end, artifacts in runs
        ]

    def _table(self, table: str, ids: Sequence[str], value: str = "value") -> Mapping[str, dict[str, Any]]:
        found: dict[str, dict[str, Any]] = defaultdict(dict)
        for start in range(0, len(ids), AT_ONCE):
            some = ids[start : start + AT_ONCE]
            marks = ", ".join("?" * len(some))
            for run_id, key, text in self._connection.execute(
                f"SELECT run_uuid, key, {value} FROM {table} WHERE run_uuid IN ({marks})", some
            ):
                found[run_id][key] = text
        return found


def sqlite_file(uri: str) -> Path | None:
    """The file that a tracking URI names; None where it names anything but a plain SQLite file."""
    if not uri.startswith(SCHEME) or "?" in uri:
        return None
    return Path(uri.removeprefix(SCHEME))


def _where(query: Query) -> tuple[str, list[Any]]:
    parts: list[str] = []
    values: list[Any] = []
    for tags, sign in ((query.tags, "="), (query.others, "!=")):
        for key, value in tags.items():
            parts.append(f"r.run_uuid IN (SELECT run_uuid FROM tags WHERE key = ? AND value {sign} ?)")
            values += [key, value]
    if query.name is not None:
        parts.append("r.name = ?")
        values.append(query.name)
    if query.prefix is not None:
        # A range, unlike LIKE, is looked up in the primary key.
        parts.append("r.run_uuid BETWEEN ? AND ?")
        values += [query.prefix, f"{query.prefix}g"]
    if query.lacks is not None:
        parts.append("r.run_uuid NOT IN (SELECT run_uuid FROM latest_metrics WHERE key = ?)")
        values.append(query.lacks)
    return "".join(f" AND {one}" for one in parts), values


def _order(query: Query) -> str:
    if query.order is None:
        return "r.start_time DESC, r.run_uuid"
    # Of equals the first, as a study has it.
    return f"m.value IS NULL OR m.is_nan, m.value {'DESC' if query.descending else 'ASC'}, r.start_time, r.run_uuid"
