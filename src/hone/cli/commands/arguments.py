"""Arguments and options that several commands have."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from hone.errors import HoneError


def complete(ctx: typer.Context, incomplete: str) -> list[str]:
    """Complete a group, an option or a key where the cursor is."""
    from hone.config.completion import complete_override
    from hone.config.compose import Composer

    try:
        before = ctx.params.get("overrides") or []
        return complete_override(Composer(ctx.params.get("config_dir")), before, incomplete)
    except HoneError:
        return []


Overrides = Annotated[
    list[str] | None,
    typer.Argument(
        metavar="[OVERRIDES]...",
        help="Hydra overrides: group=option, key=value, +key=value, ++key=value, ~key.",
        autocompletion=complete,
        show_default=False,
    ),
]
ConfigDir = Annotated[
    Path | None,
    typer.Option("--config-dir", help="Your own config directory; ./conf where there is one.", show_default=False),
]
ConfigName = Annotated[str, typer.Option("--config-name", help="The primary config.")]
Cfg = Annotated[
    str | None,
    typer.Option("--cfg", metavar="job|all", help="Print the composed config and stop.", show_default=False),
]
Allow = Annotated[
    list[str] | None,
    typer.Option(
        "--allow",
        metavar="PACKAGE",
        help="What a config from a file or a run may name beside your own modules and the usual libraries.",
        show_default=False,
    ),
]
Resolve = Annotated[bool, typer.Option("--resolve", help="With --cfg: resolve interpolations.")]
Run = Annotated[
    str,
    typer.Argument(
        metavar="RUN",
        help="An id, its unique prefix, a name, best, best:STUDY, champion or champion:MODEL.",
        show_default=False,
    ),
]
Tracking = Annotated[
    list[str] | None,
    typer.Argument(metavar="[OVERRIDES]...", help="Such as tracking.uri=URI.", show_default=False),
]
