"""What environment, code and data a run had: enough, with its config, to run it again.

Floor 1.
"""

from __future__ import annotations

import os
import platform
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, replace
from functools import cache
from importlib.metadata import distributions
from pathlib import Path
from typing import Any

import psutil

from hone.config.secrets import hide_secrets

LONGEST_DIFF = 1_000_000
GIT_SECONDS = 20


@dataclass(frozen=True)
class Provenance:
    """Where a run came from.

    Attributes:
        commit: Git commit of the working directory; None outside a repository.
        diff: What the working tree changed since that commit, tracked files only.
        untracked: Files that git neither tracks nor ignores.
        packages: Version of each installed distribution.
        python: Python's version.
        machine: Operating system, processor, memory in bytes, CPUs and GPUs.
        threads: Threads that the trial was given.
        gpus: Devices that the trial was given; None for all there are.
        seed: The config's seed.
        digests: Content digest of each file or array that the data came from.
    """

    commit: str | None
    diff: str
    untracked: tuple[str, ...]
    packages: dict[str, str]
    python: str
    machine: dict[str, Any]
    threads: int | None = None
    gpus: tuple[str, ...] | None = None
    seed: int | None = None
    digests: dict[str, str] = field(default_factory=dict)

    def of_run(
        self, *, threads: int, gpus: tuple[str, ...] | None, seed: int, digests: Mapping[str, str]
    ) -> Provenance:
        """The same environment with what one run was given."""
        return replace(self, threads=threads, gpus=gpus, seed=seed, digests=dict(digests))

    def as_dict(self) -> dict[str, Any]:
        """Plain values, as ``provenance.json`` holds them."""
        return asdict(self)


@cache
def environment(directory: Path = Path()) -> Provenance:
    """Look at this process's environment, once.

    Args:
        directory: Where the user's code lies.

    Returns:
        Code, packages and machine; nothing of a single run.
    """
    return Provenance(
        commit=_git(directory, "rev-parse", "HEAD").strip() or None,
        diff=hide_secrets(_git(directory, "diff", "HEAD")[:LONGEST_DIFF]),
        untracked=tuple(_git(directory, "ls-files", "--others", "--exclude-standard").splitlines()),
        packages=dict(sorted((one.name, one.version) for one in distributions())),
        python=platform.python_version(),
        machine=_machine(),
    )


def _machine() -> dict[str, Any]:
    return {
        "system": platform.platform(),
        "processor": platform.machine(),
        "cpus": os.cpu_count(),
        "memory": psutil.virtual_memory().total,
        "executable": sys.executable,
    }


def _git(directory: Path, *arguments: str) -> str:
    command = ["git", "-C", str(directory), *arguments]
    try:
        # Optional locks would make two sweeps in one repository wait for each other.
        environment = os.environ | {"GIT_OPTIONAL_LOCKS": "0"}
        answer = subprocess.run(
            command, capture_output=True, text=True, errors="replace", timeout=GIT_SECONDS, env=environment
        )
    except (OSError, subprocess.SubprocessError):
        return ""
    return answer.stdout if answer.returncode == 0 else ""
