"""What can be done to a run, each as a record that is written down first and carried to a store later.

A new kind of record is one class here:

    @dataclass(frozen=True)
    class SetColour(Record):
        colour: str

        def carry(self, store: Store, run: LocalRun) -> None:
            store.set_tags(run.id, {"colour": self.colour})

and, where it is asked for in more than one place, a method of ``TrackedRun`` that puts it:
``self.put(SetColour("red"))``. Its fields must be what JSON can hold, since the process that carries it may be another
one, much later; paths within the run's directory are kept relative to it. Carrying it twice must come to the same as
carrying it once, since the answer of a store can be lost. ``carry`` lets a ``StoreError`` pass: whoever calls it knows
which failures to try again.
"""

from __future__ import annotations

import hashlib
import json
import os
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar, Self

from hone.tracking.local import LocalRun, Opened
from hone.tracking.tags import ERROR, FAILURE

if TYPE_CHECKING:
    from hone.tracking.store import Store

KEY = "hone.key"
# Texts that are longer lie beside the outbox, each under the digest of its content.
LONGEST_LINE = 50_000
KINDS: dict[str, type[Record]] = {}


def now() -> int:
    """This moment in milliseconds since the epoch."""
    return int(time.time() * 1000)


@dataclass(frozen=True)
class Record:
    """Something to be done to a run.

    Attributes:
        at: When it was asked for, in milliseconds since the epoch: what the store is told, however much later.
        leaves_open: Whether the run is open after it; None where it leaves that as it was.
    """

    at: int = field(default_factory=now, kw_only=True)
    leaves_open: ClassVar[bool | None] = None

    def __init_subclass__(cls) -> None:
        """Know the kind by its name when it is read back."""
        KINDS[cls.__name__] = cls

    def carry(self, store: Store, run: LocalRun) -> None:
        """Do it.

        Args:
            store: Where to.
            run: The run; it has an id, unless this opens it.

        Raises:
            StoreError: It could not be done.
        """
        raise NotImplementedError

    def stowed(self, directory: Path) -> Self:  # noqa: ARG002 - what is small stays as it is
        """The same as it is to be written down, with what is too long for a line in a file of its own."""
        return self


@dataclass(frozen=True)
class OpenRun(Record):
    """Open a run.

    Attributes:
        name: What people see.
        tags: Tags to filter by.
        key: Names the run in any store, so that one whose opening was not answered is found again.
        parent: The directory of the run that it stands under, relative to its own.
    """

    name: str
    tags: Mapping[str, str]
    key: str
    parent: str | None = None
    leaves_open: ClassVar[bool | None] = True

    def parent_directory(self, directory: Path) -> Path | None:
        """The directory of the run that it stands under."""
        return Path(os.path.normpath(directory / self.parent)) if self.parent else None

    def carry(self, store: Store, run: LocalRun) -> None:
        """Open it, unless an earlier attempt did."""
        if run.opened is not None and run.opened.key == self.key:
            return
        above = self.parent_directory(run.directory)
        parent = LocalRun(above).run_id if above else None
        found = store.find_key(self.key) if run.again else None
        run_id, artifacts = found or store.open_run(self.name, {**self.tags, KEY: self.key}, parent, self.at)
        run.keep(Opened(run_id, parent, store.shown, artifacts, self.key))


@dataclass(frozen=True)
class ReopenRun(Record):
    """Set a run that has ended to ``RUNNING``."""

    tags: Mapping[str, str]
    leaves_open: ClassVar[bool | None] = True

    def carry(self, store: Store, run: LocalRun) -> None:
        """Do so."""
        store.reopen_run(run.id, self.tags)


@dataclass(frozen=True)
class EndRun(Record):
    """End a run; what its spool holds is delivered before.

    Attributes:
        status: MLflow's.
        tags: Tags to set before.
        metrics: Last values, at step 0.
    """

    status: str
    tags: Mapping[str, str]
    metrics: Mapping[str, float]
    leaves_open: ClassVar[bool | None] = False

    def carry(self, store: Store, run: LocalRun) -> None:
        """Do so."""
        # Between the run's end and this, it may have been taken for one whose process had died.
        mended = {ERROR: "", FAILURE: ""} if run.again else {}
        store.end_run(run.id, self.status, {**mended, **self.tags}, self.metrics, self.at)


@dataclass(frozen=True)
class DeleteRun(Record):
    """Delete a run that should not have been opened."""

    leaves_open: ClassVar[bool | None] = False

    def carry(self, store: Store, run: LocalRun) -> None:
        """Do so."""
        store.delete_run(run.id)


@dataclass(frozen=True)
class SetTags(Record):
    """Set tags."""

    tags: Mapping[str, str]

    def carry(self, store: Store, run: LocalRun) -> None:
        """Do so."""
        store.set_tags(run.id, self.tags)


@dataclass(frozen=True)
class LogParams(Record):
    """Log parameters."""

    params: Mapping[str, str]

    def carry(self, store: Store, run: LocalRun) -> None:
        """Do so."""
        store.log_params(run.id, self.params)


