"""What a trial takes of a cluster, and how many trials a cluster holds."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from hone.executors.executor import Resources
from hone.executors.ray.wire import Cluster
from hone.worker.messages import Lease

# As Ray counts: in ten-thousandths.
GRAIN = 1e-4


@dataclass(frozen=True)
class Demand:
    """What a trial takes of each of its nodes, in Ray's terms.

    Attributes:
        cpus: CPUs.
        gpus: Devices, or a share of one.
        memory: Bytes.
        custom: Resources by name.
        accelerator: The kind of device.
        nodes: On how many nodes it runs.
    """

    cpus: int
    gpus: float
    memory: int | None
    custom: dict[str, float]
    accelerator: str | None
    nodes: int = 1

    @classmethod
    def of(cls, cluster: Cluster, *, alone: bool = False) -> Demand:
        """What a trial of a sweep takes; ``alone`` with its devices to itself."""
        wanted = cluster.resources
        lease = lease_of(wanted, alone=alone)
        gpus = float(wanted.gpus or 0)
        each = (math.ceil(gpus) if alone else gpus) / (wanted.nodes if gpus >= 1 else 1)
        return cls(lease.cpus, each, wanted.memory, cluster.custom, cluster.accelerator, wanted.nodes)

    def options(self) -> dict[str, Any]:
        """As an actor's options."""
        options: dict[str, Any] = {"num_cpus": self.cpus, "num_gpus": self.gpus, "resources": self.custom}
        if self.memory:
            options["memory"] = self.memory
        if self.accelerator:
            options["accelerator_type"] = self.accelerator
        return options

    def bundle(self) -> dict[str, float]:
        """As one node's part of a placement group."""
        named = {"CPU": float(self.cpus), "GPU": self.gpus, "memory": float(self.memory or 0), **self.custom}
        if self.accelerator:
            named[f"accelerator_type:{self.accelerator}"] = GRAIN * 10
        return {name: amount for name, amount in named.items() if amount}

    def places(self, nodes: Sequence[Mapping[str, float]]) -> int:
        """How many trials nodes hold at once.

        Args:
            nodes: All that each has, by Ray's names.
        """
        rooms = [min(int(one.get(name, 0) / need + GRAIN) for name, need in self.bundle().items()) for one in nodes]
        if self.nodes == 1:
            return sum(rooms)
        # Each node takes one part of a trial, so the largest nodes can be in no more trials than the others fill up.
        count = 0
        while sum(min(room, count + 1) for room in rooms) >= self.nodes * (count + 1):
            count += 1
        return count

    def __str__(self) -> str:
        parts = [f"{amount:g} {name}" for name, amount in self.bundle().items() if name != "memory"]
        if self.memory:
            parts.append(f"{self.memory / 1e9:.1f} GB of memory")
        text = ", ".join(parts).replace("accelerator_type:", "")
        return f"{text} on each of {self.nodes} nodes" if self.nodes > 1 else text


def lease_of(resources: Resources, *, alone: bool = False) -> Lease:
    """A trial's lease as its controller knows it: which devices they are turns out on the node.

    Args:
        resources: What it asks for.
        alone: It shares its devices with nobody.
    """
    gpus = float(resources.gpus or 0)
    share = gpus if 0 < gpus < 1 and not alone else 1.0
    return Lease(resources.cpus or 1, None if gpus else (), share, resources.memory)
