"""One controller a directory: the kernel lets it go when the process dies."""

from __future__ import annotations

import contextlib
import fcntl
import os
from collections.abc import Iterator
from pathlib import Path

from hone.errors import StudyError

LOCK_FILE = "controller.lock"


@contextlib.contextmanager
def only_controller(directory: Path) -> Iterator[None]:
    """Hold a study's directory, or a single run's, for as long as the block runs.

    Args:
        directory: It exists.

    Raises:
        StudyError: Another process holds it.
    """
    with (directory / LOCK_FILE).open("a+") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            lock.seek(0)
            raise StudyError(
                f"another hone runs its trials (process {lock.read().strip() or '?'})", where=f"study {directory.name}"
            ) from None
        lock.truncate(0)
        lock.write(str(os.getpid()))
        lock.flush()
        yield
