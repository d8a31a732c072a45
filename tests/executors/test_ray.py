"""Sweeps on a Ray cluster of several raylets, which are killed, drained and started again."""

import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import pytest
import yaml
from clusters import Cluster
from terminal import wait_for

from hone.config.files import read_yaml
from hone.study import read_study
from hone.tracking.store import TrackingConfig, open_store

TOY = ["sweep", "toy_sweep.yaml", "--config-name", "toy", "tracking.report=false"]
# A plain function imports no torch, so that what is left is the cluster.
WALK = {
    "base": ["objective={_target_: walks.walk, x: 0, steps: 4, seconds: 0.1}"],
    "metric": "value",
    "direction": "minimize",
    "sampler": "random",
    "space": {"objective.x": "interval(0, 1)"},
    "resources": {"cpus": 1},
}


# Nodes are started for them, and Ray takes its time to give a head up.
soak = pytest.mark.skipif("HONE_SOAK" not in os.environ, reason="takes minutes; make soak")


@pytest.fixture(scope="module")
def cluster():
    """A head without room for trials, and two nodes."""
    # Sockets lie in it, whose paths must be short.
    directory = Path(tempfile.mkdtemp(prefix="hone-ray-"))
    made = Cluster(directory)
    made.head(num_cpus=0)
    made.node("one", num_cpus=2)
    made.node("two", num_cpus=2)
    yield made
    made.stop()
    shutil.rmtree(directory, ignore_errors=True)


@pytest.fixture
def on_cluster(cluster, hone, project):
    """``hone sweep`` on the cluster; also in the background, to be interfered with."""

    def run(*arguments, timeout=240):
        address = f"executor.address={cluster.address}"
        return hone(*arguments, "executor=ray", address, timeout=timeout, env=cluster.token)

    started = []

    def begin(*arguments):
        command = [Path(sys.executable).with_name("hone"), *arguments, "executor=ray"]
        command += [f"executor.address={cluster.address}"]
        environment = os.environ | cluster.token | {"PYTHONPATH": str(project), "COLUMNS": "160"}
        log = (project / "sweep.log").open("wb")
        started.append(subprocess.Popen(command, env=environment, stdout=log, stderr=log, cwd=project))
        log.close()
        return started[-1]

    run.begin = begin
    yield run
    for one in started:
        if one.poll() is None:
            one.kill()
        one.wait()


def write_sweep(project, **content):
    (project / "walk.yaml").write_text(yaml.safe_dump(WALK | content))
    return ["sweep", "walk.yaml", "tracking.report=false"]


def results(project, study):
    found = {}
    for path in sorted((project / "mlruns" / "trials" / study).glob("[0-9]*/result.json")):
        found[int(path.parent.name)] = json.loads(path.read_text())
    return found


def test_forty_pruned_trials_outlast_a_node(cluster, on_cluster, project, postgres, mlflow_server):
    storage, experiment = postgres.database(), "cluster"
    more = [f"study.storage={storage}", f"tracking.uri={mlflow_server.uri}", f"tracking.experiment={experiment}"]
    sweep = on_cluster.begin(*write_sweep(project, trials=40, pruner="median"), *more)
    wait_for(lambda: len(results(project, "walk-1")) >= 6, seconds=120)
    before = results(project, "walk-1")

    cluster.kill("two")

    assert sweep.wait(240) == 0, (project / "sweep.log").read_text()
    assert "is lost" in (project / "sweep.log").read_text()
    study = read_study("walk-1", storage, project / "mlruns" / "studies").study
    states = [one.state.name for one in study.trials]
    study._storage._backend.engine.dispose()
    assert len(states) == 40
    assert set(states) == {"COMPLETE", "PRUNED"}
    after = results(project, "walk-1")
    assert {number: after[number] for number in before} == before
    store = open_store(TrackingConfig(uri=mlflow_server.uri, experiment=experiment))
    ended = [one.info.status for one in store.runs("tags.`hone.kind` = 'trial'")]
    assert len(ended) == 40
    assert set(ended) == {"FINISHED", "KILLED"}
    assert cluster.is_empty(), cluster.seen
    cluster.node("two", num_cpus=2)


def test_the_same_file_and_seed_give_the_same_to_the_bit_on_a_node_that_shares_no_disk(
    cluster, on_cluster, project, hone
):
    """One node's raylet has an empty file system where the sweep's directory is."""
    same = ["resources.cpus=1", "executor.max_parallel=1", "sampler=tpe"]
    assert hone(*TOY, *same, "study.name=here").returncode == 0
    (project / "mlruns").mkdir(exist_ok=True)
    cluster.node("far", hide=project / "mlruns", num_cpus=1, resources='{"far":1}')
    try:
        answer = on_cluster(*TOY, *same, "study.name=there", "executor.custom={far: 1}")
    finally:
        cluster.kill("far")

    assert answer.returncode == 0, answer.stdout + answer.stderr
    here, there = results(project, "here"), results(project, "there")
    timed = ("seconds",)
    assert [{key: one[key] for key in one if key not in timed} for one in here.values()] == [
        {key: one[key] for key in one if key not in timed} for one in there.values()
    ]
    assert all(one["weights"] for one in there.values())
    for number in here:
        mine, other = (project / "mlruns" / "trials" / name / f"{number:04d}" for name in ("here", "there"))
        assert read_yaml(mine / "trial.yaml") == read_yaml(other / "trial.yaml")
        assert spooled(mine) == spooled(other)
        assert (other / "log.txt").is_file()
    checkpoints = list((project / "mlruns" / "trials" / "there").rglob("best.ckpt"))
    assert checkpoints
    assert all(one.stat().st_size > 0 for one in checkpoints)


