"""A fork server made from this very process, which has a program loaded already."""

from __future__ import annotations

import contextlib
import gc
import os
import signal
import socket
import subprocess
import sys
import threading
import traceback
import warnings
from collections.abc import Callable
from multiprocessing.connection import wait
from pathlib import Path

from threadpoolctl import threadpool_info, threadpool_limits

# Of a driver that no fork survives.
DEVICES = ("/dev/nvidia", "/dev/kfd", "/dev/dri")


def may_fork() -> bool:
    """Whether a fork of this process can go on by itself: on Linux, without a device, and without another thread.

    Of all threads a fork has but the one that made it, and what the others held is held in it forever. OpenBLAS and
    jemalloc, which pyarrow brings, are ready for it: they let go of what they hold, and start their threads anew. And
    where something has been put in the place of standard output, what forks print would go there too.
    """
    if sys.platform != "linux" or threading.active_count() > 1 or _holds_device() or not _prints_as_usual():
        return False
    names = [one.read_text().strip() for one in Path("/proc/self/task").glob("*/comm")]
    threads = len(names) - names.count("jemalloc_bg_thd")
    pools = [one["num_threads"] - 1 for one in threadpool_info() if one.get("threading_layer") == "pthreads"]
    return threads in (1, 1 + sum(pools))


def _prints_as_usual() -> bool:
    try:
        return (sys.stdout.fileno(), sys.stderr.fileno()) == (1, 2)
    except (AttributeError, OSError, ValueError):
        return False


def _holds_device() -> bool:
    torch = sys.modules.get("torch")
    if torch is not None and torch.cuda.is_initialized():
        return True
    for descriptor in Path("/proc/self/fd").iterdir():
        with contextlib.suppress(OSError):
            if str(descriptor.readlink()).startswith(DEVICES):
                return True
    return False


class ServerFork:
    """A fork of this process that serves, to be handled like ``subprocess.Popen``.

    Args:
        ours: The controller's end of the control socket, closed in the fork.
        theirs: The server's.
        environment: What its own variables are.
        prepare: Called in the fork before it serves.
    """

    def __init__(
        self,
        ours: socket.socket,
        theirs: socket.socket,
        environment: dict[str, str],
        prepare: Callable[[], None],
    ) -> None:
        self.returncode: int | None = None
        sys.stdout.flush()
        sys.stderr.flush()
        # A collection in the fork would otherwise touch, and so copy, every page of what is loaded.
        gc.freeze()
        with warnings.catch_warnings():
            # Python counts OpenBLAS's threads too.
            warnings.simplefilter("ignore", DeprecationWarning)
            self.pid = os.fork()
        if self.pid == 0:
            _become_server(ours, theirs, environment, prepare)
        gc.unfreeze()
        self._descriptor = os.pidfd_open(self.pid)

    def poll(self) -> int | None:
        """Its exit status; None while it runs."""
        with contextlib.suppress(subprocess.TimeoutExpired):
            self.wait(0)
        return self.returncode

    def kill(self) -> None:
        """End it now."""
        if self.poll() is None:
            os.kill(self.pid, signal.SIGKILL)

    def wait(self, timeout: float | None = None) -> int:
        """Wait until it has ended.

        Raises:
            subprocess.TimeoutExpired: It has not, in so many seconds.
        """
        if self.returncode is None:
            if not wait([self._descriptor], timeout):
                raise subprocess.TimeoutExpired("the fork server", timeout or 0)
            self.returncode = 0
            # Whoever ignores SIGCHLD has the kernel bury its children.
            with contextlib.suppress(ChildProcessError):
                self.returncode = os.waitstatus_to_exitcode(os.waitpid(self.pid, 0)[1])
            os.close(self._descriptor)
        return self.returncode


def _become_server(
    ours: socket.socket, theirs: socket.socket, environment: dict[str, str], prepare: Callable[[], None]
) -> None:
    try:
        os.setsid()
        ours.close()
        nowhere = os.open(os.devnull, os.O_RDONLY)
        os.dup2(nowhere, 0)
        os.close(nowhere)
        _limit_threads()
        os.environ.update(environment)
        prepare()
        from hone.worker.forkserver import ForkServer

        ForkServer(theirs).serve()
    except BaseException:  # noqa: BLE001 - whatever it is, this fork must not return into the program
        traceback.print_exc()
    finally:
        os._exit(0)


def _limit_threads() -> None:
    """Do to libraries that are loaded what the variables of a server do to those that it loads: see ``WarmWorkers``."""
    limits = {"openmp": 1}
    if "OPENBLAS_NUM_THREADS" not in os.environ:
        limits["blas"] = 1
    threadpool_limits(limits)
