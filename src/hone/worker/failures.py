"""An exception that ended a trial, whatever the trial was: what is said of it without knowing torch."""

from __future__ import annotations

import traceback

from hone.errors import HoneError
from hone.worker.messages import Failed

OUT_OF_MEMORY = ("out of memory", "cannot allocate memory", "can't allocate memory")


def described(error: BaseException, kind: str, *, before: bool) -> Failed:
    """Describe an exception.

    Args:
        error: The exception.
        kind: Of failure; an error of hone's own is an ``error``.
        before: It came before the trial had begun, so that one of hone's own is a fault of input.

    Returns:
        Its kind, one line, and the whole traceback.
    """
    whole = "".join(traceback.format_exception(error))
    if isinstance(error, HoneError):
        return Failed("error", error.message, whole, bad_input=before, where=error.where)
    lines, name = str(error).strip().splitlines(), type(error).__name__
    return Failed(kind, f"{name}: {lines[0]}" if lines else name, whole)


def is_out_of_memory(error: BaseException) -> bool:
    """Whether an exception says that there was too little memory, of the host or of a device."""
    if isinstance(error, MemoryError) or type(error).__name__ == "OutOfMemoryError":
        return True
    return isinstance(error, RuntimeError | OSError) and any(sign in str(error).lower() for sign in OUT_OF_MEMORY)
