import math
import os
import socket
import time

import pytest
import requests

from hone.errors import RunNotFound, StoreError
from hone.tracking.courier import Courier
from hone.tracking.failing import unreachable
from hone.tracking.lookup import find_run, list_runs, study_run
from hone.tracking.run import PROCESS, RunRecord, TrackedRun, end_abandoned, this_process
from hone.tracking.spool import Point, SpoolWriter
from hone.tracking.store import TrackingConfig, open_store


def test_a_store_is_made_where_there_is_none(tmp_path):
    config = TrackingConfig(directory=str(tmp_path / "new"))
    with pytest.raises(StoreError, match="nothing has been tracked here yet"):
        open_store(config, create=False)

    store = open_store(config)

    assert open_store(config, create=False).experiment.experiment_id == store.experiment.experiment_id
    assert store.experiment.artifact_location == (tmp_path / "new" / "artifacts").as_uri()


def test_a_store_that_cannot_be_written_is_named(tmp_path):
    (tmp_path / "file").touch()

    with pytest.raises(StoreError, match=r"file/mlruns: cannot be written"):
        open_store(TrackingConfig(directory=str(tmp_path / "file" / "mlruns")))


def test_a_store_that_is_away_is_named_at_once_and_without_its_password():
    with pytest.raises(StoreError) as caught:
        open_store(TrackingConfig(uri="http://me:secret@127.0.0.1:9/"))

    assert "secret" not in str(caught.value)
    assert "http://me:***@127.0.0.1:9/" in str(caught.value)


def test_parameters_metrics_and_files_arrive_however_many_there_are(store, tmp_path):
    run_id = store.start_run("a", {"k": "v" * 9_000})
    store.log_params(
        run_id, {f"p{number}": number for number in range(250)} | {"long": "x" * 9_000, "full": "y" * 6_000}
    )
    store.set_tags(run_id, {f"t{number}": "v" for number in range(250)})
    store.log_points(run_id, [Point("m", float(step), step, step) for step in range(2_500)])
    store.log_points(run_id, [Point("odd", math.nan, 0, 1), Point("big", math.inf, 0, 1)])
    store.log_texts(run_id, {"a/b.txt": "text", "c.txt": "more"})

    run = store.client.get_run(run_id)

    assert len(run.data.params) == 252
    assert len([one for one in run.data.tags if one.startswith("t")]) == 250
    assert run.data.params["long"] == "see params/long.txt (9000 characters)"
    assert run.data.params["full"] == "y" * 6_000
    assert len(store.client.get_metric_history(run_id, "m")) == 2_500
    assert math.isnan(run.data.metrics["odd"])
    assert {one.path for one in store.client.list_artifacts(run_id)} == {"a", "c.txt", "params"}


def test_a_point_that_is_delivered_twice_is_there_once(store):
    run_id = store.start_run("a", {})
    for _ in range(2):
        store.log_points(run_id, [Point("m", 1.0, 1, 1)])

    assert len(store.client.get_metric_history(run_id, "m")) == 1


def record(name="a", **tags):
    return RunRecord(name, tags, {"lr": 0.1}, {"config.yaml": "lr: 0.1\n"})


def test_the_courier_delivers_a_spool_while_it_grows_and_to_its_end(store, tmp_path):
    with Courier(store, interval=0.05) as courier, SpoolWriter(tmp_path) as spool:
        run = TrackedRun(courier, tmp_path)
        run.open(record())
        courier.settle()
        spool.append({"m": 1.0}, 1, 1.0)
        spool.flush()
        deadline = time.monotonic() + 10
        while not store.client.get_metric_history(run.run_id, "m") and time.monotonic() < deadline:
            time.sleep(0.02)
        assert store.client.get_run(run.run_id).info.status == "RUNNING"
        spool.append({"m": 2.0}, 2, 2.0)
        spool.flush()
        run.end("FINISHED", "complete")

    ended = store.client.get_run(run.run_id)
    assert ended.info.status == "FINISHED"
    assert ended.data.tags["hone.state"] == "complete"
    assert [one.value for one in store.client.get_metric_history(run.run_id, "m")] == [1.0, 2.0]
    assert courier.errors == []


def test_what_the_store_refuses_is_noted_once_and_what_follows_is_done(store, tmp_path):
    with Courier(store) as courier:
        run = TrackedRun(courier, tmp_path)
        run.open(record())
        for _ in range(2):
            run.log({"a" * 300: 1.0}, 0)
        run.tag({"after": "yes"})
        with pytest.raises(StoreError, match="aaa"):
            courier.settle()
        run.end("FINISHED", "complete")

    assert store.client.get_run(run.run_id).data.tags["after"] == "yes"
    assert len(courier.errors) == 1
    assert courier.waiting() == ""


def test_a_run_ends_whatever_of_its_last_values_is_not_taken(store):
    run_id, _ = store.open_run("one", {}, None, 0)
    values = {f"slice/{number}": float(number) for number in range(1_200)} | {"slice/a/": 1.0, "slice/<=50K": 2.0}

    with pytest.raises(StoreError):
        store.end_run(run_id, "FINISHED", {"hone.state": "complete"}, values)

    [run] = store.runs()
    assert (run.info.status, run.data.tags["hone.state"]) == ("FINISHED", "complete")
    assert run.data.metrics["slice/1199"] == 1199.0
    assert run.data.metrics["slice/__50K"] == 2.0


