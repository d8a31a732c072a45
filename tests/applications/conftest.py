"""Applications to sweep."""

import pytest

# Sets environment variables as it is imported, which is not to be taken for a test's leak.
import pytorch_lightning  # noqa: F401

from applications import Application


@pytest.fixture
def application(tmp_path, seeded_store, monkeypatch, capfd):
    """Makes an application's copy the working directory, and its sweeps run here."""

    def make(name):
        app = Application(name, tmp_path, seeded_store)
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
