"""Hydra applications swept in this process, as ``python app.py -m`` sweeps them in one of its own."""

import logging
import os
import runpy
import shutil
import subprocess
import sys
from pathlib import Path
from unittest.mock import patch

import psutil
import yaml
from hydra import version
from terminal import wait_for

from hone.tracking.store import TrackingConfig, open_store
from hydra_plugins.hone_sweeper import _early

APPS = Path(__file__).parents[1] / "apps"


class Application:
    """A copy of one of the applications, and what its sweeps left.

    Where packages lie that go before those of this process, it is swept in processes of its own.
    """

    def __init__(self, name, root, seeded_store, packages=None):
        self.packages = packages
        self.directory = root / name
        self.script = f"{name}.py" if name != "template" else "train.py"
        shutil.copytree(APPS / name, self.directory)
        shutil.copytree(seeded_store, self.directory / "mlruns")
        self.out = self.err = ""

    def sweep(self, *arguments, capture=None):
        """``python app.py -m ARGUMENTS``; gives the exit status."""
        if self.packages is not None:
            with self.started(*arguments) as process:
                return process.wait()
        handlers, level = logging.root.handlers[:], logging.root.level
        path, base = sys.path[:], version.VersionBase.instance().version_base
        sys.path.insert(0, str(self.directory))
        if capture:
            capture.readouterr()
        typed = sys.argv
        try:
            sys.argv = [self.script, "-m", *arguments]
            # A fork of the tests would take warnings for errors.
            with patch.object(_early, "may_fork", bool):
                runpy.run_path(str(self.directory / self.script), run_name="__main__")
            status = 0
        except SystemExit as ended:
            status = ended.code
        finally:
            sys.argv = typed
            sys.path[:], logging.root.handlers[:] = path, handlers
            logging.root.setLevel(level)
            version.VersionBase.instance().version_base = base
        if capture:
            self.out, self.err = capture.readouterr()
        return status

    def started(self, *arguments):
        """The same in a process of its own, in the application's directory."""
        return subprocess.Popen(
            [sys.executable, self.script, "-m", *arguments],
            cwd=self.directory,
            env=os.environ | {"PYTHONPATH": str(self.packages or "")},
        )

    def kill(self, *arguments, once):
        """Start a sweep, kill it once something has happened, and wait until all of it is gone."""
        with self.started(*arguments) as process:
            wait_for(once)
            family = psutil.Process(process.pid).children(recursive=True)
            process.kill()
        wait_for(lambda: not any(one.is_running() and one.status() != "zombie" for one in family), seconds=30)

    def ended(self):
        """When each trial that has ended did so."""
        return {one: one.stat().st_mtime_ns for one in self.directory.glob("mlruns/trials/*/*/result.json")}

    def job(self, number):
        """A job's directory."""
        [found] = self.directory.glob(f"**/{number}/.hydra")
        return found.parent

    def of_job(self, number, file="config"):
        """What Hydra wrote of a job."""
        return yaml.safe_load((self.job(number) / ".hydra" / f"{file}.yaml").read_text())

    @property
    def results(self):
        """``optimization_results.yaml``."""
        [found] = self.directory.rglob("optimization_results.yaml")
        return yaml.safe_load(found.read_text())

    @property
    def store(self):
        return open_store(TrackingConfig(directory=str(self.directory / "mlruns")))

    def runs(self, kind="trial"):
        return sorted(self.store.runs(f"tags.`hone.kind` = '{kind}'"), key=lambda run: run.info.run_name)

    def left(self):
        """Studies and trials that there are."""
        return [one.name for folder in ("studies", "trials") for one in (self.directory / "mlruns" / folder).glob("*")]
