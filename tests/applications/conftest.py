"""Applications to sweep."""

import subprocess
import sys

import pytest

# They set environment variables as they are imported, which is not to be taken for a test's leak.
import pytorch_lightning  # noqa: F401
import sklearn  # noqa: F401

from applications import Application


@pytest.fixture(scope="session")
def hydra_next(tmp_path_factory):
    """The next version of Hydra and what it needs of OmegaConf, in a directory of their own."""
    place = tmp_path_factory.mktemp("hydra-1.4")
    pip = [sys.executable, "-m", "pip", "install", "--quiet", "--no-deps", "--pre", "--target", str(place)]
    done = subprocess.run([*pip, "hydra-core==1.4.0rc3", "omegaconf==2.4.1rc1"], capture_output=True, text=True)
    if done.returncode:
        pytest.skip(f"it cannot be installed: {done.stderr.strip()[-200:]}")
    return place


@pytest.fixture
def application(tmp_path, seeded_store, monkeypatch, capfd):
    """Makes an application's copy the working directory, and its sweeps run here."""

    def make(name, packages=None):
        app = Application(name, tmp_path, seeded_store, packages)
        monkeypatch.chdir(app.directory)
        monkeypatch.setenv("COLUMNS", "160")
        monkeypatch.delenv("MLFLOW_TRACKING_URI", raising=False)
        sweep = app.sweep
        app.sweep = lambda *arguments: sweep(*arguments, capture=capfd)
        return app

    return make


@pytest.fixture(scope="module")
def swept(tmp_path_factory, seeded_store):
    """The sphere after a sweep of six trials, to be looked at."""
    app = Application("sphere", tmp_path_factory.mktemp("swept"), seeded_store)
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(app.directory)
        patch.delenv("MLFLOW_TRACKING_URI", raising=False)
        assert app.sweep("hydra.sweeper.n_trials=6") == 0
    return app
