"""Leases: who may use which part of the machine, never twice."""

from __future__ import annotations

from collections.abc import Sequence

from hone.errors import ResourceError
from hone.executors.executor import Resources
from hone.worker.messages import Lease


class Inventory:
    """The machine's CPUs and GPUs, lent to trials.

    Args:
        resources: What each trial asks for.
        cpus: CPUs of the machine.
        gpus: Its devices by name.
        most: The most trials at once; None for as many as fit.

    Raises:
        ResourceError: Not even one trial fits.
    """

    def __init__(self, resources: Resources, cpus: int, gpus: Sequence[str], most: int | None = None) -> None:
        self.gpus_each = min(1, len(gpus)) if resources.gpus is None else resources.gpus
        self._free_gpus = list(gpus) if self.gpus_each else []
        self.slots = _slots(resources, self.gpus_each, cpus, gpus, most)
        self.cpus_each = resources.cpus or max(1, cpus // self.slots)
        self._lent: dict[int, Lease] = {}

    @property
    def free(self) -> int:
        """How many more trials fit."""
        return self.slots - len(self._lent)

    @property
    def lent(self) -> dict[int, Lease]:
        """The leases given out, by trial."""
        return dict(self._lent)

    def lend(self, number: int) -> Lease:
        """Give a trial its lease.

        Args:
            number: The trial.

        Returns:
            The lease.

        Raises:
            ResourceError: Nothing is free, or the trial has a lease already.
        """
        if self.free < 1 or number in self._lent:
            raise ResourceError(f"no lease for trial {number}: {len(self._lent)} of {self.slots} are out")
        devices = tuple(self._free_gpus.pop(0) for _ in range(self.gpus_each))
        self._lent[number] = Lease(self.cpus_each, devices)
        return self._lent[number]

    def take_back(self, number: int) -> None:
        """Take a trial's lease back, once its process group is gone."""
        lease = self._lent.pop(number, None)
        if lease is not None and lease.gpus:
            self._free_gpus += lease.gpus


def _slots(resources: Resources, gpus_each: int, cpus: int, gpus: Sequence[str], most: int | None) -> int:
    if gpus_each > len(gpus):
        raise ResourceError(f"asks for {gpus_each}, and this machine has {len(gpus)}", where="resources.gpus")
    if resources.cpus is not None and resources.cpus > cpus:
        raise ResourceError(f"asks for {resources.cpus}, and this machine has {cpus}", where="resources.cpus")
    if most is not None and most < 1:
        raise ResourceError(f"must be at least 1, not {most}", where="executor.workers")
    if gpus_each:
        fit = len(gpus) // gpus_each
        fit = min(fit, cpus // resources.cpus) if resources.cpus else fit
    else:
        fit = cpus // (resources.cpus or 1)
    # CPUs are shared in time, so the user may ask for more workers than there are; devices are not.
    return fit if most is None else (min(most, fit) if gpus_each else most)
