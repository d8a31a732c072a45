"""What comes by a hub name or a local folder, loaded quietly, or refused in one line."""

from __future__ import annotations

import logging
from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

from hone.config.explain import first_line
from hone.errors import HoneError
from hone.provenance.digests import file_digest

Loaded = TypeVar("Loaded")


def load_pretrained(
    load: Callable[[str], Loaded],
    name: str,
    error: type[HoneError],
    where: str,
    extra: str = "text",
    *,
    named: bool = True,
) -> Loaded:
    """Load a pretrained thing through ``transformers``.

    Args:
        load: Takes a folder or hub name; imports ``transformers`` itself, since that takes a second.
        name: A hub name, or a local folder's path.
        error: What to raise.
        where: The config key that holds the name.
        extra: The extra of hone that brings ``transformers``.
        named: The name is one of a place; else of a family, to be built anew.

    Raises:
        HoneError: Of the given kind: there is no such thing, or ``transformers`` is not installed.
    """
    folder = Path(name).expanduser()
    if named and name.startswith((".", "/", "~")) and not folder.is_dir():
        raise error(f"no such folder: {name}", where)
    try:
        _quieten()
        return load(str(folder) if named and folder.is_dir() else name)
    except HoneError:
        raise
    except Exception as cause:
        if isinstance(cause, ModuleNotFoundError) and cause.name == "transformers":
            raise error(f"needs the transformers package: pip install 'hone-ml[{extra}]'", where) from None
        reason = first_line(str(cause)) or type(cause).__name__
        raise error(f"cannot {'load' if named else 'build'} {name!r}: {reason}", where) from cause


def pretrained_digests(name: str) -> dict[str, str]:
    """SHA-256 of each file of a pretrained model that decides what it computes.

    Args:
        name: A hub name, already loaded and so in the hub's cache, or a local folder's path.
    """
    folder = Path(name).expanduser()
    if not folder.is_dir():
        from transformers.utils import cached_file

        folder = Path(cached_file(name, "config.json", local_files_only=True)).parent
    files = sorted(one for pattern in ("*.safetensors", "config.json") for one in folder.glob(pattern))
    return {f"{name}/{one.name}": file_digest(one) for one in files}


def _quieten() -> None:
    from transformers.utils import logging as transformers_logging

    # That a classifier's head is new is known, and needs no warning.
    transformers_logging.set_verbosity_error()
    transformers_logging.disable_progress_bar()
    # It tells of each attempt to reach a hub that is away; the last one's error says it all.
    logging.getLogger("huggingface_hub").setLevel(logging.ERROR)
