"""A job of a Hydra application as a trial."""

from __future__ import annotations

import contextlib
import functools
import time
import traceback
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from hone.config.application import Loaded, load, read_application
from hone.errors import ConfigError
from hone.tracking.redirect import redirect
from hone.tracking.spool import SpoolWriter
from hone.tracking.system import SystemMetrics
from hone.worker.disk import is_full
from hone.worker.failures import described, is_out_of_memory
from hone.worker.imports import when_imported
from hone.worker.lessons import teach
from hone.worker.lightning import join_lightning
from hone.worker.messages import Ending, Failed, Pruned, Result, TrialJob
from hone.worker.ranks import is_first_rank
from hone.worker.reporting import Talk, talk_by

RETURNED = "the application's function"


def run_application(job: TrialJob, node: Mapping[str, Any], line: Any, started: float) -> Ending:
    """Run an application's function as Hydra runs a job.

    Args:
        job: The trial.
        node: What makes it from the application: its overrides.
        line: The worker's line to its controller.
        started: ``time.monotonic()`` at the worker's start.

    Returns:
        How it ended; an exception becomes ``Failed``.
    """
    with contextlib.ExitStack() as held:
        spool = None
        if is_first_rank():
            spool = held.enter_context(SpoolWriter(Path(job.directory)))
            held.enter_context(SystemMetrics(spool, job.lease.cpus, job.lease.gpus))
        talk = Talk(line, spool, job.objectives)
        try:
            values = _values(_call(job, node, talk), job.objectives)
        except BaseException as error:  # noqa: BLE001 - whatever the program raised is the trial's ending
            # Pruned, it may fail for want of what it would have had.
            if not talk.pruned:
                traceback.print_exc()
                return _failed(error, before=not talk.begun)
            values = {}
        if is_first_rank():
            teach(Path(job.directory).parent)
        seconds = time.monotonic() - started
        if talk.pruned:
            return Pruned(talk.latest, None, talk.step, seconds)
        talk.track(values)
        return Result({**talk.latest, **values}, None, talk.step, seconds)


def _call(job: TrialJob, node: Mapping[str, Any], talk: Talk) -> Any:
    application = read_application(Path(job.directory).parent)
    loaded = load(application)
    config = loaded.config(application, [str(one) for one in node["overrides"]], job.number)
    if not is_first_rank():
        # What stands there was written by the first.
        config.hydra.output_subdir = None
    task = _Task(loaded, talk)
    with _joined(talk, job):
        loaded.run(config, functools.wraps(loaded.task)(task))
    if task.error is not None:
        raise task.error
    return task.value


class _Task:
    """An application's function that remembers what it came to, whatever Hydra makes of it."""

    def __init__(self, loaded: Loaded, talk: Talk) -> None:
        self.loaded, self.talk = loaded, talk
        self.value: Any = None
        self.error: BaseException | None = None

    def __call__(self, config: Any) -> Any:
        if is_first_rank():
            self.talk.begin()
        try:
            self.value = self.loaded.task(config)
        except BaseException as error:
            self.error = error
            raise
        return self.value


@contextlib.contextmanager
def _joined(talk: Talk, job: TrialJob) -> Iterator[None]:
    """Make this process, and what the application uses, parts of the trial."""
    talk_by(talk if is_first_rank() else None)
    when_imported("mlflow", lambda module: redirect(module, talk.run))
    join_lightning(talk, job)
    try:
        yield
    finally:
        talk_by(None)


def _values(returned: Any, objectives: Sequence[str]) -> dict[str, float]:
    """What a function returned, by objective.

    Raises:
        ConfigError: It is not a number for each.
    """
    several = len(objectives) > 1
    if several and (isinstance(returned, str | Mapping) or not hasattr(returned, "__len__")):
        raise ConfigError(f"must return {len(objectives)} numbers, not {returned!r}", where=RETURNED)
    values = list(returned) if several else [returned]
    if len(values) != len(objectives):
        raise ConfigError(
            f"returned {len(values)} values where hydra.sweeper.direction names {len(objectives)}",
            where=RETURNED,
        )
    try:
        return {name: float(value) for name, value in zip(objectives, values, strict=True)}
    except (TypeError, ValueError):
        wanted = "numbers" if several else "a number"
        raise ConfigError(f"must return the objective, {wanted}, not {returned!r}", where=RETURNED) from None


def _failed(error: BaseException, *, before: bool) -> Failed:
    # What it returns is wrong each time. And Hydra explains on the first line what does not compose, and no trial of
    # this sweep will do better.
    returned = isinstance(error, ConfigError) and error.where == RETURNED
    return replace(described(error, _kind(error), before=before), bad_input=before or returned)


def _kind(error: BaseException) -> str:
    if isinstance(error, OSError) and is_full(error):
        return "disk"
    if is_out_of_memory(error):
        return "oom"
    # Lightning's word for SIGTERM.
    return "preempted" if type(error).__name__ == "SIGTERMException" else "error"
