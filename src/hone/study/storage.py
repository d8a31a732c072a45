"""Where studies are kept: a journal file by default, any Optuna storage by its URL."""

from __future__ import annotations

import fcntl
import json
import os
import warnings
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import optuna
from optuna.storages import BaseStorage, JournalStorage, get_storage
from optuna.storages.journal import JournalFileBackend
from optuna.storages.journal._file import BaseJournalFileLock

from hone.errors import StudyError, did_you_mean
from hone.space import Constraint, Space
from hone.study.remembered import RememberedStorage
from hone.study.study import FINGERPRINT, Study, difference, dump_fingerprint, fingerprint


def open_study(
    name: str,
    space: Space,
    *,
    metrics: Sequence[str],
    directions: Sequence[str],
    constraints: Sequence[Constraint] = (),
    storage: str | None,
    directory: Path,
    sampler: Any,
    pruner: Any,
    resume: bool = False,
) -> Study:
    """Create a study, or take one up again.

    Args:
        name: The study's name.
        space: What is searched.
        metrics: The objectives.
        directions: ``maximize`` or ``minimize`` for each.
        constraints: What a trial's metrics must keep.
        storage: Any Optuna storage URL; None for a journal file in ``directory``.
        directory: Where journal files lie.
        sampler: An Optuna sampler.
        pruner: An Optuna pruner.
        resume: The study must exist and have the same fingerprint.

    Returns:
        The study.

    Raises:
        StudyError: It exists already, does not exist, or searches something else; or its storage cannot be used.
    """
    try:
        # Opening a journal would make one.
        if resume and storage is None and name not in study_names(None, directory):
            raise KeyError(name)
        kept_in = _storage(storage, directory, name)
        if storage is not None:
            # A journal is read as it grows, and is in memory already.
            kept_in = RememberedStorage(kept_in)
        open_one = optuna.load_study if resume else optuna.create_study
        arguments = {} if resume else {"directions": list(directions)}
        study = open_one(study_name=name, storage=kept_in, sampler=sampler, pruner=pruner, **arguments)
    except KeyError:
        near = did_you_mean(name, study_names(storage, directory))
        raise StudyError(f"no study named {name!r} to resume.{near}", where="study.name") from None
    except optuna.exceptions.DuplicatedStudyError:
        raise StudyError(
            f"a study named {name!r} exists; go on with it by --resume, or choose another name",
            where="study.name",
        ) from None
    now = fingerprint(space, metrics, directions, constraints)
    if resume:
        _check_same(study, now)
    else:
        study.set_user_attr(FINGERPRINT, dump_fingerprint(now))
    return Study(study, space)


@dataclass(frozen=True)
class Kept:
    """A study as it lies in its storage, for those who only look at it.

    Attributes:
        study: Optuna's study.
        metrics: The objectives.
        maximize: Whether more is better, for each.
        searched: What is searched, as it was written, by key; conditional parts by ``KEY (CONDITION)``.
        constraints: Each bound by its metric.
    """

    study: optuna.Study
    metrics: tuple[str, ...]
    maximize: tuple[bool, ...]
    searched: dict[str, str]
    constraints: dict[str, str]


def read_study(name: str, storage: str | None, directory: Path) -> Kept:
    """Load a study to look at it.

    Args:
        name: The study's name.
        storage: Any Optuna storage URL; None for a journal file in ``directory``.
        directory: Where journal files lie.

    Returns:
        The study.

    Raises:
        StudyError: It does not exist, or its storage cannot be used.
    """
    try:
        if storage is None and name not in study_names(None, directory):
            raise KeyError(name)
        study = optuna.load_study(study_name=name, storage=_storage(storage, directory, name))
    except KeyError:
        raise StudyError(f"no study named {name!r}", where="study.name") from None
    said = json.loads(study.user_attrs.get(FINGERPRINT, "{}"))
    maximize = tuple(one is optuna.study.StudyDirection.MAXIMIZE for one in study.directions)
    searched = dict(said.get("space", {}))
    for key, part in said.items():
        if key.startswith("when."):
            searched |= {f"{one} ({key.removeprefix('when.')})": text for one, text in part.items()}
    metrics = tuple(said["metric"].split(", ")) if "metric" in said else ("objective",) * len(maximize)
    return Kept(study, metrics, maximize, searched, dict(said.get("constraints", {})))


