"""How a trial's ending becomes its run's ending; for trials of a study and for single runs alike."""

from __future__ import annotations

import math
import signal
from pathlib import Path

from hone.tracking.run import ERROR, FAILURE, TrackedRun
from hone.worker.messages import Ending, Exited, Failed, Pruned, Result
from hone.worker.run import LOG_FILE, read_result

TRACEBACK_FILE = "traceback.txt"


def close_run(run: TrackedRun, ending: Ending | None, directory: Path) -> None:
    """End a run as its trial ended, with the trial's log and best checkpoint.

    Args:
        run: The run, opened.
        ending: How the trial ended; None where the user ended it.
        directory: The trial's directory.
    """
    run.add_files([directory / LOG_FILE])
    if isinstance(ending, Result | Pruned) and ending.checkpoint:
        run.add_files([directory / ending.checkpoint], "checkpoints")
    if isinstance(ending, Result):
        run.end("FINISHED", "complete")
    elif isinstance(ending, Pruned):
        run.end("KILLED", "pruned")
    elif isinstance(ending, Failed):
        if ending.traceback:
            run.add_text(ending.traceback, TRACEBACK_FILE)
        run.end("FAILED", "failed", {FAILURE: ending.kind, ERROR: ending.message})
    else:
        run.end("KILLED", "stopped")


def ending_of(said: Ending | None, directory: Path, exited: Exited) -> Ending:
    """How a trial whose process group is gone ended.

    Args:
        said: What its worker said last, if anything.
        directory: The trial's directory, which may hold a result that nobody heard.
        exited: How the process ended.
    """
    return said or read_result(directory) or _crash(exited)


def _crash(exited: Exited) -> Failed:
    if exited.code < 0:
        name = signal.Signals(-exited.code).name
        hint = " (is memory short?)" if name == "SIGKILL" else ""
        return Failed("crash", f"the worker was ended by {name}{hint}")
    return Failed("crash", f"the worker ended with status {exited.code} and no result")


def objective_of(ending: Ending, metric: str) -> float | None:
    """The finite value of a metric with which a trial ended, if there is one."""
    value = math.nan if isinstance(ending, Failed) else ending.metrics.get(metric, math.nan)
    return value if math.isfinite(value) else None
