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
from hone.cli.commands import running, viewing
from hone.errors import HoneError

app = typer.Typer(
    help="Hyperparameter sweeps: Hydra composes, Optuna searches, Lightning trains, MLflow remembers.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
    rich_markup_mode="rich",
)
# In the order of the help.
COMMANDS = (
    running.train,
    running.sweep,
    running.loop,
    running.evaluate,
    running.reproduce,
    viewing.compare,
    viewing.ls,
    viewing.show,
    viewing.promote,
    viewing.dashboard,
    viewing.sync,
    running.init,
)
for command in COMMANDS:
    app.command()(command)


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
