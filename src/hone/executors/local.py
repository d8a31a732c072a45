"""Trials on this machine."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from multiprocessing.connection import wait
from pathlib import Path

from hone.executors.devices import cpu_count, gpu_names
from hone.executors.executor import Resources, Workers
from hone.executors.leases import Inventory
from hone.worker.channel import Channel
from hone.worker.messages import (
    Begin,
    Exited,
    Failed,
    GarbledMessage,
    Lease,
    Message,
    TrialJob,
    Verdict,
    encode,
)
from hone.worker.run import JOB_FILE


class LocalExecutor:
    """Runs trials in forks of a warm server, each under a lease.

    Args:
        resources: What each trial asks for.
        start_workers: Starts the workers; a scripted one in tests.
        workers: The most trials at once; None for as many as the leases allow.
        devices: GPUs to lease; None for those that are found.
        to_terminal: Show the trials' progress on the terminal, for a single run.

    Raises:
        ResourceError: Not even one trial fits on this machine.
    """

    def __init__(
        self,
        resources: Resources,
        start_workers: Callable[[], Workers],
        workers: int | None = None,
        devices: Sequence[int | str] | None = None,
        to_terminal: bool = False,
    ) -> None:
        wanted = gpu_names() if devices is None else tuple(str(one) for one in devices)
        gpus = () if resources.gpus == 0 else wanted
        self.inventory = Inventory(resources, cpu_count(), gpus, workers)
        self.to_terminal = to_terminal
        self._start_workers = start_workers
        self.workers = start_workers()
        self._lines: dict[int, Channel] = {}

    @property
    def slots(self) -> int:
        """How many trials run at once."""
        return self.inventory.slots

    @property
    def running(self) -> int:
        """How many trials hold a lease."""
        return len(self.inventory.lent)

    def start(self, number: int, directory: str, objectives: Sequence[str]) -> Lease:
        """Start a trial under a lease.

        Args:
            number: The trial.
            directory: Its directory, with ``trial.yaml`` in it.
            objectives: Metrics that must be finite.

        Returns:
            The lease.

        Raises:
            ResourceError: No slot is free.
        """
        lease = self.inventory.lend(number)
        job = TrialJob(number, directory, lease, tuple(objectives), self.to_terminal, str(Path.cwd()))
        Path(directory, JOB_FILE).write_bytes(encode(job))
        self._lines[number] = self.workers.start(job)
        return lease

    def wait(self, seconds: float) -> list[tuple[int, Message]]:
        """Wait for messages from any trial.

        Args:
            seconds: The longest wait.

        Returns:
            Each message with its trial's number. ``Exited`` is a trial's last; its lease is free by then.
        """
        control = self.workers.control.fileno()
        numbers = {line.fileno(): number for number, line in self._lines.items()}
        ready = wait([*numbers, control], seconds)
        messages: list[tuple[int, Message]] = []
        # Lines before control: what a trial said comes before the word that it is gone.
        for descriptor, number in numbers.items():
            if descriptor in ready:
                messages += self._read(number)
        if control in ready:
            messages += self._read_control()
        return messages

    def answer(self, number: int, message: Begin | Verdict) -> None:
        """Answer a trial's question; one that died meanwhile needs no answer."""
        line = self._lines.get(number)
        if line is not None:
            try:
                line.send(message)
            except OSError:
                self._hang_up(number)

    def kill(self, number: int) -> None:
        """End a trial's process group now; its ``Exited`` follows."""
        self.workers.kill(number)

    def close(self) -> None:
        """End all that still runs."""
        for number in list(self._lines):
            self._hang_up(number)
        self.workers.close()

    def _read(self, number: int) -> list[tuple[int, Message]]:
        try:
            return [(number, message) for message in self._lines[number].receive_ready()]
        except EOFError:
            self._hang_up(number)
            return []
        except GarbledMessage as error:
            self.kill(number)
            self._hang_up(number)
            return [(number, Failed("crash", f"the worker said what is no message: {error}"))]

    def _read_control(self) -> list[tuple[int, Message]]:
        try:
            said = self.workers.control.receive_ready()
        except EOFError:
            return self._lose_server()
        ended = [message for message in said if isinstance(message, Exited)]
        messages: list[tuple[int, Message]] = []
        for one in ended:
            if one.number in self._lines:
                messages += self._drain(one.number)
            self.inventory.take_back(one.number)
            messages.append((one.number, one))
        return messages

    def _drain(self, number: int) -> list[tuple[int, Message]]:
        """Read what a trial that is gone said last."""
        messages: list[tuple[int, Message]] = []
        while number in self._lines:
            messages += self._read(number)
        return messages

    def _lose_server(self) -> list[tuple[int, Message]]:
        """The server died and its forks with it: start another, and say that the trials are gone."""
        lost = list(self.inventory.lent)
        for number in lost:
            self._hang_up(number)
            self.inventory.take_back(number)
        self.workers.close()
        self.workers = self._start_workers()
        return [(number, Exited(number, -9)) for number in lost]

    def _hang_up(self, number: int) -> None:
        line = self._lines.pop(number, None)
        if line is not None:
            line.close()
