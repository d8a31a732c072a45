"""Episodes in an environment: those of an expert, recorded, and those of a policy, judged."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from hone.errors import DataError
from hone.tasks.extras import import_extra

Policy = Callable[[Sequence["Episode"]], Sequence[int]]


@dataclass
class Episode:
    """What was seen, done and gained, step by step; of an episode that goes on, one observation more than actions."""

    observations: list[Any] = field(default_factory=list)
    actions: list[int] = field(default_factory=list)
    rewards: list[float] = field(default_factory=list)

    @property
    def gain(self) -> float:
        """The sum of the rewards."""
        return float(sum(self.rewards))


@dataclass(frozen=True)
class Spaces:
    """What an environment shows and takes: numbers of an observation, and how many actions there are."""

    observation_dim: int
    num_actions: int


def spaces_of(environment: str) -> Spaces:
    """Ask an environment what it shows and takes.

    Args:
        environment: Its id in gymnasium.

    Raises:
        DataError: There is no such environment, or it takes anything but one of several actions.
    """
    with _made(environment) as world:
        actions = getattr(world.action_space, "n", None)
        shape = world.observation_space.shape
        if actions is None or shape is None or len(shape) != 1:
            raise DataError(f"{environment} has no vector to see or no actions to choose from", "data.environment")
        return Spaces(int(shape[0]), int(actions))


def play(environment: str, episodes: int, seed: int, policy: Policy) -> list[Episode]:
    """Play episodes side by side, so that a policy decides for all of them at once.

    Args:
        environment: Its id in gymnasium.
        episodes: How many.
        seed: Decides how each begins.
        policy: Takes the episodes that go on and gives an action for each.

    Returns:
        The episodes, each to its end.

    Raises:
        DataError: There is no such environment.
    """
    worlds = [_made(environment) for _ in range(episodes)]
    played = [Episode() for _ in worlds]
    try:
        for number, (world, episode) in enumerate(zip(worlds, played, strict=True)):
            observation, _ = world.reset(seed=seed + number)
            episode.observations.append(observation)
        going = list(range(episodes))
        while going:
            actions = policy([played[one] for one in going])
            going = [
                one for one, action in zip(going, actions, strict=True) if _step(worlds[one], played[one], int(action))
            ]
    finally:
        for world in worlds:
            world.close()
    return played


def record(environment: str, episodes: int, seed: int, expert: Callable[[Any], int], noise: float) -> list[Episode]:
    """Record an expert.

    Args:
        environment: Its id in gymnasium.
        episodes: How many.
        seed: Decides how each begins, and its noise.
        expert: Takes an observation and gives an action.
        noise: Chance that a random action is done in place of the expert's, which is still what is recorded.

    Returns:
        The episodes, each with the expert's actions.

    Raises:
        DataError: There is no such environment.

    Source: Laskey et al., "DART: Noise Injection for Robust Imitation Learning", 2017.
    """
    count, random = spaces_of(environment).num_actions, np.random.default_rng(seed)
    wanted: dict[int, list[int]] = {}

    def act(going: Sequence[Episode]) -> list[int]:
        chosen = [expert(one.observations[-1]) for one in going]
        for one, action in zip(going, chosen, strict=True):
            wanted.setdefault(id(one), []).append(action)
        return [int(random.integers(count)) if random.random() < noise else action for action in chosen]

    played = play(environment, episodes, seed, act)
    return [Episode(one.observations[:-1], wanted[id(one)], one.rewards) for one in played]


def _step(world: Any, episode: Episode, action: int) -> bool:
    observation, reward, terminated, truncated, _ = world.step(action)
    episode.observations.append(observation)
    episode.actions.append(action)
    episode.rewards.append(float(reward))
    return not (terminated or truncated)


def _made(environment: str) -> Any:
    gymnasium = import_extra("gymnasium", "control", "data.environment")
    try:
        return gymnasium.make(environment)
    except gymnasium.error.Error as error:
        raise DataError(f"cannot make {environment!r}: {error}", where="data.environment") from error
