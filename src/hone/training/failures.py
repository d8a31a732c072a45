"""What kind of failure an exception is."""

from __future__ import annotations

import traceback

import torch

from hone.errors import HoneError
from hone.worker.disk import is_full
from hone.worker.messages import Failed

OUT_OF_MEMORY = ("out of memory", "cannot allocate memory", "can't allocate memory")
# What torch's own file writer says when a write falls short.
CUT_OFF = ("PytorchStreamWriter failed", "unexpected pos", "No space left on device")


class Diverged(Exception):
    """A loss or an objective became NaN or infinite."""


class Preempted(Exception):
    """A trial was told to end, with its state saved."""


class DiskFull(Exception):
    """There is no room for what a trial writes."""


def failure(error: BaseException, *, before_training: bool) -> Failed:
    """Describe an exception that ended a trial.

    Args:
        error: The exception.
        before_training: It came while data and model were being built.

    Returns:
        Its kind, one line, and the whole traceback.
    """
    lines = str(error).strip().splitlines()
    message = lines[0] if lines else type(error).__name__
    whole = "".join(traceback.format_exception(error))
    if isinstance(error, HoneError):
        return Failed("error", error.message, whole, bad_input=before_training, where=error.where)
    own = isinstance(error, Diverged | Preempted | DiskFull)
    return Failed(kind_of(error), message if own or not lines else f"{type(error).__name__}: {message}", whole)


def kind_of(error: BaseException) -> str:
    """Name the kind: ``oom``, ``diverged``, ``preempted``, ``disk`` or ``error``."""
    named: dict[type[BaseException], str] = {Diverged: "diverged", Preempted: "preempted", DiskFull: "disk"}
    if type(error) in named:
        return named[type(error)]
    if isinstance(error, OSError) and is_full(error):
        return "disk"
    if isinstance(error, RuntimeError) and any(sign in str(error) for sign in CUT_OFF):
        return "disk"
    if isinstance(error, MemoryError | torch.OutOfMemoryError):
        return "oom"
    if isinstance(error, RuntimeError | OSError) and any(sign in str(error).lower() for sign in OUT_OF_MEMORY):
        return "oom"
    return "error"
