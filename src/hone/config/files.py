"""Configs as YAML files: a run's ``config.yaml``, a sweep's ``best.yaml``."""

from __future__ import annotations

import os
import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import yaml
from omegaconf import DictConfig, OmegaConf
from omegaconf.errors import OmegaConfBaseException

from hone.config.compose import flat_keys
from hone.config.sweeps import parse_override
from hone.errors import ConfigError, did_you_mean

# Texts that OmegaConf would read as something else.
NUMBER = re.compile(r"[-+]?(\d[\d_]*\.?[\d_]*|\.\d[\d_]*)([eE][-+]?\d+)?|[-+]?\.?(inf|nan)", re.IGNORECASE)
WORDS = ("true", "false", "yes", "no", "on", "off", "y", "n", "null", "~")


def read_yaml(path: Path) -> dict[str, Any]:
    """Read a YAML file that must hold a mapping.

    Args:
        path: The file.

    Returns:
        Its content.

    Raises:
        ConfigError: The file is missing, unreadable, not YAML or no mapping.
    """
    try:
        content = OmegaConf.to_container(OmegaConf.load(path), resolve=False)
    except FileNotFoundError:
        near = did_you_mean(path.name, [one.name for one in path.parent.glob("*.y*ml")])
        raise ConfigError(f"no such file.{near}", where=str(path)) from None
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigError(f"cannot be read: {error}", where=str(path)) from error
    except (yaml.YAMLError, OmegaConfBaseException) as error:
        raise ConfigError(f"not valid YAML: {' '.join(str(error).split())}", where=str(path)) from error
    if not isinstance(content, dict):
        raise ConfigError("must hold keys with values", where=str(path))
    return {str(key): value for key, value in content.items()}


def write_yaml(content: Mapping[str, Any] | Sequence[Any], path: Path) -> None:
    """Write plain values as YAML, complete or not at all.

    Args:
        content: Nested dicts, lists and scalars.
        path: The file; its directory exists.
    """
    write_text(yaml_text(content), path)


def yaml_text(content: Mapping[str, Any] | Sequence[Any]) -> str:
    """Plain values as YAML, keys in the order given."""
    plain = OmegaConf.to_container(content) if OmegaConf.is_config(content) else content
    return yaml.dump(plain, Dumper=_Dumper, default_flow_style=False, allow_unicode=True, sort_keys=False)


# The C dumper, where PyYAML was built with it, is ten times faster.
class _Dumper(getattr(yaml, "CSafeDumper", yaml.SafeDumper)):  # type: ignore[misc]
    """Writes what OmegaConf's loader reads back, which sees a number in 1e-05 where YAML 1.1 sees a text."""

    def ignore_aliases(self, data: object) -> bool:  # noqa: ARG002 - PyYAML gives it
        """One value in two places is written twice."""
        return True


def _represent_text(dumper: Any, text: str) -> Any:
    quoted = NUMBER.fullmatch(text) is not None or text.lower() in WORDS
    return dumper.represent_scalar("tag:yaml.org,2002:str", text, style="'" if quoted else None)


def _represent_path(dumper: Any, path: Path) -> Any:
    return dumper.represent_scalar("tag:yaml.org,2002:str", str(path))


_Dumper.add_representer(str, _represent_text)
_Dumper.add_multi_representer(Path, _represent_path)


def write_text(text: str, path: Path) -> None:
    """Write a file by renaming a finished one into place, so that no reader sees half of it."""
    temporary = path.with_name(f".{path.name}.{os.getpid()}")
    temporary.write_text(text, encoding="utf-8")
    temporary.replace(path)


def apply_overrides(config: Mapping[str, Any], overrides: Sequence[str], groups: Sequence[str]) -> dict[str, Any]:
    """Set keys of a resolved config.

    Args:
        config: A resolved config, such as a run's ``config.yaml``.
        overrides: ``key=value``, ``+key=value``, ``++key=value`` or ``~key``.
        groups: The config groups, which cannot be chosen anew in a resolved config.

    Returns:
        The config with the overrides applied.

    Raises:
        ConfigError: A key is not there, or names a group.
    """
    edited = OmegaConf.create(dict(config))
    for text in overrides:
        _apply(edited, text, groups)
    plain = OmegaConf.to_container(edited, resolve=True)
    assert isinstance(plain, dict)
    return {str(key): value for key, value in plain.items()}


def _apply(config: DictConfig, text: str, groups: Sequence[str]) -> None:
    entry = parse_override(text)
    if entry.key in groups:
        raise ConfigError("a group cannot be chosen in a config that is already resolved", where=entry.key)
    if entry.sweep is not None:
        raise ConfigError("sweeps over values; hone train takes one value", where=entry.key)
    if not entry.prefix.startswith("+") and OmegaConf.select(config, entry.key, default=config) is config:
        raise ConfigError(f"no such key.{did_you_mean(entry.key, flat_keys(config))}", where=entry.key)
    if entry.prefix == "~":
        parent, _, leaf = entry.key.rpartition(".")
        del (OmegaConf.select(config, parent) if parent else config)[leaf]
    else:
        OmegaConf.update(config, entry.key, entry.value, force_add=True)
