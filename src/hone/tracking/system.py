"""What a trial takes of its machine while it trains, written to its spool by a thread that mostly sleeps."""

from __future__ import annotations

import contextlib
import threading
import time
from collections.abc import Sequence
from types import TracebackType
from typing import Any, Self

import psutil

from hone.tracking.spool import SpoolWriter

INTERVAL_SECONDS = 10.0
# The dashboard shows what begins with this on a page of its own.
PREFIX = "system/"
MEGA = 1e6


class SystemMetrics:
    """Samples this process and all that it started, as long as the block runs. A short trial is never sampled.

    Args:
        spool: Where to.
        cpus: Threads that the trial was given: all of them busy are 100 percent.
        gpus: Devices that it was given, by index or UUID; None for all there are.
        interval: Seconds between two samples.
    """

    def __init__(
        self, spool: SpoolWriter, cpus: int, gpus: Sequence[str] | None, interval: float = INTERVAL_SECONDS
    ) -> None:
        self.spool = spool
        self.cpus = max(1, cpus)
        self.gpus = gpus
        self.interval = interval
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._run, name="hone-system-metrics", daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._ended.set()
        self._thread.join()

    def _run(self) -> None:
        used, at = _cpu_seconds(), time.monotonic()
        # A trial that goes on from a checkpoint counts on from what its spool has.
        count = 1 + max((step for name, step in self.spool.reached.items() if name.startswith(PREFIX)), default=-1)
        devices: list[Any] | None = None
        while not self._ended.wait(self.interval):
            if devices is None:
                devices = _devices(self.gpus)
            then, before = at, used
            used, at = _cpu_seconds(), time.monotonic()
            # A data worker that has ended takes its time with it.
            busy = max(0.0, used - before) / (at - then) / self.cpus
            sample = {"cpu_utilization_percentage": 100 * busy, **_memory(), **_gpu_metrics(devices)}
            self.spool.append({PREFIX + name: round(value, 1) for name, value in sample.items()}, count, time.time())
            count += 1


def _processes() -> list[psutil.Process]:
    own = psutil.Process()
    return [own, *own.children(recursive=True)]


def _cpu_seconds() -> float:
    seconds = 0.0
    for one in _processes():
        with contextlib.suppress(psutil.Error):
            times = one.cpu_times()
            seconds += times.user + times.system
    return seconds


def _memory() -> dict[str, float]:
    taken = 0
    for one in _processes():
        with contextlib.suppress(psutil.Error):
            taken += one.memory_info().rss
    machine = psutil.virtual_memory()
    return {"memory_usage_megabytes": taken / MEGA, "system_memory_usage_percentage": machine.percent}


def _devices(gpus: Sequence[str] | None) -> list[Any]:
    """Handles of the trial's devices; none without the ``gpu`` extra, or a driver."""
    if gpus is not None and not gpus:
        return []
    try:
        import pynvml

        pynvml.nvmlInit()
        if gpus is None:
            return [pynvml.nvmlDeviceGetHandleByIndex(one) for one in range(pynvml.nvmlDeviceGetCount())]
        return [
            pynvml.nvmlDeviceGetHandleByIndex(int(one)) if one.isdigit() else pynvml.nvmlDeviceGetHandleByUUID(one)
            for one in gpus
        ]
    except Exception:  # noqa: BLE001 - no driver, no device or no package: there is nothing to sample
        return []


def _gpu_metrics(devices: Sequence[Any]) -> dict[str, float]:
    """Each device as the trial numbers them, by MLflow's own names."""
    sample: dict[str, float] = {}
    for number, device in enumerate(devices):
        import pynvml

        with contextlib.suppress(pynvml.NVMLError):
            memory = pynvml.nvmlDeviceGetMemoryInfo(device)
            sample[f"gpu_{number}_memory_usage_megabytes"] = memory.used / MEGA
            sample[f"gpu_{number}_memory_usage_percentage"] = 100 * memory.used / memory.total
            sample[f"gpu_{number}_utilization_percentage"] = pynvml.nvmlDeviceGetUtilizationRates(device).gpu
    return sample
