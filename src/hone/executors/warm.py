"""Warm workers: the controller's side of the fork server."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Self

from hone.worker.channel import Channel
from hone.worker.forking import ServerFork
from hone.worker.messages import Kill, Preempt, Preload, TrialJob, encode

TRAINING = "hone.training"
ALWAYS = ("torch", "pytorch_lightning", TRAINING)
CLOSE_SECONDS = 10.0
# The server's own imports must not start thread pools: no fork survives them.
SINGLE_THREADED = {"OMP_NUM_THREADS": "1", "MKL_NUM_THREADS": "1", "TOKENIZERS_PARALLELISM": "false"}


class WarmWorkers:
    """Starts the fork server at once, so that it imports while the controller gets ready.

    Args:
        modules: What it imports first.
        prepare: Makes the server of a fork of this process, in which it is called; otherwise the server is an
            interpreter of its own.
    """

    def __init__(self, modules: Sequence[str] = ALWAYS, prepare: Callable[[], None] | None = None) -> None:
        ours, theirs = socket.socketpair()
        self.control = Channel(ours)
        self.process: subprocess.Popen[bytes] | ServerFork
        if prepare is None:
            self.process = _interpreter(theirs)
        else:
            self.process = ServerFork(ours, theirs, SINGLE_THREADED, prepare)
        theirs.close()
        self._idle = True
        self.preload(modules)

    def preload(self, modules: Sequence[str]) -> None:
        """Import more before the next trial.

        Args:
            modules: Dotted names.
        """
        self.control.send(Preload(tuple(modules)))

    def preload_application(self, application: Mapping[str, Any]) -> None:
        """Bring a Hydra application to where it would sweep, before the next trial.

        Args:
            application: How it was started.
        """
        self.control.send(Preload((), dict(application)))

    def start(self, job: TrialJob) -> Channel:
        """Fork a worker for a trial.

        Args:
            job: The trial.

        Returns:
            The line to it.

        Raises:
            OSError: The server is gone.
        """
        self._idle = False
        ours, theirs = socket.socketpair()
        with theirs:
            try:
                socket.send_fds(self.control.stream, [encode(job)], [theirs.fileno()])
            except OSError:
                ours.close()
                raise
        return Channel(ours)

    def kill(self, number: int) -> None:
        """End one trial's process group now."""
        self.control.send(Kill(number))

    def preempt(self, number: int) -> None:
        """Let one trial save its state and end."""
        self.control.send(Preempt(number))

    def close(self) -> None:
        """End every worker: the server sees its socket closed, ends its forks and itself."""
        self.control.close()
        if self._idle:
            # It has no forks to end, and may be seconds deep in an import.
            self.process.kill()
        try:
            self.process.wait(CLOSE_SECONDS)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()


def _interpreter(control: socket.socket) -> subprocess.Popen[bytes]:
    return subprocess.Popen(
        [sys.executable, "-m", "hone.worker", "--serve", str(control.fileno())],
        pass_fds=[control.fileno()],
        stdin=subprocess.DEVNULL,
        env=os.environ | SINGLE_THREADED,
        start_new_session=True,
    )


class LastingWorkers:
    """Keeps one fork server for several sweeps, one after another, so that only the first waits for its imports.

    Used as a ``with`` block, which ends the server. A sweep that has run to its end has no trial left.
    """

    def __init__(self) -> None:
        self._early = EarlyWorkers()
        self._server: WarmWorkers | None = None

    def __call__(self, modules: Sequence[str]) -> LentWorkers:
        """Lend the server to a sweep.

        Args:
            modules: What it imports before the first trial.
        """
        if self._server is not None and self._server.process.poll() is not None:
            self._server.close()
            self._server = None
        if self._server is None:
            self._server = self._early(modules)
        else:
            self._server.preload(modules)
        return LentWorkers(self._server)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *error: object) -> None:
        if self._server is not None:
            self._server.close()
        self._early.__exit__(*error)


class LentWorkers:
    """A server as one sweep has it, to be given back.

    Args:
        server: The server.
    """

    def __init__(self, server: WarmWorkers) -> None:
        self._server = server
        self.control = server.control
        self.preload, self.start = server.preload, server.start
        self.kill, self.preempt = server.kill, server.preempt

    def close(self) -> None:
        """Give it back: another sweep may follow."""


class EarlyWorkers:
    """Starts a fork server at once, to be taken up later; and another where one has died.

    Used as a ``with`` block, which ends a server that nobody took up.

    Args:
        at_once: Start one before it is asked for.
    """

    def __init__(self, *, at_once: bool = True) -> None:
        self._early: WarmWorkers | None = self._start() if at_once else None

    def __call__(self, modules: Sequence[str]) -> WarmWorkers:
        """Give workers that import some modules before their first trial.

        Args:
            modules: Dotted names.
        """
        early, self._early = self._early, None
        if TRAINING not in modules:
            # Trials that are plain functions need none of what takes seconds to import.
            if early is not None:
                early.close()
            return WarmWorkers(modules)
        workers = early or self._start()
        workers.preload(modules)
        return workers

    def _start(self) -> WarmWorkers:
        return WarmWorkers()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        if self._early is not None:
            self._early.close()
