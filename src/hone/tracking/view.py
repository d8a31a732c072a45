"""The view that the dashboard opens with: the columns worth a look, sorted by the objective.

MLflow's page keeps a view that is shared by a link as a tag of the experiment; hone writes one.
"""

from __future__ import annotations

import json
from collections.abc import Sequence

from hone.tracking.rows import Query, RunRow, Runs
from hone.tracking.tags import DIRECTION, KIND, METRIC, OBJECTIVE, SEARCHED, STATE, STUDY, param_name

KEY = "hone"
TAG = f"mlflow.sharedViewState.{KEY}"
PARAMETER = f"viewStateShareKey={KEY}"
# Studies whose searched values have a column, latest first; and those that stand open.
STUDIES = 5
MOST_COLUMNS = 12


def dashboard_view(runs: Runs) -> str:
    """What to show of an experiment's runs.

    Args:
        runs: The runs.

    Returns:
        The value of ``TAG``.
    """
    studies = runs.find(Query(tags={KIND: "study"}, limit=STUDIES))
    singles = runs.find(Query(tags={KIND: "train"}, limit=1))
    latest = next(iter([*studies, *singles]), None)
    maximizes = latest is None or latest.tags.get(DIRECTION, "maximize").startswith("maximize")
    return json.dumps(
        {
            "orderByKey": f"metrics.`{OBJECTIVE}`",
            "orderByAsc": not maximizes,
            "selectedColumns": _columns([*studies, *singles]),
            "runsExpanded": {one.run_id: True for one in studies},
        }
    )


def _columns(shown: Sequence[RunRow]) -> list[str]:
    searched = [key for one in shown for key in one.tags.get(SEARCHED, "").split(",") if key]
    metrics = [[name.strip() for name in one.tags.get(METRIC, "").split(",") if name] for one in shown]
    # The first is the objective itself.
    others = [name for names in metrics for name in names[1:]]
    tested = [f"test/{name.rpartition('/')[2]}" for names in metrics for name in names]
    columns = [
        f"tags.`{STATE}`",
        f"metrics.`{OBJECTIVE}`",
        *(f"metrics.`{name}`" for name in [*others, *tested]),
        *(f"params.`{param_name(key)}`" for key in searched),
        f"tags.`{STUDY}`",
    ]
    return list(dict.fromkeys(columns))[:MOST_COLUMNS]
