"""The tracking store: any MLflow URI, SQLite under ``mlruns/`` by default."""

from __future__ import annotations

import contextlib
import logging
import os
import sqlite3
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

# Set before MLflow is imported: nothing of a user's work is reported to anybody.
os.environ.setdefault("MLFLOW_DISABLE_TELEMETRY", "true")
# Nor does it print an address for each run that ends.
os.environ.setdefault("MLFLOW_SUPPRESS_PRINTING_URL_TO_STDOUT", "true")
# Nor a bar for each small file that is fetched.
os.environ.setdefault("MLFLOW_ENABLE_ARTIFACTS_PROGRESS_BAR", "false")

from mlflow.entities import Experiment, Metric, Param, Run, RunTag, ViewType
from mlflow.exceptions import MlflowException
from mlflow.store.artifact.artifact_repo import ArtifactRepository
from mlflow.store.artifact.artifact_repository_registry import get_artifact_repository
from mlflow.tracking import MlflowClient
from mlflow.utils.file_utils import local_file_uri_to_path
from mlflow.utils.uri import is_local_uri

from hone.config.secrets import hide_password
from hone.errors import StoreError
from hone.tracking.spool import Point

RETRIES = "MLFLOW_HTTP_REQUEST_MAX_RETRIES"
METRICS_PER_REQUEST = 1_000
PARAMS_PER_REQUEST = 100
LONGEST_PARAM = 6_000
LONGEST_TAG = 5_000
NAME_TAG = "mlflow.runName"
PARENT_TAG = "mlflow.parentRunId"
# Without it the dashboard opens an experiment on its page for chat applications.
EXPERIMENT_TAGS = {"mlflow.experimentKind": "custom_model_development"}
NOTE_TAG = "mlflow.note.content"


@dataclass(frozen=True)
class TrackingConfig:
    """The ``tracking`` node of a config.

    Attributes:
        uri: Any MLflow tracking URI; None for SQLite in ``directory``.
        experiment: The MLflow experiment.
        directory: Where the embedded store, trials and studies lie.
    """

    uri: str | None = None
    experiment: str = "hone"
    directory: str = "mlruns"

    @property
    def root(self) -> Path:
        """``directory``, absolute."""
        return Path(self.directory).absolute()

    @property
    def store_uri(self) -> str:
        """The URI in use."""
        return self.uri or f"sqlite:///{self.root / 'mlflow.db'}"


