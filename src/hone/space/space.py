"""Search spaces: what is always searched, and what only where other values call for it."""

from __future__ import annotations

import itertools
import math
import re
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

from optuna.distributions import BaseDistribution

from hone.config.sweeps import parse_override
from hone.errors import SpaceError, did_you_mean
from hone.space.parameters import GroupOptions, Parameter, parse_parameter

# A grid larger than this is nobody's to finish.
MOST_POINTS = 1_000_000
BETWEEN_CONDITIONS = re.compile(r",(?=[^,\[\](){}]+=)")


@dataclass(frozen=True)
class Branch:
    """A part of a space that is searched under a condition.

    Attributes:
        text: The condition as it was written, such as ``model=bert``.
        wanted: Value by key, all of which must hold.
        parameters: What is searched then.
    """

    text: str
    wanted: tuple[tuple[str, Any], ...]
    parameters: tuple[Parameter, ...]

    def holds(self, values: Mapping[str, Any]) -> bool:
        """Whether a trial's values so far call for it."""
        return hold(self.wanted, values)


@dataclass(frozen=True)
class Space:
    """A whole search space.

    Attributes:
        parameters: What is always searched, in the order of the sweep file.
        branches: What is searched under conditions; a later one may stand on what an earlier one gives.
    """

    parameters: tuple[Parameter, ...]
    branches: tuple[Branch, ...] = ()

    @property
    def all(self) -> tuple[Parameter, ...]:
        """Every parameter, conditional ones last."""
        return self.parameters + tuple(one for branch in self.branches for one in branch.parameters)

    @property
    def keys(self) -> tuple[str, ...]:
        """Every searched key once."""
        return tuple(dict.fromkeys(one.key for one in self.all))

    @property
    def distributions(self) -> dict[str, BaseDistribution]:
        """What Optuna is asked with at first."""
        return {one.key: one.distribution for one in self.parameters}

    @property
    def texts(self) -> dict[str, str]:
        """Each key that is always searched with its sweep as it was written."""
        return {one.key: one.text for one in self.parameters}

    @property
    def branch_texts(self) -> dict[str, dict[str, str]]:
        """The same for each condition."""
        return {branch.text: {one.key: one.text for one in branch.parameters} for branch in self.branches}

    def name(self, parameter: Parameter) -> str:
        """What Optuna calls a parameter: its key, with its condition where two conditions give one key."""
        twice = parameter.section and parameter.key in self._repeated
        return f"{parameter.key} | {parameter.section}" if twice else parameter.key

    @cached_property
    def _repeated(self) -> frozenset[str]:
        """Keys that stand in several places; a finished study asks for the names of each of its trials."""
        return frozenset(key for key, count in Counter(one.key for one in self.all).items() if count > 1)

    def opened(self, values: Mapping[str, Any]) -> Iterator[Parameter]:
        """The conditional parameters that a trial's values call for.

        Args:
            values: A trial's values so far; the caller adds each value before it asks for the next parameter.
        """
        for branch in self.branches:
            if branch.holds(values):
                yield from branch.parameters

    def is_whole(self, values: Mapping[str, Any]) -> bool:
        """Whether values are all that a trial needs: one of another model lacks what this one's are searched by."""
        return all(one.key in values for one in (*self.parameters, *self.opened(values)))

    def values(self, drawn: Mapping[str, Any]) -> dict[str, Any]:
        """Config values for what Optuna drew.

        Args:
            drawn: A trial's ``params``.

        Returns:
            Values by key, in the order of the space.
        """
        named = ((one, self.name(one)) for one in self.all)
        return {one.key: one.value(drawn[name]) for one, name in named if name in drawn}

    def drawn(self, values: Mapping[str, Any], where: str) -> dict[str, Any]:
        """What Optuna must draw for config values; what they leave out is drawn by the sampler.

        Args:
            values: Config values by key.
            where: Where they stand, for messages.

        Raises:
            SpaceError: A key is not searched, not under these values, or its value is not offered.
        """
        searched = {one.key: one for one in self.parameters}
        for one in self.opened(values):
            searched[one.key] = one
        for key in values:
            if key not in searched:
                under = " under these values" if key in self.keys else ""
                raise SpaceError(f"is not searched{under}.{did_you_mean(key, self.keys)}", where=f"{where}.{key}")
        return {self.name(searched[key]): searched[key].drawn(value, f"{where}.{key}") for key, value in values.items()}

    def size(self) -> float:
        """How many points there are; infinity where they cannot be counted."""
        if any(one.count > MOST_POINTS for one in self.all):
            return math.inf
        if math.prod(one.count for one in self.parameters) > MOST_POINTS:
            return math.inf
        known = [one.points() or [] for one in self.parameters]
        keys = [one.key for one in self.parameters]
        if not self.branches:
            return math.prod(map(len, known))
        return sum(self._below(dict(zip(keys, chosen, strict=True)), 0) for chosen in itertools.product(*known))

    def _below(self, values: dict[str, Any], branch: int) -> int:
        if branch == len(self.branches):
            return 1
        if not self.branches[branch].holds(values):
            return self._below(values, branch + 1)
        parameters = self.branches[branch].parameters
        choices = itertools.product(*(one.points() or [] for one in parameters))
        keys = [one.key for one in parameters]
        return sum(self._below(values | dict(zip(keys, one, strict=True)), branch + 1) for one in choices)

    def under(self, fixed: Callable[[str, str], Any]) -> Space:
        """The space with the conditions on keys that are not searched decided once.

        Args:
            fixed: Gives the value of a key that is not searched, for a condition's place in messages; raises
                ``SpaceError`` where there is no such key.

        Returns:
            The space without branches that can never be.
        """
        searched, kept = {one.key for one in self.parameters}, []
        for branch in self.branches:
            open_ones = tuple((key, wanted) for key, wanted in branch.wanted if key in searched)
            decided = [(key, wanted) for key, wanted in branch.wanted if key not in searched]
            if all(str(fixed(key, branch.text)) == str(wanted) for key, wanted in decided):
                kept.append(replace(branch, wanted=open_ones))
                searched |= {one.key for one in branch.parameters}
        return replace(self, branches=tuple(kept))


