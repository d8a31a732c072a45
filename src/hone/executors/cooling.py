"""Devices whose trials are gone and whose memory is not yet: nothing is lent of them until it is back."""

from __future__ import annotations

import time
from collections.abc import Sequence

from hone.executors.devices import Meter
from hone.executors.leases import Inventory

SLACK_BYTES = 64 * 1024**2
PATIENCE_SECONDS = 60.0


class Cooling:
    """Watches devices after trials.

    Args:
        inventory: Lends the devices.
        meter: Reads their memory.
        devices: All of them; what is in use of each now is where it is to be again.
    """

    def __init__(self, inventory: Inventory, meter: Meter, devices: Sequence[str]) -> None:
        self.inventory = inventory
        self.meter = meter
        self.baseline = {one: meter.used(one) for one in devices}
        self._since: dict[str, float] = {}
        self._told: set[str] = set()

    def __bool__(self) -> bool:
        return bool(self._since)

    def watch(self, devices: Sequence[str]) -> None:
        """Hold devices that a trial has left, until their memory is free."""
        for one in devices:
            if not self._is_back(one):
                self.inventory.hold(one)
                self._since.setdefault(one, time.monotonic())

    def look(self) -> list[str]:
        """Release what is back.

        Returns:
            What to tell the user: a device that does not come back is held for good, or until it does.
        """
        notes = []
        for one, since in list(self._since.items()):
            if self._is_back(one):
                self.inventory.release(one)
                del self._since[one]
            elif time.monotonic() - since > PATIENCE_SECONDS and one not in self._told:
                self._told.add(one)
                more = ((self.meter.used(one) or 0) - (self.baseline[one] or 0)) / 1e6
                notes.append(f"GPU {one} is left out: {more:,.0f} MB of its memory were not given back")
        return notes

    def share(self, device: str, least: int) -> float | None:
        """The share of a device's memory that its only trial takes.

        Args:
            device: The device.
            least: Bytes that the trial says it took.
        """
        used, total = self.meter.used(device), self.meter.total(device)
        if not total:
            return None
        return max(least, (used or 0) - (self.baseline.get(device) or 0)) / total

    def _is_back(self, device: str) -> bool:
        used, before = self.meter.used(device), self.baseline.get(device)
        return used is None or before is None or used <= before + SLACK_BYTES
