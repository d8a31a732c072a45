"""One trial in this process: read its directory, train, leave ``result.json``."""

from __future__ import annotations

import contextlib
import json
import os
import sys
import time
from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any

from hone.config.version import APPLICATION as NODE
from hone.worker.channel import Channel
from hone.worker.messages import (
    Begin,
    Ending,
    Failed,
    GarbledMessage,
    Lease,
    Pruned,
    Report,
    Result,
    Started,
    TrialJob,
    Verdict,
    decode,
)
from hone.worker.ranks import is_first_rank, node_rank
from hone.worker.scoring import read_request

TRIAL_FILE = "trial.yaml"
RESULT_FILE = "result.json"
SET_ASIDE = "result-*.json"
JOB_FILE = "job.json"
LOG_FILE = "log.txt"
THREAD_VARIABLES = ("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS", "NUMEXPR_NUM_THREADS")


class Line:
    """A worker's line to its controller; without one, as in a cold run, every verdict is to go on.

    Args:
        channel: The socket, or None.
    """

    def __init__(self, channel: Channel | None) -> None:
        self.channel = channel

    def started(self, started: Started) -> Begin:
        """Say that training is about to begin, and wait until the run is open.

        Raises:
            EOFError: The controller is gone.
        """
        answer = self._ask(started)
        return answer if isinstance(answer, Begin) else Begin()

    def report(self, report: Report) -> Verdict:
        """Report a validation, and wait for the verdict.

        Raises:
            EOFError: The controller is gone.
        """
        answer = self._ask(report)
        return answer if isinstance(answer, Verdict) else Verdict()

    def end(self, ending: Ending) -> None:
        """Say how the trial ended."""
        if self.channel is not None:
            self.channel.send(ending)

    def _ask(self, question: Started | Report) -> Any:
        if self.channel is None:
            return None
        self.channel.send(question)
        return self.channel.receive()


def run_job(job: TrialJob, channel: Channel | None = None, data: Any = None) -> int:
    """Run one trial to its end, whatever that is.

    Args:
        job: The trial.
        channel: Socket to the controller, or None for a cold run.
        data: What ``prepare_data`` gave, in a fork of the process that called it.

    Returns:
        Exit status: 0 for a trial that ended as ``Result`` or ``Pruned``, 1 otherwise.
    """
    started = time.monotonic()
    directory = Path(job.directory)
    for name, value in job.variables.items():
        os.environ.setdefault(name, value)
    if not job.to_terminal:
        _write_output_to(directory / log_file(job.variables))
    _become_cold_again(job)
    _go_to(job)
    take_lease(job.lease)
    # The first process speaks for those of other nodes.
    line = Line(channel if is_first_rank() else None)
    config = _read_config(directory)
    if refusal := _refusal(config, job):
        ending: Ending = refusal
    elif application := config.get(NODE):
        from hone.worker.application import run_application

        ending = run_application(job, application, line, started)
    elif config.get("objective"):
        from hone.worker.objective import run_objective

        ending = run_objective(job, config, line, started)
    elif request := read_request(directory):
        from hone.training.scoring import score_trial

        ending = score_trial(job, config, line, started, request)
    else:
        from hone.training import train_trial

        ending = train_trial(job, config, line, started, data)
    if is_first_rank():
        # A disk that is full must not keep the trial from saying so.
        with contextlib.suppress(OSError):
            write_result(ending, directory)
        line.end(ending)
    return 0 if not isinstance(ending, Failed) else 1


def _refusal(config: dict[str, Any], job: TrialJob) -> Failed | None:
    """Why a config from elsewhere is not run; None where it is."""
    if job.allowed is None:
        return None
    from hone.config.trust import check_objects
    from hone.errors import ConfigError

    try:
        check_objects(config, job.allowed, TRIAL_FILE)
    except ConfigError as error:
        return Failed("error", error.message, bad_input=True, where=(error.where or "").removeprefix(f"{TRIAL_FILE}: "))
    return None


def prepare_data(job: TrialJob) -> Any:
    """Make a trial's data ready, for every trial that shares it.

    Args:
        job: The first of them.

    Returns:
        What ``run_job`` takes in a fork of this process; None where trials must make their own.
    """
    _write_output_to(Path(job.directory) / LOG_FILE)
    _go_to(job)
    from hone.training import shared_data

    return shared_data(_read_config(Path(job.directory)))


