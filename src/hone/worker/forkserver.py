"""The fork server: imports everything once, then runs each trial in a fork of itself.

A fork starts in milliseconds, shares the imported pages, and takes a crash or leaked memory with it when it ends. The
server itself never touches CUDA and never runs a parallel region, since neither survives a fork.
"""

from __future__ import annotations

import contextlib
import gc
import importlib
import os
import selectors
import signal
import socket
import sys
import traceback

from hone.worker.channel import Channel
from hone.worker.death import die_with_parent
from hone.worker.messages import Exited, Kill, Message, Preload, TrialJob, decode
from hone.worker.run import run_job

MOST_BYTES = 1_048_576
MOST_DESCRIPTORS = 64


class ForkServer:
    """Forks a process for each job that comes over its control socket, and says when it has ended.

    Args:
        control: Socket to the controller. When it closes, every trial is ended and the server too.
    """

    def __init__(self, control: socket.socket) -> None:
        self.control = control
        self.trials: dict[int, int] = {}
        self._pending = b""
        self._descriptors: list[int] = []
        self.woken, self._waker = socket.socketpair()

    def serve(self) -> None:
        """Serve until the controller is gone."""
        self._listen_for_children()
        with selectors.DefaultSelector() as selector:
            selector.register(self.control, selectors.EVENT_READ)
            selector.register(self.woken, selectors.EVENT_READ)
            while True:
                ready = {key.fileobj for key, _ in selector.select()}
                if self.woken in ready:
                    self.woken.recv(4096)
                    self._reap()
                if self.control in ready and not self._answer():
                    break
        self._end_all()

    def _end_all(self) -> None:
        signal.set_wakeup_fd(-1)
        for pid in self.trials:
            _end_group(pid)
        for pid in self.trials:
            with contextlib.suppress(ChildProcessError):
                os.waitpid(pid, 0)

    def _listen_for_children(self) -> None:
        self._waker.setblocking(False)
        signal.set_wakeup_fd(self._waker.fileno(), warn_on_full_buffer=False)
        signal.signal(signal.SIGCHLD, lambda *_: None)
        # The controller decides what Ctrl-C means.
        signal.signal(signal.SIGINT, signal.SIG_IGN)

    def _answer(self) -> bool:
        try:
            content, descriptors, _, _ = socket.recv_fds(self.control, MOST_BYTES, MOST_DESCRIPTORS)
        except ConnectionResetError:
            return False
        if not content:
            return False
        self._descriptors += descriptors
        *lines, self._pending = (self._pending + content).split(b"\n")
        for line in lines:
            self._obey(decode(line))
        return True

    def _obey(self, message: Message) -> None:
        if isinstance(message, Preload):
            preload(message.modules)
        elif isinstance(message, Kill):
            self._kill(message.number)
        elif isinstance(message, TrialJob):
            self._fork(message, socket.socket(fileno=self._descriptors.pop(0)))

    def _fork(self, job: TrialJob, stream: socket.socket) -> None:
        sys.stdout.flush()
        sys.stderr.flush()
        pid = os.fork()
        if pid == 0:
            self._become_worker(job, stream)
        stream.close()
        self.trials[pid] = job.number

    def _become_worker(self, job: TrialJob, stream: socket.socket) -> None:
        code = 1
        try:
            os.setsid()
            die_with_parent()
            signal.set_wakeup_fd(-1)
            for caught in (signal.SIGCHLD, signal.SIGINT, signal.SIGTERM):
                signal.signal(caught, signal.SIG_DFL)
            for inherited in (self.control, self.woken, self._waker):
                inherited.close()
            code = run_job(job, Channel(stream))
        except BaseException:  # noqa: BLE001 - whatever it is, this fork must not return into the server
            traceback.print_exc()
        finally:
            with contextlib.suppress(Exception):
                sys.stdout.flush()
                sys.stderr.flush()
            os._exit(code)

    def _kill(self, number: int) -> None:
        for pid, trial in self.trials.items():
            if trial == number:
                _end_group(pid)

    def _reap(self) -> None:
        while self.trials:
            ended = os.waitid(os.P_ALL, 0, os.WEXITED | os.WNOHANG | os.WNOWAIT)
            if ended is None:
                return
            # The leader is still a zombie, so its group's number cannot have passed to anybody else.
            _end_group(ended.si_pid)
            _, status = os.waitpid(ended.si_pid, 0)
            number = self.trials.pop(ended.si_pid, None)
            if number is not None:
                Channel(self.control).send(Exited(number, os.waitstatus_to_exitcode(status)))


def preload(modules: tuple[str, ...]) -> None:
    """Import modules; one that fails is left for the trial that needs it, which says why.

    Args:
        modules: Dotted names.
    """
    for name in modules:
        with contextlib.suppress(Exception):
            importlib.import_module(name)
    # What is imported stays: a collection in a fork would otherwise touch, and so copy, every page of it.
    gc.collect()
    gc.freeze()


def _end_group(pid: int) -> None:
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.killpg(pid, signal.SIGKILL)
