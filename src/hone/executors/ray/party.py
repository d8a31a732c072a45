"""The seats of one trial: one, or one on each of its nodes."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any
from uuid import uuid4

import hone
from hone.executors.ray.capacity import Demand
from hone.executors.ray.connection import Refusal, is_lost
from hone.executors.ray.mirror import OF_CONTROLLER, Change, Mirror, apply
from hone.executors.ray.seat import Facts, Seat, Token
from hone.executors.ray.wire import Answer, Cluster, End, Said
from hone.worker.messages import Begin, Exited, Failed, Message, Report, Started, TrialJob, Verdict
from hone.worker.ranks import NODE_RANK

LISTEN_SECONDS = 20.0
LEAVE_SECONDS = 3.0
TOKEN_FILE = ".seen-by-nodes"
# What a seat does beside listening to its trial.
ASIDE = "aside"


class SeatLost(Exception):
    """A seat is gone, and the trial on it.

    Args:
        reason: A line.
        kind: The kind of failure.
        quietly: The user need not hear of it beside the trial's failure.
    """

    def __init__(self, reason: str, kind: str, *, quietly: bool = False) -> None:
        super().__init__(reason)
        self.reason = reason
        self.ending = Failed(kind, reason)
        self.quietly = quietly


class Party:
    """Takes seats for trials of a kind and runs them, one after another.

    Args:
        demand: What a trial takes of each node.
        cluster: What is asked for.
        say: Tells the controller.
        alone: Its trials share their devices with nobody.

    Attributes:
        number: The trial that runs; None between two.
        leaving: No further trial is to run here.
        facts: Of each seat, once there.
    """

    def __init__(self, demand: Demand, cluster: Cluster, say: Callable[[Said], None], *, alone: bool) -> None:
        self.demand, self.cluster, self.say, self.alone = demand, cluster, say, alone
        self.number: int | None = None
        self.leaving = False
        self.facts: list[Facts] = []
        self._seats: list[Any] = []
        self._group: Any = None
        self._answer: asyncio.Future[Begin | Verdict | None] | None = None
        self._tasks: set[asyncio.Task[Any]] = set()

    @property
    def place(self) -> str:
        """The nodes by name."""
        return ", ".join(dict.fromkeys(one.host for one in self.facts))

    async def come(self) -> None:
        """Wait until Ray has found room, and the seats are taken.

        Raises:
            Refusal: A node has another hone, or none.
            SeatLost: A node was lost meanwhile.
        """
        import ray

        wanted, gpus = self.cluster.resources, self.demand.gpus
        each = replace(wanted, gpus=int(gpus) if float(gpus).is_integer() else gpus, nodes=1)
        options = self.demand.options() | {"max_restarts": 0, "max_concurrency": 1}
        actor: Any = ray.remote(concurrency_groups={ASIDE: 2})(Seat)
        for strategy in await self._places():
            self._seats.append(actor.options(**options, **strategy).remote(each, self.cluster.modules))
        try:
            self.facts = list(await asyncio.gather(*(one.facts.remote() for one in self._seats)))
        except Exception as error:
            raise self._why(error) from error
        for one in self.facts:
            if one.hone != hone.__version__:
                raise Refusal(f"node {one.host} has hone {one.hone}, and this machine {hone.__version__}", "executor")

    def take(self, message: Answer | End) -> None:
        """Take what the controller says to the trial that runs."""
        if isinstance(message, Answer):
            self._resolve(message.message)
            return
        for seat in self._seats[: 1 if message.gently else None]:
            _aside(seat.end).remote(gently=message.gently)
        if not message.gently:
            # A trial that is killed gets no answer to what it asked.
            self._resolve(None)

    async def run(self, job: TrialJob) -> None:
        """Run a trial to its end.

        Raises:
            SeatLost: A seat is gone.
        """
        self.number = job.number
        try:
            await asyncio.gather(*(self._send(seat, job) for seat in self._seats))
            ranks = await self._ranks()
            await asyncio.gather(*(seat.begin.remote(job, of) for seat, of in zip(self._seats, ranks, strict=True)))
            others = [self._spawn(self._follow(seat)) for seat in self._seats[1:]]
            await self._lead(self._seats[0], job, others)
            for seat in self._seats[1:]:
                _aside(seat.end).remote(gently=False)
            await asyncio.gather(*others)
            self.say(Said(job.number, self._exited))
        except (SeatLost, asyncio.CancelledError):
            raise
        except Exception as error:
            raise await asyncio.to_thread(self._lost, error) from error
        finally:
            self.number = None

    async def leave(self) -> None:
        """Give the seats back."""
        import ray

        for task in self._tasks:
            task.cancel()
        closing = [_aside(one.close).remote() for one in self._seats] if self.facts else []
        with contextlib.suppress(Exception):
            await asyncio.wait_for(asyncio.gather(*closing, return_exceptions=True), LEAVE_SECONDS)
        for seat in self._seats:
            with contextlib.suppress(Exception):
                ray.kill(seat)
        if self._group is not None:
            with contextlib.suppress(Exception):
                ray.util.remove_placement_group(self._group)

    async def _places(self) -> list[dict[str, Any]]:
        """Where each seat is to be: anywhere, or each in its part of a placement group."""
        if self.demand.nodes == 1:
            return [{}]
        from ray.util.placement_group import placement_group
        from ray.util.scheduling_strategies import PlacementGroupSchedulingStrategy

        self._group = placement_group([self.demand.bundle()] * self.demand.nodes, strategy="STRICT_SPREAD")
        await self._group.ready()
        return [
            {"scheduling_strategy": PlacementGroupSchedulingStrategy(self._group, placement_group_bundle_index=index)}
            for index in range(self.demand.nodes)
        ]

    async def _ranks(self) -> list[dict[str, str]]:
        """By what variables the processes of each node find those of the others."""
        if len(self._seats) == 1:
            return [{}]
        port = await self._seats[0].port.remote()
        meet = {"MASTER_ADDR": self.facts[0].address, "MASTER_PORT": str(port)}
        return [{**meet, NODE_RANK: str(rank)} for rank in range(len(self._seats))]

    async def _send(self, seat: Any, job: TrialJob) -> None:
        """Bring a trial's files to a node that does not see them."""
        directory = Path(job.directory)
        token = directory.parent / TOKEN_FILE
        if not token.is_file():
            token.write_text(uuid4().hex)
        if await seat.sees.remote(Token(str(token), token.read_text())):
            return
        mirror = Mirror(directory, OF_CONTROLLER)
        while changes := await asyncio.to_thread(mirror.changes, final=True):
            await seat.receive.remote(changes)

    async def _lead(self, seat: Any, job: TrialJob, others: list[asyncio.Task[Any]]) -> None:
        """Pass on what the trial's first process says, until it is gone."""
        answer = None
        while True:
            heard: tuple[list[Message], list[Change]] = await self._listen(seat, answer, others)
            said, changes = heard
            answer = None
            await asyncio.to_thread(apply, changes, Path(job.directory))
            for message in said:
                if isinstance(message, Exited):
                    self._exited = message
                    return
                asked = isinstance(message, Started | Report)
                if asked:
                    self._answer = asyncio.get_running_loop().create_future()
                self.say(Said(job.number, message))
                if asked:
                    answer = await self._answer  # type: ignore[misc]

    async def _listen(self, seat: Any, answer: Begin | Verdict | None, others: list[asyncio.Task[Any]]) -> Any:
        """Listen to the first process; one of another node that ends before it takes the trial with it."""
        listening = asyncio.ensure_future(_result(seat.listen.remote(LISTEN_SECONDS, answer)))
        watched = [one for one in others if not one.done()]
        while not listening.done():
            done, _ = await asyncio.wait([listening, *watched], return_when=asyncio.FIRST_COMPLETED)
            for other in done - {listening}:
                watched.remove(other)
                if other.exception() is not None:
                    raise other.exception()  # type: ignore[misc]
                if other.result() != 0:
                    _aside(seat.end).remote(gently=False)
        return listening.result()

    async def _follow(self, seat: Any) -> int:
        """Wait until the processes of another node are gone; their exit status."""
        while True:
            said, _ = await seat.listen.remote(LISTEN_SECONDS)
            for message in said:
                if isinstance(message, Exited):
                    return message.code

    def _spawn(self, work: Any) -> asyncio.Task[Any]:
        task = asyncio.get_running_loop().create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        return task

    def _resolve(self, answer: Begin | Verdict | None) -> None:
        if self._answer is not None and not self._answer.done():
            self._answer.set_result(answer)

    def _why(self, error: Exception) -> Exception:
        """Why a seat could not be taken: one line for the user."""
        cause = getattr(error, "cause", None) or error
        if isinstance(cause, ModuleNotFoundError) or "ModuleNotFoundError" in str(error):
            missing = str(error).rpartition("ModuleNotFoundError: ")[2].partition("\n")[0]
            return Refusal(
                f"a node cannot import what hone needs: {missing}; install the same packages there", "executor"
            )
        if type(error).__name__ == "RuntimeEnvSetupError":
            return Refusal(
                f"a node cannot be set up: {str(error).strip().splitlines()[-1][:300]}", "executor.runtime_env"
            )
        if type(cause).__name__ == "ResourceError":
            return Refusal(str(cause).partition("\n")[0], "resources")
        return self._lost(error)

    def _lost(self, error: Exception) -> SeatLost:
        """Tell a node that is lost from a seat that died: the first is nobody's fault."""
        name = type(error).__name__
        if name == "OutOfMemoryError":
            return SeatLost(f"Ray ended it: the memory of node {self.place} ran out", "oom", quietly=True)
        gone = [one.host for one in self.facts if is_lost(one.node)]
        if gone or not self.facts:
            lost = ", ".join(dict.fromkeys(gone))
            return SeatLost(f"node {lost} is lost: its trials go on elsewhere", "preempted")
        text = str(error).strip().partition("\n")[0]
        return SeatLost(f"the seat on node {self.place} died: {name}: {text[:200]}", "crash", quietly=True)


def _aside(method: Any) -> Any:
    return method.options(concurrency_group=ASIDE)


async def _result(reference: Any) -> Any:
    return await reference
