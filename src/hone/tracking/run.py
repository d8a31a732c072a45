"""The life of a run, from opening to ending, carried out in order by the courier."""

from __future__ import annotations

import json
import os
import socket
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import psutil

from hone.tracking.courier import Courier, Errand
from hone.tracking.store import NOTE_TAG, Store

KIND, STATE, STUDY, TRIAL = "hone.kind", "hone.state", "hone.study", "hone.trial"
ERROR, FAILURE, PROCESS = "hone.error", "hone.failure", "hone.process"
# Digest of the weights that training ended with, and the optimizer steps that it took.
WEIGHTS, STEPS = "hone.weights", "hone.steps"
RUN_FILE = "run.json"


@dataclass(frozen=True)
class RunRecord:
    """What a run is opened with.

    Attributes:
        name: What people see.
        tags: Tags to filter by.
        params: Parameters by dotted key.
        texts: Artifacts by name, such as ``config.yaml``.
    """

    name: str
    tags: Mapping[str, str]
    params: Mapping[str, Any] = field(default_factory=dict)
    texts: Mapping[str, str] = field(default_factory=dict)


class TrackedRun:
    """One run. Each method queues an errand and returns at once; the run's id is known when the first has run.

    Args:
        courier: Who carries it out.
        directory: The run's own directory, which exists.
        parent: The study's run, opened before this one.
    """

    def __init__(self, courier: Courier, directory: Path, parent: TrackedRun | None = None) -> None:
        self.courier = courier
        self.directory = directory
        self.parent = parent
        self.run_id: str | None = None

    def open(self, record: RunRecord, *, spool: bool = True) -> None:
        """Open the run.

        Args:
            record: Its name, tags, parameters and first artifacts.
            spool: The directory holds a spool whose metrics are delivered from now on.
        """
        self.courier.send(lambda store: self._open(store, record, spool))

    def reopen(self) -> None:
        """Take up a run that has ended, whose id is known."""
        tags = {STATE: "running", PROCESS: this_process(), ERROR: "", FAILURE: ""}
        self.courier.send(lambda store: store.reopen_run(self._id, tags))

    def take_up(self, run_id: str) -> None:
        """Go on with a run that another process opened, delivering what its spool still holds."""
        self.run_id = run_id
        self.reopen()
        self.courier.send(lambda store: self._take_up(store, run_id))

    def log(self, values: Mapping[str, float], step: int) -> None:
        """Log metrics that no spool holds."""
        self._send(lambda store: store.log_values(self._id, values, step))

    def note(self, text: str) -> None:
        """Set the description that the dashboard shows, in Markdown."""
        self.tag({NOTE_TAG: text})

    def tag(self, tags: Mapping[str, str]) -> None:
        """Set tags."""
        self._send(lambda store: store.set_tags(self._id, tags))

    def add_text(self, text: str, name: str) -> None:
        """Write an artifact."""
        self._send(lambda store: store.log_text(self._id, text, name))

    def add_files(self, paths: Sequence[Path], folder: str | None = None) -> None:
        """Copy those of some files that exist into the run's artifacts."""
        self._send(lambda store: self._add_files(store, paths, folder))

    def end(
        self,
        status: str,
        state: str,
        tags: Mapping[str, str] | None = None,
        metrics: Mapping[str, float] | None = None,
    ) -> None:
        """Deliver the spool to its end and end the run.

        Args:
            status: MLflow's: ``FINISHED``, ``FAILED`` or ``KILLED``.
            state: hone's: ``complete``, ``pruned``, ``failed``, ``stopped``.
            tags: More to be set.
            metrics: Last values that no spool holds.
        """
        last = {STATE: state, **(tags or {})}
        self.courier.finish(self.directory, lambda store: self._end(store, status, last, metrics or {}))

    @property
    def _id(self) -> str:
        assert self.run_id is not None
        return self.run_id

    def _send(self, errand: Errand) -> None:
        def carry(store: Store) -> None:
            # Where opening failed, what would follow stays in the run's directory, and the failure is noted.
            if self.run_id is not None:
                errand(store)

        self.courier.send(carry)

    def _open(self, store: Store, record: RunRecord, spool: bool) -> None:
        tags = {**record.tags, STATE: "running", PROCESS: this_process()}
        self.run_id = store.start_run(record.name, tags, self.parent.run_id if self.parent else None)
        self._keep(store)
        if spool:
            self.courier.watch(self.run_id, self.directory)
        store.log_params(self.run_id, record.params)
        store.log_texts(self.run_id, record.texts)

    def _take_up(self, store: Store, run_id: str) -> None:
        # Its process may have died between opening the run and writing down which it is.
        self._keep(store)
        self.courier.watch(run_id, self.directory)

    def _keep(self, store: Store) -> None:
        parent = self.parent.run_id if self.parent else None
        kept = {"run_id": self.run_id, "parent": parent, "store": store.shown}
        (self.directory / RUN_FILE).write_text(json.dumps(kept, indent=2))

    def _add_files(self, store: Store, paths: Sequence[Path], folder: str | None) -> None:
        for path in paths:
            if not path.is_file():
                continue
            if folder is None:
                store.log_file(self._id, path)
            else:
                store.link_file(self._id, path, folder)

    def _end(self, store: Store, status: str, tags: Mapping[str, str], metrics: Mapping[str, float]) -> None:
        if self.run_id is not None:
            store.end_run(self.run_id, status, tags, metrics)


def kept_run_id(directory: Path) -> str | None:
    """The id of the run that a directory belongs to, as its opening wrote it; None where there is none."""
    try:
        return str(json.loads((directory / RUN_FILE).read_text())["run_id"])
    except (OSError, ValueError, KeyError):
        return None


def this_process() -> str:
    """Name this process so that no later one can be taken for it: host, id and time of start."""
    return f"{socket.gethostname()}:{os.getpid()}:{psutil.Process().create_time():.2f}"


def is_gone(process: str) -> bool:
    """Say whether a process of this host, as ``this_process`` named it, has ended; False for another host's."""
    host, pid, created = process.rsplit(":", 2)
    if host != socket.gethostname():
        return False
    try:
        return f"{psutil.Process(int(pid)).create_time():.2f}" != created
    except psutil.NoSuchProcess:
        return True


def end_abandoned(store: Store) -> list[str]:
    """End runs that a process which is gone left ``RUNNING``.

    Args:
        store: The store.

    Returns:
        Their ids.
    """
    abandoned = [
        run.info.run_id
        for run in store.runs("attributes.status = 'RUNNING'")
        if PROCESS in run.data.tags and is_gone(run.data.tags[PROCESS])
    ]
    for run_id in abandoned:
        store.end_run(run_id, "FAILED", {STATE: "crashed", ERROR: "the process that kept this run is gone"})
    return abandoned
