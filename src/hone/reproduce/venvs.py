"""The packages that a run was made with, in a virtual environment that is built once for each set of them.

What this environment has in the recorded version is shared with it; what differs is installed into it.
"""

from __future__ import annotations

import hashlib
import re
import shutil
import subprocess
import sys
import venv
from collections.abc import Mapping
from pathlib import Path

from hone.errors import ConfigError
from hone.provenance.packages import installed
from hone.tracking.fetch import KeptRun

NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]*")
VERSION = re.compile(r"[A-Za-z0-9][A-Za-z0-9.!+_-]*")
# What only installs others.
TOOLS = ("pip", "setuptools", "wheel", "uv")
SECONDS = 1_800
DONE = "hone-packages.txt"


def recorded_python(run: KeptRun, directory: Path) -> tuple[str, list[str]]:
    """A Python that has a run's packages in their recorded versions.

    Args:
        run: The run.
        directory: Where such environments are kept.

    Returns:
        Its path, and what was done, a line each.

    Raises:
        ConfigError: The run had another Python, or a package cannot be had in its version.
    """
    recorded = run.provenance
    ours = ".".join(map(str, sys.version_info[:2]))
    if recorded.python.rpartition(".")[0] != ours:
        raise ConfigError(
            f"was made with Python {recorded.python or '?'}, and this is {ours}; run hone with that one",
            where=run.where,
        )
    wanted = _wanted(recorded.packages, set(recorded.local), run.where)
    if not wanted:
        return sys.executable, ["this environment has every package in the recorded version"]
    text = "".join(f"{name}=={version}\n" for name, version in sorted(wanted.items()))
    place = directory / hashlib.sha256(f"{sys.prefix}\n{text}".encode()).hexdigest()[:16]
    python = place / "bin" / "python"
    names = ", ".join(text.split())
    if (place / DONE).is_file():
        return str(python), [f"{place} has {names}"]
    _build(place, text, run.where)
    return str(python), [f"built {place} with {names}"]


def _wanted(packages: Mapping[str, str], local: set[str], where: str) -> dict[str, str]:
    here = installed()
    wanted = {
        name: version
        for name, version in packages.items()
        if here.get(name) != version and name not in local and name.lower() not in TOOLS
    }
    for name, version in wanted.items():
        if not NAME.fullmatch(name) or not VERSION.fullmatch(version):
            raise ConfigError(f"{name!r} in version {version!r} is no package", where=where)
    return wanted


def _build(place: Path, requirements: str, where: str) -> None:
    shutil.rmtree(place, ignore_errors=True)
    venv.create(place, with_pip=False, symlinks=True)
    site = next(place.glob("lib/python*/site-packages"))
    shared = [one for one in sys.path if one.endswith(("site-packages", "dist-packages"))]
    # With what their own .pth files add, such as editable installs; after the environment's own packages.
    lines = [f"import site; site.addsitedir({one!r})" for one in shared]
    listed = place / "requirements.txt"
    listed.write_text(requirements)
    command = [sys.executable, "-m", "pip", "--python", str(place / "bin" / "python"), "install", "--quiet"]
    command += ["--no-deps", "--prefer-binary", "--disable-pip-version-check", "-r", str(listed)]
    answer = subprocess.run(command, capture_output=True, text=True, timeout=SECONDS)
    if answer.returncode:
        said = [line for line in answer.stderr.splitlines() if line.startswith("ERROR")] or ["pip failed"]
        shutil.rmtree(place, ignore_errors=True)
        raise ConfigError(f"its packages cannot be installed: {said[-1].removeprefix('ERROR: ')}", where=where)
    (site / "zz-shared.pth").write_text("\n".join(lines) + "\n")
    (place / DONE).write_text(requirements)
