"""The commands that look at what was trained, and keep it."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from hone.cli.commands.arguments import ConfigDir, ConfigName, Run, Tracking


def ls(
    study: Annotated[
        str | None, typer.Argument(metavar="[STUDY]", help="List this study's trials.", show_default=False)
    ] = None,
    overrides: Tracking = None,
    limit: Annotated[int, typer.Option("--limit", "-n", min=1, help="The most to list.")] = 20,
    state: Annotated[
        str | None,
        typer.Option("--state", help="Only those: complete, pruned, failed, crashed, running.", show_default=False),
    ] = None,
    sort: Annotated[
        str | None, typer.Option("--sort", metavar="METRIC", help="The best first.", show_default=False)
    ] = None,
    reverse: Annotated[bool, typer.Option("--reverse", help="With --sort: the other way round.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="For scripts.")] = False,
    config_dir: ConfigDir = None,
    config_name: ConfigName = "config",
) -> None:
    """List studies and runs, latest first; or a study's trials.

    Example: hone ls quickstart-1 --state pruned --sort objective -n 5
    """
    from hone.cli import looking

    given = tuple(overrides or ())
    if study is not None and "=" in study:
        given, study = (study, *given), None
    choice = looking.Choice(study, state, sort, reverse, limit)
    looking.ls(choice, looking.Place(given, config_dir, config_name), as_json=as_json)


def show(
    run: Run,
    overrides: Tracking = None,
    config_dir: ConfigDir = None,
    config_name: ConfigName = "config",
) -> None:
    """Show one run: its searched values, metrics, files and how to run it again."""
    from hone.cli import looking

    looking.show(run, looking.Place(tuple(overrides or ()), config_dir, config_name))


def compare(
    runs: Annotated[
        list[str],
        typer.Argument(metavar="RUN RUN...", help="Two runs or more; and tracking.uri=URI.", show_default=False),
    ],
    metric: Annotated[
        list[str] | None, typer.Option("--metric", "-m", help="Draw this one.", show_default=False)
    ] = None,
    png: Annotated[Path | None, typer.Option("--png", help="Write the curves here.", show_default=False)] = None,
    html: Annotated[
        Path | None, typer.Option("--html", help="Write a page that needs nothing else.", show_default=False)
    ] = None,
    config_dir: ConfigDir = None,
    config_name: ConfigName = "config",
) -> None:
    """Show only what differs between runs: config, code, packages, machine, metrics; and their curves."""
    from hone.cli import comparing, looking

    # Names of runs hold equals signs as well: lr=3e-4.
    overrides = tuple(one for one in runs if one.startswith("tracking."))
    names = tuple(one for one in runs if one not in overrides)
    place = looking.Place(overrides, config_dir, config_name)
    comparing.compare(names, place, tuple(metric or ()), png, html)


def promote(
    run: Annotated[
        str,
        typer.Argument(metavar="RUN", help="An id, its unique prefix, a name, best or best:STUDY.", show_default=False),
    ],
    overrides: Tracking = None,
    name: Annotated[
        str | None, typer.Option("--name", help="The registered model; the run's task.", show_default=False)
    ] = None,
    force: Annotated[bool, typer.Option("--force", help="Even where the champion is better.")] = False,
    config_dir: ConfigDir = None,
    config_name: ConfigName = "config",
) -> None:
    """Register a run's model as the champion, unless the present one is better."""
    from hone.cli import looking, promoting

    place = looking.Place(tuple(overrides or ()), config_dir, config_name)
    raise typer.Exit(promoting.promote_run(run, name, place, force=force))


def dashboard(
    overrides: Tracking = None,
    port: Annotated[int, typer.Option("--port", help="Port; the next free one where it is taken; 0 for any.")] = 5000,
    browser: Annotated[bool, typer.Option(help="Open a browser.")] = True,
    config_dir: ConfigDir = None,
    config_name: ConfigName = "config",
) -> None:
    """Open the MLflow dashboard on this project's store, on 127.0.0.1."""
    from hone.cli import looking, serving

    raise typer.Exit(serving.dashboard(looking.Place(tuple(overrides or ()), config_dir, config_name), port, browser))


def sync(
    overrides: Tracking = None,
    directory: Annotated[
        Path | None,
        typer.Option(
            "--directory", help="Where it waits; mlruns, unless the config says otherwise.", show_default=False
        ),
    ] = None,
    config_dir: ConfigDir = None,
    config_name: ConfigName = "config",
) -> None:
    """Deliver what could not be tracked while the store was away, or with tracking.offline=true."""
    from hone.cli import looking, syncing

    raise typer.Exit(syncing.deliver(looking.Place(tuple(overrides or ()), config_dir, config_name), directory))
