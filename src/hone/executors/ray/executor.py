"""The controller's side of a Ray cluster."""

from __future__ import annotations

import multiprocessing
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping, Sequence
from dataclasses import replace
from importlib.util import find_spec
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

from hone.errors import ExecutorError, ResourceError
from hone.executors.executor import AUTO, Resources, StartWorkers
from hone.executors.ray.capacity import lease_of
from hone.executors.ray.wire import Answer, Cluster, End, Note, Refused, Run, Said, Slots
from hone.worker.messages import Begin, Exited, Failed, Lease, Message, TrialJob, Verdict
from hone.worker.run import JOB_FILE

COMMAND: tuple[str, ...] = ("-m", "hone.executors.ray.bridge")
CLOSE_SECONDS = 15.0
AGAIN_SECONDS = 5.0


class RayExecutor:
    """Runs trials on the nodes of a Ray cluster, each in an actor that holds its share of a node.

    Args:
        resources: What each trial asks for.
        start_workers: For executors on this machine; seats start workers of their own.
        modules: What workers import before their first trial.
        address: ``auto`` for the cluster that this machine belongs to, or that RAY_ADDRESS names; ``local`` for one on
            this machine that ends with the sweep; or ``HOST:PORT``.
        max_parallel: Trials at once; None for as many as the nodes hold that are there. Where the cluster scales by
            itself, a number makes it grow.
        accelerator: The kind of device that trials need, as Ray names it: ``A100``.
        custom: More that each trial takes of a node's resources, by name.
        runtime_env: What Ray sets up on each node beside the project's code, such as ``pip`` or ``env_vars``.
        patience: Seconds to wait for a cluster whose head is lost, before the sweep is given up.

    Raises:
        ExecutorError: Ray is not installed here.
        ResourceError: What is asked for is not to be had on any cluster.
    """

    def __init__(
        self,
        resources: Resources,
        start_workers: StartWorkers | None = None,  # noqa: ARG002 - see above
        modules: Sequence[str] = (),
        address: str = "auto",
        max_parallel: int | None = None,
        accelerator: str | None = None,
        custom: Mapping[str, float] | None = None,
        runtime_env: Mapping[str, Any] | None = None,
        patience: float = 600.0,
    ) -> None:
        if find_spec("ray") is None:
            raise ExecutorError("needs Ray: pip install 'hone-ml[ray]'", where="executor")
        if resources.gpus == AUTO:
            raise ResourceError("auto measures one machine; give a number or a share of a GPU", where="resources.gpus")
        if max_parallel is not None and max_parallel < 1:
            raise ResourceError(f"must be at least 1, not {max_parallel}", where="executor.max_parallel")
        project = str(Path.cwd())
        self.cluster = Cluster(
            address,
            resources,
            tuple(modules),
            project,
            max_parallel,
            accelerator,
            dict(custom or {}),
            dict(runtime_env or {}),
        )
        self.patience = patience
        self.failure: ExecutorError | None = None
        self._slots = 0
        self._running: set[int] = set()
        self._lost_at: float | None = None
        self._heard: list[tuple[int, Message]] = []
        self._notes: list[str] = []
        self._start_bridge()

    @property
    def slots(self) -> int:
        """How many trials run at once."""
        return max(1, self._slots)

    @property
    def running(self) -> int:
        """How many trials hold a lease, or wait for a node that has room for them."""
        return len(self._running)

    def ready(self) -> None:
        """Wait until the cluster is connected.

        Raises:
            ExecutorError: It cannot be reached, or cannot run a trial.
        """
        while not self._slots:
            self._listen(None)
            if self.failure is not None:
                raise self.failure

    def fits(self, *, alone: bool = False) -> bool:  # noqa: ARG002 - Ray waits until a device is free
        """Whether one more trial can be started now."""
        return len(self._running) < self._slots

    def start(self, job: TrialJob, *, alone: bool = False) -> Lease:
        """Give a trial to the cluster.

        Args:
            job: The trial, its directory with ``trial.yaml`` in it.
            alone: It is to share its devices with nobody.

        Returns:
            The lease; which devices they are is known only on the node.
        """
        lease = lease_of(self.cluster.resources, alone=alone)
        started = replace(job, lease=lease, start_from=self.cluster.project)
        Path(job.directory, JOB_FILE).unlink(missing_ok=True)
        self._running.add(job.number)
        self._tell(Run(started, alone))
        return lease

    def wait(self, seconds: float) -> list[tuple[int, Message]]:
        """Wait for messages from any trial; ``Exited`` is a trial's last."""
        if self._lost_at is not None and not self._slots:
            self._reconnect()
        if not self._heard:
            self._listen(seconds)
        heard, self._heard = self._heard, []
        return heard

    def answer(self, number: int, message: Begin | Verdict) -> None:
        """Answer a trial's question; one that died meanwhile needs no answer."""
        self._tell(Answer(number, message))

    def preempt(self, number: int) -> None:
        """Let a trial save its state and end; its ``Exited`` follows."""
        self._tell(End(number, gently=True))

    def kill(self, number: int) -> None:
        """End a trial now; its ``Exited`` follows."""
        self._tell(End(number))

    def notes(self) -> list[str]:
        """What the user should know, each once."""
        notes, self._notes = self._notes, []
        return notes

    def close(self) -> None:
        """End all that still runs, and leave nothing in the cluster."""
        self._line.close()
        try:
            self._bridge.wait(CLOSE_SECONDS)
        except subprocess.TimeoutExpired:
            # Ray ends what a program that is gone had started.
            self._bridge.kill()
            self._bridge.wait()
        self._printed.close()

    def _start_bridge(self) -> None:
        self._line, theirs = multiprocessing.Pipe()
        # Ray prints on its driver's terminal what is no user's business.
        self._printed = tempfile.TemporaryFile()  # noqa: SIM115 - for as long as the bridge
        self._bridge = subprocess.Popen(
            [sys.executable, *COMMAND, str(theirs.fileno())],
            pass_fds=[theirs.fileno()],
            stdin=subprocess.DEVNULL,
            stdout=self._printed,
            stderr=self._printed,
            # Ray tells its makers how it is used, unless it is asked not to.
            env=os.environ | {"RAY_USAGE_STATS_ENABLED": "0", "RAY_ACCEL_ENV_VAR_OVERRIDE_ON_ZERO": "0"},
            start_new_session=True,
        )
        theirs.close()
        self._tell(self.cluster)

    def _tell(self, message: Cluster | Run | Answer | End) -> None:
        try:
            self._line.send(message)
        except OSError:
            self._lose()

    def _listen(self, seconds: float | None) -> None:
        line: Connection = self._line
        try:
            if line.closed:
                time.sleep(seconds or 0.0)
                return
            if not line.poll(seconds):
                return
            while line.poll(0):
                self._take(line.recv())
        except (EOFError, OSError):
            self._lose()

    def _take(self, message: object) -> None:
        if isinstance(message, Said):
            if isinstance(message.message, Exited):
                self._running.discard(message.number)
            self._heard.append((message.number, message.message))
        elif isinstance(message, Slots):
            if self._lost_at is not None:
                self._lost_at = None
                self._notes.append("the cluster is back")
            self._slots = message.count
        elif isinstance(message, Note):
            self._notes.append(message.text)
        elif isinstance(message, Refused):
            self._refuse(message)

    def _refuse(self, refused: Refused) -> None:
        error = ExecutorError(refused.message, where=refused.where)
        waited = 0.0 if self._lost_at is None else time.monotonic() - self._lost_at
        if self._lost_at is None or not refused.passing or waited > self.patience:
            self.failure = error

    def _lose(self) -> None:
        """The bridge is gone, and with it every trial: they are saved as far as their last checkpoints."""
        if not self._line.closed:
            self._line.close()
            self._bridge.kill()
            self._bridge.wait()
        if not self._slots and self._lost_at is None:
            if self.failure is None:
                self._printed.seek(0)
                said = self._printed.read().decode(errors="replace").strip().splitlines() or ["it said nothing"]
                self.failure = ExecutorError(
                    f"Ray's driver ended while it connected: {said[-1]}", where="executor.address"
                )
            return
        if self._lost_at is None:
            self._lost_at = time.monotonic()
            self._notes.append("the connection to the cluster is lost; trials go on from their last checkpoints")
        self._slots = 0
        self._tried = time.monotonic()
        for number in list(self._running):
            self._running.discard(number)
            self._heard.append((number, Failed("preempted", "the connection to the cluster was lost")))
            self._heard.append((number, Exited(number, -9)))

    def _reconnect(self) -> None:
        assert self._lost_at is not None
        if self.failure is None and self._line.closed and time.monotonic() - self._tried > AGAIN_SECONDS:
            if time.monotonic() - self._lost_at > self.patience:
                self.failure = ExecutorError("the cluster did not come back", where="executor.address")
                return
            self._tried = time.monotonic()
            self._start_bridge()
