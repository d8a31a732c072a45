"""``python -m hone.executors.ray.bridge FD``: holds a sweep's connection to a Ray cluster, beside its controller.

Ray's driver ends its process where the head stays away, and brings threads that a controller is better without. When
the controller is gone, by whatever end, so is this process, and Ray ends what it had started.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import sys
from collections import deque
from multiprocessing.connection import Connection
from typing import Any

from hone.executors.ray.capacity import Demand
from hone.executors.ray.connection import Refusal, connect, draining, living, refusal
from hone.executors.ray.party import Party, SeatLost
from hone.executors.ray.wire import Answer, Cluster, End, Note, Run, Said, Slots, Speaker
from hone.worker.death import die_with_parent
from hone.worker.messages import Exited, Failed

# A seat that waits so long for a trial is given back to the cluster.
IDLE_SECONDS = 20.0
LOOK_SECONDS = 2.0
# Before another seat is tried where one could not be taken.
AGAIN_SECONDS = 10.0
CLOSE_SECONDS = 5.0


class Bridge:
    """Gives trials to seats, and passes on what they say.

    Args:
        line: To the controller.
        cluster: What is asked for.
    """

    def __init__(self, line: Connection, cluster: Cluster) -> None:
        self.line = line
        self.speaker = Speaker(line)
        self.say = self.speaker.say
        self.cluster = cluster
        self.slots = 0
        self._waiting: dict[bool, deque[Run]] = {False: deque(), True: deque()}
        self._parties: dict[asyncio.Task[None], Party] = {}
        self._changed = asyncio.Condition()
        self._ended = asyncio.Event()
        self._seated = False

    async def serve(self) -> None:
        """Serve until the controller is gone."""
        loop = asyncio.get_running_loop()
        self._offer(self._places(draining()))
        loop.add_reader(self.line.fileno(), self._hear)
        looking = loop.create_task(self._look_around())
        await self._ended.wait()
        looking.cancel()
        await self._leave()
        self.speaker.finish(CLOSE_SECONDS)

    def _hear(self) -> None:
        try:
            while self.line.poll(0):
                self._take(self.line.recv())
        except (EOFError, OSError):
            asyncio.get_running_loop().remove_reader(self.line.fileno())
            self._ended.set()

    def _take(self, message: object) -> None:
        if isinstance(message, Run):
            self._waiting[message.alone].append(message)
            self._seat(alone=message.alone)
            self._wake()
        elif isinstance(message, Answer | End):
            for party in self._parties.values():
                if party.number == message.number:
                    party.take(message)
            if isinstance(message, End):
                self._drop(message)

    def _drop(self, end: End) -> None:
        """A trial that waits for a seat ends at once."""
        for queue in self._waiting.values():
            for one in [run for run in queue if run.job.number == end.number]:
                queue.remove(one)
                self._gone(end.number, Failed("preempted", "it was ended before a node had room for it"))

    def _seat(self, *, alone: bool) -> None:
        """See that there are as many seats, there or on their way, as trials of a kind."""
        mine = [one for one in self._parties.values() if one.alone is alone and not one.leaving]
        busy = sum(one.number is not None for one in mine)
        if len(mine) < busy + len(self._waiting[alone]):
            party = Party(Demand.of(self.cluster, alone=alone), self.cluster, self.say, alone=alone)
            task = asyncio.get_running_loop().create_task(self._occupy(party))
            self._parties[task] = party
            task.add_done_callback(self._parties.pop)

    def _wake(self) -> None:
        async def notify() -> None:
            async with self._changed:
                self._changed.notify_all()

        self._waker = asyncio.get_running_loop().create_task(notify())

    async def _occupy(self, party: Party) -> None:
        """Life of a party of seats: wait for a place, run trials, leave."""
        try:
            await party.come()
            self._seated = True
            while (run := await self._next(party)) is not None:
                await self._run(party, run)
        except SeatLost as lost:
            if not lost.quietly:
                self.say(Note(lost.reason))
        except Refusal as error:
            await self._refuse(error)
        finally:
            party.leaving = True
            await party.leave()
            for alone, queue in self._waiting.items():
                if queue and not self._ended.is_set():
                    self._seat(alone=alone)

    async def _refuse(self, error: Refusal) -> None:
        """Where no seat could be taken yet none will be; later it is one node that does not do."""
        if self._seated:
            self.say(Note(str(error)))
            await asyncio.sleep(AGAIN_SECONDS)
        else:
            self.say(refusal(error))
            self._ended.set()

    async def _next(self, party: Party) -> Run | None:
        """The next trial for a party; None where there is none for it."""
        queue = self._waiting[party.alone]
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(IDLE_SECONDS), self._changed:
                await self._changed.wait_for(lambda: bool(queue) or party.leaving or self._is_wanted_elsewhere(party))
        return queue.popleft() if queue and not party.leaving else None

    def _is_wanted_elsewhere(self, party: Party) -> bool:
        """Trials of the other kind wait, and may wait for this place."""
        return bool(self._waiting[not party.alone])

    async def _run(self, party: Party, run: Run) -> None:
        number = run.job.number
        try:
            await party.run(run.job)
        except SeatLost as lost:
            self._gone(number, lost.ending)
            lost.quietly = True
            raise

    def _gone(self, number: int, ending: Failed) -> None:
        self.say(Said(number, ending))
        self.say(Said(number, Exited(number, -9)))

    async def _look_around(self) -> None:
        """Count the nodes again now and then, and leave those that are taken away."""
        while True:
            await asyncio.sleep(LOOK_SECONDS)
            leaving = await asyncio.to_thread(draining)
            for party in self._parties.values():
                if not party.leaving and any(one.node in leaving for one in party.facts):
                    self.say(Note(f"node {party.place} is to be taken away: its trials are saved and go on elsewhere"))
                    party.leaving = True
                    if party.number is not None:
                        party.take(End(party.number, gently=True))
                    self._wake()
            self._offer(await asyncio.to_thread(self._places, leaving))

    def _places(self, leaving: set[str]) -> int:
        return self.cluster.max_parallel or Demand.of(self.cluster).places(living(leaving))

    def _offer(self, count: int) -> None:
        if count != self.slots:
            self.slots = count
            self.say(Slots(max(1, count)))

    async def _leave(self) -> None:
        for task in list(self._parties):
            task.cancel()
        if self._parties:
            await asyncio.wait(list(self._parties), timeout=CLOSE_SECONDS)


def main(arguments: list[str]) -> None:
    """Serve a controller.

    Args:
        arguments: The descriptor of the pipe to it.
    """
    die_with_parent()
    line = Connection(int(arguments[0]))
    cluster: Any = line.recv()
    try:
        connect(cluster)
    except Refusal as error:
        line.send(refusal(error))
        return
    asyncio.run(Bridge(line, cluster).serve())
    sys.stdout.flush()
    # Ray ends the job when its driver is gone, and what its own ending waits for may be gone before.
    import ray

    ray.shutdown()
    os._exit(0)


if __name__ == "__main__":
    main(sys.argv[1:])
