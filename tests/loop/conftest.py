"""Loops over workers that follow a truth."""

import io
import shutil
from pathlib import Path

import pytest

# Sets variables in the environment, which a test would be told to have left there.
import sklearn.ensemble  # noqa: F401
import yaml
from known_studies import METRIC, bowl
from rich.console import Console
from scripted_workers import Script, ScriptedWorkers

from hone.config.files import read_yaml
from hone.loop.session import LoopRequest, run_loop
from hone.loop.state import load
from hone.tracking.store import TrackingConfig, open_store

USER_PROJECT = Path(__file__).parents[1] / "user_project"
SWEEP = {
    "base": ["trainer.max_epochs=3"],
    "metric": METRIC,
    "direction": "minimize",
    "trials": 14,
    "sampler": "tpe",
    "space": {
        "model.lr": "tag(log, interval(1e-6, 1e-3))",
        "model.dropout": "interval(0.0, 0.5)",
        "data.batch_size": "choice(8, 16, 32)",
    },
    "resources": {"cpus": 1},
    "feedback": {"fidelity": {"trainer.max_epochs": [1, 3]}, "confirm": {"best": 2, "seeds": 2}},
}


class LoopBench:
    """Runs loops of the toy project over scripted workers and looks at what they left."""

    def __init__(self, project):
        self.project = project
        self.out = io.StringIO()
        self.jobs = []

    def write(self, name="toy.yaml", **changed):
        """Write a sweep file."""
        (self.project / name).write_text(yaml.safe_dump(SWEEP | changed, sort_keys=False))

    def script(self, job):
        """What a trial comes to: the bowl, with a little of its seed."""
        self.jobs.append(job)
        config = read_yaml(Path(job.directory, "trial.yaml"))
        values = {"model.lr": config["model"]["lr"], "model.dropout": config["model"]["dropout"]}
        return Script((1.0 + bowl(values), bowl(values) + 0.001 * (config["seed"] % 3)))

    def run(self, target="toy.yaml", *overrides, script=None, **options):
        """Run a loop, or go on with one."""
        request = LoopRequest(target, (*overrides, "executor.max_parallel=1"), config_name="toy", **options)
        if options.get("go_on"):
            request = LoopRequest(target, overrides, config_name="toy", **options)

        def start_workers(modules):
            return ScriptedWorkers(script or self.script)

        return run_loop(request, start_workers, Console(file=self.out, width=160))

    @property
    def said(self):
        return " ".join(self.out.getvalue().split())

    def state(self, name="toy-loop-1"):
        return load(self.project / "mlruns" / "trials" / name)

    def files(self, name="toy-loop-1"):
        """The rounds' files by name."""
        return {one.name: one.read_text() for one in sorted((self.project / "sweeps" / "rounds" / name).glob("*.yaml"))}

    @property
    def store(self):
        return open_store(TrackingConfig(directory=str(self.project / "mlruns")))

    def runs(self, kind):
        return sorted(self.store.runs(f"tags.`hone.kind` = '{kind}'"), key=lambda run: run.info.run_name)


@pytest.fixture
def loop(project, seeded_store):
    shutil.copytree(seeded_store, project / "mlruns")
    bench = LoopBench(project)
    bench.write()
    return bench


@pytest.fixture(scope="session")
def ended(tmp_path_factory, seeded_store):
    """A loop of two rounds that has ended, to be looked at."""
    project = tmp_path_factory.mktemp("loop") / "project"
    shutil.copytree(USER_PROJECT, project)
    shutil.copytree(seeded_store, project / "mlruns")
    bench = LoopBench(project)
    bench.write()
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(project)
        patch.delenv("MLFLOW_TRACKING_URI", raising=False)
        bench.summary = bench.run("toy.yaml", "tracking.report=true", rounds=2)
    return bench
