"""A run's best checkpoint, wherever the store keeps it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from mlflow.exceptions import MlflowException
from mlflow.store.artifact.artifact_repository_registry import get_artifact_repository
from mlflow.utils.file_utils import local_file_uri_to_path
from mlflow.utils.uri import is_local_uri

from hone.errors import ModelError, StoreError
from hone.tracking.models import WEIGHTS
from hone.tracking.store import Store

FOLDER = "checkpoints"
SUFFIX = ".ckpt"


def find_checkpoint(store: Store, run_id: str, folder: Path) -> Path:
    """Find a run's best checkpoint, fetched where it is on another machine.

    Args:
        store: The store, as seen from the run's experiment.
        run_id: The run.
        folder: Where to fetch it to; nothing is written there for one that lies on this machine.

    Raises:
        ModelError: None was kept.
        StoreError: It cannot be fetched.
    """
    where = f"run {run_id[:8]}"
    run = store.client.get_run(run_id)
    try:
        found = _among_files(run.info.artifact_uri, store.uri, folder) or _of_model(store, run_id, folder)
    except (MlflowException, OSError) as error:
        raise StoreError(
            f"its checkpoint cannot be fetched: {' '.join(str(error).split())[:300]}", where=where
        ) from error
    if found is None:
        raise ModelError(
            "no checkpoint of it was kept: a sweep keeps those of its disk.keep best trials, hone train its only one",
            where=where,
        )
    return found


def _among_files(uri: str, store_uri: str, folder: Path) -> Path | None:
    repository = get_artifact_repository(uri, store_uri)
    try:
        listed = repository.list_artifacts(FOLDER)
        names = sorted(one.path for one in listed if not one.is_dir and one.path.endswith(SUFFIX))
        return _here(repository, uri, names[0], folder) if names else None
    finally:
        # Else its threads live until the collector comes by.
        repository.thread_pool.shutdown()


def _of_model(store: Store, run_id: str, folder: Path) -> Path | None:
    model = store.logged_model(run_id)
    if model is None:
        return None
    uri = store.client.get_logged_model(model).artifact_location
    repository = get_artifact_repository(uri, store.uri)
    try:
        return _here(repository, uri, WEIGHTS, folder)
    finally:
        repository.thread_pool.shutdown()


def _here(repository: Any, uri: str, name: str, folder: Path) -> Path | None:
    if is_local_uri(uri):
        path = Path(local_file_uri_to_path(uri), name)
        return path if path.is_file() else None
    folder.mkdir(parents=True, exist_ok=True)
    return Path(repository.download_artifacts(name, str(folder)))