def in_memory_study(name: str, space: Space, *, directions: Sequence[str], sampler: Any, pruner: Any) -> Study:
    """A study that nothing keeps, to go through a kept one's suggestions again.

    Args:
        name: Its name.
        space: What is searched.
        directions: ``maximize`` or ``minimize`` for each objective.
        sampler: An Optuna sampler.
        pruner: An Optuna pruner.
    """
    quieten()
    return Study(
        optuna.create_study(study_name=name, directions=list(directions), sampler=sampler, pruner=pruner), space
    )


def study_names(storage: str | None, directory: Path) -> list[str]:
    """List the studies of a storage.

    Args:
        storage: Any Optuna storage URL; None for the journal files in ``directory``.
        directory: Where journal files lie.

    Returns:
        Their names, oldest first.
    """
    if storage is None:
        journals = sorted(directory.glob("*.journal"), key=lambda one: one.stat().st_ctime)
        return [one.stem for one in journals]
    return optuna.get_all_study_names(_storage(storage, directory, ""))


def delete_study(name: str, storage: str | None, directory: Path) -> None:
    """Delete a study that should not have been created.

    Args:
        name: The study.
        storage: Any Optuna storage URL; None for a journal file in ``directory``.
        directory: Where journal files lie.
    """
    if storage is None:
        (directory / f"{name}.journal").unlink(missing_ok=True)
        (directory / f"{name}.journal.lock").unlink(missing_ok=True)
    else:
        optuna.delete_study(study_name=name, storage=_storage(storage, directory, name))


def _storage(url: str | None, directory: Path, name: str) -> BaseStorage:
    try:
        if url is not None:
            return get_storage(url)
        directory.mkdir(parents=True, exist_ok=True)
        return _journal(directory / f"{name}.journal")
    except Exception as error:
        reason = " ".join(str(error).split())[:300]
        raise StudyError(f"the study's storage cannot be used: {reason}", where="study.storage") from error


class _JournalLock(BaseJournalFileLock):
    """A lock that the kernel takes back from a process that dies, which Optuna's own waits for half a minute.

    Args:
        path: The journal.
    """

    def __init__(self, path: Path) -> None:
        self._path = path.with_name(f"{path.name}.lock")
        self._descriptor = -1

    def acquire(self) -> bool:
        """Wait for the lock."""
        self._descriptor = os.open(self._path, os.O_RDWR | os.O_CREAT, 0o644)
        fcntl.flock(self._descriptor, fcntl.LOCK_EX)
        return True

    def release(self) -> None:
        """Give the lock back."""
        os.close(self._descriptor)


def _journal(path: Path) -> JournalStorage:
    lock = _JournalLock(path)
    lock.acquire()
    try:
        _drop_half_a_line(path)
    finally:
        lock.release()
    return JournalStorage(JournalFileBackend(str(path), lock))


def _drop_half_a_line(path: Path) -> None:
    """Cut off what a full disk or a power cut left of a last line: with it the whole journal would be unreadable."""
    if not path.is_file() or not path.stat().st_size:
        return
    with path.open("rb+") as journal:
        journal.seek(-1, os.SEEK_END)
        if journal.read(1) != b"\n":
            journal.seek(0)
            journal.truncate(journal.read().rfind(b"\n") + 1)


def _check_same(study: optuna.Study, now: dict[str, Any]) -> None:
    if FINGERPRINT not in study.user_attrs and not study.trials:
        # Its controller was killed between making it and saying what it is.
        study.set_user_attr(FINGERPRINT, dump_fingerprint(now))
    kept = json.loads(study.user_attrs.get(FINGERPRINT, "{}"))
    changed = difference(kept, now)
    if changed:
        raise StudyError(
            f"searches something else than the sweep file ({'; '.join(changed)}); start a new study",
            where=f"study {study.study_name}",
        )


def quieten() -> None:
    """Keep Optuna's remarks out of the terminal: what it says of each trial, and what it calls experimental."""
    optuna.logging.set_verbosity(optuna.logging.ERROR)
    warnings.filterwarnings("ignore", category=optuna.exceptions.ExperimentalWarning)
