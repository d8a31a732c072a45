"""The life of a run, from opening to ending, written down in its directory and carried to the store by the courier."""

from __future__ import annotations

import os
import socket
import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any

import psutil

from hone.tracking.courier import Courier
from hone.tracking.local import LocalRun, Opened, kept_run_id
from hone.tracking.outbox import has_run
from hone.tracking.records import (
    AddFiles,
    AddFolder,
    AddTexts,
    DeleteFiles,
    DeleteRun,
    EndRun,
    LogInputs,
    LogParams,
    LogValues,
    OpenRun,
    Record,
    ReopenRun,
    SetTags,
    now,
    relative,
    texts_of,
)
from hone.tracking.store import NOTE_TAG, Store
from hone.tracking.tags import ERROR as ERROR
from hone.tracking.tags import FAILURE as FAILURE
from hone.tracking.tags import KIND as KIND
from hone.tracking.tags import PROCESS as PROCESS
from hone.tracking.tags import STATE as STATE
from hone.tracking.tags import STEPS as STEPS
from hone.tracking.tags import STUDY as STUDY
from hone.tracking.tags import TRIAL as TRIAL
from hone.tracking.tags import WEIGHTS as WEIGHTS


@dataclass(frozen=True)
class RunRecord:
    """What a run is opened with.

    Attributes:
        name: What people see.
        tags: Tags to filter by.
        params: Parameters by dotted key.
        texts: Artifacts by name, such as ``config.yaml``.
        inputs: Its data sets, as ``dataset_inputs`` gives them.
    """

    name: str
    tags: Mapping[str, str]
    params: Mapping[str, Any] = field(default_factory=dict)
    texts: Mapping[str, str] = field(default_factory=dict)
    inputs: Sequence[Mapping[str, str]] = ()


class TrackedRun:
    """One run. Each method writes down what is to be done and returns at once; a store may hear of it much later.

    Args:
        courier: Who carries it out.
        directory: The run's own directory, which exists; it names the run until a store has given it an id.
        parent: The study's run, opened before this one.
    """

    def __init__(self, courier: Courier, directory: Path, parent: TrackedRun | None = None) -> None:
        self.courier = courier
        self.directory = directory
        self.parent = parent

    @property
    def run_id(self) -> str | None:
        """The run's id; None until a store has given it one."""
        return kept_run_id(self.directory)

    def open(
        self,
        record: RunRecord,
        *,
        spool: bool = True,  # noqa: ARG002 - a directory shows it by itself
        began: int | None = None,
    ) -> None:
        """Open the run.

        Args:
            record: Its name, tags, parameters and first artifacts.
            spool: The directory holds a spool whose metrics are delivered from now on.
            began: When it began, in milliseconds since the epoch; now, where that is not said.
        """
        tags = {**record.tags, STATE: "running", PROCESS: this_process()}
        parent = os.path.relpath(self.parent.directory, self.directory) if self.parent else None
        self.put(
            OpenRun(record.name, tags, uuid.uuid4().hex, parent, at=began or now()),
            LogParams(texts_of(record.params)),
            AddTexts(dict(record.texts)),
            *([LogInputs([dict(one) for one in record.inputs])] if record.inputs else []),
        )

    def reopen(self) -> None:
        """Take up a run that has ended."""
        self.put(ReopenRun({STATE: "running", PROCESS: this_process(), ERROR: "", FAILURE: ""}))

    def take_up(self, run_id: str | None = None) -> None:
        """Go on with a run that another process opened, delivering what its spool still holds.

        Args:
            run_id: Its id, where this directory does not say: what was kept here is gone.
        """
        if run_id is not None and not has_run(self.directory):
            LocalRun(self.directory).keep(Opened(run_id))
        self.reopen()

    def log(self, values: Mapping[str, float], step: int) -> None:
        """Log metrics that no spool holds."""
        self.put(LogValues(dict(values), step))

    def note(self, text: str) -> None:
        """Set the description that the dashboard shows, in Markdown."""
        self.tag({NOTE_TAG: text})

    def tag(self, tags: Mapping[str, str]) -> None:
        """Set tags."""
        self.put(SetTags(dict(tags)))

    def add_text(self, text: str, name: str) -> None:
        """Write an artifact."""
        self.put(AddTexts({name: text}))

    def add_files(self, paths: Sequence[Path], folder: str | None = None) -> None:
        """Copy those of some files that exist when they are delivered into the run's artifacts."""
        if paths:
            self.put(AddFiles([relative(one, self.directory) for one in paths], folder))

    def add_folder(self, path: Path, folder: str) -> None:
        """Copy what lies in a folder when it is delivered into the run's artifacts, over an earlier copy."""
        self.put(AddFolder(relative(path, self.directory), folder))

    def delete_files(self, folder: str) -> None:
        """Delete a folder of the run's artifacts."""
        self.put(DeleteFiles(folder))

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
        self.put(EndRun(status, {STATE: state, **(tags or {})}, dict(metrics or {})))

    def delete(self) -> None:
        """Delete the run: it should not have been opened."""
        self.put(DeleteRun())

    def put(self, *records: Record) -> None:
        """Write down what is to be done to the run.

        Args:
            records: In this order; ``hone.tracking.records`` says how to make a new kind.
        """
        self.courier.put(self.directory, records)


def this_process() -> str:
    """Name this process so that no later one can be taken for it: host, id and time of start."""
    return _named(os.getpid())


@cache
def _named(pid: int) -> str:
    return f"{socket.gethostname()}:{pid}:{psutil.Process(pid).create_time():.2f}"


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
