"""The fork server: imports everything once, then runs each trial in a fork of itself.

A fork starts in milliseconds, shares the imported pages, and takes a crash or leaked memory with it when it ends. The
server itself never touches CUDA and never runs a parallel region, since neither survives a fork.

Trials that share their data are forked from a fork that has it ready: a nursery, which is a server of the same kind.
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
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from hone.worker.channel import Channel
from hone.worker.death import adopt_orphans, children, die_with_parent, end_group, end_orphans, go_first
from hone.worker.lessons import lessons
from hone.worker.messages import (
    Exited,
    Forked,
    Kill,
    Message,
    Preempt,
    Preload,
    Prepared,
    TrialJob,
    decode,
)
from hone.worker.nurseries import Nurseries
from hone.worker.run import prepare_data, run_job

MOST_BYTES = 1_048_576
MOST_DESCRIPTORS = 64
# How long after a trial's end to look again for processes of its group that take their time to die.
LOOK_AGAIN_SECONDS = 0.05


class ForkServer:
    """Forks a process for each job that comes over its control socket, and says when all of it is gone.

    Args:
        control: Socket to the controller. When it closes, every trial is ended and the server too.
        data: A trial's data made ready, in a nursery.
    """

    def __init__(self, control: socket.socket, data: object = None) -> None:
        self.control = control
        self.data = data
        self.trials: dict[int, int] = {}
        self.nurseries = Nurseries(self._fork_nursery)
        self._ending: dict[int, Exited] = {}
        self._learns = False
        # What the imports themselves have started.
        self._own: set[int] = set()
        self._pending = b""
        self._descriptors: list[int] = []
        self.woken, self._waker = socket.socketpair()

    def serve(self) -> None:
        """Serve until the controller is gone."""
        adopt_orphans()
        self._listen_for_children()
        with selectors.DefaultSelector() as selector:
            selector.register(self.control, selectors.EVENT_READ)
            selector.register(self.woken, selectors.EVENT_READ)
            while self._turn(selector):
                pass
        self._end_all()

    def _turn(self, selector: selectors.BaseSelector) -> bool:
        for line in self.nurseries.new_lines():
            selector.register(line, selectors.EVENT_READ)
        timeout = LOOK_AGAIN_SECONDS if self._ending else None
        ready = [key.fileobj for key, _ in selector.select(timeout)]
        for one in ready:
            if isinstance(one, Channel):
                self._hear_nursery(one, selector)
        if self.woken in ready:
            self.woken.recv(4096)
        if self.woken in ready or self._ending:
            self._reap()
        return self.control not in ready or self._answer()

    def _hear_nursery(self, line: Channel, selector: selectors.BaseSelector) -> None:
        """Pass on what a nursery says of its trials, and give it its first jobs when its data is ready."""
        try:
            said = line.receive_ready()
        except EOFError:
            selector.unregister(line)
            # Its trials die with it, and what they had started comes to this process.
            for number, pid in self.nurseries.lose(line).items():
                gone = Exited(number, -signal.SIGKILL)
                if pid is None:
                    self._say(gone)
                else:
                    self._ending[pid] = gone
            return
        for message in said:
            if isinstance(message, Prepared):
                for job, descriptor in self.nurseries.prepared(line, ok=message.ok):
                    self._fork(job, socket.socket(fileno=descriptor))
            else:
                self.nurseries.heard(line, message)
                self._say(message)

    def _end_all(self) -> None:
        signal.set_wakeup_fd(-1)
        self.nurseries.close()
        for pid in self.trials:
            end_group(pid)
        # Descendants become children as their parents die, hence again and again until there are none.
        while True:
            end_orphans(set())
            try:
                os.waitpid(-1, 0)
            except ChildProcessError:
                return

    def _listen_for_children(self) -> None:
        self._waker.setblocking(False)
        signal.set_wakeup_fd(self._waker.fileno(), warn_on_full_buffer=False)
        signal.signal(signal.SIGCHLD, lambda *_: None)
        # The controller decides what Ctrl-C means.
        signal.signal(signal.SIGINT, signal.SIG_IGN)
        signal.signal(signal.SIGTERM, signal.SIG_IGN)

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
            if message.application is not None:
                preload_application(message.application)
                self._learns = True
        elif isinstance(message, Kill | Preempt):
            self._end(message)
        elif isinstance(message, TrialJob):
            descriptor = self._descriptors.pop(0)
            if not self.nurseries.take(message, descriptor):
                self._fork(message, socket.socket(fileno=descriptor))

    def _end(self, message: Kill | Preempt) -> None:
        """Kill a trial, or tell its first process that it should save its state."""
        for pid, number in self.trials.items():
            if number == message.number:
                if isinstance(message, Kill):
                    # A fork that leads no group yet has started nothing.
                    if not end_group(pid):
                        with contextlib.suppress(ProcessLookupError):
                            os.kill(pid, signal.SIGKILL)
                else:
                    with contextlib.suppress(ProcessLookupError):
                        os.kill(pid, signal.SIGTERM)
        self.nurseries.end(message)

    def _learn(self, directory: Path) -> None:
        """Import once what an application's first trial turned out to import."""
        names = lessons(directory) if self._learns else None
        if names is not None:
            self._learns = False
            with _silence():
                preload(names)

    def _fork(self, job: TrialJob, stream: socket.socket) -> None:
        self._learn(Path(job.directory).parent)

        def work() -> int:
            adopt_orphans()
            go_first()
            return run_job(job, Channel(stream), data=self.data)

        pid = self._fork_to(work)
        stream.close()
        self.trials[pid] = job.number
        self._say(Forked(job.number, pid))

    def _fork_nursery(self, job: TrialJob, descriptor: int) -> tuple[int, Channel]:
        ours, theirs = socket.socketpair()

        def work() -> int:
            ours.close()
            os.close(descriptor)
            data = prepare_data(job)
            Channel(theirs).send(Prepared(data is not None))
            if data is None:
                return 0
            gc.collect()
            gc.freeze()
            ForkServer(theirs, data).serve()
            return 0

        pid = self._fork_to(work)
        theirs.close()
        return pid, Channel(ours)

    def _fork_to(self, work: Callable[[], int]) -> int:
        sys.stdout.flush()
        sys.stderr.flush()
        if not self.trials and not self._ending:
            self._own = children() - self.nurseries.pids
        # One that comes before the fork is ready to heed it waits until then.
        signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGTERM})
        try:
            pid = os.fork()
            if pid == 0:
                self._become(work)
        finally:
            signal.pthread_sigmask(signal.SIG_UNBLOCK, {signal.SIGTERM})
        return pid

    def _become(self, work: Callable[[], int]) -> None:
        code = 1
        try:
            os.setsid()
            die_with_parent()
            signal.set_wakeup_fd(-1)
            for caught in (signal.SIGCHLD, signal.SIGINT, signal.SIGTERM):
                signal.signal(caught, signal.SIG_DFL)
            signal.pthread_sigmask(signal.SIG_UNBLOCK, {signal.SIGTERM})
            self.nurseries.forget()
            for inherited in (self.control, self.woken, self._waker):
                inherited.close()
            # Those of jobs that came with this one: their controller must hear when they are closed.
            for descriptor in self._descriptors:
                os.close(descriptor)
            code = work()
        except BaseException:  # noqa: BLE001 - whatever it is, this fork must not return into the server
            traceback.print_exc()
        finally:
            with contextlib.suppress(Exception):
                sys.stdout.flush()
                sys.stderr.flush()
            os._exit(code)

    def _reap(self) -> None:
        while True:
            try:
                pid, status = os.waitpid(-1, os.WNOHANG)
            except ChildProcessError:
                break
            if not pid:
                break
            number = self.trials.pop(pid, None)
            if number is not None:
                self._ending[pid] = Exited(number, os.waitstatus_to_exitcode(status))
        if self._ending:
            # What the trial's first process had adopted is this process's own child now that it is dead.
            end_orphans({*self.trials, *self.nurseries.pids, *self._own})
        for pid in list(self._ending):
            if not end_group(pid):
                self._say(self._ending.pop(pid))

    def _say(self, message: Message) -> None:
        with contextlib.suppress(OSError):
            Channel(self.control).send(message)


