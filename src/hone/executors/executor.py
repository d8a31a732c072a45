"""The contract between the controller and whatever runs its trials."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from hone.worker.channel import Channel
from hone.worker.messages import Begin, Lease, Message, TrialJob, Verdict


@dataclass(frozen=True)
class Resources:
    """What one trial asks for.

    Attributes:
        cpus: Threads; None for its share of the machine.
        gpus: Whole devices; None for one where there are any.
    """

    cpus: int | None = None
    gpus: int | None = None


class Workers(Protocol):
    """Starts workers, warm or scripted. ``control`` says which process groups are gone."""

    control: Channel

    def start(self, job: TrialJob) -> Channel:
        """Start one trial; returns the line to it."""

    def kill(self, number: int) -> None:
        """End one trial's process group now."""

    def close(self) -> None:
        """End every worker and wait until they are gone."""


class StartWorkers(Protocol):
    """Gives workers; called again where a server of workers has died."""

    def __call__(self, modules: Sequence[str]) -> Workers:
        """Start workers that have imported some modules."""


class Executor(Protocol):
    """Runs trials under leases; one thread uses it."""

    @property
    def slots(self) -> int:
        """How many trials run at once."""

    @property
    def running(self) -> int:
        """How many trials hold a lease."""

    def start(self, number: int, directory: str, objectives: Sequence[str]) -> Lease:
        """Start a trial, and say under which lease; there must be a free slot."""

    def wait(self, seconds: float) -> list[tuple[int, Message]]:
        """Wait for messages; ``Exited`` is a trial's last, and frees its lease."""

    def answer(self, number: int, message: Begin | Verdict) -> None:
        """Answer a trial's question."""

    def kill(self, number: int) -> None:
        """End a trial now; its ``Exited`` follows."""

    def close(self) -> None:
        """End all that still runs."""
