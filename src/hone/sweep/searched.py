"""The search space against the composed config: each key is there, each option of a group too."""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from omegaconf import OmegaConf

from hone.config.compose import Composer, flat_keys
from hone.errors import SpaceError, did_you_mean
from hone.space import Branch, Parameter, Space
from hone.sweep.configs import TrialConfigs


def groups_of(space: Space, composer: Composer) -> tuple[str, ...]:
    """The config groups among the searched keys."""
    return tuple(key for key in space.keys if composer.is_group(key))


def place(parameter: Parameter) -> str:
    """Where in the sweep file a parameter stands."""
    return f"when.{parameter.section}.{parameter.key}" if parameter.section else f"space.{parameter.key}"


class Fixed:
    """The values of keys that are not searched, for conditions that stand on them.

    Args:
        configs: The trials' configs.
        path: The sweep file.
    """

    def __init__(self, configs: TrialConfigs, path: Path) -> None:
        self._composition = configs.composition()
        self._path = path

    def __call__(self, key: str, condition: str) -> Any:
        """The value of a key or the option of a group.

        Raises:
            SpaceError: There is neither.
        """
        if key in self._composition.choices:
            return self._composition.choices[key]
        known = flat_keys(self._composition.config)
        if key not in known:
            near = did_you_mean(key, [*known, *self._composition.choices])
            raise SpaceError(
                f"no such key {key!r} in the space or the config.{near}", where=f"{self._path}: when.{condition}"
            )
        return OmegaConf.select(self._composition.config, key)


def check_space(space: Space, configs: TrialConfigs, groups: Mapping[str, Sequence[str]], path: Path) -> None:
    """Compose with each option of each swept group at least once, and look for each swept key in what comes out.

    Args:
        space: What is searched.
        configs: Composes.
        groups: The options of each config group.
        path: The sweep file, for messages.

    Raises:
        SpaceError: A key or an option is not there.
    """
    options = {key: _options(space, key, groups, path) for key in configs.groups}
    _refuse_strange_conditions(space, options, path)
    for choice in _choices(space, options):
        _check_keys(space, configs, choice, options, path)


def _choices(space: Space, options: Mapping[str, Sequence[str]]) -> Iterator[dict[str, str]]:
    """Choices that hold each option of each group at least once, with the conditions that it is searched under."""
    always = {one.key: options[one.key] for one in space.parameters if one.key in options}
    for turn in range(max(map(len, always.values()), default=1)):
        yield {key: names[turn % len(names)] for key, names in always.items()}
    for branch in space.branches:
        wanted = _wanted(branch, space, options)
        own = {one.key: options[one.key] for one in branch.parameters if one.key in options}
        if own or wanted.keys() - always:
            for turn in range(max(map(len, own.values()), default=1)):
                chosen = {key: names[turn % len(names)] for key, names in own.items()}
                yield {**{key: names[0] for key, names in always.items()}, **wanted, **chosen}


def _wanted(branch: Branch, space: Space, options: Mapping[str, Sequence[str]]) -> dict[str, str]:
    """The options that a condition stands on, and those that they stand on themselves."""
    found = {key: str(value) for key, value in branch.wanted if key in options}
    for before in itertools.takewhile(lambda one: one is not branch, space.branches):
        if any(one.key in found for one in before.parameters):
            found = {**_wanted(before, space, options), **found}
    return found


def _options(space: Space, key: str, groups: Mapping[str, Sequence[str]], path: Path) -> list[str]:
    swept = [one for one in space.all if one.key == key]
    known = groups[key.split("@")[0]]
    names = []
    for one in swept:
        for name in map(str, one.points() or ()):
            if name not in known:
                near = did_you_mean(name, known)
                there = f"There are: {', '.join(known)}."
                raise SpaceError(f"no option {name!r}.{near} {there}", where=f"{path}: {place(one)}")
            names.append(name)
    return list(dict.fromkeys(names))


def _refuse_strange_conditions(space: Space, options: Mapping[str, Sequence[str]], path: Path) -> None:
    for branch in space.branches:
        for key, wanted in branch.wanted:
            offered = options.get(key) or [
                str(point) for one in space.all if one.key == key for point in one.points() or [wanted]
            ]
            if str(wanted) not in offered:
                near = did_you_mean(str(wanted), offered)
                raise SpaceError(
                    f"{key} is never {wanted}.{near} There are: {', '.join(offered)}.",
                    where=f"{path}: when.{branch.text}",
                )


def _check_keys(
    space: Space,
    configs: TrialConfigs,
    choice: Mapping[str, str],
    options: Mapping[str, Sequence[str]],
    path: Path,
) -> None:
    config = configs.composed(choice)
    known = flat_keys(config)
    open_ones = [branch for branch in space.branches if _may_hold(branch.wanted, choice, options)]
    held = [one for branch in open_ones for one in branch.parameters]
    for one in (*space.parameters, *held):
        if one.key in configs.groups or one.prefix or one.key in known:
            continue
        with_choice = f" with {', '.join(f'{key}={name}' for key, name in choice.items())}" if choice else ""
        near = did_you_mean(one.key, known)
        raise SpaceError(f"no such key in the composed config{with_choice}.{near}", where=f"{path}: {place(one)}")


def _may_hold(
    wanted: Sequence[tuple[str, Any]], choice: Mapping[str, str], options: Mapping[str, Sequence[str]]
) -> bool:
    return all(choice.get(key) == str(value) for key, value in wanted if key in options)