def parse_space(
    entries: Mapping[str, str],
    where: str,
    group_options: GroupOptions | None = None,
    when: Mapping[str, Mapping[str, str]] | None = None,
) -> Space:
    """Parse a ``space:`` section and a ``when:`` section.

    Args:
        entries: Key to sweep, such as ``{"optimizer.lr": "tag(log, interval(1e-5, 1e-1))"}``.
        where: File and section, for messages, such as ``a.yaml: space``.
        group_options: Gives a config group's options, which ``glob(...)`` picks from.
        when: Condition to entries, such as ``{"model=bert": {"model.freeze_layers": "range(0, 6)"}}``.

    Returns:
        The space.

    Raises:
        SpaceError: It is empty, or a sweep cannot be sampled, or a condition is none.
    """
    if not entries and not when:
        raise SpaceError("is empty; give at least one key to search, such as optimizer.lr", where=where)
    always = tuple(parse_parameter(key, str(text), f"{where}.{key}", group_options) for key, text in entries.items())
    place = f"{where.rpartition(' ')[0]} when".strip()
    branches = tuple(_branch(text, part, f"{place}.{text}", group_options) for text, part in (when or {}).items())
    space = Space(always, branches)
    for number, branch in enumerate(branches):
        earlier = {one.key for one in (*always, *(each for before in branches[:number] for each in before.parameters))}
        later = {one.key: after.text for after in branches[number:] for one in after.parameters}
        for key in (one for one, _ in branch.wanted if one in later and one not in earlier):
            raise SpaceError(
                f"stands on {key}, which is searched under {later[key]}; put it below that",
                where=f"{place}.{branch.text}",
            )
        for one in branch.parameters:
            if one.key in space.distributions:
                raise SpaceError(
                    "is always searched as well; keep one of the two", where=f"{place}.{branch.text}.{one.key}"
                )
    return space


def _branch(text: str, entries: Mapping[str, str], where: str, group_options: GroupOptions | None) -> Branch:
    wanted = parse_condition(text, where)
    if not entries:
        raise SpaceError("is empty; give at least one key to search", where=where)
    parameters = (parse_parameter(key, str(one), f"{where}.{key}", group_options, text) for key, one in entries.items())
    return Branch(text, wanted, tuple(parameters))


def parse_condition(text: str, where: str) -> tuple[tuple[str, Any], ...]:
    """The values that a condition such as ``model=bert, optimizer=adamw`` wants, by key.

    Args:
        text: The condition.
        where: Where it stands, for messages.

    Raises:
        SpaceError: It is none.
    """
    return tuple(_condition(one.strip(), where) for one in BETWEEN_CONDITIONS.split(text))


def hold(wanted: tuple[tuple[str, Any], ...], values: Mapping[str, Any]) -> bool:
    """Whether values are as a condition wants them."""
    return all(key in values and str(values[key]) == str(one) for key, one in wanted)


def _condition(text: str, where: str) -> tuple[str, Any]:
    if "=" not in text:
        raise SpaceError(f"{text!r} is no condition; write KEY=VALUE, such as model=bert", where=where)
    try:
        entry = parse_override(text)
    except SpaceError as error:
        raise SpaceError(error.message, where=where) from error
    if entry.sweep is not None:
        raise SpaceError("a condition names one value; write a section for each", where=where)
    return entry.key, entry.value
