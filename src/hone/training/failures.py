"""What kind of failure an exception is."""

from __future__ import annotations

import traceback

import torch

from hone.errors import HoneError
from hone.training.callbacks import Diverged
from hone.worker.messages import Failed

OUT_OF_MEMORY = ("out of memory", "cannot allocate memory", "can't allocate memory")


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
    return Failed(kind_of(error), f"{type(error).__name__}: {message}" if lines else message, whole)


def kind_of(error: BaseException) -> str:
    """Name the kind: ``oom``, ``diverged`` or ``error``."""
    if isinstance(error, Diverged):
        return "diverged"
    if isinstance(error, MemoryError | torch.OutOfMemoryError):
        return "oom"
    if isinstance(error, RuntimeError | OSError) and any(sign in str(error).lower() for sign in OUT_OF_MEMORY):
        return "oom"
    return "error"
