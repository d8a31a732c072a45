"""Single options of the config groups that ship with hone, for those who compose no config of hone's."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from omegaconf import OmegaConf

from hone.config.compose import resolve
from hone.config.files import read_yaml
from hone.config.search_path import shipped_conf
from hone.errors import ConfigError, did_you_mean


def shipped_option(group: str, name: str, around: Mapping[str, Any], where: str) -> dict[str, Any]:
    """An option of a shipped group, resolved.

    Args:
        group: Such as ``pruner``.
        name: The option.
        around: What its interpolations look at.
        where: Who names it, for messages.

    Raises:
        ConfigError: There is no such option.
    """
    directory = shipped_conf() / group
    known = sorted(one.stem for one in directory.glob("*.yaml"))
    if name not in known:
        raise ConfigError(f"no option {name!r}.{did_you_mean(name, known)} There are: {', '.join(known)}.", where=where)
    node: dict[str, Any] = resolve(OmegaConf.create({**around, group: read_yaml(directory / f"{name}.yaml")}))[group]
    return node
