"""Leases: who may use which part of the machine, never twice."""

from __future__ import annotations

from collections.abc import Sequence

from hone.errors import ResourceError
from hone.executors.executor import AUTO, Resources
from hone.worker.messages import Lease

# A device's driver and the gaps between blocks take some of its memory beside what trials ask for.
MARGIN = 1.1
MOST_ON_A_DEVICE = 16


class Inventory:
    """The machine's CPUs, memory and GPUs, lent to trials.

    A device is lent in equal parts: one, or as many as trials share it.

    Args:
        resources: What each trial asks for.
        cpus: CPUs of the machine.
        gpus: Its devices by name.
        most: The most trials at once; None for as many as fit.
        memory: Bytes of the machine's memory; None where it does not matter.

    Raises:
        ResourceError: Not even one trial fits.
    """

    def __init__(
        self,
        resources: Resources,
        cpus: int,
        gpus: Sequence[str],
        most: int | None = None,
        memory: int | None = None,
    ) -> None:
        self.resources = resources
        self.measuring = resources.gpus == AUTO and bool(gpus)
        self._cpus, self._most, self._memory = cpus, most, memory
        self._gpus = tuple(gpus)
        self._held: set[str] = set()
        self._lent: dict[int, Lease] = {}
        self._parts: dict[int, int] = {}
        self.devices_each, self.share = _wanted(resources, len(gpus))
        _check(resources, self.devices_each, cpus, gpus, most, memory)

    @property
    def parts(self) -> int:
        """How many trials share a device."""
        return max(1, int(1 / self.share + 1e-9)) if self.share < 1 else 1

    @property
    def slots(self) -> int:
        """How many trials run at once."""
        wanted = self.resources
        if self.devices_each:
            limits = [len(self._gpus) * self.parts // self.devices_each]
            limits += [self._cpus // wanted.cpus] if wanted.cpus else []
            limits += [] if self._most is None else [self._most]
        else:
            # CPUs are shared in time, so the user may ask for more trials than there are; devices are not.
            limits = [self._cpus // (wanted.cpus or 1) if self._most is None else self._most]
        if wanted.memory and self._memory:
            limits.append(self._memory // wanted.memory)
        return max(1, min(limits))

    @property
    def cpus_each(self) -> int:
        """Threads of each trial."""
        return self.resources.cpus or max(1, self._cpus // self.slots)

    @property
    def lent(self) -> dict[int, Lease]:
        """The leases given out, by trial."""
        return dict(self._lent)

    @property
    def idle(self) -> tuple[str, ...]:
        """Devices of which no part is lent."""
        return tuple(one for one in self._gpus if not self._taken(one))

    def fits(self, *, alone: bool = False) -> bool:
        """Whether one more trial fits; ``alone`` with its devices to itself."""
        return len(self._lent) < self.slots and self._choice(alone=alone) is not None

    def lend(self, number: int, *, alone: bool = False) -> Lease:
        """Give a trial its lease.

        Args:
            number: The trial.
            alone: It is to share its devices with nobody.

        Returns:
            The lease.

        Raises:
            ResourceError: It does not fit, or the trial has a lease already.
        """
        devices = self._choice(alone=alone)
        if devices is None or number in self._lent or len(self._lent) >= self.slots:
            raise ResourceError(f"no lease for trial {number}: {len(self._lent)} of {self.slots} are out")
        share = 1.0 if alone else self.share
        self._lent[number] = Lease(self.cpus_each, devices, share, self.resources.memory)
        self._parts[number] = self.parts if alone else 1
        return self._lent[number]

    def take_back(self, number: int) -> tuple[str, ...]:
        """Take a trial's lease back, once all of its processes are gone.

        Returns:
            The devices that nobody uses any more.
        """
        lease = self._lent.pop(number, None)
        self._parts.pop(number, None)
        return tuple(one for one in (lease.gpus if lease else None) or () if not self._taken(one))

    def hold(self, device: str) -> None:
        """Lend nothing of a device until it is released."""
        self._held.add(device)

    def release(self, device: str) -> None:
        """Lend a device again."""
        self._held.discard(device)

    def learn(self, share: float) -> None:
        """Share devices among as many trials as fit from now on.

        Args:
            share: Of a device's memory, what one trial took at its peak.
        """
        self.measuring = False
        self.share = min(1.0, max(share * MARGIN, 1 / MOST_ON_A_DEVICE))

    def _choice(self, *, alone: bool) -> tuple[str, ...] | None:
        if not self.devices_each:
            return ()
        room = self.parts if alone or self.devices_each > 1 or self.parts == 1 else 1
        able = [one for one in self._gpus if one not in self._held and self.parts - self._taken(one) >= room]
        # The fullest first, so that whole devices are left for who needs one; the sort keeps the given order.
        able.sort(key=self._taken, reverse=True)
        return tuple(able[: self.devices_each]) if len(able) >= self.devices_each else None

    def _taken(self, device: str) -> int:
        return sum(self._parts[number] for number, lease in self._lent.items() if device in (lease.gpus or ()))


def _wanted(resources: Resources, gpus: int) -> tuple[int, float]:
    wanted = resources.gpus
    if wanted is None or isinstance(wanted, str):
        return min(1, gpus), 1.0
    return (1, float(wanted)) if 0 < wanted < 1 else (int(wanted), 1.0)


def _check(
    resources: Resources, devices_each: int, cpus: int, gpus: Sequence[str], most: int | None, memory: int | None
) -> None:
    asked = {
        "gpus": (devices_each, len(gpus), resources.gpus),
        "cpus": (resources.cpus or 0, cpus, resources.cpus),
        "memory": (resources.memory or 0, memory if memory is not None else resources.memory or 0, resources.memory),
    }
    if resources.nodes > 1:
        message = (
            f"asks for {resources.nodes} machines, and this executor has one; executor=ray spreads a trial over nodes"
        )
        raise ResourceError(message, where="resources.nodes")
    for name, (need, there, written) in asked.items():
        if need > there:
            raise ResourceError(f"asks for {written}, and this machine has {there}", where=f"resources.{name}")
    if most is not None and most < 1:
        raise ResourceError(f"must be at least 1, not {most}", where="executor.max_parallel")
