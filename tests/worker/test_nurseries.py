"""Data is prepared once for the trials that share it."""

import time
from dataclasses import replace

import pytest

from hone.config.compose import Composer, resolve
from hone.config.files import write_yaml
from hone.executors import Resources
from hone.executors.local import LocalExecutor
from hone.worker.messages import Begin, Exited, Report, Result, Started, TrialJob, Verdict


@pytest.fixture
def counting(project):
    """What the toy's data wrote down, each time that it was set up."""
    return lambda: (project / "setups.txt").read_text().splitlines()


@pytest.fixture
def run(project, start_workers):
    executor = LocalExecutor(Resources(cpus=1, gpus=0), start_workers, max_parallel=2)
    base = resolve(Composer(project / "conf", "toy").compose(["trainer.max_epochs=2", "test=false"]).config)

    def go(*jobs, **data):
        heard, begun = {}, {}
        for number, key in jobs:
            directory = project / f"{number:04d}"
            directory.mkdir(exist_ok=True)
            config = {**base, "data": {**base["data"], "_target_": "toy.CountedData", **data}}
            write_yaml(config, directory / "trial.yaml")
            executor.start(TrialJob(number, str(directory), data=key))
            begun[number] = time.monotonic()
        while executor.running:
            for number, message in executor.wait(0.2):
                heard.setdefault(number, []).append(message)
                if isinstance(message, Started):
                    begun[number] = time.monotonic() - begun[number]
                    executor.answer(number, Begin())
                elif isinstance(message, Report):
                    executor.answer(number, Verdict())
        return heard, begun

    yield go
    executor.close()


def result(heard, number):
    assert isinstance(heard[number][-1], Exited)
    assert isinstance(heard[number][-2], Result), heard[number]
    return replace(heard[number][-2], seconds=0.0)


def test_trials_of_the_same_data_set_it_up_once_and_end_as_by_themselves(run, counting):
    alone, _ = run((0, None))
    assert len(counting()) == 1

    shared, _ = run((1, "same"), (2, "same"))
    later, begun = run((3, "same"))

    assert len(counting()) == 2
    assert len(set(counting())) == 1, "the data drew other random numbers"
    assert begun[3] < 1, "the data was set up once more"
    results = [result(heard, number) for heard, number in ((alone, 0), (shared, 1), (shared, 2), (later, 3))]
    assert len({str(one) for one in results}) == 1


def test_data_that_cannot_be_shared_is_each_trials_own(run, counting):
    heard, _ = run((0, "broken"), (1, "broken"), rows=-1)

    for number in (0, 1):
        assert "Traceback" in heard[number][-2].traceback


def test_data_that_keeps_a_file_open_is_each_trials_own(run, counting):
    """Its place in the file would be that of all forks."""
    heard, _ = run((0, "open"), (1, "open"), keeps_open=True)

    assert {type(heard[number][-2]) for number in (0, 1)} == {Result}
    assert len(counting()) == 3, "once to see that it cannot be shared"


def test_other_data_has_a_nursery_of_its_own(run, counting):
    heard, _ = run((0, "a"), (1, "b"))

    assert len(counting()) == 2
    assert isinstance(heard[0][-2], Result)


def test_a_trial_that_is_killed_while_its_data_is_made_ready_is_gone(run, counting, project, start_workers):
    executor = LocalExecutor(Resources(cpus=1, gpus=0), start_workers, max_parallel=1)
    directory = project / "0009"
    directory.mkdir()
    base = resolve(Composer(project / "conf", "toy").compose([]).config)
    write_yaml({**base, "data": {**base["data"], "_target_": "toy.CountedData"}}, directory / "trial.yaml")
    executor.start(TrialJob(9, str(directory), data="killed"))
    while not (project / "setups.txt").exists():
        executor.wait(0.05)

    executor.kill(9)

    deadline, heard = time.monotonic() + 10, []
    while executor.running and time.monotonic() < deadline:
        heard += executor.wait(0.2)
    assert [(number, type(message)) for number, message in heard] == [(9, Exited)]
    executor.close()
