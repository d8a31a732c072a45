"""Groups of a resolved config, chosen anew."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from omegaconf import OmegaConf

from hone.config.compose import Composer, resolve


def replace_groups(
    config: Mapping[str, Any], composer: Composer, chosen: Sequence[str], below: Sequence[str] = ()
) -> dict[str, Any]:
    """Put other options of config groups into a resolved config.

    Args:
        config: Resolved.
        composer: Composes the options.
        chosen: ``group=option`` for each.
        below: Overrides of keys of these groups.

    Returns:
        The config with those nodes in place of its own; what they refer to is looked up in it.

    Raises:
        ConfigError: There is no such option or key.
    """
    composed = composer.compose([*chosen, *below]).config
    names = [one.partition("=")[0] for one in chosen]
    edited = OmegaConf.create(dict(config))
    if "data_root" in composed:
        # What is chosen here lies here.
        edited["data_root"] = composed["data_root"]
    for name in names:
        edited[name] = composed._get_node(name)
    whole = resolve(edited)
    return {**config, **{name: whole[name] for name in names}}
