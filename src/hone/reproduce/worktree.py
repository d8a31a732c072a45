"""The code that a run was made with, in a temporary git worktree."""

from __future__ import annotations

import contextlib
import subprocess
import tempfile
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Any

from hone.errors import ConfigError
from hone.tracking.fetch import KeptRun

SECONDS = 300


@dataclass(frozen=True)
class Checkout:
    """Code, checked out.

    Attributes:
        directory: Where to run.
        paths: Where Python is to import from first.
        notes: What was done, a line each.
    """

    directory: Path
    paths: tuple[Path, ...]
    notes: tuple[str, ...] = ()


@contextlib.contextmanager
def recorded_code(run: KeptRun, here: Path) -> Iterator[Checkout]:
    """Check out the commit of a run, with what was changed in it, for as long as the block runs.

    Args:
        run: The run.
        here: A directory of the same repository.

    Raises:
        ConfigError: The run was made outside a repository, or its commit is not in this one, or its diff is not whole.
    """
    code = run.provenance.code
    if code.commit is None:
        raise ConfigError("was made outside a git repository, so that there is nothing to check out", where=run.where)
    if _git(here, "cat-file", "-e", f"{code.commit}^{{commit}}", check=False) is None:
        raise ConfigError(
            f"its commit {code.commit[:12]} is not in the repository at {here}; fetch it first", where=run.where
        )
    lost = [f"{name} ({why})" for name, why in code.withheld.items()]
    with tempfile.TemporaryDirectory(prefix="hone-checkout-") as folder:
        place = Path(folder, "code").resolve()
        _git(here, "worktree", "add", "--detach", "--quiet", str(place), code.commit)
        try:
            if code.diff and _git(place, "apply", "--whitespace=nowarn", check=False, text=code.diff) is None:
                raise ConfigError("its diff does not apply to its commit", where=run.where)
            for name, text in code.texts.items():
                _write(place, name, text, run.where)
            directory = _inside(place, code.directory, run.where)
            directory.mkdir(parents=True, exist_ok=True)
            _link_data(run.config, here, directory)
            changes = f" and {len(code.changed)} changed files" if code.changed else ""
            notes = [f"commit {code.commit[:12]}{changes}"]
            if lost:
                notes.append(f"not kept with the run, and so missing: {', '.join(lost)}")
            paths = tuple(_inside(place, one, run.where) for one in code.paths)
            yield Checkout(directory, (directory, *paths), tuple(notes))
        finally:
            _git(here, "worktree", "remove", "--force", str(place), check=False)


def _write(place: Path, name: str, text: str, where: str) -> None:
    path = _inside(place, name, where)
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, encoding="utf-8")


def _inside(place: Path, name: str, where: str) -> Path:
    """A path of the checkout, and of nothing beside it, whatever the run says and the diff has linked."""
    path = (place / name).resolve()
    if not path.is_relative_to(place) or ".git" in PurePosixPath(name).parts:
        raise ConfigError(f"{name!r} lies outside of its repository", where=where)
    return path


def _link_data(node: Any, here: Path, there: Path) -> None:
    """Files that the config names relative to the working directory and that git does not keep: data, mostly."""
    if isinstance(node, Mapping):
        for value in node.values():
            _link_data(value, here, there)
    elif isinstance(node, list | tuple):
        for value in node:
            _link_data(value, here, there)
    elif isinstance(node, str) and 0 < len(node) < 1_000 and "\0" not in node and not Path(node).is_absolute():
        first = PurePosixPath(node).parts[0] if PurePosixPath(node).parts else ""
        # A text may be longer than any name of a file.
        with contextlib.suppress(OSError):
            if first and first not in (".", "..") and (here / node).exists() and not (there / first).exists():
                (there / first).symlink_to((here / first).resolve())


def _git(directory: Path, *arguments: str, check: bool = True, text: str | None = None) -> str | None:
    command = ["git", "-C", str(directory), *arguments]
    try:
        given = None if text is None else text.encode()
        answer = subprocess.run(command, capture_output=True, timeout=SECONDS, input=given)
    except (OSError, subprocess.SubprocessError) as error:
        raise ConfigError(f"git {arguments[0]} cannot be run: {error}", where=str(directory)) from error
    if answer.returncode:
        if check:
            said = answer.stderr.decode(errors="replace").strip().splitlines()
            raise ConfigError(f"git {arguments[0]}: {said[-1] if said else 'it failed'}", where=str(directory))
        return None
    return answer.stdout.decode(errors="replace")
