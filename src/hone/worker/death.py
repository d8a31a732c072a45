"""A worker never outlives its parent, and nothing that it started outlives the worker."""

from __future__ import annotations

import contextlib
import ctypes
import os
import signal
import sys
from pathlib import Path

import psutil

PR_SET_PDEATHSIG = 1
PR_SET_CHILD_SUBREAPER = 36
# Where memory runs out, the kernel is to end a trial rather than the controller or the fork server.
FIRST_TO_GO = "500"


def die_with_parent() -> None:
    """Ask the kernel to kill this process when its parent dies.

    Linux only; elsewhere a worker notices at its next report, when the socket to its controller is closed.
    """
    _prctl(PR_SET_PDEATHSIG, signal.SIGKILL)


def adopt_orphans() -> None:
    """Become the parent of every descendant whose own parent dies, so that none gets out of sight. Linux only."""
    _prctl(PR_SET_CHILD_SUBREAPER, 1)


def go_first() -> None:
    """Offer this process to the kernel when memory runs out. Linux only."""
    with contextlib.suppress(OSError):
        Path("/proc/self/oom_score_adj").write_text(FIRST_TO_GO)


def kills_by_kernel() -> int:
    """How many processes the kernel has ended for want of memory, as far as it says."""
    counts = [0]
    for file in ("/proc/vmstat", "/sys/fs/cgroup/memory.events"):
        with contextlib.suppress(OSError, ValueError):
            lines = (line.split() for line in Path(file).read_text().splitlines())
            counts += [int(line[1]) for line in lines if line[:1] == ["oom_kill"]]
    return sum(counts)


def end_group(pid: int) -> bool:
    """Kill a process group.

    Args:
        pid: Its leader.

    Returns:
        Whether there was anything left of it.
    """
    try:
        os.killpg(pid, signal.SIGKILL)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True


def children() -> set[int]:
    """The processes that this one is the parent of."""
    try:
        lists = [one.read_text() for one in Path("/proc/self/task").glob("*/children")]
    except OSError:
        lists = []
    if lists:
        return {int(pid) for text in lists for pid in text.split()}
    return {one.pid for one in psutil.Process().children()}


def end_orphans(but: set[int]) -> None:
    """Kill every child of this process, but for some, with what it has started."""
    for pid in children() - but:
        with contextlib.suppress(psutil.Error):
            child = psutil.Process(pid)
            for one in (*child.children(recursive=True), child):
                one.kill()


def _prctl(option: int, value: int) -> None:
    if sys.platform == "linux":
        ctypes.CDLL(None, use_errno=True).prctl(option, value)
