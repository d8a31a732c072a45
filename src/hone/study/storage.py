"""Where studies are kept: a journal file by default, any Optuna storage by its URL."""

from __future__ import annotations

import json
import warnings
from pathlib import Path
from typing import Any

import optuna
from optuna.storages import BaseStorage, JournalStorage, get_storage
from optuna.storages.journal import JournalFileBackend

from hone.errors import StudyError, did_you_mean
from hone.space import Space
from hone.study.study import FINGERPRINT, Study, difference, dump_fingerprint, fingerprint


def open_study(
    name: str,
    space: Space,
    *,
    metric: str,
    direction: str,
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
        metric: The objective.
        direction: ``maximize`` or ``minimize``.
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
        open_one = optuna.load_study if resume else optuna.create_study
        arguments = {} if resume else {"direction": direction}
        study = open_one(study_name=name, storage=kept_in, sampler=sampler, pruner=pruner, **arguments)
    except KeyError:
        near = did_you_mean(name, study_names(storage, directory))
        raise StudyError(f"no study named {name!r} to resume.{near}", where="study.name") from None
    except optuna.exceptions.DuplicatedStudyError:
        raise StudyError(
            f"a study named {name!r} exists; go on with it by --resume, or choose another name",
            where="study.name",
        ) from None
    now = fingerprint(space, metric, direction)
    if resume:
        _check_same(study, now)
    else:
        study.set_user_attr(FINGERPRINT, dump_fingerprint(now))
    return Study(study, space)


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
    else:
        optuna.delete_study(study_name=name, storage=_storage(storage, directory, name))


def _storage(url: str | None, directory: Path, name: str) -> BaseStorage:
    try:
        if url is not None:
            return get_storage(url)
        directory.mkdir(parents=True, exist_ok=True)
        return JournalStorage(JournalFileBackend(str(directory / f"{name}.journal")))
    except Exception as error:
        reason = " ".join(str(error).split())[:300]
        raise StudyError(f"the study's storage cannot be used: {reason}", where="study.storage") from error


def _check_same(study: optuna.Study, now: dict[str, Any]) -> None:
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
