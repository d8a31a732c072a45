"""Trials on this machine."""

from __future__ import annotations

import contextlib
from collections.abc import Sequence
from dataclasses import replace
from functools import partial
from multiprocessing.connection import wait
from pathlib import Path

import psutil

from hone.errors import HoneError
from hone.executors.cooling import Cooling
from hone.executors.devices import Meter, NvmlMeter, cpu_count, gpu_names
from hone.executors.executor import Resources, StartWorkers, Workers
from hone.executors.leases import Inventory
from hone.worker.channel import Channel
from hone.worker.death import end_group
from hone.worker.messages import (
    Begin,
    Exited,
    Failed,
    Forked,
    GarbledMessage,
    Lease,
    Message,
    Pruned,
    Result,
    TrialJob,
    Verdict,
    encode,
)
from hone.worker.run import job_file

COOLING_SECONDS = 0.1


class LocalExecutor:
    """Runs trials in forks of a warm server, each under a lease.

    Args:
        resources: What each trial asks for.
        start_workers: Starts the workers; scripted ones in tests.
        modules: What they import before their first trial.
        max_parallel: The most trials at once; None for as many as the leases allow.
        devices: GPUs to lease; None for those that are found.
        to_terminal: Show the trials' progress on the terminal, for a single run.
        meter: Reads the devices' memory; NVIDIA's library when None.

    Raises:
        ResourceError: Not even one trial fits on this machine.
    """

    def __init__(
        self,
        resources: Resources,
        start_workers: StartWorkers,
        modules: Sequence[str] = (),
        max_parallel: int | None = None,
        devices: Sequence[int | str] | None = None,
        to_terminal: bool = False,
        meter: Meter | None = None,
    ) -> None:
        wanted = gpu_names() if devices is None else tuple(str(one) for one in devices)
        gpus = () if resources.gpus == 0 else wanted
        self.inventory = Inventory(resources, cpu_count(), gpus, max_parallel, psutil.virtual_memory().total)
        self.to_terminal = to_terminal
        self.failure: HoneError | None = None
        self._cooling = Cooling(self.inventory, meter or NvmlMeter(), gpus)
        self._start_workers = partial(start_workers, modules)
        self.workers: Workers = self._start_workers()
        self._lines: dict[int, Channel] = {}
        self._pids: dict[int, int] = {}
        self._notes: list[str] = []

    @property
    def slots(self) -> int:
        """How many trials run at once."""
        return self.inventory.slots

    @property
    def running(self) -> int:
        """How many trials hold a lease."""
        return len(self.inventory.lent)

    def ready(self) -> None:
        """Workers start beside the controller: a trial waits for them if it must."""

    def fits(self, *, alone: bool = False) -> bool:
        """Whether one more trial can be started now; ``alone`` with its devices to itself."""
        return self.inventory.fits(alone=alone)

    def start(self, job: TrialJob, *, alone: bool = False) -> Lease:
        """Start a trial under a lease.

        Args:
            job: The trial, its directory with ``trial.yaml`` in it.
            alone: It is to share its devices with nobody.

        Returns:
            The lease.

        Raises:
            ResourceError: It does not fit.
        """
        lease = self.inventory.lend(job.number, alone=alone)
        started = replace(job, lease=lease, to_terminal=self.to_terminal, start_from=job.start_from or str(Path.cwd()))
        try:
            Path(job.directory, job_file(job.variables)).write_bytes(encode(started))
        except OSError:
            self.inventory.take_back(job.number)
            raise
        # Where the server is gone, that is found a moment later, for all that it ran.
        with contextlib.suppress(BrokenPipeError, ConnectionResetError):
            self._lines[job.number] = self.workers.start(started)
        return lease

    def wait(self, seconds: float) -> list[tuple[int, Message]]:
        """Wait for messages from any trial.

        Args:
            seconds: The longest wait.

        Returns:
            Each message with its trial's number. ``Exited`` is a trial's last; its lease is free by then.
        """
        if self._cooling:
            self._notes += self._cooling.look()
            seconds = min(seconds, COOLING_SECONDS)
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

    def preempt(self, number: int) -> None:
        """Let a trial save its state and end; its ``Exited`` follows."""
        with contextlib.suppress(OSError):
            self.workers.preempt(number)

    def kill(self, number: int) -> None:
        """End a trial's process group now; its ``Exited`` follows."""
        with contextlib.suppress(OSError):
            self.workers.kill(number)

    def notes(self) -> list[str]:
        """What the user should know, each once."""
        notes, self._notes = self._notes, []
        return notes

    def close(self) -> None:
        """End all that still runs."""
        for number in list(self._lines):
            self._hang_up(number)
        self.workers.close()

    def _read(self, number: int) -> list[tuple[int, Message]]:
        try:
            said = self._lines[number].receive_ready()
        except EOFError:
            self._hang_up(number)
            return []
        except GarbledMessage as error:
            self.kill(number)
            self._hang_up(number)
            return [(number, Failed("crash", f"the worker said what is no message: {error}"))]
        if self.inventory.measuring:
            self._measure(number, said)
        return [(number, message) for message in said]

    def _measure(self, number: int, said: Sequence[Message]) -> None:
        """Learn from the first trial that ends how many of its kind fit on a device."""
        ended = next((one for one in said if isinstance(one, Result | Pruned)), None)
        lease = self.inventory.lent.get(number)
        if ended is None or lease is None or not lease.gpus:
            return
        share = self._cooling.share(lease.gpus[0], ended.device_memory)
        if share is not None:
            self.inventory.learn(share)
            parts = self.inventory.parts
            self._notes.append(f"a trial takes {share:.0%} of a GPU's memory: {parts} run on each from now on")

    def _read_control(self) -> list[tuple[int, Message]]:
        try:
            said = self.workers.control.receive_ready()
        except EOFError:
            return self._lose_server()
        messages: list[tuple[int, Message]] = []
        for one in said:
            if isinstance(one, Forked):
                self._pids[one.number] = one.pid
            elif isinstance(one, Exited):
                messages += self._drain(one.number)
                self._free(one.number)
                messages.append((one.number, one))
        return messages

    def _free(self, number: int) -> None:
        self._pids.pop(number, None)
        self._cooling.watch(self.inventory.take_back(number))

    def _drain(self, number: int) -> list[tuple[int, Message]]:
        """Read what a trial that is gone said last."""
        messages: list[tuple[int, Message]] = []
        # Whatever it said has arrived; the socket itself may live on in a process that got away.
        while number in self._lines and wait([self._lines[number].fileno()], 0):
            messages += self._read(number)
        self._hang_up(number)
        return messages

    def _lose_server(self) -> list[tuple[int, Message]]:
        """The server died and its forks with it: start another, and say that the trials are gone."""
        lost = list(self.inventory.lent)
        for number in lost:
            self._hang_up(number)
            if number in self._pids:
                # What a fork had started does not die with it.
                end_group(self._pids[number])
            self._free(number)
        self.workers.close()
        self.workers = self._start_workers()
        return [(number, Exited(number, -9)) for number in lost]

    def _hang_up(self, number: int) -> None:
        line = self._lines.pop(number, None)
        if line is not None:
            line.close()