class Store:
    """Runs of one experiment in one MLflow store. Safe to use from several threads.

    Args:
        client: MLflow's client.
        experiment: The experiment.
        uri: The store's URI.
    """

    def __init__(self, client: MlflowClient, experiment: Experiment, uri: str) -> None:
        self.client = client
        self.experiment = experiment
        self.uri = uri
        self.shown = hide_password(uri)
        self._artifacts: dict[str, ArtifactRepository] = {}

    def start_run(self, name: str, tags: Mapping[str, str], parent: str | None = None) -> str:
        """Open a run.

        Args:
            name: What people see.
            tags: Tags beside MLflow's own.
            parent: Run id of the study that it belongs to.

        Returns:
            The run's id.

        Raises:
            StoreError: The store cannot be written.
        """
        linked = {PARENT_TAG: parent} if parent else {}
        with self._explained():
            run = self.client.create_run(
                self.experiment.experiment_id,
                run_name=name,
                tags={**_cut(tags), **linked},
                start_time=int(time.time() * 1000),
            )
            # MLflow's own client asks the store for this anew with each file.
            self._artifacts[run.info.run_id] = get_artifact_repository(run.info.artifact_uri, self.uri)
        return run.info.run_id

    def reopen_run(self, run_id: str, tags: Mapping[str, str]) -> None:
        """Set a run that has ended to ``RUNNING``."""
        with self._explained():
            self.client.update_run(run_id, status="RUNNING")
        self.set_tags(run_id, tags)

    def end_run(
        self,
        run_id: str,
        status: str,
        tags: Mapping[str, str] | None = None,
        metrics: Mapping[str, float] | None = None,
    ) -> None:
        """End a run.

        Args:
            run_id: The run.
            status: ``FINISHED``, ``FAILED`` or ``KILLED``.
            tags: Tags to set before.
            metrics: Last values, at step 0.
        """
        now = int(time.time() * 1000)
        last = [Metric(name, value, now, 0) for name, value in (metrics or {}).items()]
        with self._explained():
            self.client.log_batch(run_id, metrics=last, tags=_tags(tags or {}))
            self.client.set_terminated(run_id, status)
        self._artifacts.pop(run_id, None)

    def delete_run(self, run_id: str) -> None:
        """Delete a run that should not have been opened."""
        with self._explained():
            self.client.delete_run(run_id)

    def log_params(self, run_id: str, params: Mapping[str, Any]) -> None:
        """Log parameters in full, up to what MLflow takes."""
        entities = [Param(key, str(value)[:LONGEST_PARAM]) for key, value in params.items()]
        with self._explained():
            for start in range(0, len(entities), PARAMS_PER_REQUEST):
                self.client.log_batch(run_id, params=entities[start : start + PARAMS_PER_REQUEST])

    def log_points(self, run_id: str, points: Sequence[Point]) -> None:
        """Log metrics in batches; a point that is there already is not logged twice."""
        entities = [Metric(one.name, one.value, one.timestamp, one.step) for one in points]
        with self._explained():
            for start in range(0, len(entities), METRICS_PER_REQUEST):
                self.client.log_batch(run_id, metrics=entities[start : start + METRICS_PER_REQUEST])

    def log_values(self, run_id: str, values: Mapping[str, float], step: int = 0) -> None:
        """Log single values of metrics at this moment."""
        now = int(time.time() * 1000)
        self.log_points(run_id, [Point(name, value, step, now) for name, value in values.items()])

    def set_tags(self, run_id: str, tags: Mapping[str, str]) -> None:
        """Set tags."""
        with self._explained():
            self.client.log_batch(run_id, tags=_tags(tags))

    def log_file(self, run_id: str, path: Path, folder: str | None = None) -> None:
        """Put a file into a run's artifacts; one that has gone meanwhile is left out."""
        with self._explained(), contextlib.suppress(FileNotFoundError):
            self._of(run_id).log_artifact(str(path), folder)

    def link_file(self, run_id: str, path: Path, folder: str) -> None:
        """Put a file that does not change any more into a run's artifacts, without a second copy where that can be."""
        with self._explained():
            root = self._of(run_id).artifact_uri
            local = local_file_uri_to_path(root) if is_local_uri(root) else None
            try:
                if local is not None:
                    place = Path(local, folder)
                    place.mkdir(parents=True, exist_ok=True)
                    (place / path.name).hardlink_to(path)
                    return
            except FileExistsError:
                return
            except OSError:
                # Another file system, or one without links.
                pass
        self.log_file(run_id, path, folder)

    def delete_files(self, run_id: str, folder: str) -> None:
        """Delete a folder of a run's artifacts, where there is one."""
        with self._explained(), contextlib.suppress(FileNotFoundError):
            if self._of(run_id).list_artifacts(folder):
                self._of(run_id).delete_artifacts(folder)

    def log_text(self, run_id: str, text: str, name: str) -> None:
        """Write an artifact."""
        self.log_texts(run_id, {name: text})

    def log_texts(self, run_id: str, texts: Mapping[str, str]) -> None:
        """Write artifacts by name, in one request."""
        if not texts:
            return
        with self._explained(), tempfile.TemporaryDirectory() as folder:
            for name, text in texts.items():
                path = Path(folder, name)
                path.parent.mkdir(parents=True, exist_ok=True)
                path.write_text(text, encoding="utf-8")
            self._of(run_id).log_artifacts(folder)

    def _of(self, run_id: str) -> ArtifactRepository:
        if run_id not in self._artifacts:
            uri = self.client.get_run(run_id).info.artifact_uri
            return get_artifact_repository(uri, self.uri)
        return self._artifacts[run_id]

    def runs(self, filter_string: str = "", order_by: Sequence[str] = (), limit: int = 50_000) -> list[Run]:
        """Search this experiment's runs, page by page.

        Args:
            filter_string: MLflow's search syntax.
            order_by: Such as ``metrics.`val/accuracy` DESC``.
            limit: The most to return.

        Returns:
            The runs in order.
        """
        found: list[Run] = []
        token: str | None = None
        with self._explained():
            while len(found) < limit:
                page = self.client.search_runs(
                    [self.experiment.experiment_id],
                    filter_string,
                    ViewType.ACTIVE_ONLY,
                    min(1_000, limit - len(found)),
                    list(order_by) or None,
                    token,
                )
                found += page
                token = page.token
                if not token:
                    break
        return found

    @contextlib.contextmanager
    def _explained(self) -> Iterator[None]:
        try:
            yield
        except (MlflowException, OSError) as error:
            raise _unreachable(self.uri, error) from error