def test_a_parameter_of_an_odd_name_costs_none_of_the_others(store):
    run_id, _ = store.open_run("one", {}, None, 0)
    params = {f"model.{number}": number for number in range(150)}

    store.log_params(run_id, params | {"data.labels.C++": 1, "data.labels.a,b": 2, "x" * 300: "y" * 7_000})

    [run] = store.runs()
    assert run.data.params["model.149"] == "149"
    assert run.data.params["data.labels.C__"] == "1"
    assert len(run.data.params) == 153


def test_parameters_that_are_not_taken_cost_none_of_the_others(store):
    run_id, _ = store.open_run("one", {}, None, 0)
    store.log_params(run_id, {"a": 1})

    with pytest.raises(StoreError, match="does not take 'a'"):
        store.log_params(run_id, {"a": 2, "b": 3})

    assert store.runs()[0].data.params == {"a": "1", "b": "3"}


@pytest.mark.parametrize(("status", "passing"), [(413, False), (400, False), (503, True), (401, True)])
def test_what_a_server_will_never_take_is_not_waited_for(status, passing):
    response = requests.Response()
    response.status_code = status
    error = requests.HTTPError("no", response=response)

    assert unreachable("http://127.0.0.1:9/", error).passing is passing


def test_a_child_stands_under_its_parent(store, tmp_path):
    (tmp_path / "1").mkdir()
    with Courier(store) as courier:
        parent = TrackedRun(courier, tmp_path)
        parent.open(record("p"), spool=False)
        child = TrackedRun(courier, tmp_path / "1", parent)
        child.open(record("c"))
        child.end("KILLED", "pruned")
        parent.end("FINISHED", "complete")
        parent.reopen()

    assert store.client.get_run(child.run_id).data.tags["mlflow.parentRunId"] == parent.run_id
    assert store.client.get_run(parent.run_id).info.status == "RUNNING"


def test_runs_of_a_process_that_is_gone_are_ended_and_no_others(store):
    host, _, created = this_process().rsplit(":", 2)
    gone = store.start_run("gone", {PROCESS: f"{host}:{os.getpid()}:1.00"})
    never = store.start_run("never", {PROCESS: f"{host}:{2**22 + 1}:{created}"})
    alive = store.start_run("alive", {PROCESS: this_process()})
    elsewhere = store.start_run("elsewhere", {PROCESS: f"not-{socket.gethostname()}:1:1.00"})
    strangers = store.start_run("stranger", {})

    assert set(end_abandoned(store)) == {gone, never}

    states = {one: store.client.get_run(one).info.status for one in (gone, alive, elsewhere, strangers)}
    assert states == {gone: "FAILED", alive: "RUNNING", elsewhere: "RUNNING", strangers: "RUNNING"}


@pytest.fixture
def filled(store):
    """Two studies of two trials, and a single run."""
    for study, direction in (("first", "minimize"), ("second", "maximize")):
        store.start_run(study, {"hone.kind": "study", "hone.study": study, "hone.direction": direction})
        for number, value in enumerate((0.5, 0.75)):
            tags = {"hone.kind": "trial", "hone.study": study, "hone.state": "complete", "hone.trial": str(number)}
            run_id = store.start_run(f"{study}-{number}", tags)
            store.log_values(run_id, {"objective": value})
            store.end_run(run_id, "FINISHED")
    store.start_run("single", {"hone.kind": "train", "hone.state": "complete"})
    return store


def test_a_run_is_found_by_all_the_names_that_people_give_it(filled):
    single = find_run(filled, "single")

    assert find_run(filled, single.run_id) == single
    assert find_run(filled, single.run_id[:10]) == single
    assert find_run(filled, "best:first").name == "first-0"
    assert find_run(filled, "best:second").name == find_run(filled, "best").name == "second-1"
    assert find_run(filled, "best").objective == 0.75


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("singel", r"singel: no run by that name\. Did you mean single\?"),
        ("best:secnd", r"secnd: no study by that name\. Did you mean second\?"),
        ("it's", r"it's: no run by that name"),
    ],
)
def test_a_run_that_is_not_there_is_answered_with_the_nearest(filled, name, message):
    with pytest.raises(RunNotFound, match=message):
        find_run(filled, name)


def test_a_name_that_several_runs_have_asks_for_an_id(filled):
    filled.start_run("single", {"hone.kind": "train"})

    with pytest.raises(RunNotFound, match=r"2 runs go by that name; give an id: [0-9a-f]{8} \(single\)"):
        find_run(filled, "single")


def test_best_of_nothing_is_said(store):
    with pytest.raises(RunNotFound, match="there is no study yet"):
        find_run(store, "best")
    store.start_run("s", {"hone.kind": "study", "hone.study": "s", "hone.direction": "minimize"})
    with pytest.raises(RunNotFound, match="no trial of it has completed"):
        find_run(store, "best:s")


def test_studies_are_listed_without_their_trials_and_trials_by_their_study(filled):
    assert [one.name for one in list_runs(filled)] == ["single", "second", "first"]
    assert [one.name for one in list_runs(filled, "first")] == ["first-1", "first-0"]
    assert len(list_runs(filled, limit=1)) == 1
    assert study_run(filled, "nothing") is None
    with pytest.raises(RunNotFound, match="no study by that name"):
        list_runs(filled, "frist")
