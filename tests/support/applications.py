"""Hydra applications swept in this process, as ``python app.py -m`` sweeps them in one of its own."""

import logging
import runpy
import shutil
import sys
from pathlib import Path

import yaml
from hydra import version

from hone.tracking.store import TrackingConfig, open_store

APPS = Path(__file__).parents[1] / "apps"


class Application:
    """A copy of one of the applications, and what its sweeps left."""

    def __init__(self, name, root, seeded_store):
        self.directory = root / name
        self.script = f"{name}.py" if name != "template" else "train.py"
        shutil.copytree(APPS / name, self.directory)
        shutil.copytree(seeded_store, self.directory / "mlruns")
        self.out = self.err = ""

    def sweep(self, *arguments, capture=None):
        """``python app.py -m ARGUMENTS``; gives the exit status."""
        handlers, level = logging.root.handlers[:], logging.root.level
        path, base = sys.path[:], version.VersionBase.instance().version_base
        sys.path.insert(0, str(self.directory))
        if capture:
            capture.readouterr()
        typed = sys.argv
        try:
            sys.argv = [self.script, "-m", *arguments]
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
