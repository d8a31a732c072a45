"""The version that a config carries, and what became of older ones."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from hone.errors import ConfigError

KEY = "hone"
VERSION = 1
# Holds, in a trial's file, what makes a job of a Hydra application of it.
APPLICATION = "hone_application"
# Nodes that configs of the first versions carried along and that no trial reads.
CONTROLLER = ("sampler", "pruner", "executor", "tracking")


def migrated(config: Mapping[str, Any], source: str) -> tuple[dict[str, Any], tuple[str, ...]]:
    """Bring a config up to this hone's version.

    Args:
        config: A run's config.
        source: The file or run, for messages.

    Returns:
        The config, and what was changed in it, a line each; none for one of this version.

    Raises:
        ConfigError: A newer hone made it, or its version is none.
    """
    version = config.get(KEY, 0)
    if not isinstance(version, int) or isinstance(version, bool) or version < 0:
        raise ConfigError(f"must be the number of a config's version, not {version!r}", where=f"{source}: {KEY}")
    if version > VERSION:
        raise ConfigError(
            f"a newer hone made this config (version {version}; this one reads up to {VERSION}): "
            "pip install --upgrade hone-ml",
            where=f"{source}: {KEY}",
        )
    content, notes = dict(config), []
    for step in range(version, VERSION):
        content, said = STEPS[step](content)
        notes += [f"version {step} to {step + 1}: {one}" for one in said]
    return {**content, KEY: VERSION}, tuple(notes)


def _from_unmarked(config: dict[str, Any]) -> tuple[dict[str, Any], list[str]]:
    """Configs carried no version, and those written by hand from a composed one carry what only a controller reads."""
    carried = [name for name in CONTROLLER if name in config]
    notes = ["it carries its version now"]
    if carried:
        notes.append(f"{', '.join(carried)} left out, which the command line sets and a run does not read")
    return {name: node for name, node in config.items() if name not in carried}, notes


STEPS: Mapping[int, Callable[[dict[str, Any]], tuple[dict[str, Any], list[str]]]] = {0: _from_unmarked}
