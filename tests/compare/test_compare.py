"""Runs side by side."""

import re

import pytest

from hone.compare.curves import chart
from hone.compare.differences import compare
from hone.tracking.spool import Point
from hone.tracking.store import Store

CONFIG = "seed: {seed}\nmodel: {{_target_: toy.ToyModel, lr: {lr}, note: {note}}}\n"


@pytest.fixture
def two(store):
    """Two runs that differ in a nested key, a fact and a metric."""
    ids = []
    for number, (lr, threads) in enumerate(((0.1, 1), (0.2, 2))):
        run_id = store.start_run(f"run <{number}>", {"hone.kind": "train", "hone.state": "complete"})
        provenance = f'{{"threads": {threads}, "python": "3.11.2", "packages": {{"torch": "2.{number}"}}}}'
        config = CONFIG.format(seed=1, lr=lr, note="same")
        store.log_texts(run_id, {"config.yaml": config, "provenance.json": provenance})
        points = [Point("val/loss", 1.0 / (step + number + 1), step, step) for step in range(5)]
        store.log_points(run_id, [*points, Point("test/acc", 0.5, 0, 1)])
        store.end_run(run_id, "FINISHED")
        ids.append(run_id)
    return ids


def test_only_what_differs_is_there(store: Store, two):
    comparison = compare(store, two)

    assert comparison.config == (("model.lr", ("0.1", "0.2")),)
    assert dict(comparison.made_with) == {"threads": ("1", "2"), "package: torch": ("2.0", "2.1")}
    assert dict(comparison.metrics) == {"val/loss": ("0.2", "0.16667")}
    assert comparison.same == (3, 2, 1)


def test_values_that_differ_in_their_last_digits_are_shown_whole(store, two):
    store.log_points(two[0], [Point("x", 0.12345678, 0, 0)])
    store.log_points(two[1], [Point("x", 0.12345679, 0, 0)])

    assert dict(compare(store, two).metrics)["x"] == ("0.12345678", "0.12345679")


@pytest.mark.parametrize("width", [40, 80, 160])
def test_a_chart_is_as_wide_as_the_terminal(store, two, width):
    lines = chart(compare(store, two), "val/loss", width).plain.splitlines()

    assert lines[0] == "val/loss"
    assert max(map(len, lines)) <= width
    assert any(0x2801 <= ord(one) <= 0x28FF for line in lines for one in line)
    assert lines[-1].rstrip().endswith("4")


def test_the_command_writes_a_picture_and_a_page_that_needs_nothing_else(project, store, two, hone_here, monkeypatch):
    monkeypatch.setenv("MLFLOW_TRACKING_URI", store.uri)
    toy = ("--config-name", "toy")
    answer = hone_here("compare", *two, *toy, f"tracking.uri={store.uri}", "--png", "a.png", "--html", "a.html")

    assert answer.returncode == 0, answer.stderr
    assert "model.lr" in answer.stdout
    assert "note" not in answer.stdout
    assert (project / "a.png").read_bytes().startswith(b"\x89PNG")
    page = (project / "a.html").read_text()
    assert "run &lt;0&gt;" in page
    assert "<svg" in page
    assert not re.search(r"<(script|link|img|iframe)\b", page)
    assert not re.search(r"(src|href)=\"https?:", page)


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        (["{0}"], "hone: hone compare: give two runs or more"),
        (["{0}", "{1}", "--metric", "val/los"], "hone: --metric val/los: no run has it. Did you mean val/loss?"),
        (["{0}", "{1}", "--png", "none/a.png"], "no such directory"),
        (["{0}", "nothing"], "hone: nothing: no run by that name"),
    ],
)
def test_what_is_wrong_is_said_in_one_line(arguments, expected, project, store, two, hone_here):
    given = [one.format(*two) for one in arguments]

    answer = hone_here("compare", *given, "--config-name", "toy", f"tracking.uri={store.uri}")

    assert answer.returncode == 2
    assert expected in answer.stderr
    assert len(answer.stderr.splitlines()) == 1
