"""``hone ls`` and ``hone show``."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from rich.console import Console
from rich.table import Table

from hone.cli.hints import waiting_line
from hone.config.build import build
from hone.config.compose import Composer, resolve
from hone.errors import StoreError
from hone.report import clock
from hone.tracking.lookup import RunView, find_run, list_runs
from hone.tracking.store import Store, TrackingConfig, open_store

STYLES = {"complete": "green", "pruned": "yellow", "failed": "red", "crashed": "red", "running": "cyan"}
SHOWN_ID = 8
RUN_COLUMNS = ("id", "name", "kind", "state", "started", "time", "best", "test")
TRIAL_COLUMNS = ("id", "name", "state", "time", "objective", "test")
WIDTHS = {"id": SHOWN_ID + 1, "kind": 6, "state": 9, "started": 12, "time": 7, "best": 8, "objective": 9, "test": 8}
NUMBERS = ("time", "best", "objective", "test")


@dataclass(frozen=True)
class Place:
    """Where to look for runs, as the user typed it.

    Attributes:
        overrides: Such as ``tracking.uri=URI``.
        config_dir: The user's config directory.
        config_name: The primary config.
    """

    overrides: tuple[str, ...] = ()
    config_dir: Path | None = None
    config_name: str = "config"

    def tracking(self) -> TrackingConfig:
        """The ``tracking`` node.

        Raises:
            ConfigError: It does not compose.
        """
        composed = Composer(self.config_dir, self.config_name).compose(self.overrides).config
        config: TrackingConfig = build(resolve(composed, complete=False)["tracking"], "tracking")
        return config


def ls(study: str | None, limit: int, place: Place) -> None:
    """Print runs, latest first.

    Args:
        study: Only this study's trials.
        limit: The most to print.
        place: Where to look.

    Raises:
        HoneError: The store or the study is not there.
    """
    console = Console()
    tracking = place.tracking()
    runs = list_runs(open_existing(tracking), study, limit)
    if not runs:
        console.print("nothing has been tracked here yet")
    table = Table(box=None, header_style="dim", padding=(0, 1, 0, 0))
    columns = TRIAL_COLUMNS if study is not None else RUN_COLUMNS
    for name in columns:
        # A narrow terminal cuts names, which begin with what tells them apart, and nothing else.
        width = WIDTHS.get(name)
        side: Literal["left", "right"] = "right" if name in NUMBERS else "left"
        table.add_column(name, no_wrap=True, justify=side, width=width, min_width=width)
    for run in runs:
        cells = _cells(run)
        table.add_row(*(cells[name] for name in columns))
    if runs:
        console.print(table)
    if waiting := waiting_line(tracking):
        console.print(f"[yellow]not tracked yet:[/] {waiting}", soft_wrap=True, highlight=False)


def open_existing(tracking: TrackingConfig) -> Store:
    """Open a store to look at it.

    Raises:
        StoreError: It is not there; the message says what waits to be delivered to it.
    """
    try:
        return open_store(tracking, create=False)
    except StoreError as error:
        if waiting := waiting_line(tracking):
            error.message += f"; waiting: {waiting}"
        raise


def show(name: str, place: Place) -> None:
    """Print one run.

    Args:
        name: An id, its unique prefix, a name, ``best`` or ``best:STUDY``.
        place: Where to look.

    Raises:
        HoneError: The store or the run is not there.
    """
    console = Console(soft_wrap=True, highlight=False)
    run = find_run(open_existing(place.tracking()), name)
    console.print(f"[bold]{run.name}[/]  [{STYLES.get(run.state, 'magenta')}]{run.state}[/]")
    facts = {
        "id": run.run_id,
        "kind": run.kind,
        "study": run.study,
        "started": f"{run.started:%Y-%m-%d %H:%M:%S}",
    }
    facts |= {
        "time": "" if run.seconds is None else clock(run.seconds),
        "files": run.artifacts,
        "failure": run.failure,
    }
    for label, text in facts.items():
        if text:
            console.print(f"[dim]{label:>8}[/]  {text}")
    _print_values(console, "searched", {key: run.params.get(key, "") for key in run.searched if key in run.params})
    _print_values(console, "metrics", {key: f"{value:.4f}" for key, value in sorted(run.metrics.items())})
    fixed = {key: value for key, value in sorted(run.params.items()) if key not in run.searched}
    _print_values(console, "config", fixed)


def _print_values(console: Console, title: str, values: dict[str, str]) -> None:
    if not values:
        return
    console.print(f"\n[bold]{title}[/]")
    width = max(map(len, values))
    for key, value in values.items():
        console.print(f"  {key:<{width}}  {value}")


def _cells(run: RunView) -> dict[str, str]:
    tested = run.metrics.get("test/accuracy", run.metrics.get("test/loss"))
    return {
        "id": run.run_id[:SHOWN_ID],
        "name": run.name,
        "kind": run.kind,
        "state": f"[{STYLES.get(run.state, 'magenta')}]{run.state}[/]",
        "started": f"{run.started:%m-%d %H:%M}",
        "time": "" if run.seconds is None else clock(run.seconds),
        "best": "" if run.best is None else f"{run.best:.4f}",
        "objective": "" if run.objective is None else f"{run.objective:.4f}",
        "test": "" if tested is None else f"{tested:.4f}",
    }
