"""Queries in MLflow's own search syntax, for every store that it knows."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

from hone.tracking.rows import Query, RunRow

if TYPE_CHECKING:
    from mlflow.entities import Run

Search = Callable[[str, Sequence[str], int], "list[Run]"]
LATEST = "attributes.start_time DESC"
FIRST = "attributes.start_time ASC"
ID_LENGTH = 32
# Runs that lack a metric cannot be asked for: more and more are looked at until there are enough.
STEPS = (10, 200, 50_000)


def search(ask: Search, query: Query) -> list[RunRow]:
    """Find runs through MLflow.

    Args:
        ask: Called with a filter, an order and a limit.
        query: Which.

    Returns:
        The runs in order.
    """
    limits = STEPS if query.lacks is not None else (query.limit,)
    found: list[RunRow] = []
    for limit in limits:
        runs = ask(_filter(query), _order(query), limit)
        found = [_row(run) for run in runs if query.lacks not in run.data.metrics and _begins(run, query.prefix)]
        if len(found) >= query.limit or len(runs) < limit:
            break
    return found[: query.limit]


def _filter(query: Query) -> str:
    parts = [f"tags.`{key}` = {_quoted(value)}" for key, value in query.tags.items()]
    parts += [f"tags.`{key}` != {_quoted(value)}" for key, value in query.others.items()]
    if query.name is not None:
        parts.append(f"attributes.run_name = {_quoted(query.name)}")
    if query.prefix is not None and len(query.prefix) == ID_LENGTH:
        parts.append(f"attributes.run_id = '{query.prefix}'")
    elif query.prefix is not None:
        # MLflow's LIKE takes no ids; where a run's files are, its id is a folder.
        parts.append(f"attributes.artifact_uri LIKE '%/{query.prefix}%'")
    return " AND ".join(parts)


def _order(query: Query) -> list[str]:
    if query.order is None:
        return [LATEST]
    # Of equals the first, as a study has it.
    return [f"metrics.`{query.order}` {'DESC' if query.descending else 'ASC'}", FIRST]


def _quoted(value: str) -> str:
    # MLflow's syntax has two kinds of quotes and no way to escape either.
    return f'"{value}"' if "'" in value else f"'{value}'"


def _begins(run: Run, prefix: str | None) -> bool:
    return prefix is None or run.info.run_id.startswith(prefix)


def _row(run: Run) -> RunRow:
    info, data = run.info, run.data
    return RunRow(
        run_id=info.run_id,
        name=info.run_name or "",
        status=info.status,
        start=info.start_time,
        end=info.end_time,
        artifacts=info.artifact_uri or "",
        tags=dict(data.tags),
        metrics=dict(data.metrics),
        params=dict(data.params),
    )
