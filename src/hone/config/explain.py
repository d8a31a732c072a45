"""Hydra's errors, said so that a person knows what to type instead."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence

from hydra.errors import MissingConfigException, OverrideParseException

from hone.config.written import override_key
from hone.errors import ConfigError, did_you_mean

QUOTED_KEY = re.compile(r"(?:Could not (?:override|delete from config\.?|append to config\.?)[^']*)'([^'\s]+)'")
SHOWN_OPTIONS = 12


def explain(
    error: Exception,
    overrides: Sequence[str],
    *,
    groups: Mapping[str, Sequence[str]],
    known_keys: Sequence[str],
) -> ConfigError:
    """Turn an error of Hydra's into one line.

    Args:
        error: What Hydra or OmegaConf raised.
        overrides: The overrides that were composed.
        groups: Each config group with its options.
        known_keys: Every dotted key that the config has without the faulty override.

    Returns:
        What is wrong, where, and the nearest valid spelling.
    """
    if isinstance(error, OverrideParseException):
        return ConfigError(f"not a valid override: {first_line(error.message)}", where=error.override)
    if isinstance(error, MissingConfigException):
        return _missing(error, groups)
    match = QUOTED_KEY.search(str(error))
    if match:
        return _unknown_key(match[1], overrides, groups, known_keys)
    return ConfigError(" ".join(str(error).split()))


def first_line(text: str) -> str:
    """The first line of a text that is not blank, with the next where it ends in a colon."""
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    whole = 2 if lines and lines[0].endswith(":") else 1
    return " ".join(lines[:whole])


def _missing(error: MissingConfigException, groups: Mapping[str, Sequence[str]]) -> ConfigError:
    wanted = (error.missing_cfg_file or "").removesuffix(".yaml")
    group, _, option = wanted.rpartition("/")
    if not group:
        return ConfigError(f"no config named {wanted!r} on the search path", where="--config-name")
    options = groups.get(group)
    if options is None:
        return ConfigError(f"no such config group.{did_you_mean(group, groups)}", where=group)
    return ConfigError(f"no option {option!r}.{did_you_mean(option, options)}{_shown(options)}", where=group)


def _unknown_key(
    key: str, overrides: Sequence[str], groups: Mapping[str, Sequence[str]], known_keys: Sequence[str]
) -> ConfigError:
    if key in groups:
        options = groups[key]
        return ConfigError(f"needs one of its options.{_shown(options)}", where=key)
    given = next((one for one in overrides if override_key(one) == key), f"{key}=...")
    near = (
        _near_group(key, given.partition("=")[2], groups)
        or did_you_mean(key, [*known_keys, *groups])
        or _near_leaf(key, known_keys)
    )
    add = "" if given.startswith(("+", "~")) else f" To add it as a new key, write +{given}."
    return ConfigError(f"no such key in the composed config.{near}{add}", where=key)


def _near_group(key: str, option: str, groups: Mapping[str, Sequence[str]]) -> str:
    """For a misspelt group with one of its options: ``modle=mlp``."""
    return did_you_mean(key, [group for group, options in groups.items() if option in options])


def _near_leaf(key: str, known_keys: Sequence[str]) -> str:
    """For a key of the right name in the wrong branch: ``lr`` for ``optimizer.lr``."""
    leaf = key.rpartition(".")[2]
    same = [known for known in known_keys if known.rpartition(".")[2] == leaf]
    return f" Did you mean {' or '.join(same[:2])}?" if same else ""


def _shown(options: Sequence[str]) -> str:
    shown = ", ".join(options[:SHOWN_OPTIONS])
    return f" There are: {shown}{', ...' if len(options) > SHOWN_OPTIONS else ''}." if options else ""