def spooled(directory):
    """Steps and metrics that training wrote, without what the machine was like."""
    lines = [json.loads(line) for line in (directory / "metrics.jsonl").read_text().splitlines()]
    return [(step, metrics) for step, _, metrics in lines if not any(name.startswith("system/") for name in metrics)]


def test_a_trial_of_two_nodes_trains_on_both(cluster, on_cluster, project):
    answer = on_cluster(*TOY, "trials=1", "resources.cpus=1", "resources.nodes=2", "study.name=wide")

    assert answer.returncode == 0, answer.stdout + answer.stderr
    [result] = results(project, "wide").values()
    assert result["type"] == "Result"
    # Two ranks share the 64 rows.
    directory = project / "mlruns" / "trials" / "wide" / "0000"
    config = read_yaml(directory / "trial.yaml")
    batch = config["data"]["batch_size"]
    assert result["steps"] == 3 * -(-32 // batch)
    assert (directory / "log-node-1.txt").is_file()
    assert cluster.is_empty(), cluster.seen


@soak
def test_a_node_that_is_to_be_taken_away_is_left_and_its_trials_go_on(cluster, on_cluster, project):
    sweep = on_cluster.begin(
        *TOY, "trials=1", "resources.cpus=1", "model.pause=0.5", "trainer.max_epochs=30", "study.name=moved",
        "executor.custom={spare: 1}", "executor.max_parallel=1",
    )  # fmt: skip
    cluster.node("spot", num_cpus=1, resources='{"spare":1}')
    directory = project / "mlruns" / "trials" / "moved" / "0000"
    wait_for(lambda: (directory / "resume.ckpt").is_file(), seconds=120)

    cluster.drain("spot")
    cluster.node("other", num_cpus=1, resources='{"spare":1}')

    assert sweep.wait(120) == 0, (project / "sweep.log").read_text()
    assert "is to be taken away" in (project / "sweep.log").read_text()
    assert "resumed" in (directory / "log.txt").read_text() or (directory / "result-1.json").is_file()
    [result] = results(project, "moved").values()
    assert result["type"] == "Result"
    for name in ("spot", "other"):
        cluster.kill(name)


def test_a_controller_that_is_killed_leaves_nothing_in_the_cluster_and_is_resumed(cluster, on_cluster, project):
    command = write_sweep(project, trials=12)
    sweep = on_cluster.begin(*command)
    wait_for(lambda: len(results(project, "walk-1")) >= 3, seconds=120)

    sweep.send_signal(signal.SIGKILL)
    sweep.wait()

    assert cluster.is_empty(), cluster.seen
    answer = on_cluster(*command, "--resume")
    assert answer.returncode == 0, answer.stdout + answer.stderr
    assert len(results(project, "walk-1")) == 12


@pytest.mark.parametrize(
    ("more", "expected"),
    [
        (["executor.address=127.0.0.1:1"], "executor.address: no Ray cluster answers at 127.0.0.1:1"),
        (["resources.gpus=16"], "resources: no node has 1 CPU, 16 GPU"),
        (["resources.gpus=auto"], "resources.gpus: auto measures one machine"),
        (["resources.nodes=2", "resources.gpus=3"], "gpus must be a multiple of nodes=2"),
    ],
)
def test_what_a_cluster_cannot_do_is_said_in_a_line(cluster, hone, project, more, expected):
    address = [] if "address" in more[0] else [f"executor.address={cluster.address}"]

    answer = hone(*TOY, "executor=ray", *address, *more, env=cluster.token)

    assert answer.returncode == 2, answer.stdout
    assert expected in answer.stderr
    assert "Traceback" not in answer.stderr
    assert not list((project / "mlruns" / "trials").glob("*"))


def test_a_fault_of_input_names_the_node(cluster, on_cluster, project):
    answer = on_cluster(
        *TOY, "data._target_=toy.FiledData", "+data.path=nowhere.csv", "~data.rows", "trials=1", "failure.error=stop"
    )

    assert answer.returncode == 2
    assert "nowhere.csv" in answer.stderr
    assert "on node" in answer.stderr


@soak
def test_a_cluster_whose_head_is_lost_is_taken_up_again(cluster, on_cluster, project):
    command = write_sweep(project, trials=60)
    sweep = on_cluster.begin(*command)
    wait_for(lambda: len(results(project, "walk-1")) >= 3, seconds=120)

    for name in list(cluster.nodes):
        cluster.kill(name)
    time.sleep(1)
    cluster.head(num_cpus=2)

    assert sweep.wait(240) == 0, (project / "sweep.log").read_text()
    log = (project / "sweep.log").read_text()
    assert "connection to the cluster is lost" in log
    assert "cluster is back" in log
    assert len(results(project, "walk-1")) == 60
