"""The same command with the recorded code, the recorded packages, or both: in a worktree, by another Python.

Both run what whoever made the run has written, so both are asked for and never done unasked.
"""

from __future__ import annotations

import contextlib
import os
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from rich.console import Console

from hone.reproduce.venvs import recorded_python
from hone.reproduce.worktree import Checkout, recorded_code
from hone.tracking.fetch import KeptRun
from hone.tracking.store import TrackingConfig


@dataclass(frozen=True)
class Place:
    """Where a run is to be run again.

    Attributes:
        run: The run.
        tracking: Where it is kept.
        checkout: With its recorded code.
        env: With its recorded packages.
    """

    run: KeptRun
    tracking: TrackingConfig
    checkout: bool
    env: bool


def run_there(place: Place, arguments: Sequence[str], console: Console) -> int:
    """Run the command there, and give its exit status.

    Args:
        place: Where.
        arguments: What follows ``hone``; where runs are tracked is added.
        console: Where it is said what is brought back.

    Raises:
        HoneError: The code or the packages cannot be brought back.
    """
    tracking = place.tracking
    python = sys.executable
    with contextlib.ExitStack() as held:
        here = Checkout(Path.cwd(), ())
        if place.checkout:
            here = held.enter_context(recorded_code(place.run, Path.cwd()))
            for line in here.notes:
                console.print(f"[dim]checkout:[/] {line}", highlight=False, soft_wrap=True)
        if place.env:
            python, notes = recorded_python(place.run, tracking.root / "envs")
            for line in notes:
                console.print(f"[dim]env:[/] {line}", highlight=False, soft_wrap=True)
        environment = dict(os.environ)
        known = os.environ.get("PYTHONPATH", "").split(os.pathsep)
        environment["PYTHONPATH"] = os.pathsep.join([*map(str, here.paths), *(one for one in known if one)])
        if tracking.uri is not None:
            # By the environment: it may hold a password, and anybody can read a command line.
            environment["MLFLOW_TRACKING_URI"] = tracking.uri
        kept = [f"tracking.directory={tracking.root}", f"tracking.experiment={tracking.experiment}"]
        # What was printed so far comes first.
        console.file.flush()
        code = "from hone.cli import run_and_exit; run_and_exit()"
        command = [python, "-c", code, *arguments, *kept]
        return subprocess.run(command, cwd=here.directory, env=environment).returncode
