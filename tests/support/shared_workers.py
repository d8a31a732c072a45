"""Real workers for many tests from one fork server."""

import sys
import time
from pathlib import Path

import psutil

from hone.worker.messages import Exited, Forked

GONE_SECONDS = 30


class SharedWorkers:
    """Keeps the contract of ``Workers``; closing it ends its own trials and leaves the server to the next test."""

    server = None

    def __init__(self, server, modules=()):
        self.control = server.control
        self.running = set()
        self._server = server
        server.preload(modules)

    @classmethod
    def pids(cls):
        """The server's process and its forks."""
        if cls.server is None or cls.server.process.poll() is not None:
            return set()
        server = psutil.Process(cls.server.process.pid)
        return {server.pid, *(one.pid for one in server.children(recursive=True) if not _is_trial(one))}

    def preload(self, modules):
        self._server.preload(modules)

    def start(self, job):
        self.running.add(job.number)
        return self._server.start(job)

    def kill(self, number):
        self._server.kill(number)

    def preempt(self, number):
        self._server.preempt(number)

    def close(self):
        """End this test's trials, and read from the control socket that they are gone."""
        server = psutil.Process(self._server.process.pid)
        deadline = time.monotonic() + GONE_SECONDS
        for number in self.running:
            self.kill(number)
        self.running.clear()
        # Idle nurseries stay, as they do between the trials of a sweep; trials are gone, wherever they were forked.
        while any(_is_trial(one) for one in server.children(recursive=True)) and time.monotonic() < deadline:
            time.sleep(0.01)
        self._server.control.stream.setblocking(False)
        try:
            for message in self._server.control.receive_ready():
                assert isinstance(message, Exited | Forked)
        except BlockingIOError:
            pass
        finally:
            self._server.control.stream.setblocking(True)


def _is_trial(process):
    """A trial's first process offers itself to the kernel when memory runs out; a nursery does not."""
    try:
        return Path(f"/proc/{process.pid}/oom_score_adj").read_text().strip() != "0"
    except OSError:
        return False


assert sys.platform != "win32"
