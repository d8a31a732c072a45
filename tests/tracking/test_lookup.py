"""The same questions to the SQLite file itself and to MLflow get the same answers, for few queries."""

import math
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from hone.errors import RunNotFound, StoreError
from hone.tracking.config import TrackingConfig
from hone.tracking.database import Database
from hone.tracking.lookup import find_run, list_runs, open_runs, study_run, unfinished_trials
from hone.tracking.rows import Query
from hone.tracking.store import open_store

TRIALS = 40


@pytest.fixture(scope="module")
def filled(seeded_store, tmp_path_factory):
    """A study of many trials, with a NaN, an infeasible trial and one that has no value; and a single run."""
    place = tmp_path_factory.mktemp("filled") / "mlruns"
    shutil.copytree(seeded_store, place)
    store = open_store(TrackingConfig(directory=str(place)))
    tags = {"hone.kind": "study", "hone.study": "s", "hone.direction": "minimize", "hone.metric": "val/loss"}
    store.start_run("s", tags)
    for number in range(TRIALS):
        state = "pruned" if number % 4 == 3 else "complete"
        tags = {"hone.kind": "trial", "hone.study": "s", "hone.state": state, "hone.trial": str(number)}
        run_id = store.start_run(f"s-{number}", tags)
        if state == "complete":
            value = math.nan if number == 0 else number / 10
            store.log_values(run_id, {"objective": value, "val/loss": value, "size": -number, "equal": 1.0})
        if number in (1, 2):
            store.log_values(run_id, {"infeasible": 1.0})
        store.log_params(run_id, {"lr": number, "tuning@model": "lora"})
        store.end_run(run_id, "FINISHED")
    store.start_run("it's single", {"hone.kind": "train", "hone.state": "complete"})
    return store


def place_of(store, **changes):
    return TrackingConfig(**{"directory": str(Path(store.uri.removeprefix("sqlite:///")).parent), **changes})


@pytest.fixture(params=["file", "mlflow"])
def runs(request, filled):
    return filled if request.param == "mlflow" else open_runs(place_of(filled))


@pytest.fixture
def queries(runs, monkeypatch):
    """What the store is asked: statements to the file, pages from MLflow."""
    asked = []
    if isinstance(runs, Database):
        runs._connection.set_trace_callback(asked.append)
    else:
        search = runs.client.search_runs

        def counted(*arguments):
            asked.append(arguments)
            return search(*arguments)

        monkeypatch.setattr(runs.client, "search_runs", counted)
    return asked


def test_both_know_the_same_of_a_run(filled):
    file = open_runs(place_of(filled))

    assert repr(file.find(Query())) == repr(filled.find(Query()))
    assert len(file.find(Query())) == TRIALS + 2


def test_trials_are_sorted_by_a_metric_as_their_study_sees_it(runs):
    best = [one.name for one in list_runs(runs, "s", 3, sort="objective")]
    worst = [one.name for one in list_runs(runs, "s", 2, sort="val/loss", reverse=True)]

    assert best == ["s-1", "s-2", "s-4"]
    assert worst == ["s-38", "s-37"]
    assert [one.name for one in list_runs(runs, "s", 1, sort="size")] == ["s-0"]
    assert [one.name for one in list_runs(runs, "s", 2, sort="equal")] == ["s-0", "s-1"]
    # What has no value comes last, whichever way round.
    assert not any(math.isfinite(one.objective or math.nan) for one in list_runs(runs, "s", 99, sort="objective")[-11:])


def test_trials_are_listed_by_state(runs):
    assert {one.state for one in list_runs(runs, "s", state="pruned")} == {"pruned"}
    assert len(list_runs(runs, "s", state="pruned")) == TRIALS / 4
    assert list_runs(runs, "s", state="failed") == []


def test_the_best_keeps_every_constraint_and_is_found_in_few_queries(runs, queries):
    assert find_run(runs, "best:s").name == "s-4"
    assert len(queries) <= 2 * (4 if isinstance(runs, Database) else 1)


def test_a_prefix_is_found_without_looking_through_every_run(runs, queries):
    run_id = list_runs(runs, "s", 1)[0].run_id
    queries.clear()

    assert find_run(runs, run_id[:8]).run_id == run_id
    assert find_run(runs, run_id).run_id == run_id

    if isinstance(runs, Database):
        assert len(queries) == 2 * 4
        assert not any("LIKE" in one for one in queries)
    else:
        assert [one[1] for one in queries] == [
            f"attributes.artifact_uri LIKE '%/{run_id[:8]}%'",
            f"attributes.run_id = '{run_id}'",
        ]


def test_a_list_asks_for_no_more_than_it_shows(runs, queries):
    assert len(list_runs(runs, limit=20)) == 2
    assert len(list_runs(runs, "s", limit=20)) == 20
    if isinstance(runs, Database):
        assert len(queries) == 3 * 4
    else:
        assert [one[3] for one in queries] == [20, 1, 20]


def test_a_name_with_a_quote_is_found(runs):
    assert find_run(runs, "it's single").kind == "train"


def test_studies_and_trials_left_running_are_found(runs):
    assert study_run(runs, "s") == list_runs(runs)[1].run_id
    assert unfinished_trials(runs, "s") == {}
    with pytest.raises(RunNotFound, match="no run has been promoted yet"):
        find_run(runs, "champion")


def test_what_the_file_does_not_have_is_asked_of_mlflow_which_says_what_is_wrong(filled, tmp_path):
    assert isinstance(open_runs(place_of(filled)), Database)
    (tmp_path / "mlflow.db").write_text("not a database")

    with pytest.raises(StoreError, match="no experiment named 'other'"):
        open_runs(place_of(filled, experiment="other"))
    with pytest.raises(StoreError, match="cannot be used"):
        open_runs(TrackingConfig(directory=str(tmp_path)))


def test_looking_at_a_sqlite_store_imports_no_mlflow():
    code = (
        "import sys; from hone.cli import looking; from hone.tracking.database import Database;"
        "sys.exit(any(one in sys.modules for one in ('mlflow', 'torch', 'optuna')))"
    )

    assert subprocess.run([sys.executable, "-c", code]).returncode == 0


def test_a_group_at_a_package_is_a_parameter_by_its_own_name(runs):
    assert find_run(runs, "s-5").params == {"lr": "5", "tuning@model": "lora"}
