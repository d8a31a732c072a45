"""How a trial's ending becomes its run's ending; for trials of a study and for single runs alike."""

from __future__ import annotations

import math
import signal
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from hone.tracking.records import LogModel, texts_of
from hone.tracking.run import ERROR, FAILURE, STEPS, WEIGHTS, TrackedRun
from hone.worker.disk import EVALUATION
from hone.worker.messages import Ending, Exited, Failed, Pruned, Result
from hone.worker.run import LOG_FILE, read_result

TRACEBACK_FILE = "traceback.txt"
CHECKPOINTS = "checkpoints"
# A trial may print without end; the end of it is kept.
LONGEST_LOG = 1_000_000


def close_run(run: TrackedRun, ending: Ending | None, directory: Path, metrics: dict[str, float] | None = None) -> None:
    """End a run as its trial ended, with the trial's log and best checkpoint.

    Args:
        run: The run, opened.
        ending: How the trial ended; None where the user ended it.
        directory: The trial's directory.
        metrics: Last values that no spool holds.
    """
    run.add_files([directory / LOG_FILE])
    run.add_files(sorted((directory / EVALUATION).glob("[!.]*")), EVALUATION)
    if isinstance(ending, Result | Pruned) and ending.checkpoint:
        run.add_files([directory / ending.checkpoint], CHECKPOINTS)
    if isinstance(ending, Result):
        run.end("FINISHED", "complete", _proof(ending), metrics)
    elif isinstance(ending, Pruned):
        run.end("KILLED", "pruned", _proof(ending), metrics)
    elif isinstance(ending, Failed):
        if ending.traceback:
            run.add_text(ending.traceback, TRACEBACK_FILE)
        run.end("FAILED", "failed", {FAILURE: ending.kind, ERROR: ending.message})
    else:
        run.end("KILLED", "stopped")


def log_model(run: TrackedRun, ending: Ending | None, values: Mapping[str, Any]) -> None:
    """Log what a trial came to as a model, where its checkpoint says what it is of.

    Args:
        run: The trial's run, which may have ended.
        ending: How the trial ended.
        values: Its searched values.
    """
    if isinstance(ending, Result) and ending.checkpoint and ending.portable:
        run.put(LogModel(ending.checkpoint, texts_of(values), ending.steps))


def _proof(ending: Result | Pruned) -> dict[str, str]:
    """What a reproduction of the run is held against, beside its metrics."""
    weights = {WEIGHTS: ending.weights} if ending.weights else {}
    return {STEPS: str(ending.steps), **weights}


def ending_of(said: Ending | None, directory: Path, exited: Exited, *, out_of_memory: bool = False) -> Ending:
    """How a trial whose processes are gone ended.

    Args:
        said: What its worker said last, if anything.
        directory: The trial's directory, which may hold a result that nobody heard.
        exited: How the process ended.
        out_of_memory: The kernel ended a process for want of memory meanwhile.
    """
    return said or read_result(directory) or _crash(exited, out_of_memory)


def _crash(exited: Exited, out_of_memory: bool) -> Failed:
    if exited.code == -signal.SIGTERM:
        return Failed("preempted", "the worker was ended by SIGTERM")
    if exited.code == -signal.SIGKILL and out_of_memory:
        return Failed("oom", "the kernel ended the worker: the machine's memory ran out")
    if exited.code < 0:
        name = signal.Signals(-exited.code).name
        hint = " (is memory short?)" if name == "SIGKILL" else ""
        return Failed("crash", f"the worker was ended by {name}{hint}")
    return Failed("crash", f"the worker ended with status {exited.code} and no result")


def objectives_of(ending: Ending, metrics: tuple[str, ...]) -> tuple[float, ...] | None:
    """The finite values of the metrics with which a trial ended, if there are all of them."""
    if isinstance(ending, Failed):
        return None
    values = tuple(ending.metrics.get(one, math.nan) for one in metrics)
    return values if all(map(math.isfinite, values)) else None
