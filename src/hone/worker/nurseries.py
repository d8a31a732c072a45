"""Nurseries: forks of the server that have a trial's data ready, from which the trials that share it are forked."""

from __future__ import annotations

import socket
from collections.abc import Callable
from dataclasses import dataclass, field, replace

from hone.worker.channel import Channel
from hone.worker.death import end_group
from hone.worker.messages import Exited, Forked, Kill, Message, Preempt, TrialJob, encode

# Each holds one set of data in memory.
MOST = 8


@dataclass
class Nursery:
    """One fork with data.

    Attributes:
        pid: Its process.
        line: The line to it.
        ready: Its data is there.
        waiting: Jobs that came before it was, each with its socket.
        trials: The trials that it was given, each with its process once it has one.
    """

    pid: int
    line: Channel
    ready: bool = False
    waiting: list[tuple[TrialJob, int]] = field(default_factory=list)
    trials: dict[int, int | None] = field(default_factory=dict)


class Nurseries:
    """A server's nurseries by what their data is made from.

    Args:
        fork: Forks one that prepares a job's data and leaves the job's socket alone; gives its process and the line to
            it.
    """

    def __init__(self, fork: Callable[[TrialJob, int], tuple[int, Channel]]) -> None:
        self._fork = fork
        self._of: dict[str, Nursery] = {}
        self._unfit: set[str] = set()
        self._new: list[Channel] = []

    @property
    def pids(self) -> set[int]:
        """Their processes."""
        return {one.pid for one in self._of.values()}

    def take(self, job: TrialJob, descriptor: int) -> bool:
        """Give a job to the nursery of its data, which is made where there is none.

        Args:
            job: The trial.
            descriptor: Its socket.

        Returns:
            Whether it was taken; else it is for the server itself.
        """
        if job.data is None:
            return False
        # Paths in a config mean something else elsewhere.
        key = f"{job.data} {job.start_from}"
        if key in self._unfit:
            return False
        if key not in self._of:
            if not self._make_room():
                return False
            self._of[key] = Nursery(*self._fork(job, descriptor))
            self._new.append(self._of[key].line)
        nursery = self._of[key]
        # The most recently used is the last to be given up.
        self._of[key] = self._of.pop(key)
        nursery.trials[job.number] = None
        if nursery.ready:
            _pass_on(nursery.line, job, descriptor)
        else:
            nursery.waiting.append((job, descriptor))
        return True

    def new_lines(self) -> list[Channel]:
        """Lines that nobody listens to yet."""
        new, self._new = self._new, []
        return new

    def prepared(self, line: Channel, *, ok: bool) -> list[tuple[TrialJob, int]]:
        """A nursery's data is ready, or cannot be shared.

        Returns:
            The jobs that the server must run itself.
        """
        key, nursery = self._find(line)
        waiting, nursery.waiting, nursery.ready = nursery.waiting, [], ok
        if ok:
            for job, descriptor in waiting:
                _pass_on(line, job, descriptor)
            return []
        self._unfit.add(key)
        nursery.trials.clear()
        return waiting

    def heard(self, line: Channel, message: Message) -> None:
        """A nursery said something of a trial."""
        trials = self._find(line)[1].trials
        if isinstance(message, Exited):
            trials.pop(message.number, None)
        elif isinstance(message, Forked):
            trials[message.number] = message.pid

    def lose(self, line: Channel) -> dict[int, int | None]:
        """A nursery is gone.

        Returns:
            The trials that went with it, each with its process.
        """
        key, nursery = self._find(line)
        del self._of[key]
        if not nursery.ready:
            self._unfit.add(key)
        for _, descriptor in nursery.waiting:
            socket.close(descriptor)
        line.close()
        return nursery.trials

    def end(self, message: Kill | Preempt) -> None:
        """Pass on the order to end a trial; one that still waits for its data is ended with its nursery."""
        for nursery in self._of.values():
            if message.number not in nursery.trials:
                continue
            if nursery.ready:
                nursery.line.send(message)
            else:
                end_group(nursery.pid)

    def forget(self) -> None:
        """In a fork: close what belongs to the server."""
        for nursery in self._of.values():
            nursery.line.close()
            for _, descriptor in nursery.waiting:
                socket.close(descriptor)

    def close(self) -> None:
        """Hang up on every nursery: each ends its trials and itself."""
        for nursery in self._of.values():
            nursery.line.close()

    def _make_room(self) -> bool:
        """Give up the idle nursery that was used least recently, where there are as many as may be."""
        if len(self._of) < MOST:
            return True
        idle = next((key for key, one in self._of.items() if not one.trials), None)
        if idle is None:
            return False
        self._of[idle].line.stream.shutdown(socket.SHUT_RDWR)
        return True

    def _find(self, line: Channel) -> tuple[str, Nursery]:
        return next((key, one) for key, one in self._of.items() if one.line is line)


def _pass_on(line: Channel, job: TrialJob, descriptor: int) -> None:
    # The nursery has the data, and is not to make a nursery for it.
    socket.send_fds(line.stream, [encode(replace(job, data=None))], [descriptor])
    socket.close(descriptor)
