"""What several commands print."""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from rich.console import Console
from rich.markup import escape

from hone.config.secrets import hide_password
from hone.errors import ConfigError, did_you_mean

if TYPE_CHECKING:
    from hone.config.compose import Composition
    from hone.tracking.store import TrackingConfig

PARTS = ("job", "all")
MOST_NAMED = 5


def print_composition(composition: Composition, part: str, resolve: bool) -> None:
    """Print a composed config as YAML.

    Args:
        composition: What was composed.
        part: ``job``, or ``all`` for Hydra's own node too.
        resolve: Resolve interpolations.

    Raises:
        ConfigError: There is no such part, or an interpolation does not resolve.
    """
    from hone.config.compose import resolve as resolved
    from hone.config.files import yaml_text

    if part not in PARTS:
        raise ConfigError(f"must be job or all, not {part!r}.{did_you_mean(part, PARTS)}", where="--cfg")
    config = composition.config if part == "job" else composition.whole
    text = yaml_text(resolved(config, complete=False) if resolve else config)
    sys.stdout.write("\n".join(hide_password(line) if "://" in line else line for line in text.splitlines()) + "\n")


def near(path: Path) -> str:
    """A path as it is shortest to type from here."""
    relative = os.path.relpath(path)
    return str(path) if relative.startswith("..") else relative


def dashboard_command(tracking: TrackingConfig) -> str:
    """What to type to see the runs."""
    if tracking.uri is None:
        return (
            "hone dashboard"
            if tracking.directory == "mlruns"
            else f"hone dashboard tracking.directory={tracking.directory}"
        )
    if tracking.uri.startswith("http"):
        return hide_password(tracking.uri)
    if tracking.uri == os.environ.get("MLFLOW_TRACKING_URI"):
        return "hone dashboard"
    return f"hone dashboard tracking.uri={hide_password(tracking.uri)}"


def sync_command(tracking: TrackingConfig) -> str:
    """What to type to deliver what waits."""
    command = "hone sync"
    if tracking.directory != "mlruns":
        command += f" --directory {tracking.directory}"
    if tracking.uri is not None and tracking.uri != os.environ.get("MLFLOW_TRACKING_URI"):
        command += f" tracking.uri={hide_password(tracking.uri)}"
    return command


def waiting_line(tracking: TrackingConfig) -> str:
    """Which studies and single runs wait to be delivered, in a line; an empty string where none does."""
    from hone.tracking.outbox import places, undelivered

    names = [
        one.name if one.parent.name == "trials" else f"{one.parent.name}/{one.name}"
        for one in places(tracking.root)
        if undelivered(one)
    ]
    if not names:
        return ""
    more = f" and {len(names) - MOST_NAMED} more" if len(names) > MOST_NAMED else ""
    return f"{', '.join(names[:MOST_NAMED])}{more}; {sync_command(tracking)} delivers them"


def print_undelivered(console: Console, errors: Sequence[str], waiting: str, tracking: TrackingConfig) -> None:
    """Say what the store refused, and what waits to be delivered."""
    if waiting:
        line = f"[yellow]not tracked yet:[/] {escape(waiting)}; [bold]{sync_command(tracking)}[/] delivers them"
        console.print(line, soft_wrap=True, highlight=False)
    for line in dict.fromkeys(errors):
        console.print(f"[yellow]not tracked:[/] {escape(line)}", soft_wrap=True, highlight=False)
