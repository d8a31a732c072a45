"""What a controller that is gone left half done is finished before its study goes on."""

from __future__ import annotations

from pathlib import Path

from hone.study import Study
from hone.sweep.runs import close_run, objective_of
from hone.sweep.trial import latest_attempt
from hone.tracking.courier import Courier
from hone.tracking.lookup import OBJECTIVE, unfinished_trials
from hone.tracking.run import TrackedRun
from hone.worker.messages import Pruned, Result
from hone.worker.run import read_result


def recover_trials(study: Study, metric: str, directory: Path) -> None:
    """Tell the study what became of trials that were running: their result where they left one.

    Args:
        study: The study, taken up again.
        metric: Its objective.
        directory: Where its trials lie.
    """
    for number in study.orphans():
        ending = read_result(latest_attempt(directory, number))
        value = None if ending is None else objective_of(ending, metric)
        if isinstance(ending, Result) and value is not None:
            study.complete(number, value)
        elif isinstance(ending, Pruned):
            study.prune(number)
        else:
            study.abandon(number)


def recover_runs(study: str, metric: str, directory: Path, courier: Courier) -> None:
    """Deliver and end the runs of trials that left a result.

    Args:
        study: The study's name.
        metric: Its objective.
        directory: Where its trials lie.
        courier: Who carries it out.
    """
    for number, run_id in unfinished_trials(courier.store, study):
        trial = latest_attempt(directory, number)
        ending = read_result(trial)
        if ending is None:
            continue
        run = TrackedRun(courier, trial)
        run.take_up(run_id)
        value = objective_of(ending, metric)
        if value is not None:
            run.log({OBJECTIVE: value}, 0)
        close_run(run, ending, trial)
