"""The ``hone`` command."""

from __future__ import annotations

import contextlib
import os
import sys
import traceback
from pathlib import Path
from typing import Annotated, NoReturn

import typer

from hone import __version__
from hone.cli.arguments import Allow, Cfg, ConfigDir, ConfigName, Overrides, Resolve
from hone.errors import HoneError

app = typer.Typer(
    help="Hyperparameter sweeps: Hydra composes, Optuna searches, Lightning trains, MLflow remembers.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
    rich_markup_mode="rich",
)


def main() -> None:
    """Run the command line; the one place where an error becomes a line and an exit status."""
    # As ``python -m`` does: a user's own classes lie beside the user's own conf/.
    sys.path.insert(0, str(Path.cwd()))
    try:
        app()
    except HoneError as error:
        print(f"hone: {error}", file=sys.stderr)
        sys.exit(2)
    except KeyboardInterrupt:
        sys.exit(130)
    except BrokenPipeError:
        # The reader of ``hone ls | head`` has seen enough; the interpreter must not complain when it flushes.
        sys.stderr.close()
        sys.exit(0)


def run_and_exit() -> NoReturn:
    """Run the command line and end this process at once.

    Freeing what MLflow and SQLAlchemy hold, object by object, takes half a second that nobody has a use for.
    """
    status = 1
    try:
        main()
        status = 0
    except SystemExit as ended:
        status = ended.code if isinstance(ended.code, int) else int(ended.code is not None)
    except BaseException:  # noqa: BLE001 - a mistake of hone's own, shown as Python would
        traceback.print_exc()
    with contextlib.suppress(OSError, ValueError):
        sys.stdout.flush()
        sys.stderr.flush()
    os._exit(status)


def _version(asked: bool) -> None:
    if asked:
        print(f"hone {__version__}")
        raise typer.Exit


@app.callback()
def _root(
    version: Annotated[
        bool, typer.Option("--version", callback=_version, is_eager=True, help="Print the version.")
    ] = False,
) -> None:
    """Global options."""


@app.command()
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


@app.command()
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


@app.command()
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


Tracking = Annotated[
    list[str] | None,
    typer.Argument(metavar="[OVERRIDES]...", help="Such as tracking.uri=URI.", show_default=False),
]


@app.command()
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


@app.command()
def show(
    run: Annotated[
        str,
        typer.Argument(
            metavar="RUN",
            help="An id, its unique prefix, a name, best, best:STUDY, champion or champion:MODEL.",
            show_default=False,
        ),
    ],
    overrides: Tracking = None,
    config_dir: ConfigDir = None,
    config_name: ConfigName = "config",
) -> None:
    """Show one run: its searched values, metrics, files and how to run it again."""
    from hone.cli import looking

    looking.show(run, looking.Place(tuple(overrides or ()), config_dir, config_name))


@app.command()
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


@app.command()
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


@app.command()
def evaluate(
    run: Annotated[
        str,
        typer.Argument(
            metavar="RUN",
            help="An id, its unique prefix, a name, best, best:STUDY, champion or champion:MODEL.",
            show_default=False,
        ),
    ],
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


@app.command()
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


@app.command()
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


@app.command()
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