@dataclass(frozen=True)
class LogInputs(Record):
    """Say which data sets a run reads.

    Attributes:
        inputs: Fields of each, as ``hone.tracking.inputs`` gives them.
    """

    inputs: Sequence[Mapping[str, str]]

    def carry(self, store: Store, run: LocalRun) -> None:
        """Do so; MLflow takes the same data set once."""
        store.log_inputs(run.id, self.inputs)


@dataclass(frozen=True)
class LogValues(Record):
    """Log metrics that no spool holds."""

    values: Mapping[str, float]
    step: int

    def carry(self, store: Store, run: LocalRun) -> None:
        """Do so."""
        store.log_values(run.id, self.values, self.step, self.at)


@dataclass(frozen=True)
class AddTexts(Record):
    """Write artifacts.

    Attributes:
        texts: Content by name.
        files: Names of files beside the outbox that hold the content, by name of the artifact.
    """

    texts: Mapping[str, str]
    files: Mapping[str, str] = field(default_factory=dict)

    def carry(self, store: Store, run: LocalRun) -> None:
        """Do so."""
        stowed = {name: run.directory / file for name, file in self.files.items()}
        found = {name: path.read_text(encoding="utf-8") for name, path in stowed.items() if path.is_file()}
        store.log_texts(run.id, {**self.texts, **found})

    def stowed(self, directory: Path) -> Self:
        """With long texts in files."""
        files = {}
        for name, text in self.texts.items():
            if len(text) > LONGEST_LINE:
                content = text.encode()
                files[name] = f"outbox-{hashlib.sha256(content).hexdigest()[:16]}.txt"
                (directory / files[name]).write_bytes(content)
        return replace(self, texts={name: text for name, text in self.texts.items() if name not in files}, files=files)


@dataclass(frozen=True)
class AddFiles(Record):
    """Copy those of some files that are there when it is carried into the run's artifacts.

    Attributes:
        paths: Relative to the run's directory, or absolute.
        folder: Where to; a file that goes into a folder does not change any more, and may be linked.
    """

    paths: Sequence[str]
    folder: str | None = None

    def carry(self, store: Store, run: LocalRun) -> None:
        """Do so."""
        for path in (run.directory / one for one in self.paths):
            if not path.is_file():
                continue
            if self.folder is None:
                store.log_file(run.id, path)
            else:
                store.link_file(run.id, path, self.folder)


@dataclass(frozen=True)
class LogModel(Record):
    """Log a checkpoint, where it is there when it is carried, as the model that the run came to.

    Attributes:
        checkpoint: Relative to the run's directory, or absolute.
        params: What the model is known by.
        step: The optimizer step that training ended at.
    """

    checkpoint: str
    params: Mapping[str, str]
    step: int = 0

    def carry(self, store: Store, run: LocalRun) -> None:
        """Do so."""
        path = run.directory / self.checkpoint
        if path.is_file():
            store.log_model(run.id, path, self.params, self.step)


@dataclass(frozen=True)
class DeleteModel(Record):
    """Delete the model that was logged for a run, unless it is registered."""

    def carry(self, store: Store, run: LocalRun) -> None:
        """Do so."""
        store.delete_model(run.id)


@dataclass(frozen=True)
class AddFolder(Record):
    """Copy what lies in a folder when it is carried into the run's artifacts, over what an earlier copy left there.

    Attributes:
        path: The folder, relative to the run's directory, or absolute.
        folder: Where to.
    """

    path: str
    folder: str

    def carry(self, store: Store, run: LocalRun) -> None:
        """Do so; a file whose name begins with a dot is not complete."""
        for path in sorted((run.directory / self.path).glob("[!.]*")):
            if path.is_file():
                store.log_file(run.id, path, self.folder)


@dataclass(frozen=True)
class DeleteFiles(Record):
    """Delete a folder of a run's artifacts."""

    folder: str

    def carry(self, store: Store, run: LocalRun) -> None:
        """Do so."""
        store.delete_files(run.id, self.folder)


def encode(record: Record) -> bytes:
    """A record as a line, without its end."""
    return json.dumps([type(record).__name__, vars(record)], default=str).encode()


def decode(line: bytes) -> Record | None:
    """A line as the record that it holds; None for half a line, and for what this version does not know."""
    try:
        kind, content = json.loads(line)
        return KINDS[kind](**content)
    except (ValueError, KeyError, TypeError):
        return None


def relative(path: Path, directory: Path) -> str:
    """A path as a record keeps it: relative within the run's directory, which may move before it is delivered."""
    absolute = Path(path).absolute()
    return str(absolute.relative_to(directory) if absolute.is_relative_to(directory) else absolute)


def texts_of(params: Mapping[str, Any]) -> dict[str, str]:
    """Parameters as MLflow keeps them."""
    return {key: str(value) for key, value in params.items()}
