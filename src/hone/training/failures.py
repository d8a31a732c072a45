"""What kind of failure an exception is."""

from __future__ import annotations

from dataclasses import replace

import torch

from hone.worker.disk import is_full
from hone.worker.failures import described, is_out_of_memory
from hone.worker.messages import Failed

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
    found = described(error, kind_of(error), before=before_training)
    lines = str(error).strip().splitlines()
    own = isinstance(error, Diverged | Preempted | DiskFull)
    return replace(found, message=lines[0]) if own and lines else found


def kind_of(error: BaseException) -> str:
    """Name the kind: ``oom``, ``diverged``, ``preempted``, ``disk`` or ``error``."""
    named: dict[type[BaseException], str] = {Diverged: "diverged", Preempted: "preempted", DiskFull: "disk"}
    if type(error) in named:
        return named[type(error)]
    if isinstance(error, OSError) and is_full(error):
        return "disk"
    if isinstance(error, RuntimeError) and any(sign in str(error) for sign in CUT_OFF):
        return "disk"
    return "oom" if isinstance(error, torch.OutOfMemoryError) or is_out_of_memory(error) else "error"