def job_file(variables: Mapping[str, str]) -> str:
    """What a trial's job is called in its directory, which several nodes may share."""
    rank = node_rank(variables)
    return f"job-{rank}.json" if rank else JOB_FILE


def log_file(variables: Mapping[str, str]) -> str:
    """What a trial's log is called; each further node writes one of its own."""
    rank = node_rank(variables)
    return f"log-node-{rank}.txt" if rank else LOG_FILE


def take_lease(lease: Lease) -> None:
    """Make this process see its lease only: devices before CUDA wakes, threads before the first parallel region.

    Args:
        lease: What the trial may use.
    """
    if lease.gpus is not None:
        os.environ["CUDA_VISIBLE_DEVICES"] = ",".join(lease.gpus)
    os.environ.update(dict.fromkeys(THREAD_VARIABLES, str(lease.cpus)))
    if lease.memory is not None and not lease.gpus:
        _limit_memory(lease.memory)
    if "torch" not in sys.modules and not (lease.gpus and lease.share < 1):
        return
    import torch

    torch.set_num_threads(lease.cpus)
    if lease.gpus and lease.share < 1 and torch.cuda.is_available():
        torch.cuda.set_per_process_memory_fraction(lease.share)


def _limit_memory(most: int) -> None:
    """Let an allocation beyond the lease fail here, rather than call the kernel's killer on whoever it picks.

    A device's driver maps memory far beyond what it takes, so this is for trials without one.
    """
    import resource

    import psutil

    inherited = psutil.Process().memory_info()
    taken = getattr(inherited, "data", inherited.rss)
    with contextlib.suppress(OSError, ValueError):
        resource.setrlimit(resource.RLIMIT_DATA, (taken + most, taken + most))


def _go_to(job: TrialJob) -> None:
    if job.start_from is not None and Path(job.start_from).is_dir():
        os.chdir(job.start_from)


def write_result(ending: Ending, directory: Path) -> None:
    """Write ``result.json`` by renaming a finished file into place.

    Args:
        ending: How the trial ended.
        directory: The trial's directory.
    """
    temporary = directory / f".{RESULT_FILE}"
    temporary.write_text(json.dumps({"type": type(ending).__name__, **asdict(ending)}, indent=2))
    temporary.replace(directory / RESULT_FILE)


def read_result(directory: Path) -> Ending | None:
    """Read how a trial ended.

    Args:
        directory: The trial's directory.

    Returns:
        The ending, or None where the trial has none yet.
    """
    return _read_ending(directory / RESULT_FILE)


def earlier_endings(directory: Path) -> list[Ending]:
    """Read how the attempts at a trial ended that were set aside, in no order."""
    return [ending for path in directory.glob(SET_ASIDE) if (ending := _read_ending(path)) is not None]


def given_devices(directory: Path) -> str:
    """What a trial ran on, as people call it: ``GPU 0``; an empty string without a device of its own."""
    try:
        job = decode((directory / JOB_FILE).read_bytes())
    except (OSError, GarbledMessage):
        return ""
    return f"GPU {', '.join(job.lease.gpus)}" if isinstance(job, TrialJob) and job.lease.gpus else ""


def set_aside(directory: Path) -> None:
    """Keep the result of an attempt that failed under a name of its own, so that the trial can be taken up again."""
    result = directory / RESULT_FILE
    if result.exists():
        result.rename(directory / f"result-{attempts(directory) + 1}.json")


def attempts(directory: Path) -> int:
    """How many attempts at a trial were set aside."""
    return len(list(directory.glob(SET_ASIDE)))


def _read_ending(path: Path) -> Ending | None:
    try:
        ending = decode(path.read_bytes())
    except (FileNotFoundError, GarbledMessage):
        return None
    return ending if isinstance(ending, Result | Pruned | Failed) else None


def _read_config(directory: Path) -> dict[str, Any]:
    from hone.config.files import read_yaml

    return read_yaml(directory / TRIAL_FILE)


def _write_output_to(log: Path) -> None:
    descriptor = os.open(log, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o644)
    os.dup2(descriptor, 1)
    os.dup2(descriptor, 2)
    os.close(descriptor)
    sys.stdout.reconfigure(line_buffering=True)  # type: ignore[union-attr]


def _become_cold_again(job: TrialJob) -> None:
    # Lightning starts the other ranks of DDP by running this process's module and arguments again: in each of them
    # ``python -m hone.worker DIR`` must find its own way to the same trial.
    sys.argv = [sys.argv[0], job.directory]
