"""What this machine has: CPUs and GPUs, found without importing torch."""

from __future__ import annotations

import contextlib
import os
import shutil
import subprocess
from typing import Protocol

QUERY = ["nvidia-smi", "--query-gpu=index", "--format=csv,noheader"]


def cpu_count() -> int:
    """CPUs that this process may use: its affinity, not the machine's whole."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def gpu_names() -> tuple[str, ...]:
    """Name the GPUs that this process may use.

    Returns:
        What CUDA_VISIBLE_DEVICES lists where it is set; else the index of each device that NVML or nvidia-smi finds.
    """
    visible = os.environ.get("CUDA_VISIBLE_DEVICES")
    if visible is not None:
        return tuple(one.strip() for one in visible.split(",") if one.strip() not in ("", "-1"))
    return _by_nvml() or _by_nvidia_smi()


def _by_nvml() -> tuple[str, ...]:
    with contextlib.suppress(Exception):
        import pynvml

        pynvml.nvmlInit()
        try:
            return tuple(str(index) for index in range(pynvml.nvmlDeviceGetCount()))
        finally:
            pynvml.nvmlShutdown()
    return ()


def _by_nvidia_smi() -> tuple[str, ...]:
    if shutil.which(QUERY[0]) is None:
        return ()
    try:
        answer = subprocess.run(QUERY, capture_output=True, text=True, timeout=20, check=True)
    except (OSError, subprocess.SubprocessError):
        return ()
    return tuple(answer.stdout.split())


class Meter(Protocol):
    """Reads how much memory of a device is in use."""

    def used(self, device: str) -> int | None:
        """Bytes in use, by anybody; None where it cannot be told."""

    def total(self, device: str) -> int | None:
        """Bytes that there are; None where it cannot be told."""


class NvmlMeter:
    """Reads NVIDIA's management library; says nothing where there is none."""

    def used(self, device: str) -> int | None:
        """Bytes in use, by anybody."""
        return self._memory(device, "used")

    def total(self, device: str) -> int | None:
        """Bytes that there are."""
        return self._memory(device, "total")

    def _memory(self, device: str, name: str) -> int | None:
        with contextlib.suppress(Exception):
            import pynvml

            pynvml.nvmlInit()
            try:
                by_index = device.isdigit()
                find = pynvml.nvmlDeviceGetHandleByIndex if by_index else pynvml.nvmlDeviceGetHandleByUUID
                handle = find(int(device) if by_index else device)
                return int(getattr(pynvml.nvmlDeviceGetMemoryInfo(handle), name))
            finally:
                pynvml.nvmlShutdown()
        return None
