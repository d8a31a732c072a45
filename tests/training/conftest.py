import gc
import time
from pathlib import Path

import pytest

from hone.config.compose import Composer, resolve
from hone.training import train_trial
from hone.worker.messages import Begin, Lease, TrialJob, Verdict


class Listener:
    """The worker's line, answered on the spot."""

    def __init__(self, stop_at=None, die_at=None):
        self.stop_at = stop_at
        self.die_at = die_at
        self.start = None
        self.reports = []

    def started(self, started):
        self.start = started
        return Begin()

    def report(self, report):
        self.reports.append(report)
        if len(self.reports) == self.die_at:
            raise EOFError
        return Verdict(stop=len(self.reports) == self.stop_at)


@pytest.fixture
def composed(project):
    """A resolved config: the toy's unless a name is given."""

    def compose(*overrides, name="toy"):
        return resolve(Composer(Path("conf"), name).compose(overrides).config)

    return compose


LIGHTNINGS_OWN = ("PL_GLOBAL_SEED", "PL_SEED_WORKERS", "CUBLAS_WORKSPACE_CONFIG")


@pytest.fixture
def trained(composed, tmp_path, monkeypatch):
    """Train a config in this process; gives how it ended, with the line and the directory."""
    for variable in LIGHTNINGS_OWN:
        monkeypatch.setenv(variable, "")
        monkeypatch.delenv(variable)
    count = iter(range(100))

    def train(*overrides, name="toy", stop_at=None, die_at=None, config=None, objectives=(), directory=None, reserve=0):
        if directory is None:
            directory = tmp_path / f"trial-{next(count)}"
            directory.mkdir()
        line = Listener(stop_at, die_at)
        job = TrialJob(0, str(directory), Lease(1, ()), objectives, reserve=reserve)
        try:
            ending = train_trial(job, config or composed(*overrides, name=name), line, time.monotonic())
        except EOFError:
            ending = None
        if ending is None:
            # The controller is gone, and the worker goes as it is; here, with the processes that loaded its data.
            gc.collect()
        return ending, line, directory

    return train
