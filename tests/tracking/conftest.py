"""The same tests on each store that hone is made for."""

import itertools
import shutil

import pytest

from hone.tracking.store import TrackingConfig, open_store

NUMBERS = itertools.count()


@pytest.fixture(params=["sqlite", "postgresql"])
def store(request, tmp_path):
    """A real MLflow store: SQLite's own for each test; an experiment of its own in one PostgreSQL database."""
    if request.param == "postgresql":
        uri = request.getfixturevalue("postgres_store")
        return open_store(TrackingConfig(uri, f"test-{next(NUMBERS)}", str(tmp_path / "mlruns")))
    shutil.copytree(request.getfixturevalue("seeded_store"), tmp_path / "mlruns")
    return open_store(TrackingConfig(directory=str(tmp_path / "mlruns")))


@pytest.fixture(scope="session")
def postgres_store(postgres, tmp_path_factory):
    """The URI of a PostgreSQL database with MLflow's tables, which take seconds to make."""
    from mlflow.store.tracking.sqlalchemy_store import SqlAlchemyStore

    uri = postgres.database()
    store = SqlAlchemyStore(uri, tmp_path_factory.mktemp("artifacts").as_uri())
    yield uri
    store.engine.dispose()
