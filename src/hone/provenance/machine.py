"""The machine: what of it changes numbers, and what changes how long they take."""

from __future__ import annotations

import os
import platform
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import psutil

QUERY = ["nvidia-smi", "--query-gpu=name,driver_version", "--format=csv,noheader"]
SECONDS = 20


def look_at_machine() -> dict[str, Any]:
    """Describe this machine by plain values."""
    gpus = [line.split(", ") for line in _ask(QUERY).splitlines()]
    return {
        "system": platform.platform(),
        "processor": platform.machine(),
        "cpu": _cpu(),
        "cpus": os.cpu_count(),
        "memory": psutil.virtual_memory().total,
        "gpus": [one[0] for one in gpus],
        "driver": gpus[0][-1] if gpus else None,
        "executable": sys.executable,
    }


def _cpu() -> str:
    """The processor's model: vector units decide which of a library's kernels run."""
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
    except OSError:
        return _ask(["sysctl", "-n", "machdep.cpu.brand_string"]).strip() or platform.processor()
    return next((line.partition(":")[2].strip() for line in lines if line.startswith("model name")), "")


def _ask(command: list[str]) -> str:
    if shutil.which(command[0]) is None:
        return ""
    try:
        answer = subprocess.run(command, capture_output=True, text=True, timeout=SECONDS)
    except (OSError, subprocess.SubprocessError):
        return ""
    return answer.stdout if answer.returncode == 0 else ""
