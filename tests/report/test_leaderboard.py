import csv
import io

import pytest
from rich.console import Console

from hone.report import Leaderboard, Row, clock, short


def board(maximize=True):
    rows = (
        Row(
            0, "complete", 0.5, {"optimizer.lr": 0.1, "model": "mlp"}, {"val/accuracy": 0.5, "test/accuracy": 0.4}, 2.0
        ),
        Row(1, "pruned", 0.9, {"optimizer.lr": 0.2, "model": "cnn"}),
        Row(2, "complete", 0.75, {"optimizer.lr": 3e-05, "model": "cnn"}, {"test/accuracy": 0.7}, 3.0),
        Row(3, "failed", None, {"optimizer.lr": 1.0, "model": "cnn"}),
    )
    return Leaderboard("s-1", ["val/accuracy"], [maximize], rows)


def test_the_best_is_a_complete_trial_in_either_direction():
    assert board().best().number == 2
    assert board(maximize=False).best().number == 0
    assert [one.number for one in board().ranked()] == [2, 0, 1, 3]
    assert Leaderboard("s", ["m"], [True]).best() is None


def test_states_are_counted():
    assert board().counts() == {"complete": 2, "failed": 1, "pruned": 1}


def test_the_table_shows_the_objective_beside_its_test_value():
    console = Console(width=120, record=True, file=io.StringIO())
    console.print(board().as_table())
    lines = [line.split() for line in console.export_text().splitlines()]

    assert lines[1] == ["trial", "val/accuracy", "test/accuracy", "lr", "model", "seconds"]
    assert lines[2] == ["2", "0.7500", "0.7000", "3.0e-05", "cnn", "3.0"]
    assert len(lines) == 4


def test_the_markdown_table_has_the_best_trials():
    table = board().as_markdown_table()

    assert table.splitlines()[0] == "| trial | val/accuracy | test/accuracy | lr | model | seconds |"
    assert "| 2 | 0.7500 | 0.7000 | 3.0e-05 | cnn | 3.0 |" in table
    assert Leaderboard("s", ["m"], [True]).as_markdown_table() == ""


def test_the_csv_holds_every_trial():
    rows = list(csv.DictReader(io.StringIO(board().as_csv())))

    assert [row["trial"] for row in rows] == ["2", "0", "1", "3"]
    assert rows[0]["test/accuracy"] == "0.7"
    assert rows[-1]["val/accuracy"] == ""


@pytest.mark.parametrize(
    ("value", "text"),
    [(0.00031, "3.1e-04"), (0.25, "0.25"), (0.0, "0"), (1e6, "1.0e+06"), (64, "64"), ("relu", "relu")],
)
def test_values_are_short(value, text):
    assert short(value) == text


@pytest.mark.parametrize(
    ("seconds", "text"), [(0.4, "0s"), (59, "59s"), (185, "3m 05s"), (4_320, "1h 12m"), (-1, "0s")]
)
def test_times_are_read_at_a_glance(seconds, text):
    assert clock(seconds) == text
