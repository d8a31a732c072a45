"""``hone`` in a terminal of its own, to be interrupted or killed."""

import contextlib
import os
import subprocess
import sys
import time
from pathlib import Path


@contextlib.contextmanager
def started(project, *arguments):
    """The command, running; killed at the end of the block where it still runs."""
    environment = os.environ | {"PYTHONPATH": str(project)}
    process = subprocess.Popen(
        [Path(sys.executable).with_name("hone"), *arguments],
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    try:
        yield process
    finally:
        process.kill()
        process.wait()
        process.stdout.close()


def wait_for(happened, process=None, seconds=90):
    """Wait until something has happened, or fail when the command ends before."""
    deadline = time.monotonic() + seconds
    while not happened():
        assert process is None or process.poll() is None, process.stdout.read()
        assert time.monotonic() < deadline
        time.sleep(0.05)
