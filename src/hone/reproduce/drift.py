"""What is not as it was when a run was recorded: code, packages, machine, threads, data, config."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from rich.table import Table
from rich.text import Text

from hone.provenance import Provenance
from hone.provenance.code import changed_between

SHOWN = 4
SHORT = 12
MACHINE = {"cpu": "processor", "system": "system", "gpus": "GPUs", "driver": "GPU driver"}
STATE = {
    "threads": "threads of torch",
    "interop_threads": "threads between operations",
    "deterministic": "deterministic algorithms",
    "cudnn_deterministic": "deterministic cuDNN",
    "cudnn_benchmark": "cuDNN's benchmark",
    "matmul_precision": "precision of products",
    "cpu_capability": "vector units in use",
    "cuda": "CUDA",
    "cudnn": "cuDNN",
}


@dataclass(frozen=True)
class Drift:
    """One thing that is not as it was.

    Attributes:
        what: Its name.
        recorded: As it was.
        now: As it is.
    """

    what: str
    recorded: str
    now: str


def drifts(recorded: Provenance, now: Provenance, changed: Mapping[str, tuple[Any, Any]]) -> list[Drift]:
    """Everything that differs but the data.

    Args:
        recorded: The run's.
        now: This machine's, with what the trial's process says of itself.
        changed: Keys of the config that were set to something else, with both values.
    """
    found = [Drift(key, _shown(before), _shown(after)) for key, (before, after) in changed.items()]
    found += _code(recorded, now)
    found += _packages(recorded.packages, now.packages, set(recorded.local) | set(now.local))
    if recorded.python and recorded.python != now.python:
        found.append(Drift("Python", recorded.python, now.python))
    found += _mapping(recorded.locks, now.locks, {name: name for name in recorded.locks})
    found += _mapping(
        recorded.machine, now.machine, {key: label for key, label in MACHINE.items() if key in recorded.machine}
    )
    found += _mapping(recorded.state, now.state, {key: label for key, label in STATE.items() if key in recorded.state})
    if recorded.threads not in (None, now.threads):
        found.append(Drift("threads", str(recorded.threads), str(now.threads)))
    if recorded.gpus is not None and len(recorded.gpus) != len(now.gpus or ()):
        found.append(Drift("GPUs lent", str(len(recorded.gpus)), str(len(now.gpus or ()))))
    return found


def data_drifts(recorded: Mapping[str, str], now: Mapping[str, str], roots: tuple[str, str] = ("", "")) -> list[Drift]:
    """Data and pretrained weights that differ.

    Args:
        recorded: The run's digests by file or array.
        now: Those of what is here.
        roots: Where data lay then and lies now; a file below it keeps its name.
    """
    before, after = _named(recorded, roots[0]), _named(now, roots[1])
    if sorted(before) != sorted(after) and sorted(before.values()) == sorted(after.values()):
        # The same content in another place.
        return []
    return [
        Drift(name, before.get(name, "none")[:SHORT], after.get(name, "none")[:SHORT])
        for name in sorted({*before, *after})
        if before.get(name) != after.get(name)
    ]


def summary(provenance: Provenance) -> dict[str, str]:
    """What a run was made with, in facts that can be laid beside another's."""
    code = provenance.code
    facts: dict[str, Any] = {
        "commit": code.commit and code.commit[:SHORT],
        "code": code.digest[:SHORT],
        "changed files": ", ".join(code.changed[:SHOWN]) if code.changed else None,
        "Python": provenance.python,
        "seed": provenance.seed,
        "threads": provenance.threads,
        "GPUs lent": None if provenance.gpus is None else len(provenance.gpus),
        **{label: provenance.machine.get(key) for key, label in MACHINE.items()},
        **{label: provenance.state.get(key) for key, label in STATE.items()},
        **{f"data: {name}": digest[:SHORT] for name, digest in provenance.digests.items()},
        **{f"package: {name}": version for name, version in provenance.packages.items()},
    }
    return {name: _shown(value) for name, value in facts.items() if value not in (None, "", [])}


def as_table(found: list[Drift]) -> Table:
    """What differs, as a table of three columns."""
    table = Table(box=None, header_style="dim", padding=(0, 2, 0, 0))
    for name in ("differs now", "recorded", "here"):
        table.add_column(name, overflow="fold")
    for one in found:
        table.add_row(*map(Text, (one.what, one.recorded, one.now)))
    return table


def _code(recorded: Provenance, now: Provenance) -> list[Drift]:
    before, after = recorded.code, now.code
    if not before.digest:
        return [] if before.commit == after.commit else [Drift("code", _commit(before.commit), _commit(after.commit))]
    if before.digest == after.digest:
        return []
    found = [Drift("code", _checkout(recorded), _checkout(now))]
    names = {*before.changed, *after.changed}
    names |= {one for one in {*before.files, *after.files} if before.files.get(one) != after.files.get(one)}
    if before.commit and after.commit and after.root and before.commit != after.commit:
        names |= set(changed_between(after.root, before.commit, after.commit))
    sources = sorted(one for one in names if one.endswith(".py"))
    if sources:
        found.append(Drift("files of it", _some(sources), ""))
    return found


def _checkout(provenance: Provenance) -> str:
    code = provenance.code
    if code.commit is None:
        return f"digest {code.digest[:SHORT]}"
    return _commit(code.commit) + (f" and {len(code.changed)} changed files" if code.changed else "")


def _commit(commit: str | None) -> str:
    return f"commit {commit[:SHORT]}" if commit else "no commit"


def _packages(before: Mapping[str, str], after: Mapping[str, str], local: set[str]) -> list[Drift]:
    if not before:
        return []
    changed = [name for name in sorted({*before, *after}, key=str.lower) if before.get(name) != after.get(name)]
    # What is installed beside what the run had is worth a word, and changes nothing that it imports.
    first = [name for name in changed if name in before]
    rows = [Drift(name, before[name], after.get(name, "not installed")) for name in first[:SHOWN]]
    if len(first) > SHOWN:
        rows.append(Drift("more packages", _some(first[SHOWN:]), ""))
    new = [name for name in changed if name not in before and name not in local]
    if new:
        rows.append(Drift("packages beside", "not installed", _some(new)))
    return rows


def _mapping(before: Mapping[str, Any], after: Mapping[str, Any], labels: Mapping[str, str]) -> list[Drift]:
    return [
        Drift(label, _shown(before[key]), _shown(after.get(key)))
        for key, label in labels.items()
        if before[key] != after.get(key)
    ]


def _named(digests: Mapping[str, str], root: str) -> dict[str, str]:
    """Digests by name within the data's root, so that the root may be elsewhere."""
    named = {}
    for name, digest in digests.items():
        inside = root and Path(name).is_absolute() == Path(root).is_absolute() and Path(name).is_relative_to(root)
        named[os.path.relpath(name, root) if inside else name] = digest
    return named


def _shown(value: Any) -> str:
    if value is None or value == []:
        return "none"
    text = ", ".join(map(str, value)) if isinstance(value, list | tuple) else str(value)
    return text[:SHORT] if len(text) == 64 and text.isalnum() else text


def _some(names: list[str]) -> str:
    more = len(names) - SHOWN
    return ", ".join(names[:SHOWN]) + (f" and {more} more" if more > 0 else "")
