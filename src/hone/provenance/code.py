"""The code that a run was made with: what git knows of it, and its digest."""

from __future__ import annotations

import hashlib
import os
import re
import subprocess
import sys
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, fields
from functools import cache
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from hone.config.secrets import is_secret_file, looks_secret

LONGEST_DIFF = 1_000_000
# Bytes that are no UTF-8, as Python holds them.
ESCAPED = re.compile("[\udc80-\udcff]")
LONGEST_TEXT = 200_000
MOST_TEXTS = 200
MOST_FILES = 5_000
GIT_SECONDS = 20
# Untracked files that running the code again may need.
SOURCES = (".py", ".yaml", ".yml", ".toml", ".cfg", ".ini", ".json", ".txt", ".sh")
# Where nobody keeps code of his own.
SKIPPED = {"site-packages", "node_modules", "__pycache__", "mlruns", "build", "dist", "venv"}
INSTALLED = "installed"


@dataclass(frozen=True)
class Code:
    """What was checked out.

    Attributes:
        commit: Git commit of the working directory; None outside a repository.
        diff: What the working tree changed since that commit, tracked files only, as ``git apply`` takes it.
        untracked: Files that git neither tracks nor ignores.
        texts: Content of those of them that are source.
        withheld: What is not kept, by file, and why: it is too long, or looks like a secret.
        digest: Of every Python file of the repository, or of the working directory outside of one.
        files: Digest of each of these, where no commit says what they are.
        paths: Where in the repository Python imports from, such as ``src``.
        directory: The working directory within the repository.
        root: The repository, or the working directory outside of one.
    """

    commit: str | None = None
    diff: str = ""
    untracked: tuple[str, ...] = ()
    texts: dict[str, str] = field(default_factory=dict)
    withheld: dict[str, str] = field(default_factory=dict)
    digest: str = ""
    files: dict[str, str] = field(default_factory=dict)
    paths: tuple[str, ...] = ()
    directory: str = "."
    root: Path | None = None

    @classmethod
    def from_dict(cls, content: Mapping[str, Any]) -> Code:
        """Read what ``provenance.json`` holds of it."""
        known = {one.name for one in fields(cls)} - {"root"}
        plain: dict[str, Any] = {name: value for name, value in content.items() if name in known}
        lists = {name: tuple(value) for name, value in plain.items() if isinstance(value, list)}
        return cls(**(plain | lists))

    @property
    def changed(self) -> tuple[str, ...]:
        """Files that differ from the commit."""
        changed = [line[6:] for line in self.diff.splitlines() if line.startswith(("+++ b/", "--- a/"))]
        return tuple(dict.fromkeys((*changed, *self.untracked)))


def look_at_code(directory: Path) -> Code:
    """Look at the code around a directory.

    Args:
        directory: Where the user works.
    """
    directory = directory.resolve()
    top = _git(directory, "rev-parse", "--show-toplevel").strip()
    root = Path(top) if top else directory
    # Names with blanks or umlauts as they are.
    names = _git(root, "ls-files", "-z", "--others", "--exclude-standard").split("\0")
    untracked = tuple(one for one in names if one) if top else ()
    listed = _git(root, "ls-files", "-z", "--cached", "--others", "--exclude-standard", "--", "*.py").split("\0")
    sources = [root / one for one in listed if one] if top else _python_files(directory)
    files = {one.relative_to(root).as_posix(): _digest_of(one) for one in sorted(set(sources)) if one.is_file()}
    diff, withheld = _diff(root) if top else ("", {})
    texts, more = _texts(root, untracked)
    return Code(
        commit=_git(root, "rev-parse", "HEAD").strip() or None if top else None,
        diff=diff,
        untracked=untracked,
        texts=texts,
        withheld=withheld | more,
        digest=combined(files),
        files={} if top else files,
        paths=_import_paths(root),
        directory=directory.relative_to(root).as_posix(),
        root=root,
    )


def combined(digests: Mapping[str, str]) -> str:
    """One digest of many, by name."""
    lines = "".join(f"{digests[name]} {name}\n" for name in sorted(digests))
    return hashlib.sha256(lines.encode()).hexdigest()


def changed_between(root: Path, before: str, after: str) -> list[str]:
    """Python files that differ between two commits; none where one of them is not known here."""
    return _git(root, "diff", "--name-only", before, after, "--", "*.py").splitlines()


