"""Whole runs out of any MLflow store, by id alone: what is needed to run them again or to lay them side by side."""

from __future__ import annotations

import json
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from mlflow.entities import Run
from mlflow.exceptions import MlflowException
from mlflow.store.artifact.artifact_repository_registry import get_artifact_repository

from hone.config.files import read_yaml
from hone.config.secrets import hide_password
from hone.errors import RunNotFound, StoreError
from hone.provenance import Provenance
from hone.tracking.lookup import RUN_ID, find_run
from hone.tracking.record import CONFIG_FILE, PROVENANCE_FILE
from hone.tracking.run import KIND, STATE, STUDY
from hone.tracking.store import PARENT_TAG, Store
from hone.tracking.tags import by_key

WHOLE_ID = 32
Points = Mapping[str, tuple[tuple[int, float], ...]]


@dataclass(frozen=True)
class KeptRun:
    """A run with all that the store keeps of how it was made.

    Attributes:
        run_id: Its id.
        name: Its name.
        kind: ``study``, ``trial`` or ``train``.
        state: How it ended.
        study: The study that it belongs to, if any.
        tags: Its tags.
        params: Its parameters.
        last: The last value of each metric.
        config: ``config.yaml`` as it stands there: not to be trusted, not resolved.
        provenance: What it was made with.
        experiment: The experiment that it is in.
    """

    run_id: str
    name: str
    kind: str
    state: str
    study: str
    tags: Mapping[str, str]
    params: Mapping[str, str]
    last: Mapping[str, float]
    config: Mapping[str, Any]
    provenance: Provenance
    experiment: str = ""
    started: int = field(default=0)

    @property
    def where(self) -> str:
        """What to call it in messages."""
        return f"run {self.run_id[:8]}"


def fetch_run(store: Store, name: str) -> KeptRun:
    """Fetch a run.

    Args:
        store: The store.
        name: As for ``find_run``; a whole id is found in every experiment of the store.

    Raises:
        RunNotFound: There is none, or it has no config: hone did not make it.
        StoreError: The store cannot be read.
    """
    run = _by_id(store, name) if RUN_ID.fullmatch(name) and len(name) == WHOLE_ID else None
    return _kept(store, run or store.client.get_run(find_run(store, name).run_id))


def fetch_trials(store: Store, study: KeptRun) -> list[KeptRun]:
    """Fetch the runs of a study's trials, by number.

    Args:
        store: The store.
        study: The study's own run.
    """
    found, token = [], None
    while True:
        page = store.client.search_runs(
            [study.experiment], f"tags.`{PARENT_TAG}` = '{study.run_id}'", max_results=1_000, page_token=token
        )
        found += page
        token = page.token
        if not token:
            break
    trials = [_kept(store, one) for one in found if one.data.tags.get(KIND) == "trial"]
    return sorted(trials, key=lambda one: int(one.tags.get("hone.trial", "0")))


def fetch_points(store: Store, run_id: str) -> Points:
    """Fetch every value of every metric of a run.

    Args:
        store: The store.
        run_id: The run.

    Returns:
        Steps and values by metric, in order; a value that was logged twice for one step stands once.
    """
    points = {}
    for name in sorted(store.client.get_run(run_id).data.metrics):
        history = store.client.get_metric_history(run_id, name)
        ordered = sorted(history, key=lambda one: (one.step, one.timestamp))
        # By their text: a NaN is the same as another.
        points[name] = tuple({(one.step, repr(one.value)): (one.step, one.value) for one in ordered}.values())
    return points


def fetch_text(store: Store, run_id: str, name: str) -> str | None:
    """Fetch a text artifact; None where the run has none by that name."""
    with tempfile.TemporaryDirectory() as folder:
        path = _download(store, run_id, name, folder)
        return path.read_text(encoding="utf-8") if path else None


def in_its_experiment(store: Store, run: KeptRun) -> Store:
    """The store as seen from the experiment that a run is in."""
    if run.experiment in ("", store.experiment.experiment_id):
        return store
    return Store(store.client, store.client.get_experiment(run.experiment), store.uri)


def _by_id(store: Store, run_id: str) -> Run | None:
    try:
        return store.client.get_run(run_id)
    except MlflowException as error:
        if error.error_code == "RESOURCE_DOES_NOT_EXIST":
            raise RunNotFound(f"no run by that id in {hide_password(store.uri)}", where=run_id) from None
        raise StoreError(f"the tracking store cannot be used: {str(error)[:300]}", hide_password(store.uri)) from error


def _kept(store: Store, run: Run) -> KeptRun:
    tags, info = run.data.tags, run.info
    with tempfile.TemporaryDirectory() as folder:
        config = _download(store, info.run_id, CONFIG_FILE, folder)
        if config is None:
            raise RunNotFound(f"has no {CONFIG_FILE}: hone did not make it", where=f"run {info.run_id[:8]}")
        content = read_yaml(config)
        provenance = _download(store, info.run_id, PROVENANCE_FILE, folder)
        made_with = json.loads(provenance.read_text(encoding="utf-8")) if provenance else {}
    return KeptRun(
        run_id=info.run_id,
        name=info.run_name or info.run_id[:8],
        kind=tags.get(KIND, ""),
        state=tags.get(STATE, info.status.lower()),
        study=tags.get(STUDY, ""),
        tags=dict(tags),
        params=by_key(run.data.params),
        last=dict(run.data.metrics),
        config=content,
        provenance=Provenance.from_dict(made_with),
        experiment=info.experiment_id,
        started=info.start_time or 0,
    )


def _download(store: Store, run_id: str, name: str, folder: str) -> Path | None:
    repository = get_artifact_repository(store.client.get_run(run_id).info.artifact_uri, store.uri)
    try:
        return Path(repository.download_artifacts(name, folder))
    except (MlflowException, OSError) as error:
        if isinstance(error, OSError) or "not" in str(error).lower():
            return None
        raise StoreError(f"{name} cannot be fetched: {str(error)[:300]}", where=f"run {run_id[:8]}") from error
    finally:
        # Else its threads live until the collector comes by.
        repository.thread_pool.shutdown()
