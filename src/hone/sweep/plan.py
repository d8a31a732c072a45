"""From a sweep file and a command line to a plan: everything that can be wrong is found before anything starts."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from hone.config.build import build
from hone.config.compose import Composer, flat_keys, resolve
from hone.config.sweeps import parse_override
from hone.config.targets import target_modules
from hone.errors import SpaceError, SweepFileError, did_you_mean
from hone.space import Space, parse_space
from hone.sweep.configs import CONTROLLER_NODES, TrialConfigs
from hone.sweep.file import SweepFile, load_sweep_file

MODES = {"maximize": "max", "minimize": "min"}


@dataclass(frozen=True)
class Plan:
    """A sweep, checked and ready to run.

    Attributes:
        path: The sweep file.
        sweep: Its content, the command line applied.
        space: What is searched.
        configs: Gives each trial its config.
        config: The composed config on which the trials stand, resolved; the controller's nodes are in it.
        overrides: What was written beyond the sweep file.
    """

    path: Path
    sweep: SweepFile
    space: Space
    configs: TrialConfigs
    config: dict[str, Any]
    overrides: tuple[str, ...]

    @property
    def stem(self) -> str:
        """What studies of this file are named after."""
        return self.path.stem

    def sampler(self, asked: int = 0) -> Any:
        """The Optuna sampler.

        Args:
            asked: How many trials the study has had. A seed alone would make a sampler that takes up a study draw its
                first values over again.
        """
        node = self.config["sampler"]
        if asked and isinstance(node.get("seed"), int):
            node = {**node, "seed": node["seed"] + asked}
        return build(node, "sampler")

    def pruner(self) -> Any:
        """The Optuna pruner."""
        return build(self.config["pruner"], "pruner")

    def modules(self) -> list[str]:
        """What trials import, for their workers to import beforehand."""
        return target_modules({name: node for name, node in self.config.items() if name not in CONTROLLER_NODES})


def make_plan(
    path: Path, overrides: Sequence[str], config_dir: Path | None = None, config_name: str = "config"
) -> Plan:
    """Read, compose and check a sweep.

    Args:
        path: The sweep file.
        overrides: The command line's: keys of the sweep file, sweeps over more keys, and Hydra overrides. A fixed
            override takes its key out of the space; a sweep replaces the file's.
        config_dir: The user's config directory.
        config_name: The primary config.

    Returns:
        The plan.

    Raises:
        HoneError: Something is wrong; the message says where.
    """
    sweep, others = load_sweep_file(path, overrides)
    entries = [parse_override(one) for one in others]
    fixed = [one.text for one in entries if one.sweep is None]
    swept = {one.prefix + one.key: one.text.partition("=")[2] for one in entries if one.sweep is not None}
    dropped = {one.key for one in entries if one.sweep is None}
    texts = {key: text for key, text in sweep.space.items() if key.lstrip("+") not in dropped}
    composer = Composer(config_dir, config_name)
    groups = composer.groups()
    space = parse_space({**texts, **swept}, f"{path}: space", lambda key: groups.get(key, ()))
    objective = [f"++monitor='{sweep.metric}'", f"++mode={MODES[sweep.direction]}"]
    chosen = [f"sampler={sweep.sampler}", f"pruner={sweep.pruner}"]
    base = [*objective, *_checked_base(sweep.base, path), *chosen, *fixed]
    configs = TrialConfigs(composer, base, _groups_of(space, composer))
    _check_space(space, configs, groups, path)
    whole = resolve(configs.composed({}), complete=False)
    return Plan(path, sweep, space, configs, whole, tuple(overrides))


def _checked_base(base: Sequence[str], path: Path) -> list[str]:
    for number, text in enumerate(base):
        if parse_override(text).sweep is not None:
            raise SweepFileError("sweeps over values; move it to space", where=f"{path}: base[{number}]")
    return list(base)


def _groups_of(space: Space, composer: Composer) -> tuple[str, ...]:
    return tuple(one.key for one in space.parameters if composer.is_group(one.key))


def _check_space(space: Space, configs: TrialConfigs, groups: Mapping[str, Sequence[str]], path: Path) -> None:
    """Compose with each option of each swept group at least once, and look for each swept key in what comes out."""
    options = {key: _options(space, key, groups, path) for key in configs.groups}
    rounds = max((len(one) for one in options.values()), default=1)
    for turn in range(rounds):
        choice = {key: names[turn % len(names)] for key, names in options.items()}
        _check_keys(space, configs, choice, path)


def _options(space: Space, key: str, groups: Mapping[str, Sequence[str]], path: Path) -> list[str]:
    names = [str(one) for one in space.distributions[key].choices]
    known = groups[key.split("@")[0]]
    for name in names:
        if name not in known:
            near = did_you_mean(name, known)
            raise SpaceError(f"no option {name!r}.{near} There are: {', '.join(known)}.", where=f"{path}: space.{key}")
    return names


def _check_keys(space: Space, configs: TrialConfigs, choice: Mapping[str, str], path: Path) -> None:
    config = configs.composed(choice)
    known = flat_keys(config)
    for one in space.parameters:
        if one.key in configs.groups or one.prefix or one.key in known:
            continue
        with_choice = f" with {', '.join(f'{key}={name}' for key, name in choice.items())}" if choice else ""
        near = did_you_mean(one.key, known)
        raise SpaceError(f"no such key in the composed config{with_choice}.{near}", where=f"{path}: space.{one.key}")
