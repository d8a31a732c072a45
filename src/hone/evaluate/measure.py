"""One checkpoint's turn in a worker."""

from __future__ import annotations

import shutil
import time
from dataclasses import dataclass
from pathlib import Path

from hone.config.files import write_text
from hone.errors import HoneError, ModelError
from hone.evaluate.source import Source
from hone.executors import Executor
from hone.sweep.runs import ending_of
from hone.worker.messages import Begin, Ending, Exited, Failed, Lease, Pruned, Result, Started, TrialJob
from hone.worker.run import LOG_FILE, TRIAL_FILE
from hone.worker.scoring import ScoreRequest

POLL_SECONDS = 0.5
ONLY = 0


@dataclass(frozen=True)
class Scored:
    """A checkpoint that was scored.

    Attributes:
        started: What the worker said before it began.
        lease: What it was given.
        directory: Where it left what it measured.
        began: When, in milliseconds since the epoch.
    """

    started: Started
    lease: Lease
    directory: Path
    began: int


def score(source: Source, request: ScoreRequest, executor: Executor, directory: Path) -> Scored:
    """Score a checkpoint in a worker.

    Args:
        source: Its run.
        request: What to measure.
        executor: Where the worker runs.
        directory: An empty one.

    Raises:
        HoneError: It cannot be scored; nothing is left behind where what was given is at fault.
    """
    write_text(source.prepared.trial.text, directory / TRIAL_FILE)
    request.write(directory)
    job = TrialJob(ONLY, str(directory), allowed=source.prepared.foreign.allowed)
    began = int(time.time() * 1000)
    lease = executor.start(job)
    started: Started | None = None
    ending: Ending | None = None
    while executor.running:
        for _, message in executor.wait(POLL_SECONDS):
            if isinstance(message, Started):
                started = message
                executor.answer(ONLY, Begin())
            elif isinstance(message, Result | Pruned | Failed):
                ending = message
            elif isinstance(message, Exited):
                ending = ending_of(ending, directory, message)
    if started is None or not isinstance(ending, Result):
        raise _error(source, ending, directory)
    return Scored(started, lease, directory, began)


def _error(source: Source, ending: Ending | None, directory: Path) -> HoneError:
    if isinstance(ending, Failed) and ending.bad_input:
        shutil.rmtree(directory, ignore_errors=True)
        return HoneError(ending.message, where=ending.where)
    kind, message = (ending.kind, ending.message) if isinstance(ending, Failed) else ("crash", "no result")
    if isinstance(ending, Failed) and ending.traceback:
        with (directory / LOG_FILE).open("a") as log:
            log.write(ending.traceback)
    return ModelError(f"cannot be scored ({kind}): {message}; see {directory / LOG_FILE}", where=source.run.where)
