"""A config from a file or a run, read with care: of which version it is, and what it names."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from omegaconf import OmegaConf

from hone.config.compose import resolve
from hone.config.trust import check_names, check_texts
from hone.config.version import APPLICATION, migrated
from hone.errors import ConfigError


@dataclass(frozen=True)
class Foreign:
    """A config that may be anybody's.

    Attributes:
        config: Resolved, of this hone's version, naming only what is allowed.
        allowed: What it was allowed to name beside what is always allowed, for the worker to judge by.
        notes: What was changed in it, a line each.
    """

    config: dict[str, Any]
    allowed: tuple[str, ...]
    notes: tuple[str, ...]


def read_foreign(content: Mapping[str, Any], allowed: Sequence[str], source: str) -> Foreign:
    """Read a config from elsewhere.

    Args:
        content: As it stands there.
        allowed: What the user trusts.
        source: The file or run, for messages.

    Returns:
        The config.

    Raises:
        ConfigError: It computes values, names what it may not, or is of a version that cannot be read.
    """
    if APPLICATION in content:
        overrides = " ".join(map(str, (content[APPLICATION] or {}).get("overrides", ())))
        raise ConfigError(f"is of a Hydra application, which runs it again: python APP.py {overrides}", where=source)
    check_texts(content, source)
    config, notes = migrated(resolve(OmegaConf.create(dict(content))), source)
    check_names(config, allowed, source)
    return Foreign(config, tuple(allowed), notes)
