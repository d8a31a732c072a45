"""``hone train``."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from rich.console import Console
from rich.markup import escape
from rich.table import Table

from hone.executors import warm

if TYPE_CHECKING:
    from hone.train import TrainSummary


def train(
    overrides: tuple[str, ...],
    config: Path | None,
    config_dir: Path | None,
    config_name: str,
    allow: tuple[str, ...] = (),
) -> int:
    """Train one run and print what it came to.

    Args:
        overrides: Hydra overrides.
        config: A resolved config instead of a composed one.
        config_dir: The user's config directory.
        config_name: The primary config.
        allow: What ``config`` may name beside what is always allowed.

    Returns:
        Exit status: 0 for a run that finished, 1 for one that failed, 130 after Ctrl-C.

    Raises:
        HoneError: What the user gave is wrong.
    """
    # First of all: its imports take seconds, and go on while this process composes and opens the store.
    with warm.EarlyWorkers() as workers:
        from hone.train import TrainRequest
        from hone.train import train as train_one

        summary = train_one(TrainRequest(overrides, config, config_dir, config_name, allow), workers)
    return _print(Console(), summary)


def _print(console: Console, summary: TrainSummary) -> int:
    from hone.cli.hints import dashboard_command, near, print_undelivered
    from hone.worker.messages import Failed

    for note in summary.notes:
        console.print(f"[dim]config:[/] {escape(note)}", highlight=False)
    print_undelivered(console, summary.undelivered, summary.waiting, summary.tracking)
    ending = summary.ending
    if ending is None:
        console.print(f"[magenta]{summary.name} was stopped[/]")
        return 130
    if isinstance(ending, Failed):
        console.print(f"[red]{summary.name} failed ({ending.kind}):[/] {escape(ending.message)}", highlight=False)
        console.print(f"[dim]the whole traceback:[/] {near(summary.directory / 'result.json')}", soft_wrap=True)
        return 1
    console.print(f"[bold]{summary.name}[/]: {ending.steps} steps in {ending.seconds:.1f} s", highlight=False)
    table = Table(box=None, show_header=False)
    table.add_column(style="dim")
    table.add_column(justify="right")
    for name, value in sorted(ending.metrics.items()):
        table.add_row(name, f"{value:.4f}", style="bold" if name.startswith("test/") else None)
    console.print(table)
    if summary.run_id:
        console.print(
            f"[dim]run[/] {summary.run_id}  [dim]dashboard[/] {dashboard_command(summary.tracking)}",
            highlight=False,
        )
    return 0


def print_config(
    overrides: tuple[str, ...],
    config: Path | None,
    config_dir: Path | None,
    config_name: str,
    cfg: str,
    resolve: bool,
) -> None:
    """Print the composed config.

    Args:
        overrides: Hydra overrides.
        config: A resolved config instead of a composed one.
        config_dir: The user's config directory.
        config_name: The primary config.
        cfg: ``job`` or ``all``.
        resolve: Resolve interpolations.

    Raises:
        HoneError: What the user gave is wrong.
    """
    from hone.cli.hints import print_composition
    from hone.config.compose import Composer
    from hone.config.files import apply_overrides, read_yaml, yaml_text

    composer = Composer(config_dir, config_name)
    if config is None:
        print_composition(composer.compose(overrides), cfg, resolve)
    else:
        print(yaml_text(apply_overrides(read_yaml(config), overrides, list(composer.groups()))), end="")
