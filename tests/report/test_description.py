import json

import pandas as pd

from hone.report import Goal, Leaderboard, Row, describe_study
from hone.report.description import LONGEST, table_of

GOAL = Goal(
    file="sweeps/first.yaml",
    searched={"optimizer.lr": "tag(log, interval(1e-5, 1e-1))", "model.layers (model=bert)": "range(1, 3)"},
    constraints={"latency_ms": "<= 20"},
    trials=6,
    best_config="mlruns/trials/first-1/best.yaml",
)
ROWS = (
    Row(0, "complete", 0.5, {"optimizer.lr": 0.1, "model": "mlp"}, {"test/accuracy": 0.4}, 2.0),
    Row(1, "failed", None, {"optimizer.lr": 1.0, "model": "cnn"}, failure="oom: CUDA out of memory"),
    Row(2, "complete", 0.75, {"optimizer.lr": 3.1234567e-05, "model": "cnn"}, {"test/accuracy": 0.7}, 3.0),
    Row(3, "failed", None, {"optimizer.lr": 1.0, "model": "cnn"}, failure="oom: CUDA out of memory"),
    Row(4, "pruned", 0.9, {"optimizer.lr": 0.2, "model": "cnn"}),
)
BOARD = Leaderboard("first-1", ["val/accuracy"], [True], ROWS)


def test_the_description_says_goal_best_how_to_repeat_it_space_and_failures():
    text = describe_study(BOARD, GOAL)

    assert text.startswith("**Maximize `val/accuracy`**, keeping `latency_ms` <= 20 (`sweeps/first.yaml`)")
    assert "5 of 6 trials: 2 complete, 2 failed, 1 pruned." in text
    assert "### Best: trial 2, `val/accuracy` 0.7500, `test/accuracy` 0.7000" in text
    assert "| `optimizer.lr` | 3.12346e-05 |" in text
    assert "hone train --config mlruns/trials/first-1/best.yaml" in text
    assert "hone reproduce best:first-1" in text
    assert "| `model.layers (model=bert)` | `range(1, 3)` |" in text
    assert "| 2 | oom: CUDA out of memory |" in text


def test_a_description_is_never_longer_than_a_tag():
    values = {f"model.a_rather_long_name_{place}": f"value|{place}" * 9 for place in range(60)}
    rows = [Row(number, "complete", number / 20, values, {}, 1.0) for number in range(20)]
    searched = dict.fromkeys(values, "choice(" + "x, " * 30 + ")")

    text = describe_study(Leaderboard("s-1", ["m"], [True], rows), Goal("s.yaml", searched, {}, 20, "best.yaml"))

    assert len(text) <= LONGEST
    assert "trial 19" in text


def test_a_study_without_a_complete_trial_is_described():
    text = describe_study(Leaderboard("s-1", ["m"], [False], [ROWS[1]]), GOAL, running=True)

    assert "1 of 6 trials so far: 1 failed." in text
    assert "### Best" not in text


def test_the_table_has_every_trial_best_first_and_nothing_where_there_is_nothing():
    table = json.loads(table_of(BOARD))

    frame = pd.DataFrame(table["data"], columns=table["columns"])
    assert list(frame["trial"]) == [2, 0, 1, 3, 4]
    assert frame["val/accuracy"].isna().sum() == 2
    assert frame.loc[0, "optimizer.lr"] == 3.1234567e-05
