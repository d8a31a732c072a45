"""The tracking store: any MLflow URI, SQLite under ``mlruns/`` by default."""

from __future__ import annotations

import contextlib
import functools
import logging
import os
import re
import sqlite3
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

# Set before MLflow is imported: nothing of a user's work is reported to anybody.
os.environ.setdefault("MLFLOW_DISABLE_TELEMETRY", "true")
# Nor does it print an address for each run that ends.
os.environ.setdefault("MLFLOW_SUPPRESS_PRINTING_URL_TO_STDOUT", "true")
# A server that is away or hangs is worth one more try, not the four minutes and more that MLflow spends on it: whoever
# delivers has patience of its own. The second try is the one that keeps to a server's Retry-After.
os.environ.setdefault("MLFLOW_HTTP_REQUEST_MAX_RETRIES", "1")
os.environ.setdefault("MLFLOW_HTTP_REQUEST_TIMEOUT", "20")
# Nor a bar for each small file that is fetched.
os.environ.setdefault("MLFLOW_ENABLE_ARTIFACTS_PROGRESS_BAR", "false")

from mlflow.entities import (
    Experiment,
    Metric,
    Param,
    Run,
    ViewType,
)
from mlflow.exceptions import MlflowException
from mlflow.store.artifact.artifact_repo import ArtifactRepository
from mlflow.store.artifact.artifact_repository_registry import get_artifact_repository
from mlflow.tracking import MlflowClient

from hone.config.secrets import hide_password
from hone.errors import StoreError
from hone.tracking.config import TrackingConfig as TrackingConfig
from hone.tracking.entities import batches, cut_tags, data_sets, metric_name, run_tags
from hone.tracking.failing import each_taken, unreachable
from hone.tracking.files import link
from hone.tracking.models import delete_model, log_model, logged_model
from hone.tracking.registry import Version, champion, champions, crown
from hone.tracking.rows import Query, RunRow
from hone.tracking.searching import search
from hone.tracking.spool import Point
from hone.tracking.tags import param_name

