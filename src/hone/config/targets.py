"""What a config will import."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any


def target_modules(config: Mapping[str, Any]) -> list[str]:
    """The modules that a config's ``_target_``s lie in, so that they can be imported ahead of time.

    Args:
        config: Resolved.

    Returns:
        Dotted names, sorted.
    """
    return sorted({target.rpartition(".")[0] for target in _targets(config)} - {""})


def _targets(node: Any) -> list[str]:
    if isinstance(node, Mapping):
        own = [node["_target_"]] if isinstance(node.get("_target_"), str) else []
        return own + [target for one in node.values() for target in _targets(one)]
    if isinstance(node, list | tuple):
        return [target for one in node for target in _targets(one)]
    return []
