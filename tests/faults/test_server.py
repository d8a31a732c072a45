"""The fork server itself is lost: memory ran out, or somebody killed it."""

import time
from pathlib import Path

import psutil

from hone.config.compose import Composer, resolve
from hone.config.files import write_yaml
from hone.executors import Resources
from hone.executors.local import LocalExecutor
from hone.executors.warm import ALWAYS, WarmWorkers
from hone.worker.messages import Begin, Exited, Report, Result, Started, TrialJob, Verdict


def trial(project, number, **model):
    directory = project / f"{number:04d}"
    directory.mkdir()
    overrides = ["trainer.max_epochs=2", *(f"model.{key}={value}" for key, value in model.items())]
    write_yaml(resolve(Composer(Path("conf"), "toy").compose(overrides).config), directory / "trial.yaml")
    return str(directory)


def listen(executor, until, seconds=60):
    """Answer trials until one says a message of a kind."""
    heard, deadline = [], time.monotonic() + seconds
    while not any(isinstance(one, until) for _, one in heard):
        assert time.monotonic() < deadline, heard
        for number, message in executor.wait(0.2):
            heard.append((number, message))
            if isinstance(message, Started):
                executor.answer(number, Begin())
            elif isinstance(message, Report):
                executor.answer(number, Verdict())
    return heard


def test_a_lost_server_costs_the_trials_that_ran_and_not_the_next(project, monkeypatch):
    monkeypatch.setenv("PYTHONPATH", str(project))
    executor = LocalExecutor(Resources(cpus=1, gpus=0), WarmWorkers, ALWAYS, max_parallel=1)
    try:
        executor.start(TrialJob(0, trial(project, 0, misbehave="hang", at_epoch=0)))
        listen(executor, Started)
        first = executor.workers.process
        [worker] = psutil.Process(first.pid).children()

        first.kill()

        assert (0, Exited(0, -9)) in listen(executor, Exited)
        assert executor.running == 0
        worker.wait(10)
        executor.start(TrialJob(1, trial(project, 1)))
        assert any(isinstance(message, Result) for _, message in listen(executor, Exited))
    finally:
        executor.close()