METRICS_PER_REQUEST = 1_000
LONGEST_PARAM = 6_000
LONGEST_FILE = 150
UNSAFE = re.compile(r"[^\w.\-]")
NAME_TAG = "mlflow.runName"
PARENT_TAG = "mlflow.parentRunId"
# Without it the dashboard opens an experiment on its page for chat applications.
EXPERIMENT_TAGS = {"mlflow.experimentKind": "custom_model_development"}
KEY_TAG = "hone.key"
NOTE_TAG = "mlflow.note.content"


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
        """Open a run now.

        Args:
            name: What people see.
            tags: Tags beside MLflow's own.
            parent: Run id of the study that it belongs to.

        Returns:
            The run's id.

        Raises:
            StoreError: The store cannot be written.
        """
        return self.open_run(name, tags, parent, int(time.time() * 1000))[0]

    def open_run(self, name: str, tags: Mapping[str, str], parent: str | None, at: int) -> tuple[str, str]:
        """Open a run that began at some moment.

        Args:
            name: What people see.
            tags: Tags beside MLflow's own.
            parent: Run id of the study that it belongs to.
            at: Milliseconds since the epoch.

        Returns:
            The run's id, and where its artifacts are.

        Raises:
            StoreError: The store cannot be written.
        """
        linked = {PARENT_TAG: parent} if parent else {}
        with self._explained():
            run = self.client.create_run(
                self.experiment.experiment_id, run_name=name, tags={**cut_tags(tags), **linked}, start_time=at
            )
            # MLflow's own client asks the store for this anew with each file.
            self._artifacts[run.info.run_id] = get_artifact_repository(run.info.artifact_uri, self.uri)
        return run.info.run_id, run.info.artifact_uri

    def find_key(self, key: str) -> tuple[str, str] | None:
        """Find the run that was opened with a key.

        Returns:
            The run's id, and where its artifacts are; None where there is none.
        """
        found = self.runs(f"tags.`{KEY_TAG}` = '{key}'", limit=1)
        return (found[0].info.run_id, found[0].info.artifact_uri) if found else None

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
        at: int | None = None,
    ) -> None:
        """End a run.

        Args:
            run_id: The run.
            status: ``FINISHED``, ``FAILED`` or ``KILLED``.
            tags: Tags to set before.
            metrics: Last values, at step 0.
            at: When it ended, in milliseconds since the epoch; now, where that is not said.

        Raises:
            StoreError: The store is away; or, once the run has ended, it has not taken one of the values.
        """
        now = int(time.time() * 1000) if at is None else at
        # A run ends whatever of its last values is not taken.
        last = [Point(name, value, 0, now) for name, value in (metrics or {}).items()]
        refused = each_taken(functools.partial(self.log_points, run_id), last)
        with self._explained():
            self.client.log_batch(run_id, tags=run_tags(tags or {}))
            self.client.set_terminated(run_id, status, end_time=now)
        self._artifacts.pop(run_id, None)
        if refused:
            raise refused[0]

    def delete_run(self, run_id: str) -> None:
        """Delete a run that should not have been opened."""
        with self._explained():
            self.client.delete_run(run_id)

    def log_params(self, run_id: str, params: Mapping[str, Any]) -> None:
        """Log parameters in full: one that is longer than MLflow takes as an artifact, which the parameter names."""
        texts = {key: str(value) for key, value in params.items()}
        files = {key: f"params/{UNSAFE.sub('_', key)[:LONGEST_FILE]}.txt" for key in texts}
        long = {files[key]: key for key, text in texts.items() if len(text) > LONGEST_PARAM}
        self.log_texts(run_id, {name: texts[key] for name, key in long.items()})
        texts |= {key: f"see {name} ({len(texts[key])} characters)" for name, key in long.items()}
        send = functools.partial(self._send_params, run_id)
        entities = [Param(param_name(key), text) for key, text in texts.items()]
        if refused := [why for batch in batches(entities) for why in each_taken(send, batch)]:
            raise refused[0]

    def _send_params(self, run_id: str, params: Sequence[Param]) -> None:
        with self._explained(params[0].key if len(params) == 1 else ""):
            self.client.log_batch(run_id, params=params)

    def log_inputs(self, run_id: str, inputs: Sequence[Mapping[str, str]]) -> None:
        """Log the data sets that a run reads; each has the fields of MLflow's and its ``context``."""
        with self._explained():
            self.client.log_inputs(run_id, data_sets(inputs))

    def log_points(self, run_id: str, points: Sequence[Point]) -> None:
        """Log metrics in batches; a point that is there already is not logged twice."""
        entities = [Metric(metric_name(one.name), one.value, one.timestamp, one.step) for one in points]
        names = {one.key for one in entities}
        # MLflow says of a name that it does not take only that there is one.
        with self._explained(next(iter(names)) if len(names) == 1 else ""):
            for start in range(0, len(entities), METRICS_PER_REQUEST):
                self.client.log_batch(run_id, metrics=entities[start : start + METRICS_PER_REQUEST])

    def log_values(self, run_id: str, values: Mapping[str, float], step: int = 0, at: int | None = None) -> None:
        """Log single values of metrics, at this moment where no other is said."""
        now = int(time.time() * 1000) if at is None else at
        self.log_points(run_id, [Point(name, value, step, now) for name, value in values.items()])

    def set_tags(self, run_id: str, tags: Mapping[str, str]) -> None:
        """Set tags."""
        for batch in batches(run_tags(tags)):
            with self._explained():
                self.client.log_batch(run_id, tags=batch)

    def log_file(self, run_id: str, path: Path, folder: str | None = None) -> None:
        """Put a file into a run's artifacts; one that has gone meanwhile is left out."""
        with self._explained(), contextlib.suppress(FileNotFoundError):
            self._of(run_id).log_artifact(str(path), folder)

    def link_file(self, run_id: str, path: Path, folder: str) -> None:
        """Put a file that does not change any more into a run's artifacts, without a second copy where that can be."""
        with self._explained():
            linked = link(self._of(run_id).artifact_uri, path, f"{folder}/{path.name}")
        if not linked:
            self.log_file(run_id, path, folder)

    def log_model(self, run_id: str, checkpoint: Path, params: Mapping[str, str], step: int) -> None:
        """Log a checkpoint as the model that a run came to."""
        with self._explained():
            log_model(self, run_id, checkpoint, params, step)

    def delete_model(self, run_id: str) -> None:
        """Delete the model that was logged for a run, unless it is registered."""
        with self._explained():
            delete_model(self, run_id)

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

    def find(self, query: Query) -> list[RunRow]:
        """Give the runs that a query asks for, in its order."""
        return search(self.runs, query)

    def share_view(self, tag: str, view: str) -> None:
        """Keep a view of the experiment where the dashboard looks for it."""
        with self._explained():
            self.client.set_experiment_tag(self.experiment.experiment_id, tag, view)

    def logged_model(self, run_id: str) -> str | None:
        """The id of the model that was logged for a run, or None."""
        with self._explained():
            return logged_model(self, run_id)

    def champion(self, name: str) -> Version | None:
        """The champion of a registered model, or None."""
        with self._explained():
            return champion(self.client, name)

    def crown(self, name: str, model_id: str, run_id: str, tags: Mapping[str, str]) -> Version:
        """Register a model and make it the champion."""
        with self._explained():
            return crown(self.client, name, model_id, run_id, tags)

    def champions(self) -> dict[str, str]:
        """The run that each registered model's champion comes from."""
        with self._explained():
            return champions(self.client)

    @contextlib.contextmanager
    def _explained(self, subject: str = "") -> Iterator[None]:
        try:
            yield
        except (MlflowException, OSError) as error:
            raise unreachable(self.uri, error, subject) from error


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
        experiment = client.get_experiment_by_name(config.experiment)
        if experiment is None and create:
            experiment = _create(client, config)
    except Exception as error:
        failure = unreachable(uri, error)
        if create and failure.passing and uri.startswith("http"):
            failure.message += "; tracking.offline=true does without it, and hone sync delivers later"
        raise failure from error
    if experiment is None:
        raise StoreError(f"no experiment named {config.experiment!r}", where=hide_password(uri))
    return Store(client, experiment, uri)


def _create(client: MlflowClient, config: TrackingConfig) -> Experiment:
    location = None if config.uri else (config.root / "artifacts").as_uri()
    try:
        client.create_experiment(config.experiment, location, EXPERIMENT_TAGS)
    except MlflowException as error:
        # Another controller made it just now.
        if error.error_code != "RESOURCE_ALREADY_EXISTS":
            raise
    return client.get_experiment_by_name(config.experiment)


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


def _quieten() -> None:
    for noisy in ("mlflow", "alembic", "urllib3.connectionpool"):
        logging.getLogger(noisy).setLevel(logging.ERROR)
