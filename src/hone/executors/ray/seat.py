"""A seat: an actor that holds a trial's share of a node, and runs one trial after another in forks of a warm server."""

from __future__ import annotations

import shutil
import socket
import tempfile
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import hone
from hone.executors.executor import Resources
from hone.executors.local import LocalExecutor
from hone.executors.ray.mirror import OF_NODE, Change, Mirror, apply, empty
from hone.executors.warm import WarmWorkers
from hone.worker.messages import Begin, Exited, Failed, Message, TrialJob, Verdict

# How often a trial's files are brought to its controller while it runs.
MIRROR_SECONDS = 2.0


@dataclass(frozen=True)
class Facts:
    """What a seat says of itself.

    Attributes:
        node: Ray's id of its node.
        host: The node's name.
        address: The node's address among the others.
        hone: Version of hone on the node.
    """

    node: str
    host: str
    address: str
    hone: str


@dataclass(frozen=True)
class Token:
    """A file that tells whether a node sees the controller's disk.

    Attributes:
        path: Where it stands.
        content: What is in it.
    """

    path: str
    content: str

    def is_seen(self) -> bool:
        """Whether the file is there, with what was written to it."""
        try:
            return Path(self.path).read_text() == self.content
        except OSError:
            return False


class Seat:
    """Runs trials on a node, one at a time.

    Its methods are called from elsewhere: ``listen`` and those before it in order, ``end`` beside them.

    Args:
        resources: What a trial takes of this node.
        modules: What workers import before their first trial.
    """

    def __init__(self, resources: Resources, modules: Sequence[str]) -> None:
        import ray

        devices = [str(one) for one in ray.get_gpu_ids()]
        self._executor = LocalExecutor(resources, WarmWorkers, modules, max_parallel=1, devices=devices)
        self._job: TrialJob | None = None
        self._mirror: Mirror | None = None
        self._own: Path | None = None
        self._held: list[Message] = []
        self._mirrored = 0.0

    def facts(self) -> Facts:
        """Say where this is."""
        import ray

        context = ray.get_runtime_context()
        address = ray.util.get_node_ip_address()
        return Facts(context.get_node_id(), socket.gethostname(), address, hone.__version__)

    def sees(self, token: Token) -> bool:
        """Whether this node shares the controller's disk; else a directory of its own is made for the next trial."""
        if token.is_seen():
            self._own = None
            return True
        if self._own is None:
            self._own = Path(tempfile.mkdtemp(prefix="hone-seat-"))
        empty(self._own / "trial")
        return False

    def receive(self, changes: Sequence[Change]) -> None:
        """Take files of the next trial."""
        assert self._own is not None
        apply(changes, self._own / "trial")

    def port(self) -> int:
        """A port on which the ranks of a trial can meet here."""
        with socket.socket() as probe:
            probe.bind(("", 0))
            return int(probe.getsockname()[1])

    def begin(self, job: TrialJob, ranks: Mapping[str, str] | None = None) -> None:
        """Start a trial.

        Args:
            job: The trial.
            ranks: Variables by which the processes of a trial on several nodes find each other.
        """
        job = replace(job, variables=dict(ranks or {}))
        self._mirror = None
        if self._own is not None:
            directory = self._own / "trial"
            job = replace(job, directory=str(directory))
            self._mirror = Mirror(directory, OF_NODE)
            self._mirror.settle()
        self._job = job
        self._held = []
        self._executor.start(job)

    def listen(self, seconds: float, answer: Begin | Verdict | None = None) -> tuple[list[Message], list[Change]]:
        """Wait until the trial says something or its files change.

        Args:
            seconds: The longest wait.
            answer: To what it asked last.

        Returns:
            What it said, ``Exited`` last of all and after its files; and changes of files.
        """
        assert self._job is not None
        if answer is not None:
            self._executor.answer(self._job.number, answer)
        deadline = time.monotonic() + seconds
        while True:
            gone = any(isinstance(one, Exited) for one in self._held)
            changes = self._changes(final=gone)
            if changes and gone:
                return [], changes
            said, self._held = self._held, []
            if said or changes or time.monotonic() > deadline:
                return said, changes
            left = deadline - time.monotonic()
            wait = min(left, MIRROR_SECONDS) if self._mirror is not None else left
            self._held = [self._placed(one) for _, one in self._executor.wait(max(0.0, wait))]

    def end(self, *, gently: bool) -> None:
        """End the trial that runs; gently, so that it saves its state first."""
        if self._job is not None:
            (self._executor.preempt if gently else self._executor.kill)(self._job.number)

    def close(self) -> None:
        """End all processes, and remove what this seat wrote on its node."""
        self._executor.close()
        if self._own is not None:
            shutil.rmtree(self._own, ignore_errors=True)

    def _changes(self, *, final: bool) -> list[Change]:
        now = time.monotonic()
        if self._mirror is None or (not final and now - self._mirrored < MIRROR_SECONDS):
            return []
        self._mirrored = now
        return self._mirror.changes(final=final)

    def _placed(self, message: Message) -> Message:
        """Say where it failed: what is missing on one node may be there on others."""
        if isinstance(message, Failed):
            return replace(message, message=f"{message.message} (on node {socket.gethostname()})")
        return message
