"""Libraries that only some tasks need, asked for by the extra that brings them."""

from __future__ import annotations

from importlib import import_module
from typing import Any

from hone.errors import DataError, HoneError


def import_extra(module: str, extra: str, where: str, error: type[HoneError] = DataError) -> Any:
    """Import a library of an extra.

    Args:
        module: Dotted name of the module.
        extra: The extra of hone that installs it.
        where: The config key that needs it.
        error: What to raise.

    Raises:
        HoneError: Of the given kind: it is not installed.
    """
    try:
        return import_module(module)
    except ImportError as cause:
        library = module.partition(".")[0]
        if cause.name is not None and cause.name.partition(".")[0] != library:
            raise
        raise error(f"needs the {library} package: pip install 'hone-ml[{extra}]'", where) from None
