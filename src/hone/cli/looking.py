"""``hone ls`` and ``hone show``."""

from __future__ import annotations

import contextlib
import json
import math
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Literal

from rich.console import Console
from rich.markup import escape
from rich.table import Table
from rich.text import Text

from hone.cli.hints import waiting_line
from hone.config.build import build
from hone.config.compose import Composer, resolve
from hone.errors import ConfigError, StoreError, did_you_mean
from hone.report import clock
from hone.tracking.config import TrackingConfig
from hone.tracking.lookup import OBJECTIVE, RunView, find_run, list_runs, open_runs
from hone.tracking.rows import Runs

STYLES = {
    "complete": "green",
    "pruned": "yellow",
    "failed": "red",
    "crashed": "red",
    "running": "cyan",
    "stopped": "magenta",
}
SHOWN_ID = 8
RUN_COLUMNS = ("id", "name", "kind", "state", "started", "time", "best", "test")
TRIAL_COLUMNS = ("id", "name", "state", "time", "objective", "test")
WIDTHS = {"id": SHOWN_ID + 1, "kind": 10, "state": 9, "started": 12, "time": 7, "best": 8, "objective": 9, "test": 8}
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
        composed = Composer.for_tracking(self.config_dir, self.config_name).compose(self.overrides).config
        config: TrackingConfig = build(resolve(composed, complete=False)["tracking"], "tracking")
        return config


@dataclass(frozen=True)
class Choice:
    """Which runs to list.

    Attributes:
        study: Only this study's trials.
        state: Only those in this state.
        sort: A metric to sort by.
        reverse: The other way round.
        limit: The most to list.
    """

    study: str | None = None
    state: str | None = None
    sort: str | None = None
    reverse: bool = False
    limit: int = 20


def ls(choice: Choice, place: Place, *, as_json: bool = False) -> None:
    """Print runs, latest first where no metric sorts them.

    Args:
        choice: Which.
        place: Where to look.
        as_json: A list for scripts rather than a table for people.

    Raises:
        HoneError: The store or the study is not there, or there is no such state or metric.
    """
    if choice.state is not None and choice.state not in STYLES:
        raise ConfigError(
            f"no such state {choice.state!r}.{did_you_mean(choice.state, STYLES)} There are: {', '.join(STYLES)}.",
            where="--state",
        )
    tracking = place.tracking()
    runs = list_runs(
        open_existing(tracking),
        choice.study,
        choice.limit,
        state=choice.state,
        sort=choice.sort,
        reverse=choice.reverse,
    )
    if choice.sort is not None and runs and not any(choice.sort in run.metrics for run in runs):
        known = sorted({name for run in runs for name in run.metrics})
        raise ConfigError(f"no run has {choice.sort!r}.{did_you_mean(choice.sort, known)}", where="--sort")
    if as_json:
        print(json.dumps([_plain(run) for run in runs], indent=2))
        return
    if not runs:
        Console().print("nothing has been tracked here yet" if choice == Choice(limit=choice.limit) else "no such runs")
    else:
        Console().print(_table(runs, choice))
    if waiting := waiting_line(tracking):
        Console().print(f"[yellow]not tracked yet:[/] {waiting}", soft_wrap=True, highlight=False)


def _table(runs: Sequence[RunView], choice: Choice) -> Table:
    table = Table(box=None, header_style="dim", padding=(0, 1, 0, 0))
    columns = TRIAL_COLUMNS if choice.study is not None else RUN_COLUMNS
    # The metric that sorts takes the last column.
    last = "test" if choice.sort in (None, OBJECTIVE) else str(choice.sort)
    for name in (*columns[:-1], last):
        # A narrow terminal cuts names, which begin with what tells them apart, and nothing else.
        width = WIDTHS["test"] if name == last else WIDTHS.get(name)
        side: Literal["left", "right"] = "right" if name == last or name in NUMBERS else "left"
        header = name.rpartition("/")[2][:width]
        table.add_column(header, no_wrap=True, justify=side, width=width, min_width=width)
    for run in runs:
        cells = _cells(run)
        if last in run.metrics:
            cells[last] = f"{run.metrics[last]:.4f}"
        # The state has a colour; all else is what people wrote.
        shown = {key: text if key == "state" else escape(text) for key, text in cells.items()}
        table.add_row(*(shown.get(name, "") for name in (*columns[:-1], last)))
    return table


def _plain(run: RunView) -> dict[str, Any]:
    """A run as JSON has it: no NaN, no dates."""
    plain = asdict(run) | {"started": run.started.isoformat(timespec="seconds")}
    plain["metrics"] = {name: value if math.isfinite(value) else str(value) for name, value in run.metrics.items()}
    return plain


@contextlib.contextmanager
def naming_what_waits(tracking: TrackingConfig) -> Iterator[None]:
    """Where a store is not there, say what waits to be delivered to it.

    Raises:
        StoreError: It is not there.
    """
    try:
        yield
    except StoreError as error:
        if waiting := waiting_line(tracking):
            error.message += f"; waiting: {waiting}"
        raise


def open_existing(tracking: TrackingConfig) -> Runs:
    """Open a store to look for runs in.

    Raises:
        StoreError: It is not there; the message says what waits to be delivered to it.
    """
    with naming_what_waits(tracking):
        return open_runs(tracking)


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
    console.print(f"[bold]{escape(run.name)}[/]  [{STYLES.get(run.state, 'magenta')}]{run.state}[/]")
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
            console.print(f"[dim]{label:>8}[/]  {escape(text)}")
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
        console.print(Text(f"  {key:<{width}}  {value}"))


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