def open_store(config: TrackingConfig, *, create: bool = True) -> Store:
    """Open the store and its experiment; the first caller creates both.

    Two processes that create one SQLite store race and die, so this is called once, before any worker starts.

    Args:
        config: The ``tracking`` node.
        create: Create what is missing; without it, a missing store is an error.

    Returns:
        The store.

    Raises:
        StoreError: The store cannot be reached or written, or is missing.
    """
    _quieten()
    uri = config.store_uri
    if config.uri is None:
        _prepare_directory(config, create)
    try:
        client = MlflowClient(tracking_uri=uri)
        with _impatient():
            experiment = client.get_experiment_by_name(config.experiment)
        if experiment is None and create:
            location = None if config.uri else (config.root / "artifacts").as_uri()
            created = client.create_experiment(config.experiment, location, EXPERIMENT_TAGS)
            experiment = client.get_experiment(created)
    except Exception as error:
        raise _unreachable(uri, error) from error
    if experiment is None:
        raise StoreError(f"no experiment named {config.experiment!r}", where=hide_password(uri))
    return Store(client, experiment, uri)


@contextlib.contextmanager
def _impatient() -> Iterator[None]:
    """A server that is away is worth one more try, not the four minutes that MLflow spends on it."""
    if RETRIES in os.environ:
        yield
        return
    os.environ[RETRIES] = "1"
    try:
        yield
    finally:
        del os.environ[RETRIES]


def _prepare_directory(config: TrackingConfig, create: bool) -> None:
    if not create:
        if not (config.root / "mlflow.db").is_file():
            raise StoreError("nothing has been tracked here yet", where=str(config.root))
        return
    try:
        config.root.mkdir(parents=True, exist_ok=True)
        probe = config.root / f".write-{os.getpid()}"
        probe.touch()
        probe.unlink()
        _log_ahead(config.root / "mlflow.db")
    except OSError as error:
        raise StoreError(f"cannot be written: {error.strerror}", where=str(config.root)) from error


def _log_ahead(database: Path) -> None:
    """Let SQLite sync once for each commit rather than thrice, and readers not wait for the writer.

    The mode stays with the file. Where the file system cannot do it, SQLite keeps the mode that it has.
    """
    with contextlib.suppress(sqlite3.Error), contextlib.closing(sqlite3.connect(database, timeout=5)) as connection:
        connection.execute("PRAGMA journal_mode=WAL")


def _unreachable(uri: str, error: Exception) -> StoreError:
    reason = " ".join(str(error).split()).replace(uri, hide_password(uri))
    return StoreError(f"the tracking store cannot be used: {reason[:300]}", where=hide_password(uri))


def _tags(tags: Mapping[str, str]) -> list[RunTag]:
    return [RunTag(key, value) for key, value in _cut(tags).items()]


def _cut(tags: Mapping[str, str]) -> dict[str, str]:
    return {key: value[:LONGEST_TAG] for key, value in tags.items()}


def _quieten() -> None:
    for noisy in ("mlflow", "alembic"):
        logging.getLogger(noisy).setLevel(logging.ERROR)
