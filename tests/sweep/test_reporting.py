"""The report of a sweep: drawn beside it, and found in its parent run."""

import json
import os
import subprocess
import sys

import pytest
from scripted_workers import Script

from hone.report import Leaderboard, Row
from hone.sweep.reporting import Reporting


def artifacts(sweep, run, folder=None):
    return {one.path for one in sweep.store.client.list_artifacts(run.info.run_id, folder)}


def test_a_sweep_leaves_its_report_in_its_run(sweep, monkeypatch):
    monkeypatch.setenv("HONE_REPORT", "true")

    summary = sweep.run(lambda job: Script((2.0, 1.0 + job.number)), "trials=6")

    assert summary.state == "complete"
    [parent] = sweep.runs("study")
    pictures = artifacts(sweep, parent, "report")
    assert {"report/index.html", "report/history.png", "report/slices.png", "report/timeline.png"} <= pictures
    note = parent.data.tags["mlflow.note.content"]
    assert "6 of 6 trials: 6 complete." in note
    assert "hone reproduce best:toy_sweep-1" in note
    assert sweep.said.index("best of 6 trials") > 0
    assert "not drawn" not in sweep.said


LOAD = """
import mlflow, sys
frame = mlflow.MlflowClient().load_table(sys.argv[1], "leaderboard.json", run_ids=[sys.argv[2]])
print(frame[["trial", "val/loss"]].to_json(orient="values"))
"""


def test_the_leaderboard_is_a_table_that_mlflow_loads(sweep):
    sweep.run(lambda job: Script((2.0, 1.0 + job.number)), "trials=4")

    [parent] = sweep.runs("study")
    # In a process of its own: it leaves threads behind.
    answer = subprocess.run(
        [sys.executable, "-c", LOAD, parent.info.experiment_id, parent.info.run_id],
        capture_output=True,
        text=True,
        timeout=120,
        env=os.environ | {"MLFLOW_TRACKING_URI": sweep.store.uri},
    )
    assert answer.returncode == 0, answer.stderr
    assert json.loads(answer.stdout) == [[0, 1.0], [1, 2.0], [2, 3.0], [3, 4.0]]
    assert artifacts(sweep, parent, "report") == set()


class Books:
    """Notes what a report asks to be written down."""

    study = "s-1"

    def __init__(self):
        self.shown = []

    def show(self, board, running=False):
        self.shown.append(len(board))

    def add_report(self, folder):
        pass


@pytest.fixture
def reporting(tmp_path, monkeypatch):
    """Reporting whose artist answers at once, with a clock that the test sets."""
    (tmp_path / "trials" / "s-1").mkdir(parents=True)
    books, now = Books(), [0.0]
    books.plan = type("Plan", (), {"config": {"tracking": {"report": True}}})()
    made = Reporting(books, None, tmp_path, lambda: now[0])
    monkeypatch.setattr(made._artist, "warm_up", lambda **_: None)
    monkeypatch.setattr(made._artist, "ask", lambda request: None)
    return made, books, now


def test_pictures_are_drawn_after_five_trials_then_as_they_grow_and_no_oftener_than_once_a_minute(reporting):
    made, books, now = reporting
    board = Leaderboard("s-1", ["m"], [True])
    for number in range(100):
        board.add(Row(number, "complete", 1.0, {}))
        now[0] += 5.0
        made.ended(type("Trial", (), {"number": number})(), board)

    assert books.shown[0] == 5
    assert all(
        later >= 12 + earlier or later >= 1.5 * earlier
        for earlier, later in zip(books.shown, books.shown[1:], strict=False)
    )
    assert len(books.shown) <= 7
