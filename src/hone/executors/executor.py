"""The contract between the controller and whatever runs its trials."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from hone.errors import HoneError
from hone.worker.channel import Channel
from hone.worker.messages import Begin, Lease, Message, TrialJob, Verdict

AUTO = "auto"


@dataclass(frozen=True)
class Resources:
    """What one trial asks for.

    Attributes:
        cpus: Threads; None for its share of the machine.
        gpus: Devices; a share of one below 1; ``auto`` for as many trials on a device as the first one's
            memory shows to fit; None for one where there are any.
        memory: Bytes of host memory; None for no limit.
        nodes: On how many machines it runs: its devices are spread evenly over them, and it has the CPUs and memory on
            each.
    """

    cpus: int | None = None
    gpus: float | str | None = None
    memory: int | None = None
    nodes: int = 1


class Workers(Protocol):
    """Starts workers, warm or scripted. ``control`` says which process groups are gone."""

    control: Channel

    def start(self, job: TrialJob) -> Channel:
        """Start one trial; returns the line to it."""

    def kill(self, number: int) -> None:
        """End one trial's process group now."""

    def preempt(self, number: int) -> None:
        """Let one trial save its state and end."""

    def close(self) -> None:
        """End every worker and wait until they are gone."""


class StartWorkers(Protocol):
    """Gives workers; called again where a server of workers has died."""

    def __call__(self, modules: Sequence[str]) -> Workers:
        """Start workers that have imported some modules."""


class Executor(Protocol):
    """Runs trials under leases; one thread uses it.

    Attributes:
        failure: Why it can run no further trial, where that is so: the sweep ends, to be resumed.
    """

    failure: HoneError | None

    def ready(self) -> None:
        """Wait until it can run trials.

        Raises:
            HoneError: It never will.
        """

    @property
    def slots(self) -> int:
        """How many trials run at once."""

    @property
    def running(self) -> int:
        """How many trials hold a lease."""

    def fits(self, *, alone: bool = False) -> bool:
        """Whether one more trial can be started now; ``alone`` with its devices to itself."""

    def start(self, job: TrialJob, *, alone: bool = False) -> Lease:
        """Start a trial that fits, and say under which lease; the job's own lease is replaced."""

    def wait(self, seconds: float) -> list[tuple[int, Message]]:
        """Wait for messages; ``Exited`` is a trial's last, and frees its lease."""

    def answer(self, number: int, message: Begin | Verdict) -> None:
        """Answer a trial's question."""

    def preempt(self, number: int) -> None:
        """Let a trial save its state and end; its ``Exited`` follows."""

    def kill(self, number: int) -> None:
        """End a trial now; its ``Exited`` follows."""

    def notes(self) -> list[str]:
        """What the user should know, each once."""

    def close(self) -> None:
        """End all that still runs."""
