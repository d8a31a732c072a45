"""What the dashboard says of a study: goal, space, best configuration, how to run it again, leaderboard, failures."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass

from hone.report.leaderboard import TOP, Leaderboard, Row, short

TABLE_FILE = "leaderboard.json"
# MLflow's dashboard shows artifacts that this tag lists as tables.
TABLE_TAG = "mlflow.loggedArtifacts"
TABLES = json.dumps([{"path": TABLE_FILE, "type": "table"}])
# A tag holds no more, and half a table is none.
LONGEST = 4_900
SHOWN_FAILURES = 5


@dataclass(frozen=True)
class Goal:
    """What a study is after.

    Attributes:
        file: The sweep file, as it was named.
        searched: Each searched key with its sweep as it was written; conditional ones by ``KEY (CONDITION)``.
        constraints: Each bound by its metric.
        trials: How many there are to be.
        best_config: Where the best trial's config lies, as it is typed.
        pictures: There are pictures under ``report/``.
    """

    file: str
    searched: Mapping[str, str]
    constraints: Mapping[str, str]
    trials: int
    best_config: str
    pictures: bool = True


def describe_study(board: Leaderboard, goal: Goal, *, running: bool = False) -> str:
    """A study in Markdown, as long as a tag may be.

    Args:
        board: Its trials.
        goal: What it is after.
        running: It goes on.
    """
    # What matters least goes first where it is too long.
    for rows, space, failures in ((TOP, 40, SHOWN_FAILURES), (TOP, 12, 3), (5, 8, 2), (3, 4, 1), (1, 0, 0)):
        text = "\n\n".join(filter(None, _parts(board, goal, rows, space, failures, running=running)))
        if len(text) <= LONGEST:
            return text
    return text[: LONGEST - 1] + "…"


def _parts(board: Leaderboard, goal: Goal, rows: int, space: int, failures: int, *, running: bool) -> list[str]:
    return [
        _head(board, goal, running=running),
        _best(board, goal),
        _leaderboard(board, rows),
        _space(goal, space),
        _failures(board, failures),
    ]


def _head(board: Leaderboard, goal: Goal, *, running: bool) -> str:
    wanted = " and ".join(
        f"{'maximize' if more else 'minimize'} `{name}`"
        for name, more in zip(board.metrics, board.maximizes, strict=True)
    )
    bounds = ", ".join(f"`{metric}` {bound}" for metric, bound in goal.constraints.items())
    counts = ", ".join(f"{count} {state}" for state, count in board.counts().items())
    lines = [
        f"**{wanted[:1].upper()}{wanted[1:]}**{f', keeping {bounds}' if bounds else ''} (`{goal.file}`)",
        f"{len(board)} of {goal.trials} trials{' so far' if running else ''}{f': {counts}' if counts else ''}.",
    ]
    if goal.pictures:
        lines.append("Pictures: artifact `report/index.html`. Every trial: `leaderboard.csv`.")
    return "  \n".join(lines)


def _best(board: Leaderboard, goal: Goal) -> str:
    best = board.best()
    if best is None or best.value is None:
        return ""
    tested = "".join(f", `{name}` {best.metrics[name]:.4f}" for name in board.tested() if name in best.metrics)
    lines = [
        f"### Best: trial {best.number}, `{board.metric}` {best.value:.4f}{tested}",
        "",
        "| | |",
        "| --- | --- |",
        *(f"| `{key}` | {_cell(_exact(value))} |" for key, value in best.values.items()),
        "",
        "```bash",
        f"hone train --config {goal.best_config}   # the same configuration as a run of its own",
        f"hone reproduce best:{board.study}",
        "```",
    ]
    return "\n".join(lines)


def _leaderboard(board: Leaderboard, rows: int) -> str:
    table = board.as_markdown_table(rows)
    if not table:
        return ""
    name = "Pareto front" if len(board.metrics) > 1 else "Leaderboard"
    return f"### {name}\n\n{table}"


def _space(goal: Goal, rows: int) -> str:
    if not rows or not goal.searched:
        return ""
    shown = list(goal.searched.items())[:rows]
    lines = ["### Searched", "", "| key | values |", "| --- | --- |"]
    lines += [f"| `{key}` | `{_cell(text)}` |" for key, text in shown]
    if len(shown) < len(goal.searched):
        lines.append(f"| and {len(goal.searched) - len(shown)} more | |")
    return "\n".join(lines)


def _failures(board: Leaderboard, rows: int) -> str:
    reasons = Counter(_reason(row) for row in board.rows if row.state == "failed")
    if not rows or not reasons:
        return ""
    lines = ["### Failed", "", "| trials | why |", "| ---: | --- |"]
    lines += [f"| {count} | {_cell(why)[:200]} |" for why, count in reasons.most_common(rows)]
    if len(reasons) > rows:
        lines.append(f"| {sum(reasons.values()) - sum(count for _, count in reasons.most_common(rows))} | other |")
    return "\n".join(lines)


def _reason(row: Row) -> str:
    return row.failure or "it is not known why"


def _exact(value: object) -> str:
    return f"{value:.6g}" if isinstance(value, float) else short(value)


def _cell(text: str) -> str:
    """A text inside a table."""
    return text.replace("|", "\\|").replace("\n", " ")


def table_of(board: Leaderboard) -> str:
    """Every trial as MLflow keeps tables: what its ``load_table`` reads and its dashboard shows."""
    columns, rows = board.as_columns()
    return json.dumps({"columns": list(columns), "data": [list(map(_plain, row)) for row in rows]})


def _plain(value: object) -> object:
    if value is None or isinstance(value, bool | int | str):
        return value
    if isinstance(value, float):
        return value if value == value and abs(value) != float("inf") else None
    return str(value)
