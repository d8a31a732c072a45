"""Composition on Hydra's Compose API: overrides in, one config out."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import hydra
from hydra import version
from hydra._internal.config_loader_impl import ConfigLoaderImpl
from hydra._internal.config_repository import IConfigRepository
from hydra._internal.config_search_path_impl import ConfigSearchPathImpl
from hydra._internal.hydra import Hydra
from hydra._internal.utils import create_config_search_path
from hydra.core.config_loader import ConfigLoader
from hydra.core.global_hydra import GlobalHydra
from hydra.core.object_type import ObjectType
from hydra.core.utils import JobRuntime
from hydra.errors import HydraException
from hydra.types import RunMode
from omegaconf import DictConfig, OmegaConf, open_dict
from omegaconf.errors import OmegaConfBaseException

from hone.config.explain import explain
from hone.config.search_path import shipped_conf, user_conf
from hone.errors import ConfigError

PROVIDER = "hone"
# From 1.4 on Hydra has one behaviour, and warns who asks for a version of it.
BEFORE_1_4 = tuple(int(part) for part in hydra.__version__.split(".")[:2]) < (1, 4)


@dataclass(frozen=True)
class Composition:
    """A composed config.

    Attributes:
        config: The job's config, its interpolations not yet resolved.
        choices: The option chosen in each config group.
        whole: The same with Hydra's own ``hydra`` node, as ``--cfg all`` prints it.
    """

    config: DictConfig
    choices: dict[str, str | None]
    whole: DictConfig


class Composer:
    """Composes configs from the user's ``conf/`` and the shipped one.

    It sets Hydra's process-wide state while a call runs and puts it back after, so it can be used inside another
    Hydra application.

    Args:
        config_dir: The user's config directory; ``conf/`` in the working directory when None.
        config_name: The primary config, without ``.yaml``.

    Raises:
        ConfigError: ``config_dir`` is no directory.
    """

    def __init__(self, config_dir: Path | None = None, config_name: str = "config") -> None:
        self.config_name = config_name.removesuffix(".yaml")
        self._user_conf = user_conf(config_dir)

    def compose(self, overrides: Sequence[str] = ()) -> Composition:
        """Compose one config.

        Args:
            overrides: Hydra overrides, such as ``model=cnn`` or ``optimizer.lr=3e-4``.

        Returns:
            The config, its interpolations not yet resolved, with the group choices that made it.

        Raises:
            ConfigError: A group, option, key or value is wrong; the message names the nearest valid one.
        """
        with self._hydra():
            try:
                whole = hydra.compose(self.config_name, list(overrides), return_hydra_config=True)
            except (HydraException, OmegaConfBaseException) as error:
                raise self._explained(error, overrides) from error
        choices = {str(group): option for group, option in whole.hydra.runtime.choices.items()}
        return Composition(_without_hydra(whole), choices, whole)

    @classmethod
    def for_tracking(cls, config_dir: Path | None, config_name: str) -> Composer:
        """Composes what says where to track; by hone's own conf where ``conf/`` is a Hydra application's."""
        composer = cls(config_dir, config_name)
        if config_dir is None and Path("conf", f"{composer.config_name}.yaml").is_file():
            with contextlib.suppress(ConfigError):
                if "tracking" not in composer.compose().config:
                    return cls(shipped_conf())
        return composer

    def groups(self) -> dict[str, list[str]]:
        """List each config group with its options, in alphabetical order."""
        with self._hydra() as loader:
            listing = _listing(loader)
            return {group: self._options(listing, group) for group in self._group_names(listing)}

    def is_group(self, key: str) -> bool:
        """Say whether ``key`` names a config group, with or without ``@package``."""
        return key.split("@")[0] in self._known_groups()

    @contextmanager
    def loader(self) -> Iterator[ConfigLoader]:
        """Hydra's config loader over this search path, for as long as the block runs."""
        with self._hydra() as loader:
            yield loader

    def _known_groups(self) -> set[str]:
        if not hasattr(self, "_group_cache"):
            with self._hydra() as loader:
                self._group_cache = set(self._group_names(_listing(loader)))
        return self._group_cache

    @contextmanager
    def _hydra(self) -> Iterator[ConfigLoader]:
        held, base = GlobalHydra.instance().hydra, version.VersionBase.instance().version_base
        job = JobRuntime.instance().conf.get("name")
        if BEFORE_1_4:
            version.setbase("1.3")
        GlobalHydra.instance().clear()
        try:
            yield Hydra.create_main_hydra2("hone", self._search_path()).config_loader
        finally:
            GlobalHydra.instance().hydra = held
            if held is not None:
                JobRuntime.instance().set("name", job)
            version.VersionBase.instance().version_base = base

    def _search_path(self) -> ConfigSearchPathImpl:
        first = self._user_conf or shipped_conf()
        search_path = create_config_search_path(str(first))
        if self._user_conf is not None:
            search_path.append(PROVIDER, f"file://{shipped_conf()}", anchor="main")
        return search_path

    def _group_names(self, listing: IConfigRepository, parent: str = "") -> list[str]:
        names: list[str] = []
        for name in listing.get_group_options(parent, ObjectType.GROUP):
            full = f"{parent}/{name}" if parent else name
            if full != "hydra":
                names += [full, *self._group_names(listing, full)]
        return sorted(names)

    def _options(self, listing: IConfigRepository, group: str) -> list[str]:
        return sorted(listing.get_group_options(group, ObjectType.CONFIG))

    def _explained(self, error: Exception, overrides: Sequence[str]) -> ConfigError:
        return explain(error, overrides, groups=self.groups(), known_keys=self._known_keys(overrides))

    def _known_keys(self, overrides: Sequence[str]) -> list[str]:
        """The keys of the config that the group choices alone give, or of the default where even these are wrong."""
        choices = [one for one in overrides if one.split("=")[0] in self._known_groups()]
        with self._hydra() as loader:
            for attempt in (choices, []):
                try:
                    found = loader.load_configuration(self.config_name, attempt, RunMode.RUN, from_shell=False)
                except (HydraException, OmegaConfBaseException):
                    continue
                return [key for key in flat_keys(found) if not key.startswith("hydra.")]
        return []


