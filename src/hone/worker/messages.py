"""What controller and worker say to each other: frozen records, one JSON line each, strictly question and answer.

A worker asks ``Started`` and is answered ``Begin``, asks ``Report`` and is answered ``Verdict``, and ends with one of
``Result``, ``Pruned`` or ``Failed``, or by dying.
"""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass, field
from typing import Any, get_args


@dataclass(frozen=True)
class Lease:
    """The part of a machine that one trial may use.

    Attributes:
        cpus: Threads the trial may run.
        gpus: Devices it may see, by index or UUID; empty for none, None for all there are.
        share: The share of its one device that it may take, in (0, 1].
        memory: Bytes of host memory that it may take; None for no limit.
    """

    cpus: int = 1
    gpus: tuple[str, ...] | None = ()
    share: float = 1.0
    memory: int | None = None


@dataclass(frozen=True)
class TrialJob:
    """One trial to run: a directory with ``trial.yaml`` in it.

    Attributes:
        number: The trial's number in its study.
        directory: The trial's directory, absolute.
        lease: What it may use.
        objectives: Metrics that must be finite for the trial to count.
        to_terminal: Show progress on the terminal rather than writing to ``log.txt``.
        start_from: Where relative paths of the config start; None for the worker's own working directory.
        data: Names what the trial's data is made from, where other trials are to share it once it is prepared.
        reserve: Bytes of the file system that must be left free when checkpoints have been written.
        allowed: For a config from elsewhere: what it may name beside what is always allowed. None for the user's own.
        variables: Set in its environment where they are not yet: how the processes of a trial on several nodes meet.
    """

    number: int
    directory: str
    lease: Lease = field(default_factory=Lease)
    objectives: tuple[str, ...] = ()
    to_terminal: bool = False
    start_from: str | None = None
    data: str | None = None
    reserve: int = 0
    allowed: tuple[str, ...] | None = None
    variables: dict[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Preload:
    """To the fork server: import these modules before the first trial.

    Attributes:
        modules: Dotted names.
        application: How a Hydra application was started whose jobs the trials are; None for hone's own trials.
    """

    modules: tuple[str, ...]
    application: dict[str, Any] | None = None


@dataclass(frozen=True)
class Kill:
    """To the fork server: end a trial's whole process group now."""

    number: int


@dataclass(frozen=True)
class Preempt:
    """To the fork server: let a trial save its state and end."""

    number: int


@dataclass(frozen=True)
class Forked:
    """From the fork server: a trial's process.

    Attributes:
        number: The trial's number.
        pid: Its process, which leads its process group.
    """

    number: int
    pid: int


@dataclass(frozen=True)
class Prepared:
    """From a server that has data ready to the one it was forked from.

    Attributes:
        ok: Whether trials can be forked from it.
    """

    ok: bool


@dataclass(frozen=True)
class Exited:
    """From the fork server: a trial's process group is gone, and all that its processes started.

    Attributes:
        number: The trial's number.
        code: Exit status, or minus the signal that ended it.
    """

    number: int
    code: int


@dataclass(frozen=True)
class Started:
    """Data and model are built and training is about to begin.

    Attributes:
        metrics: Names that the sanity check of validation logged; empty where there was none.
        digests: Content digest of each file or array that the data came from.
        resumed: The optimizer step of the checkpoint that the trial goes on from; None where it starts over.
        note: What the user should know, such as why it starts over.
        model_bytes: Size of the model's parameters and buffers.
        rows: How many rows each split has, where that is known without loading anything.
        state: How torch stands: threads, deterministic flags, versions, devices.
        wants_run: The trial's program logs to the tracking store by itself, and waits to hear where.
    """

    metrics: tuple[str, ...] = ()
    digests: dict[str, str] = field(default_factory=dict)
    resumed: int | None = None
    note: str = ""
    model_bytes: int = 0
    rows: dict[str, int] = field(default_factory=dict)
    state: dict[str, Any] = field(default_factory=dict)
    wants_run: bool = False


@dataclass(frozen=True)
class Begin:
    """The trial's run is open.

    Attributes:
        run_id: Its id, for a program that asked for it; None where no store has it yet.
        uri: The store.
        experiment: The id of its experiment.
        params: Names of the parameters that the run has; None where that is not known.
    """

    run_id: str | None = None
    uri: str = ""
    experiment: str = ""
    params: tuple[str, ...] | None = None


@dataclass(frozen=True)
class Report:
    """Metrics of one validation.

    Attributes:
        step: Optimizer step.
        metrics: Values by name.
        validation: How many validations the trial has had, this one included: the resource that pruners count.
    """

    step: int
    metrics: dict[str, float]
    validation: int = 0


@dataclass(frozen=True)
class Verdict:
    """Whether a trial goes on."""

    stop: bool = False


@dataclass(frozen=True)
class Result:
    """A trial that ran to its end.

    Attributes:
        metrics: The last value of each metric; those that checkpoints watch at their best.
        checkpoint: Path of the best checkpoint relative to the trial's directory, where there is one.
        steps: Optimizer steps taken.
        seconds: Wall time from the worker's start to its end.
        device_memory: The most bytes of a device that it took; 0 without one.
        portable: The checkpoint says what its model is built from.
        weights: Digest of the weights that training ended with; empty where there is none.
    """

    metrics: dict[str, float]
    checkpoint: str | None = None
    steps: int = 0
    seconds: float = 0.0
    device_memory: int = 0
    portable: bool = False
    weights: str = ""


@dataclass(frozen=True)
class Pruned:
    """A trial that was told to stop; it keeps the metrics it had."""

    metrics: dict[str, float]
    checkpoint: str | None = None
    steps: int = 0
    seconds: float = 0.0
    device_memory: int = 0
    portable: bool = False
    weights: str = ""


@dataclass(frozen=True)
class Failed:
    """A trial that failed.

    Attributes:
        kind: ``oom``, ``diverged``, ``error``, ``crash``, ``timeout``, ``preempted``, or ``disk`` where it is full.
        message: One line.
        traceback: The whole of it, where there is one.
        bad_input: The fault lies in what the user gave, found before training began.
        where: File or config key at fault, where it is known.
    """

    kind: str
    message: str
    traceback: str = ""
    bad_input: bool = False
    where: str | None = None

    @property
    def shown(self) -> str:
        """Kind and message in a line."""
        return f"{self.kind}: {self.message}"


Message = (
    TrialJob
    | Preload
    | Kill
    | Preempt
    | Forked
    | Prepared
    | Exited
    | Started
    | Begin
    | Report
    | Verdict
    | Result
    | Pruned
    | Failed
)
Ending = Result | Pruned | Failed

_TYPES: dict[str, type] = {one.__name__: one for one in get_args(Message)}


class GarbledMessage(Exception):
    """A line that is none of the messages: the other side is broken."""


def encode(message: Message) -> bytes:
    """Write a message as one line of JSON.

    Args:
        message: Any of the records above.

    Returns:
        The line with its newline, UTF-8. NaN and infinities are kept as Python's ``json`` writes them.
    """
    return json.dumps({"type": type(message).__name__, **asdict(message)}).encode() + b"\n"


def decode(line: bytes) -> Message:
    """Read a message back.

    Args:
        line: What ``encode`` wrote.

    Returns:
        The record.

    Raises:
        GarbledMessage: The line is none of the messages.
    """
    try:
        fields: dict[str, Any] = json.loads(line)
        record = _TYPES[fields.pop("type")]
        return record(**{name: _restored(name, value) for name, value in fields.items()})
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise GarbledMessage(line[:200].decode(errors="replace")) from error


def _restored(name: str, value: Any) -> Any:
    if name == "lease":
        return Lease(**{key: _restored(key, one) for key, one in value.items()})
    return tuple(value) if isinstance(value, list) else value