def preload(modules: tuple[str, ...]) -> None:
    """Import modules; one that fails is left for the trial that needs it, which says why.

    Args:
        modules: Dotted names.
    """
    for name in modules:
        with contextlib.suppress(Exception):
            importlib.import_module(name)
    _keep()


def preload_application(content: dict[str, Any]) -> None:
    """Bring a Hydra application to where it would sweep; where that fails, the first trial tries again and says why.

    Args:
        content: How it was started.
    """
    from hone.config.application import Application, load

    # As hone's own use of it: nothing is reported to anybody.
    os.environ.setdefault("MLFLOW_DISABLE_TELEMETRY", "true")
    with _silence(), contextlib.suppress(BaseException):
        loaded = load(Application(**{**content, "arguments": tuple(content["arguments"])}))
        preload(tuple(loaded.modules()))
    _keep()


def _keep() -> None:
    # What is imported stays: a collection in a fork would otherwise touch, and so copy, every page of it.
    gc.collect()
    gc.freeze()


@contextlib.contextmanager
def _silence() -> Iterator[None]:
    """Keep off the terminal what a program prints that has printed it before, in the user's own process."""
    sys.stdout.flush()
    sys.stderr.flush()
    held = [os.dup(1), os.dup(2)]
    nowhere = os.open(os.devnull, os.O_WRONLY)
    try:
        os.dup2(nowhere, 1)
        os.dup2(nowhere, 2)
        yield
    finally:
        sys.stdout.flush()
        sys.stderr.flush()
        for descriptor, kept in zip((1, 2), held, strict=True):
            os.dup2(kept, descriptor)
            os.close(kept)
        os.close(nowhere)
