"""The fork server's own promises, beyond what the contracts hold all workers to."""

import os
import signal
import subprocess
import sys
import time
from dataclasses import replace

import psutil
import pytest

from hone.config.compose import Composer, resolve
from hone.config.files import write_yaml
from hone.executors.warm import EarlyWorkers, WarmWorkers
from hone.worker.messages import Begin, Exited, Failed, Forked, Lease, Report, Result, Started, TrialJob, Verdict


@pytest.fixture
def job(project):
    def make(number=0, **model):
        directory = project / f"{number:04d}"
        directory.mkdir()
        overrides = ["trainer.max_epochs=2", *(f"model.{key}={value}" for key, value in model.items())]
        write_yaml(resolve(Composer(project / "conf", "toy").compose(overrides).config), directory / "trial.yaml")
        return TrialJob(number, str(directory), Lease(1, ()), start_from=str(project))

    return make


def begin(line):
    assert isinstance(line.receive(), Started)
    line.send(Begin())


def ended(workers):
    """The next word of the server but that it has forked."""
    while isinstance(message := workers.control.receive(), Forked):
        pass
    return message


def play(workers, line):
    """Answer a trial until it has ended."""
    begin(line)
    while not isinstance(message := line.receive(), Result | Failed):
        assert isinstance(message, Report)
        line.send(Verdict())
    line.close()
    assert isinstance(ended(workers), Exited)


def test_what_a_trial_prints_goes_to_its_own_log(job, start_workers, project):
    workers = start_workers()

    play(workers, workers.start(job(misbehave="hello")))

    assert "the toy says hello" in (project / "0000" / "log.txt").read_text()


def test_a_trial_runs_under_its_lease(job, start_workers, project):
    workers = start_workers()

    play(workers, workers.start(replace(job(misbehave="hello"), lease=Lease(2, ("1", "3")))))

    assert "threads 2, devices 1,3" in (project / "0000" / "log.txt").read_text()


def test_a_kill_that_follows_at_once_on_a_start_is_heeded(job, start_workers):
    workers = start_workers()
    for number in range(8):
        line = workers.start(job(number, pause=30.0))
        workers.kill(number)
        assert ended(workers) == Exited(number, -signal.SIGKILL)
        line.close()


def test_each_trial_has_a_session_of_its_own(job, start_workers):
    workers = start_workers()
    line = workers.start(job(misbehave="hang", at_epoch=0))
    begin(line)

    forked = workers.control.receive()
    assert isinstance(forked, Forked)
    assert os.getsid(forked.pid) == forked.pid

    workers.kill(0)
    assert ended(workers) == Exited(0, -signal.SIGKILL)
    line.close()


def test_a_worker_whose_controller_hangs_up_ends(job, start_workers):
    workers = start_workers()
    line = workers.start(job())
    assert isinstance(line.receive(), Started)

    line.close()

    assert isinstance(ended(workers), Exited)


def test_no_trial_outlives_a_controller_that_is_gone(job, project):
    own = WarmWorkers()
    own.preload(["toy"])
    line = own.start(job(misbehave="hang", at_epoch=0))
    begin(line)
    [worker] = psutil.Process(own.process.pid).children()

    own.close()
    line.close()

    deadline = time.monotonic() + 10
    while psutil.pid_exists(worker.pid) and time.monotonic() < deadline:
        time.sleep(0.05)
    assert not psutil.pid_exists(worker.pid)
    assert own.process.returncode == 0


def test_a_server_that_nobody_took_up_ends_at_once():
    began = time.monotonic()
    with EarlyWorkers() as early:
        process = early._early.process

    assert process.returncode is not None
    assert time.monotonic() - began < 3


def test_workers_import_neither_mlflow_nor_optuna(project):
    look = "print([one for one in ('mlflow', 'optuna') if one in sys.modules])"
    code = f"import sys, hone.training, hone.worker.forkserver; {look}"
    answer = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)

    assert answer.stdout.strip() == "[]"
