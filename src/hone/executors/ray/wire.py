"""What the executor and its bridge say to each other, over a pipe between two processes of one sweep."""

from __future__ import annotations

import contextlib
import queue
import threading
from dataclasses import dataclass, field
from multiprocessing.connection import Connection
from typing import Any

from hone.executors.executor import Resources
from hone.worker.messages import Begin, Message, TrialJob, Verdict


@dataclass(frozen=True)
class Cluster:
    """Which cluster to use, and what for: the bridge's first message.

    Attributes:
        address: ``auto``, ``local`` or ``HOST:PORT``.
        resources: What each trial asks for.
        modules: What workers import before their first trial.
        project: The directory that holds the user's code.
        max_parallel: The most trials at once; None for as many as the nodes hold.
        accelerator: The kind of device that trials need, as Ray names it.
        custom: More that each trial takes of a node's resources.
        runtime_env: What Ray sets up on each node beside the project.
    """

    address: str
    resources: Resources
    modules: tuple[str, ...]
    project: str
    max_parallel: int | None = None
    accelerator: str | None = None
    custom: dict[str, float] = field(default_factory=dict)
    runtime_env: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Run:
    """Run a trial; ``alone`` with its devices to itself."""

    job: TrialJob
    alone: bool = False


@dataclass(frozen=True)
class Answer:
    """Answer a trial's question."""

    number: int
    message: Begin | Verdict


@dataclass(frozen=True)
class End:
    """End a trial: at once, or gently, so that it saves its state first."""

    number: int
    gently: bool = False


@dataclass(frozen=True)
class Said:
    """What a trial said, or that it is gone."""

    number: int
    message: Message


@dataclass(frozen=True)
class Slots:
    """How many trials the cluster holds at once; the first says that the bridge is connected."""

    count: int


@dataclass(frozen=True)
class Note:
    """What the user should know."""

    text: str


@dataclass(frozen=True)
class Refused:
    """The cluster cannot be used; the bridge ends.

    Attributes:
        message: Why.
        where: The key at fault.
        passing: It may be there again later.
    """

    message: str
    where: str
    passing: bool = False


class Speaker:
    """Says things to the controller in their order, and never waits for it to listen.

    A pipe holds so much. If the bridge waited at a full one, it would not hear the controller, which may wait at the
    other end for the same reason, and neither would ever go on.

    Args:
        line: To the controller. Nobody else writes on it.
    """

    def __init__(self, line: Connection) -> None:
        self._line = line
        self._unsaid: queue.SimpleQueue[Said | Slots | Note | Refused | None] = queue.SimpleQueue()
        self._thread = threading.Thread(target=self._speak, name="speaker", daemon=True)
        self._thread.start()

    def say(self, message: Said | Slots | Note | Refused) -> None:
        """Say something; a controller that is gone needs no telling."""
        self._unsaid.put(message)

    def finish(self, seconds: float) -> None:
        """Wait until everything is said, or the time is over."""
        self._unsaid.put(None)
        self._thread.join(seconds)

    def _speak(self) -> None:
        with contextlib.suppress(OSError):
            while (message := self._unsaid.get()) is not None:
                self._line.send(message)
