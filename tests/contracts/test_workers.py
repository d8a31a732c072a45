"""What the controller may rely on, of workers that train and of workers that follow a script."""

import shutil
import time
from pathlib import Path

import pytest
from scripted_workers import Script, ScriptedWorkers

from hone.config.compose import Composer, resolve
from hone.config.files import read_yaml, write_yaml
from hone.executors import Resources
from hone.executors.local import LocalExecutor
from hone.worker.messages import Begin, Exited, Failed, Pruned, Report, Result, Started, TrialJob, Verdict
from hone.worker.run import read_result

METRIC = "val/loss"


class Bench:
    """An executor, and the directories and answers that a controller would give it."""

    def __init__(self, executor, root):
        self.executor = executor
        self.root = root
        self.heard = {}

    def start(self, number, **model):
        directory = self.root / f"{number:04d}"
        directory.mkdir()
        overrides = ["trainer.max_epochs=3", *(f"model.{key}={value}" for key, value in model.items())]
        config = resolve(Composer(Path("conf"), "toy").compose(overrides).config)
        write_yaml(config, directory / "trial.yaml")
        self.executor.start(TrialJob(number, str(directory), objectives=(METRIC,)))
        self.heard[number] = []
        return directory

    def listen(self, until, stop=False, seconds=60):
        deadline = time.monotonic() + seconds
        while not until() and time.monotonic() < deadline:
            for number, message in self.executor.wait(0.2):
                self.heard[number].append(message)
                if isinstance(message, Started):
                    self.executor.answer(number, Begin("a-run"))
                elif isinstance(message, Report):
                    self.executor.answer(number, Verdict(stop))
        assert until(), self.heard

    def kinds(self, number):
        return [type(one) for one in self.heard[number]]

    def ended(self, *numbers):
        return lambda: all(Exited in self.kinds(one) for one in numbers)


@pytest.fixture(params=["scripted", "warm"])
def bench(request, project):
    if request.param == "warm":
        start_workers = request.getfixturevalue("start_workers")
    else:

        def start_workers(modules):
            return ScriptedWorkers(_Script)

    executor = LocalExecutor(Resources(cpus=1, gpus=0), start_workers, max_parallel=2)
    yield Bench(executor, project)
    executor.close()


class _Script:
    """Does what the toy model does when its config tells it to misbehave."""

    def __init__(self, job):
        self.misbehave = read_yaml(Path(job.directory) / "trial.yaml")["model"]["misbehave"]

    def run(self, job, line):
        if self.misbehave == "die":
            return Script((1.0,), METRIC, die_after=1, code=-9).run(job, line)
        if self.misbehave == "raise":
            mistake = Failed("error", "RuntimeError: the user's own mistake", "Traceback ...")
            return Script((1.0,), METRIC, ending=mistake).run(job, line)
        if self.misbehave == "hang":
            line.send(Started((METRIC,), {}))
            line.receive()
            # Nobody says more: this ends when the line is cut.
            line.receive()
        return Script((3.0, 2.0, 1.0), METRIC).run(job, line)


def test_a_trial_asks_before_it_trains_reports_each_validation_and_ends_with_its_result(bench):
    directory = bench.start(0)

    bench.listen(bench.ended(0))

    assert bench.kinds(0) == [Started, Report, Report, Report, Result, Exited]
    assert METRIC in bench.heard[0][0].metrics
    steps = [one.step for one in bench.heard[0] if isinstance(one, Report)]
    assert steps == sorted(set(steps))
    assert read_result(directory) == bench.heard[0][-2]
    assert bench.heard[0][-1].code == 0


def test_a_trial_that_is_told_to_stop_ends_pruned_after_one_validation(bench):
    bench.start(0)

    bench.listen(bench.ended(0), stop=True)

    assert bench.kinds(0) == [Started, Report, Pruned, Exited]
    assert METRIC in bench.heard[0][2].metrics


def test_a_worker_that_dies_is_heard_of_by_its_exit_alone(bench):
    bench.start(0, misbehave="die")

    bench.listen(bench.ended(0))

    assert bench.kinds(0)[-2:] == [Report, Exited]
    assert bench.heard[0][-1].code == -9


def test_an_exception_of_the_users_comes_with_its_kind_and_traceback(bench):
    bench.start(0, misbehave="raise")

    bench.listen(bench.ended(0))

    failed = bench.heard[0][-2]
    assert (failed.kind, failed.message) == ("error", "RuntimeError: the user's own mistake")
    assert "Traceback" in failed.traceback
    assert bench.heard[0][-1].code == 1


def test_a_killed_trial_exits_and_its_lease_is_free_again(bench):
    bench.start(0, misbehave="hang")
    bench.listen(lambda: Started in bench.kinds(0))
    assert bench.executor.running == 1

    bench.executor.kill(0)
    bench.listen(bench.ended(0))

    assert bench.heard[0][-1].code == -9
    assert bench.executor.running == 0


def test_trials_run_side_by_side_and_are_told_apart(bench):
    for number in (0, 1):
        bench.start(number)
    assert bench.executor.running == bench.executor.slots == 2

    bench.listen(bench.ended(0, 1))

    assert bench.kinds(0) == bench.kinds(1) == [Started, Report, Report, Report, Result, Exited]
    assert bench.executor.running == 0


def test_a_trials_directory_can_be_run_again_under_the_same_number(bench):
    directory = bench.start(0)
    bench.listen(bench.ended(0))
    shutil.rmtree(directory)

    bench.start(0)
    bench.listen(bench.ended(0))

    assert bench.kinds(0)[-2:] == [Result, Exited]