def _listing(loader: ConfigLoader) -> IConfigRepository:
    """What lists groups and options; the loader's own method copies all of it each time that it is asked."""
    assert isinstance(loader, ConfigLoaderImpl)
    return loader.repository


def _without_hydra(whole: DictConfig) -> DictConfig:
    config = whole.copy()
    with open_dict(config):
        del config["hydra"]
    return config


def flat_keys(config: DictConfig, prefix: str = "") -> list[str]:
    """List every dotted key of a config, branches before their leaves."""
    keys: list[str] = []
    for name in config:
        key = f"{prefix}{name}"
        keys.append(key)
        node = None if OmegaConf.is_missing(config, name) else config._get_node(name)
        if isinstance(node, DictConfig) and not (node._is_none() or node._is_interpolation()):
            keys += flat_keys(node, f"{key}.")
    return keys


def resolve(config: DictConfig, *, complete: bool = True) -> dict[str, Any]:
    """Resolve every interpolation of a config into plain Python values.

    Args:
        config: A composed config.
        complete: A mandatory value that is missing is an error; else it stays ``???``.

    Returns:
        Nested dicts, lists and scalars.

    Raises:
        ConfigError: A mandatory value (``???``) is missing or an interpolation does not resolve.
    """
    try:
        resolved = OmegaConf.to_container(config, resolve=True, throw_on_missing=complete)
    except OmegaConfBaseException as error:
        where = getattr(error, "full_key", None) or None
        raise ConfigError(str(error.msg or error).splitlines()[0], where=where) from error
    assert isinstance(resolved, dict)
    return {str(key): value for key, value in resolved.items()}
