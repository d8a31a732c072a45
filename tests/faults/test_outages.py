"""The tracking server is away, hangs, answers nonsense or is full: training goes on, and nothing is lost or doubled.

In each test the outage begins when the first trial has ended, and is over when the sweep is.
"""

import contextlib
import gc
import itertools
import json
import signal
import threading
import time
import warnings
from collections import Counter

import pytest
from mlflow.utils import request_utils
from servers import MlflowServer, Proxy

from hone.sweep.lock import only_controller
from hone.tracking import courier
from hone.tracking.store import TrackingConfig, open_store

SWEEP = ["sweep", "toy_sweep.yaml", "--config-name", "toy"]
STUDY = "toy_sweep-1"
EXPERIMENTS = itertools.count()


@pytest.fixture(autouse=True)
def _impatient(monkeypatch):
    """What takes a user a quarter of a minute is not waited for here."""
    monkeypatch.setenv("MLFLOW_HTTP_REQUEST_TIMEOUT", "3")
    monkeypatch.setattr(courier, "PATIENCE_SECONDS", 3.0)


@pytest.fixture(autouse=True)
def _hung_up(_no_leaks):
    """A request that nobody waits for any more ends before the next test, and its connection is closed."""
    yield
    for thread in threading.enumerate():
        if thread.name == courier.THREAD:
            thread.join(60)
    with warnings.catch_warnings():
        # Such a request leaves its socket to the garbage collector; users' processes have ended by then.
        warnings.simplefilter("ignore", ResourceWarning)
        request_utils._cached_get_request_session.cache_clear()
        gc.collect()


@pytest.fixture
def proxy(mlflow_server):
    one = Proxy(mlflow_server.port)
    yield one
    one.close()


class Where:
    """A store behind a URI, with an experiment of its own, and the directory that a sweep left."""

    def __init__(self, uri, project, experiment=None):
        self.uri = uri
        self.experiment = experiment or f"outage-{next(EXPERIMENTS)}"
        self.project = project

    @property
    def options(self):
        return [f"tracking.uri={self.uri}", f"tracking.experiment={self.experiment}"]

    @property
    def sync(self):
        return ["sync", "--config-name", "toy", *self.options]

    def store(self):
        return open_store(TrackingConfig(self.uri, self.experiment))

    def check(self, trials, state="complete"):
        """Every metric that was produced is there once, in runs that ended, under one parent."""
        store = self.store()
        runs = store.runs("tags.`hone.kind` = 'trial'")
        [parent] = store.runs("tags.`hone.kind` = 'study'")
        assert sorted(int(run.data.tags["hone.trial"]) for run in runs) == list(range(trials))
        assert {run.data.tags["mlflow.parentRunId"] for run in runs} == {parent.info.run_id}
        assert {run.info.status for run in (*runs, parent)} == {"FINISHED"}
        assert {run.data.tags["hone.state"] for run in (*runs, parent)} == {state}
        for run in runs:
            directory = self.project / "mlruns" / "trials" / STUDY / f"{int(run.data.tags['hone.trial']):04d}"
            produced = Counter(
                (name, step, value)
                for step, _, metrics in map(json.loads, (directory / "metrics.jsonl").read_text().splitlines())
                for name, value in metrics.items()
            )
            names = {name for name, _, _ in produced}
            kept = Counter(
                (name, one.step, one.value)
                for name in names
                for one in store.client.get_metric_history(run.info.run_id, name)
            )
            assert kept == produced
            artifacts = {one.path for one in store.client.list_artifacts(run.info.run_id)}
            assert {"config.yaml", "provenance.json", "log.txt"} <= artifacts
        assert "leaderboard.csv" in {one.path for one in store.client.list_artifacts(parent.info.run_id)}
        return parent, runs


@contextlib.contextmanager
def once_a_trial_has_ended(project, begin):
    """Call something from another thread when the first result is there."""

    def watch():
        while not over.is_set() and not list((project / "mlruns").glob("trials/*/*/result.json")):
            time.sleep(0.01)
        if not over.is_set():
            begin()

    over = threading.Event()
    thread = threading.Thread(target=watch, name="watch")
    thread.start()
    try:
        yield
    finally:
        over.set()
        thread.join()


OUTAGES = {
    "killed and started again": (lambda server, _: server.kill(), lambda server, _: server.start()),
    "hanging": (lambda server, _: server.send(signal.SIGSTOP), lambda server, _: server.send(signal.SIGCONT)),
    "answering 500": (lambda _, proxy: proxy.refuse(500), lambda _, proxy: proxy.relent()),
    "answering 429": (lambda _, proxy: proxy.refuse(429, **{"Retry-After": "1"}), lambda _, proxy: proxy.relent()),
    "full": (lambda server, _: server.fill_disk(), lambda server, _: server.free_disk()),
}


