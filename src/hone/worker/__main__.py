"""``python -m hone.worker DIR`` runs a trial's directory cold; ``--serve FD`` is the fork server."""

from __future__ import annotations

import os
import socket
import sys
from dataclasses import replace
from pathlib import Path

from hone.worker.death import die_with_parent
from hone.worker.messages import Lease, TrialJob, decode
from hone.worker.ranks import is_first_rank
from hone.worker.run import job_file, run_job


def main(arguments: list[str]) -> int:
    """Run one trial, or serve.

    Args:
        arguments: ``[DIR]`` or ``["--serve", FD]``.

    Returns:
        Exit status.
    """
    if arguments[:1] == ["--serve"]:
        from hone.worker.forkserver import ForkServer

        ForkServer(socket.socket(fileno=int(arguments[1]))).serve()
        # Its controller waits for it, and nothing of torch needs to be put away.
        os._exit(0)
    if len(arguments) != 1 or not (Path(arguments[0]) / "trial.yaml").is_file():
        print("usage: python -m hone.worker DIR, a trial's directory with trial.yaml in it", file=sys.stderr)
        return 2
    if not is_first_rank():
        # Started by the rank before it, which may be killed at any moment.
        die_with_parent()
    return run_job(_job(Path(arguments[0]).resolve()))


def _job(directory: Path) -> TrialJob:
    """The job as its controller wrote it, or one on all of this machine for a directory made by hand."""
    try:
        job = decode((directory / job_file(os.environ)).read_bytes())
    except FileNotFoundError:
        return TrialJob(0, str(directory), Lease(os.cpu_count() or 1, None), to_terminal=True)
    assert isinstance(job, TrialJob)
    return replace(job, directory=str(directory), to_terminal=True)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
