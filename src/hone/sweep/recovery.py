"""Trials that a controller which is gone left half done: what ended unheard, and what is to go on."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from hone.config.files import read_yaml
from hone.errors import ConfigError, RunNotFound, SpaceError
from hone.study import Study
from hone.sweep.books import Books
from hone.sweep.plan import Plan
from hone.sweep.policy import INTERRUPTED
from hone.sweep.trial import Trial, trial_directory
from hone.tracking.lookup import find_run
from hone.tracking.store import Store
from hone.worker.messages import Failed, Started
from hone.worker.run import TRIAL_FILE, earlier_endings, read_result

# Nobody lists more by hand.
MOST_OPTIONS = 1_000


def recover_trials(study: Study, plan: Plan, directory: Path) -> list[Trial]:
    """Adopt the trials that were running.

    Args:
        study: The study, taken up again.
        plan: The sweep.
        directory: Where its trials lie.

    Returns:
        The trials: with the ending that one left in its directory, or without one, to go on from its last checkpoint.
    """
    return [_recovered(study, plan, number, trial_directory(directory, number)) for number in study.orphans()]


def mend_books(study: Study, plan: Plan, books: Books, directory: Path) -> None:
    """End the runs of trials that the study has been told of and the tracking store has not.

    Args:
        study: The study, taken up again.
        plan: The sweep.
        books: Where its trials are tracked.
        directory: Where its trials lie.
    """
    for one in study.finished():
        place = trial_directory(directory, one.number)
        if books.are_closed(one.number, place):
            continue
        ending = read_result(place)
        if ending is None:
            continue
        trial = Trial(one.number, one.values, plan.configs.trial(one.values, one.number), place, ending=ending)
        trial.objectives, trial.feasible = one.objectives, one.feasible
        books.open_trial(trial, Started())
        books.end_trial(trial)


def _recovered(study: Study, plan: Plan, number: int, directory: Path) -> Trial:
    suggestion = study.adopt(number)
    trial = Trial.planned(plan.configs, number, suggestion.values, directory)
    trial.failures = _failures(directory)
    trial.known = suggestion.reported
    trial.latest = suggestion.latest
    if not (directory / TRIAL_FILE).is_file():
        return trial
    # It goes on as it began, whatever was changed in the config since.
    trial.config, trial.ending = replace(trial.config, config=read_yaml(directory / TRIAL_FILE)), None
    ending = read_result(directory)
    if not (isinstance(ending, Failed) and ending.kind in INTERRUPTED):
        trial.ending = ending
    return trial


def _failures(directory: Path) -> int:
    """How many attempts count against the retries: a trial that was ended from outside has not failed."""
    endings = earlier_endings(directory)
    return sum(isinstance(one, Failed) and one.kind not in INTERRUPTED for one in endings)


def enqueue_known(study: Study, plan: Plan, store: Store | None) -> None:
    """Put the configs that the sweep file knows already at the head of the line.

    Args:
        study: The study, new.
        plan: The sweep.
        store: Where the runs that the file names are; None where no store is to be opened.

    Raises:
        RunNotFound: There is no such run.
        SpaceError: A run's values are not in the space.
    """
    for place, known in enumerate(plan.sweep.enqueue):
        where = f"{plan.path}: enqueue[{place}]"
        values = known if isinstance(known, dict) else _values_of(known, plan, store, where)
        study.enqueue(plan.space.drawn(values, where))


def _as_offered(plan: Plan, key: str, text: str) -> object:
    """A run's parameter, which MLflow keeps as text, as the option that reads so, or as the value that it was."""
    counted = (one for one in plan.space.all if one.key == key and one.count <= MOST_OPTIONS)
    offered = [option for one in counted for option in one.points() or [] if str(option) == text]
    return offered[0] if offered else plan.configs.value(text)


def _values_of(name: str, plan: Plan, store: Store | None, where: str) -> dict[str, object]:
    if store is None:
        raise SpaceError(f"run {name} is in a store that tracking.offline=true leaves shut; give values", where=where)
    try:
        params = find_run(store, name).params
    except RunNotFound as error:
        raise RunNotFound(error.message, where=f"{where}: {error.where}") from error
    try:
        found = {key: _as_offered(plan, key, text) for key, text in params.items() if key in plan.space.keys}
    except ConfigError as error:
        raise SpaceError(error.message, where=where) from error
    if not found:
        raise SpaceError(f"run {name} has none of the searched keys: {', '.join(plan.space.keys)}", where=where)
    always = {one.key for one in plan.space.parameters}
    values = {key: value for key, value in found.items() if key in always}
    for one in plan.space.opened(values):
        if one.key in found:
            values[one.key] = found[one.key]
    return values
