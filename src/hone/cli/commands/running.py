"""The commands that train."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from hone.cli.commands.arguments import Allow, Cfg, ConfigDir, ConfigName, Overrides, Resolve, Run


def train(
    overrides: Overrides = None,
    config: Annotated[
        Path | None,
        typer.Option("--config", help="Train a resolved config, such as a study's best.yaml.", show_default=False),
    ] = None,
    allow: Allow = None,
    config_dir: ConfigDir = None,
    config_name: ConfigName = "config",
    cfg: Cfg = None,
    resolve: Resolve = False,
) -> None:
    """Compose, train, validate, test and track one run.

    Example: hone train model=cnn optimizer.lr=3e-4 trainer.max_epochs=20
    """
    from hone.cli import training

    given = tuple(overrides or ())
    if cfg is not None:
        training.print_config(given, config, config_dir, config_name, cfg, resolve)
    else:
        raise typer.Exit(training.train(given, config, config_dir, config_name, tuple(allow or ())))


def sweep(
    file: Annotated[Path, typer.Argument(metavar="FILE", help="The sweep file.", show_default=False)],
    overrides: Overrides = None,
    resume: Annotated[
        bool,
        typer.Option("--resume", help="Go on with the latest study of this file, or with study.name=NAME."),
    ] = False,
    config_dir: ConfigDir = None,
    config_name: ConfigName = "config",
    cfg: Cfg = None,
    resolve: Resolve = False,
) -> None:
    """Search: many trials at once, one run each under one parent run.

    Keys of the sweep file can be set too. Example: hone sweep sweeps/quickstart.yaml trials=40 model=cnn
    """
    from hone.cli import sweeping

    given = tuple(overrides or ())
    if cfg is not None:
        sweeping.print_config(file, given, config_dir, config_name, cfg, resolve)
    else:
        raise typer.Exit(sweeping.sweep(file, given, config_dir, config_name, resume))


def loop(
    file: Annotated[
        str | None,
        typer.Argument(
            metavar="[FILE]",
            help="The sweep file; with --continue a loop, its file, or nothing for the latest.",
            show_default=False,
        ),
    ] = None,
    overrides: Overrides = None,
    rounds: Annotated[
        int | None, typer.Option("--rounds", min=1, help="The most rounds; 4.", show_default=False)
    ] = None,
    budget: Annotated[
        str | None,
        typer.Option("--budget", metavar="TIME", help="Such as 4h: no round begins later.", show_default=False),
    ] = None,
    review: Annotated[bool, typer.Option("--review", help="Write the next round's file and stop.")] = False,
    go_on: Annotated[bool, typer.Option("--continue", help="Go on with a loop, after anything.")] = False,
    config_dir: ConfigDir = None,
    config_name: ConfigName = "config",
) -> None:
    """Sweep in rounds: each searches what the one before has shown to be worth it.

    The best of a round are confirmed on other seeds, and decide with all its trials what the next one searches.
    Example: hone loop sweeps/quickstart.yaml --rounds 4 --budget 4h
    """
    from hone.cli import looping

    options = looping.Options(rounds, budget, review, go_on)
    raise typer.Exit(looping.loop(file, tuple(overrides or ()), options, config_dir, config_name))


def evaluate(
    run: Run,
    overrides: Overrides = None,
    split: Annotated[str, typer.Option("--split", help="test, val or train. Choose on val; touch test last.")] = "test",
    slices: Annotated[
        list[str] | None,
        typer.Option(
            "--slice",
            metavar="COLUMN",
            help="Cut the split by this column of the data too: by class, and texts by length, it is cut anyway.",
            show_default=False,
        ),
    ] = None,
    against: Annotated[
        str | None,
        typer.Option("--against", metavar="RUN", help="Compare with this run; the champion.", show_default=False),
    ] = None,
    compare: Annotated[bool, typer.Option(help="Compare with another model at all.")] = True,
    resamples: Annotated[int, typer.Option("--resamples", help="Of the rows, for intervals.")] = 1_000,
    as_json: Annotated[bool, typer.Option("--json", help="For scripts.")] = False,
    allow: Allow = None,
    config_dir: ConfigDir = None,
    config_name: ConfigName = "config",
) -> None:
    """Score its best checkpoint: intervals, slices, calibration, latency, and whether it beats the champion.

    Example: hone evaluate best:quickstart-1 --split val --against mlp-0000
    """
    from hone.cli import evaluating

    flags = evaluating.Flags(split, tuple(slices or ()), against, compare, resamples, tuple(allow or ()), as_json)
    raise typer.Exit(evaluating.evaluate(run, tuple(overrides or ()), flags, config_dir, config_name))


def reproduce(
    run: Annotated[
        str,
        typer.Argument(
            metavar="RUN", help="An id, its unique prefix, a name, best, best:STUDY, or a study.", show_default=False
        ),
    ],
    overrides: Overrides = None,
    checkout: Annotated[
        bool, typer.Option("--checkout", help="Run its recorded commit and diff, in a temporary git worktree.")
    ] = False,
    env: Annotated[
        bool, typer.Option("--env", help="Run in a virtual environment with its recorded packages.")
    ] = False,
    allow_data_change: Annotated[
        bool, typer.Option("--allow-data-change", help="Run it on data whose content has changed.")
    ] = False,
    tolerance: Annotated[
        float, typer.Option("--tolerance", min=0, help="The share by which values may differ.")
    ] = 1e-3,
    threads: Annotated[
        int | None, typer.Option("--threads", min=1, help="Threads; as many as it had.", show_default=False)
    ] = None,
    allow: Allow = None,
    config_dir: ConfigDir = None,
    config_name: ConfigName = "config",
) -> None:
    """Run it again from its config, and say whether it came to the same, to the bit.

    Exit status 0: identical or within tolerance. 1: it differs.
    """
    from hone.cli import reproducing

    options = reproducing.Options(checkout, env, allow_data_change, tolerance, threads, tuple(allow or ()))
    raise typer.Exit(reproducing.reproduce(run, tuple(overrides or ()), options, config_dir, config_name))


def init(
    directory: Annotated[Path, typer.Argument(metavar="DIR", help="It need not exist.", show_default=False)],
    force: Annotated[bool, typer.Option("--force", help="Write over files that are there.")] = False,
) -> None:
    """Start a project: its own conf/, a sweep, a LightningModule, a data module and a test; it runs at once."""
    from hone.cli import beginning

    beginning.begin(directory, force=force)
