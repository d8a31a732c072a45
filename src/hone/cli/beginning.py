"""``hone init``."""

from __future__ import annotations

from pathlib import Path

from rich.console import Console

from hone.cli.hints import near
from hone.init import start_project


def begin(directory: Path, *, force: bool) -> None:
    """Start a project and print what to do with it.

    Args:
        directory: Where to.
        force: Write over files that are there.

    Raises:
        HoneError: It cannot be written there.
    """
    files = start_project(directory, force=force)
    console = Console()
    for file in files:
        console.print(near(file), highlight=False)
    there = directory.resolve() == Path.cwd().resolve()
    enter = "" if there else f"cd {near(directory)} && "
    console.print(f"[dim]         run[/]  {enter}hone sweep sweeps/first.yaml", soft_wrap=True, highlight=False)
