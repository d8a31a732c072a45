"""Fixtures that every test may use, and two that watch every test."""

import contextlib
import os
import shutil
import subprocess
import sys
import threading
from dataclasses import dataclass
from pathlib import Path

import psutil
import pytest
from servers import MlflowServer, Postgres, small_disk
from shared_workers import SharedWorkers

from hone.cli import main
from hone.executors import warm
from hone.provenance import environment
from hone.provenance.code import origin
from hone.tracking.store import TrackingConfig, open_store

# Pictures are asked for by the tests that look at them.
os.environ.setdefault("HONE_REPORT", "false")
ROOT = Path(__file__).parents[1]
USER_PROJECT = Path(__file__).parent / "user_project"
# Threads of libraries that live as long as the process does.
LASTING_THREADS = (
    "MainThread",
    "AlembicThread",
    "QueueFeederThread",
    "asyncio_",
    "Thread-auto_conf",
    "fsspecIO",
    "MlflowLocalArtifactRepository",
    "tqdm_monitor",
)
# By scikit-learn, when it is imported.
SET_BY_LIBRARIES = ("KMP_INIT_AT_FORK",)


@pytest.fixture(autouse=True)
def _no_leaks(request):
    """Fail a test that leaks environment variables, threads or child processes."""
    variables = dict(os.environ)
    threads = set(threading.enumerate())
    children = {one.pid for one in psutil.Process().children(recursive=True)}
    yield
    lasting = {one.pid for one in psutil.Process().children(recursive=True)} - children - SharedWorkers.pids()
    lasting -= MlflowServer.pids()
    assert not lasting, f"left child processes: {[psutil.Process(pid).cmdline() for pid in lasting]}"
    left = [one for one in set(threading.enumerate()) - threads if not one.name.startswith(LASTING_THREADS)]
    for thread in left:
        thread.join(2)
    assert not [one for one in left if one.is_alive()], f"left threads: {left}"
    changed = {key for key in {*variables, *os.environ} if variables.get(key) != os.environ.get(key)}
    assert not changed - {"PYTEST_CURRENT_TEST", *SET_BY_LIBRARIES}, f"left environment variables: {changed}"


@pytest.fixture(scope="session")
def warm_server():
    """One fork server for all tests, since its imports take seconds."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("PYTHONPATH", str(USER_PROJECT))
        server = warm.WarmWorkers()
    SharedWorkers.server = server
    yield server
    SharedWorkers.server = None
    server.close()


@pytest.fixture
def start_workers(warm_server, monkeypatch):
    """Real workers, forked from the tests' own server."""
    given = []

    def start(modules=()):
        given.append(SharedWorkers(warm_server, modules))
        return given[-1]

    yield start
    for one in given:
        one.close()


@pytest.fixture
def project(tmp_path, monkeypatch):
    """An empty directory with a user's own conf/ and modules in it, as the working directory."""
    directory = tmp_path / "project"
    shutil.copytree(USER_PROJECT, directory)
    monkeypatch.chdir(directory)
    monkeypatch.delenv("MLFLOW_TRACKING_URI", raising=False)
    return directory


@pytest.fixture
def store(tmp_path, seeded_store):
    """A real MLflow store on SQLite, its own for each test."""
    shutil.copytree(seeded_store, tmp_path / "mlruns")
    return open_store(TrackingConfig(directory=str(tmp_path / "mlruns")))


@pytest.fixture(scope="session")
def seeded_store(tmp_path_factory):
    """An MLflow database with its tables made, which takes seconds, to be copied."""
    directory = tmp_path_factory.mktemp("seed") / "mlruns"
    directory.mkdir()
    from mlflow.store.tracking.sqlalchemy_store import SqlAlchemyStore

    SqlAlchemyStore(f"sqlite:///{directory / 'mlflow.db'}", directory.as_uri())
    return directory


@pytest.fixture(scope="session")
def mlflow_server(tmp_path_factory):
    """A real ``mlflow server``, on a small disk where one can be made; each test takes an experiment of its own."""
    with small_disk(tmp_path_factory.mktemp("server"), "60m") as directory:
        server = MlflowServer(directory).start()
        yield server
        server.kill()


@pytest.fixture(scope="session")
def postgres():
    """A PostgreSQL cluster of its own."""
    cluster = Postgres()
    yield cluster.start()
    cluster.stop()


@pytest.fixture
def hone(project):
    """The ``hone`` command, run as a user runs it."""

    def run(*arguments, env=None, timeout=240):
        return subprocess.run(
            [Path(sys.executable).with_name("hone"), *arguments],
            capture_output=True,
            text=True,
            timeout=timeout,
            env=os.environ | {"PYTHONPATH": str(project), "COLUMNS": "160"} | (env or {}),
        )

    return run


@dataclass(frozen=True)
class Answer:
    """What a command came to."""

    returncode: int
    stdout: str
    stderr: str


@pytest.fixture
def as_new_process():
    """A process looks at its environment and code once, and in tests one process stands for many."""
    environment.cache_clear()
    origin.cache_clear()


@pytest.fixture
def runs(project):
    """The project's runs as the store has them now, oldest first."""

    def look():
        store = open_store(TrackingConfig(directory=str(project / "mlruns")))
        return store.runs(order_by=["attributes.start_time ASC"])

    return look


@pytest.fixture
def hone_here(project, start_workers, monkeypatch, capfd):
    """The ``hone`` command in this process, its trials forked from the tests' own warm server."""

    @contextlib.contextmanager
    def early_workers(**_):
        yield start_workers

    monkeypatch.setattr(warm, "EarlyWorkers", early_workers)
    monkeypatch.setattr(warm, "LastingWorkers", early_workers)
    monkeypatch.setattr(sys, "path", list(sys.path))
    monkeypatch.setenv("COLUMNS", "160")

    def run(*arguments):
        monkeypatch.setattr(sys, "argv", ["hone", *arguments])
        capfd.readouterr()
        with pytest.raises(SystemExit) as ended:
            main()
        out, err = capfd.readouterr()
        return Answer(int(ended.value.code or 0), out, err)

    return run