@pytest.mark.parametrize("outage", OUTAGES)
def test_an_outage_costs_no_trial_and_no_metric(mlflow_server, proxy, project, hone_here, outage):
    begin, end = OUTAGES[outage]
    where = Where(proxy.uri if "answering" in outage else mlflow_server.uri, project)
    try:
        with once_a_trial_has_ended(project, lambda: begin(mlflow_server, proxy)):
            answer = hone_here(*SWEEP, *where.options, "executor.max_parallel=1", "model.pause=0.1")
    finally:
        end(mlflow_server, proxy)

    assert answer.returncode == 0, answer.stdout + answer.stderr
    assert "Traceback" not in answer.stdout + answer.stderr
    assert f"{STUDY}: best of 4 trials" in answer.stdout
    waiting = [line for line in answer.stdout.splitlines() if line.startswith("not tracked yet:")]
    assert len(waiting) == 1
    assert "wait to be delivered" in waiting[0]
    assert "hone sync tracking.uri=" in waiting[0]

    synced = hone_here(*where.sync)

    assert synced.returncode == 0, synced.stdout + synced.stderr
    assert "runs delivered" in synced.stdout
    where.check(4)
    again = hone_here(*where.sync)
    assert (again.returncode, again.stdout) == (0, "nothing waits to be delivered\n")
    where.check(4)


def test_a_server_that_comes_back_while_the_sweep_runs_is_given_all_that_it_missed(proxy, project, hone_here):
    where = Where(proxy.uri, project)

    def busy_for_a_while():
        proxy.refuse(503, requests=4)

    with once_a_trial_has_ended(project, busy_for_a_while):
        answer = hone_here(*SWEEP, *where.options, "executor.max_parallel=1", "model.pause=0.2", "trials=6")

    assert answer.returncode == 0, answer.stdout + answer.stderr
    assert proxy.refused == 4
    assert "not tracked" not in answer.stdout
    where.check(6)


def test_a_server_that_asks_for_patience_is_given_it(proxy, project, hone_here):
    where = Where(proxy.uri, project)
    with once_a_trial_has_ended(project, lambda: proxy.refuse(429, requests=1, **{"Retry-After": "2"})):
        answer = hone_here(*SWEEP, *where.options, "trials=2")

    assert answer.returncode == 0, answer.stdout + answer.stderr
    assert "not tracked" not in answer.stdout
    assert proxy.pause_after_refusal >= 2
    where.check(2)


def test_a_server_that_is_not_there_at_the_start_is_said_in_a_line_and_offline_does_without(
    mlflow_server, project, hone_here
):
    where = Where("http://127.0.0.1:9", project)

    answer = hone_here(*SWEEP, *where.options)

    assert answer.returncode == 2
    assert len(answer.stderr.strip().splitlines()) == 1
    assert "hone: http://127.0.0.1:9: the tracking store cannot be used" in answer.stderr
    assert "tracking.offline=true does without it, and hone sync delivers later" in answer.stderr
    assert not list((project / "mlruns").glob("trials/*"))

    offline = hone_here(*SWEEP, *where.options, "tracking.offline=true", "trials=2")
    assert offline.returncode == 0, offline.stderr
    assert "not tracked yet: 3 runs wait to be delivered; hone sync" in offline.stdout
    resumed = hone_here(*SWEEP, *where.options, "tracking.offline=true", "--resume")
    assert resumed.returncode == 0, resumed.stderr
    ended = time.time()
    away = hone_here(*where.sync)
    assert away.returncode == 2
    assert not (project / "mlruns" / "mlflow.db").exists()

    back = Where(mlflow_server.uri, project)
    synced = hone_here(*back.sync)
    assert synced.returncode == 0, synced.stdout + synced.stderr
    parent, runs = back.check(4)
    assert all(run.info.start_time < run.info.end_time < ended * 1000 for run in (parent, *runs))
    assert hone_here(*back.sync).stdout == "nothing waits to be delivered\n"


def test_a_single_run_is_trained_offline_and_delivered_later(project, hone_here):
    answer = hone_here("train", "--config-name", "toy", "trainer.max_epochs=2", "tracking.offline=true")
    assert answer.returncode == 0, answer.stderr
    assert "not tracked yet: 1 run waits to be delivered; hone sync delivers them" in answer.stdout
    looked = hone_here("ls", "--config-name", "toy")
    assert looked.returncode == 2
    assert "nothing has been tracked here yet; waiting: train/0000; hone sync delivers them" in looked.stderr

    synced = hone_here("sync", "--config-name", "toy")

    assert synced.returncode == 0
    assert "train/0000: 1 run delivered" in synced.stdout
    listed = hone_here("ls", "--config-name", "toy")
    assert "toy-0000" in listed.stdout
    assert "complete" in listed.stdout


def test_a_sweep_that_is_running_is_left_to_itself(project, hone_here):
    assert hone_here(*SWEEP, "trials=1", "tracking.offline=true").returncode == 0

    with only_controller(project / "mlruns" / "trials" / STUDY):
        held = hone_here("sync", "--config-name", "toy")

    assert held.returncode == 1
    assert f"{STUDY}: 0 runs delivered, 0 metric values; 2 runs left: a hone is running it" in held.stdout
    assert hone_here("sync", "--config-name", "toy").returncode == 0


def test_a_sweep_on_a_server_over_postgresql(postgres, tmp_path, project, hone_here, monkeypatch):
    monkeypatch.setenv("MLFLOW_HTTP_REQUEST_TIMEOUT", "60")
    server = MlflowServer(tmp_path, postgres.database()).start()
    try:
        where = Where(server.uri, project)

        answer = hone_here(*SWEEP, *where.options, "trials=16")

        assert answer.returncode == 0, answer.stdout + answer.stderr
        if "not tracked" in answer.stdout:
            # A machine that is busy with other things.
            assert hone_here(*where.sync).returncode == 0
        where.check(16)
    finally:
        server.kill()
