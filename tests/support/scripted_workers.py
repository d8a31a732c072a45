"""Workers that follow a script instead of training: the same sockets, messages and files, without the waiting."""

import contextlib
import socket
import threading
from pathlib import Path

from hone.worker.channel import Channel
from hone.worker.messages import Exited, Failed, Pruned, Report, Result, Started
from hone.worker.run import write_result


class Died(Exception):
    """The scripted process ends here, with this exit code."""

    def __init__(self, code):
        super().__init__(code)
        self.code = code


class Script:
    """What one scripted trial says. ``values`` are reported as ``metric``, one a validation."""

    def __init__(self, values=(0.5,), metric="val/loss", ending=None, code=0, die_after=None, say=None, hold=None):
        self.values = values
        self.metric = metric
        self.ending = ending
        self.code = code
        self.die_after = die_after
        self.say = say
        self.hold = hold

    def run(self, job, line):
        """Play it; returns the exit code."""
        if isinstance(self.ending, Failed) and self.ending.bad_input:
            return self._end(job, line, self.ending)
        line.send(Started((self.metric,), {}))
        line.receive()
        if self.say is not None:
            line.stream.sendall(self.say)
        for step, value in enumerate(self.values, start=1):
            line.send(Report(step, {self.metric: value}, step))
            if line.receive().stop:
                return self._end(job, line, Pruned({self.metric: value}, None, step, 0.0))
            if step == self.die_after:
                return self.code
        if self.hold is not None:
            self.hold.wait(30)
        last = {self.metric: self.values[-1]} if self.values else {}
        return self._end(job, line, self.ending or Result(last, None, len(self.values), 0.0))

    def _end(self, job, line, ending):
        write_result(ending, Path(job.directory))
        line.send(ending)
        return 1 if isinstance(ending, Failed) else 0


class ScriptedWorkers:
    """Keeps the contract of ``Workers`` with a thread for each trial.

    Args:
        script: Gives each job its script.
    """

    def __init__(self, script):
        self.script = script
        ours, self._theirs = socket.socketpair()
        self.control = Channel(ours)
        self.jobs = []
        self._lines = {}
        self._killed = set()
        self._threads = []

    def start(self, job):
        self.jobs.append(job)
        ours, theirs = socket.socketpair()
        self._lines[job.number] = theirs
        thread = threading.Thread(target=self._run, args=(job, theirs), name=f"scripted-{job.number}")
        self._threads.append(thread)
        thread.start()
        return Channel(ours)

    def kill(self, number):
        self._killed.add(number)
        self._shut(number)

    def preempt(self, number):
        self.kill(number)

    def close(self):
        for number in list(self._lines):
            self._shut(number)
        for thread in self._threads:
            thread.join(30)
        self.control.close()
        self._theirs.close()

    def _shut(self, number):
        with contextlib.suppress(OSError):
            self._lines[number].shutdown(socket.SHUT_RDWR)

    def _run(self, job, stream):
        try:
            code = self.script(job).run(job, Channel(stream))
        except (EOFError, OSError):
            code = -9
        if job.number in self._killed:
            code = -9
        stream.close()
        with contextlib.suppress(OSError):
            Channel(self._theirs).send(Exited(job.number, code))
