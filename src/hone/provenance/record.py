"""The record that each run keeps as ``provenance.json``."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, field, fields, replace
from functools import cache
from pathlib import Path
from typing import Any

from hone.config.secrets import hide_override, hide_values
from hone.provenance.code import Code, look_at_code, origin
from hone.provenance.machine import look_at_machine
from hone.provenance.packages import installed, local_packages, lock_digests

# Variables that change what is computed. All others stay unread: some hold secrets.
VARIABLES = (
    "OMP_NUM_THREADS",
    "MKL_NUM_THREADS",
    "OPENBLAS_NUM_THREADS",
    "CUBLAS_WORKSPACE_CONFIG",
    "CUDA_VISIBLE_DEVICES",
    "NVIDIA_TF32_OVERRIDE",
    "PYTHONHASHSEED",
    "ATEN_CPU_CAPABILITY",
    "MKL_CBWR",
    "ONEDNN_MAX_CPU_ISA",
)


@dataclass(frozen=True)
class Provenance:
    """Where a run came from.

    Attributes:
        code: What of the user's repository was checked out, and what was changed in it.
        packages: Version of each installed distribution.
        local: Those of them that no package index has: editable installs, files, repositories.
        locks: Digest of each lock file beside the code.
        python: Python's version.
        machine: Operating system, processor, memory in bytes, CPUs, GPUs with their driver.
        command: What was typed, without secrets.
        variables: Environment variables that change what is computed.
        threads: Threads that the trial was given.
        gpus: Devices that the trial was given; None for all there are.
        seed: The config's seed.
        digests: Content digest of each file or array that the data and the pretrained weights came from.
        origins: Where each package that the config names was imported from.
        state: How torch stood in the trial's own process.
    """

    code: Code
    packages: dict[str, str]
    python: str
    machine: dict[str, Any]
    local: tuple[str, ...] = ()
    locks: dict[str, str] = field(default_factory=dict)
    command: tuple[str, ...] = ()
    variables: dict[str, str] = field(default_factory=dict)
    threads: int | None = None
    gpus: tuple[str, ...] | None = None
    seed: int | None = None
    digests: dict[str, str] = field(default_factory=dict)
    origins: dict[str, str] = field(default_factory=dict)
    state: dict[str, Any] = field(default_factory=dict)

    @property
    def commit(self) -> str | None:
        """Git commit of the working directory; None outside a repository."""
        return self.code.commit

    def of_run(
        self,
        *,
        threads: int,
        gpus: tuple[str, ...] | None,
        seed: Any,
        digests: Mapping[str, str],
        state: Mapping[str, Any] | None = None,
        modules: Iterable[str] = (),
    ) -> Provenance:
        """The same environment with what one run was given.

        Args:
            threads: Threads.
            gpus: Devices.
            seed: The config's, whatever a Hydra application's own calls so.
            digests: Of its data.
            state: How torch stands in its process.
            modules: What its config names.
        """
        given: dict[str, Any] = {
            "threads": threads,
            "gpus": gpus,
            "seed": seed if isinstance(seed, int) else None,
            "digests": dict(digests),
            "state": dict(state or {}),
        }
        tops = sorted({one.partition(".")[0] for one in modules})
        return replace(self, origins={top: origin(top, self.code.root) for top in tops}, **given)

    def as_dict(self) -> dict[str, Any]:
        """Plain values, as ``provenance.json`` holds them; the code's own stand beside the others."""
        plain = asdict(self)
        code = plain.pop("code")
        code.pop("root")
        return {**code, **plain}

    @classmethod
    def from_dict(cls, content: Mapping[str, Any]) -> Provenance:
        """Read what ``as_dict`` wrote, by this hone or an older one, which knew less."""
        code = Code.from_dict(content)
        known = {one.name for one in fields(cls)} - {"code"}
        plain = {name: _restored(value) for name, value in content.items() if name in known}
        return cls(code=code, **{"packages": {}, "python": "", "machine": {}, **plain})


@cache
def environment(directory: Path = Path()) -> Provenance:
    """Look at this process's environment, once.

    Args:
        directory: Where the user's code lies.

    Returns:
        Code, packages and machine; nothing of a single run.
    """
    code = look_at_code(directory)
    return Provenance(
        code=code,
        packages=installed(),
        local=local_packages(),
        locks=lock_digests({directory.resolve(), code.root or directory.resolve()}),
        python=".".join(map(str, sys.version_info[:3])),
        machine=look_at_machine(),
        command=tuple(hide_override(one) for one in sys.argv),
        variables=hide_values({name: os.environ[name] for name in VARIABLES if name in os.environ}),
    )


def _restored(value: Any) -> Any:
    return tuple(value) if isinstance(value, list) else value
