"""The jobs of a Hydra application's sweep, as its controller sees them: overrides, and the configs that they make."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from hydra.core.hydra_config import HydraConfig
from hydra.core.object_type import ObjectType
from hydra.errors import HydraException
from omegaconf import DictConfig, ListConfig, OmegaConf, open_dict, read_write
from omegaconf.errors import OmegaConfBaseException

from hone.config.application import compose_job
from hone.config.compose import flat_keys
from hone.config.explain import first_line
from hone.errors import ConfigError


class Jobs:
    """Composes the configs of an application's jobs in the process that sweeps.

    Args:
        loader: Hydra's config loader, as the application has set it up.
        master: What Hydra composed for the sweep.
    """

    def __init__(self, loader: Any, master: DictConfig) -> None:
        self.loader = loader
        self.master = master

    @property
    def name(self) -> str:
        """What Hydra calls the application."""
        return str(self.master.hydra.job.name)

    def options(self, group: str) -> list[str]:
        """The options of a config group; none where there is no such group."""
        return sorted(self.loader.get_group_options(group.split("@")[0], ObjectType.CONFIG))

    def compose(self, overrides: Sequence[str], number: int = 0) -> DictConfig:
        """Compose a job's config, ``hydra`` node included.

        Args:
            overrides: The job's.
            number: The job's.

        Raises:
            ConfigError: It does not compose.
        """
        try:
            return compose_job(self.loader, self.master, overrides, number)
        except (HydraException, OmegaConfBaseException) as error:
            raise ConfigError(first_line(str(error)), where="hydra.sweeper.params") from error

    def keys(self, overrides: Sequence[str]) -> list[str]:
        """Every dotted key of a job's config."""
        return [one for one in flat_keys(self.compose(overrides)) if one.split(".")[0] != "hydra"]

    def resolved(self, overrides: Sequence[str], number: int) -> tuple[dict[str, Any], dict[str, str | None]]:
        """A job's config as plain values, and the option of each config group.

        What cannot be known before the job runs stays as it is written.

        Args:
            overrides: The job's.
            number: The job's.
        """
        config = self.compose(overrides, number)
        held = HydraConfig.instance().cfg
        HydraConfig.instance().set_config(config)
        try:
            place = Path(str(config.hydra.sweep.dir), str(config.hydra.sweep.subdir))
            with read_write(config.hydra.runtime), open_dict(config.hydra.runtime):
                config.hydra.runtime.output_dir = str(place.absolute())
            HydraConfig.instance().set_config(config)
            choices = {str(group): option for group, option in config.hydra.runtime.choices.items()}
            plain = {str(key): _plain(config, key) for key in config if key != "hydra"}
        except OmegaConfBaseException as error:
            raise ConfigError(first_line(str(error)), where="hydra.sweep") from error
        finally:
            HydraConfig.instance().cfg = held
        return plain, choices


def _plain(node: DictConfig | ListConfig, key: Any) -> Any:
    """One value of a config, resolved where it can be."""
    if OmegaConf.is_missing(node, key):
        return "???"
    try:
        value = node[key]
    except OmegaConfBaseException:
        return str(OmegaConf.to_container(node, resolve=False)[key])
    if isinstance(value, DictConfig):
        return {str(inner): _plain(value, inner) for inner in value}
    if isinstance(value, ListConfig):
        return [_plain(value, place) for place in range(len(value))]
    return value if isinstance(value, bool | int | float | str | Path) or value is None else _named(value)


def _named(value: Any) -> str:
    return str(getattr(value, "name", value))
