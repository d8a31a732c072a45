"""A sweep in this process, over workers that follow a script."""

import io
import shutil
from pathlib import Path

import pytest
from rich.console import Console
from scripted_workers import Script, ScriptedWorkers

from hone.sweep.session import SweepRequest, run_sweep
from hone.tracking.store import TrackingConfig, open_store


class SweepBench:
    """Runs sweeps of the toy project and looks at what they left."""

    def __init__(self, project):
        self.project = project
        self.out = io.StringIO()
        self.workers = []

    def run(self, script=None, *overrides, resume=False, file="toy_sweep.yaml"):
        """Sweep; ``script`` gives each job its script."""

        def start_workers(modules):
            self.workers.append(ScriptedWorkers(script or (lambda job: Script((2.0, 1.0)))))
            return self.workers[-1]

        request = SweepRequest(Path(file), overrides, config_name="toy", resume=resume)
        return run_sweep(request, start_workers, Console(file=self.out, width=160))

    @property
    def said(self):
        return self.out.getvalue()

    @property
    def jobs(self):
        return [job for workers in self.workers for job in workers.jobs]

    @property
    def store(self):
        return open_store(TrackingConfig(directory=str(self.project / "mlruns")))

    def runs(self, kind="trial"):
        return sorted(self.store.runs(f"tags.`hone.kind` = '{kind}'"), key=lambda run: run.info.run_name)

    def left(self):
        """Studies, trials and runs that there are."""
        studies = [one.name for one in (self.project / "mlruns" / "studies").glob("*")]
        trials = [one.name for one in (self.project / "mlruns" / "trials").glob("*")]
        return studies + trials + [run.info.run_name for run in self.store.runs()]


@pytest.fixture
def sweep(project, seeded_store):
    shutil.copytree(seeded_store, project / "mlruns")
    return SweepBench(project)