@cache
def origin(top: str, root: Path | None) -> str:
    """Where a top-level package comes from.

    Args:
        top: Its name.
        root: The repository.

    Returns:
        ``installed``, its path within the repository, or a digest of it where it lies elsewhere.
    """
    try:
        found = find_spec(top)
    except (ImportError, ValueError):
        return ""
    if found is None or found.origin in (None, "built-in", "frozen"):
        return INSTALLED if found is not None else ""
    place = Path(str(found.origin)).resolve()
    place = place.parent if place.name == "__init__.py" else place
    if {"site-packages", "dist-packages"} & set(place.parts):
        return INSTALLED
    if root is not None and place.is_relative_to(root):
        return place.relative_to(root).as_posix()
    files = place.rglob("*.py") if place.is_dir() else [place]
    return f"elsewhere, {combined({str(one): _digest_of(one) for one in files})[:16]}"


def _diff(root: Path) -> tuple[str, dict[str, str]]:
    # Whatever the user's git is told to show; with the ends of its lines as they are.
    asked = ("--no-ext-diff", "--no-textconv", "--no-color", "--binary", "--src-prefix=a/", "--dst-prefix=b/")
    diff = _answer(root, "diff", *asked, "HEAD").decode(errors="surrogateescape")
    withheld = {}
    kept: list[str] = []
    for whole in re.split(r"^(?=diff --git )", diff, flags=re.MULTILINE)[1:]:
        name = whole.splitlines()[0].rpartition(" b/")[2]
        if is_secret_file(name) or looks_secret(whole):
            withheld[name] = "looks like a secret"
        elif not whole.isascii() and ESCAPED.search(whole):
            withheld[name] = "is no UTF-8"
        elif sum(map(len, kept)) + len(whole) > LONGEST_DIFF:
            withheld[name] = "too long"
        else:
            kept.append(whole)
    return "".join(kept), withheld


def _texts(root: Path, names: Iterable[str]) -> tuple[dict[str, str], dict[str, str]]:
    texts: dict[str, str] = {}
    withheld: dict[str, str] = {}
    for name in names:
        path = root / name
        if path.suffix not in SOURCES or path.is_symlink() or not path.is_file():
            continue
        if is_secret_file(name):
            withheld[name] = "looks like a secret"
            continue
        if len(texts) == MOST_TEXTS or path.stat().st_size > LONGEST_TEXT:
            withheld[name] = "too long"
            continue
        text = path.read_bytes().decode(errors="replace")
        if looks_secret(text):
            withheld[name] = "looks like a secret"
        else:
            texts[name] = text
    return texts, withheld


def _python_files(directory: Path) -> list[Path]:
    found: list[Path] = []
    for place, folders, names in os.walk(directory):
        folders[:] = [one for one in folders if one not in SKIPPED and not one.startswith(".")]
        folders[:] = [one for one in folders if not Path(place, one, "pyvenv.cfg").exists()]
        found += [Path(place, one) for one in names if one.endswith(".py")]
        if len(found) > MOST_FILES:
            break
    return found[:MOST_FILES]


def _import_paths(root: Path) -> tuple[str, ...]:
    paths = [Path(one or ".").resolve() for one in sys.path]
    inside = [one for one in paths if one.is_relative_to(root) and one.is_dir()]
    own = [one for one in inside if not {"site-packages", "bin"} & set(one.parts)]
    return tuple(dict.fromkeys(one.relative_to(root).as_posix() for one in own))


def _digest_of(path: Path) -> str:
    try:
        return hashlib.sha256(path.read_bytes()).hexdigest()[:16]
    except OSError:
        return ""


def _git(directory: Path, *arguments: str) -> str:
    return _answer(directory, *arguments).decode(errors="replace")


def _answer(directory: Path, *arguments: str) -> bytes:
    command = ["git", "-C", str(directory), *arguments]
    try:
        # Optional locks would make two sweeps in one repository wait for each other.
        environment = os.environ | {"GIT_OPTIONAL_LOCKS": "0"}
        answer = subprocess.run(command, capture_output=True, timeout=GIT_SECONDS, env=environment)
    except (OSError, subprocess.SubprocessError):
        return b""
    return answer.stdout if answer.returncode == 0 else b""
