"""Trajectories of a scripted expert, recorded once: single steps, or stretches with what was still to be gained."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import pytorch_lightning as pl
import torch
from torch import Tensor
from torch.utils.data import DataLoader, Dataset

from hone.errors import DataError
from hone.tasks.checks import at_least, shares
from hone.tasks.control.rollouts import Episode, Spaces, record, spaces_of

Batch = tuple[Any, Tensor]


class ExpertData(pl.LightningDataModule):
    """Observations and the expert's actions, step by step.

    Args:
        environment: Its id in gymnasium; observations are vectors, actions are chosen from several.
        expert: Takes an observation and gives an action.
        episodes: Episodes that are recorded.
        noise: Chance that a random action is done in place of the expert's, so that it shows how to mend mistakes.
        split_seed: Decides how episodes begin, and which are in which split.
        val_fraction: Share of the episodes to validate on, in (0, 1).
        test_fraction: Share of the episodes to test on, in (0, 1).
        batch_size: Steps, or stretches, in a batch.
        num_workers: Processes that load batches; the episodes lie in memory, so 0 is fastest.

    Raises:
        DataError: A number is out of its range, or no expert is named.
    """

    def __init__(
        self,
        environment: str = "CartPole-v1",
        expert: Callable[[Any], int] | None = None,
        episodes: int = 30,
        noise: float = 0.1,
        split_seed: int = 0,
        val_fraction: float = 0.1,
        test_fraction: float = 0.1,
        batch_size: int = 64,
        num_workers: int = 0,
    ) -> None:
        super().__init__()
        at_least(1, batch_size=batch_size)
        at_least(3, episodes=episodes)
        shares(val_fraction=val_fraction, test_fraction=test_fraction)
        if not 0 <= noise <= 1:
            raise DataError(f"must be in [0, 1], not {noise}", where="data.noise")
        if expert is None:
            raise DataError("name a function from an observation to an action", where="data.expert")
        self.environment = environment
        self.expert = expert
        self.episodes, self.noise = episodes, noise
        self.split_seed = split_seed
        self.fractions = {"val": val_fraction, "test": test_fraction}
        self.batch_size = batch_size
        self.num_workers = num_workers
        self.splits: dict[str, Dataset[Batch]] = {}

    @property
    def world(self) -> str:
        """The environment in which a policy is judged."""
        return self.environment

    @property
    def num_classes(self) -> int:
        """How many actions there are."""
        return self.spaces.num_actions

    @property
    def observation_dim(self) -> int:
        """Numbers of an observation."""
        return self.spaces.observation_dim

    @property
    def expert_return(self) -> float:
        """What the recorded episodes reached, on average."""
        return float(np.mean([one.gain for one in self.recorded]))

    def setup(self, stage: str | None = None) -> None:
        """Record the expert, once.

        Raises:
            DataError: There is no such environment, or gymnasium is not installed.
        """
        if self.splits:
            return
        self.spaces: Spaces = spaces_of(self.environment)
        self.recorded = record(self.environment, self.episodes, self.split_seed, self.expert, self.noise)
        held = {name: max(1, round(share * self.episodes)) for name, share in self.fractions.items()}
        places = np.random.default_rng(self.split_seed).permutation(self.episodes).tolist()
        val, test = places[: held["val"]], places[held["val"] : held["val"] + held["test"]]
        parts = {"train": places[held["val"] + held["test"] :], "val": val, "test": test}
        self.splits = {name: self.examples([self.recorded[one] for one in part]) for name, part in parts.items()}

    def examples(self, episodes: Sequence[Episode]) -> Dataset[Batch]:
        """What is learned from: each step by itself."""
        return Steps(episodes)

    def train_dataloader(self) -> DataLoader[Batch]:
        """Shuffled batches."""
        return self._loader("train", shuffle=True)

    def val_dataloader(self) -> DataLoader[Batch]:
        """The validation split in order."""
        return self._loader("val", shuffle=False)

    def test_dataloader(self) -> DataLoader[Batch]:
        """The test split in order."""
        return self._loader("test", shuffle=False)

    def predict_dataloader(self) -> DataLoader[Batch]:
        """The test split in order."""
        return self.test_dataloader()

    def _loader(self, name: str, *, shuffle: bool) -> DataLoader[Batch]:
        # A split that is judged changes no weights, so its batches may be as large as is quick.
        size = self.batch_size if shuffle else max(self.batch_size, 256)
        split = self.splits[name]
        return DataLoader(split, batch_size=size, shuffle=shuffle, num_workers=self.num_workers, collate_fn=_as_it_is)


class StretchData(ExpertData):
    """Stretches of the expert's episodes, with what was still to be gained at each step.

    Args: as for ``ExpertData``, and

    Args:
        context: Steps of a stretch.
        return_scale: What returns are divided by.
    """

    def __init__(
        self,
        environment: str = "CartPole-v1",
        expert: Callable[[Any], int] | None = None,
        episodes: int = 30,
        noise: float = 0.1,
        context: int = 10,
        return_scale: float = 100.0,
        split_seed: int = 0,
        val_fraction: float = 0.1,
        test_fraction: float = 0.1,
        batch_size: int = 64,
        num_workers: int = 0,
    ) -> None:
        super().__init__(
            environment, expert, episodes, noise, split_seed, val_fraction, test_fraction, batch_size, num_workers
        )
        at_least(1, context=context)
        if return_scale <= 0:
            raise DataError(f"must be above 0, not {return_scale}", where="data.return_scale")
        self.steps, self.scale = context, return_scale

    @property
    def context(self) -> int:
        """Steps of a stretch."""
        return self.steps

    @property
    def return_scale(self) -> float:
        """What returns are divided by."""
        return self.scale

    def examples(self, episodes: Sequence[Episode]) -> Dataset[Batch]:
        """What is learned from: stretches that follow each other."""
        return Stretches(episodes, self.context, self.return_scale, self.num_classes)


class Steps(Dataset[Batch]):
    """Steps in memory, from which a whole batch is taken at once.

    Args:
        episodes: The recorded episodes.
    """

    def __init__(self, episodes: Sequence[Episode]) -> None:
        self.observations = torch.from_numpy(np.concatenate([np.stack(one.observations) for one in episodes])).float()
        self.actions = torch.tensor([action for one in episodes for action in one.actions])

    def __len__(self) -> int:
        return len(self.actions)

    def __getitem__(self, index: int) -> Batch:
        return self.observations[index], self.actions[index]

    def __getitems__(self, indices: Sequence[int]) -> Batch:
        chosen = torch.as_tensor(indices)
        return self.observations[chosen], self.actions[chosen]


class Stretches(Dataset[Batch]):
    """Stretches in memory; labels are the actions of all their steps in a row, without those that only fill up.

    Args:
        episodes: The recorded episodes.
        context: Steps of a stretch; shorter ones are filled up at their beginning.
        scale: What returns are divided by.
        num_actions: How many actions there are.
    """

    def __init__(self, episodes: Sequence[Episode], context: int, scale: float, num_actions: int) -> None:
        rows = [
            stretch(one, end, context, scale, num_actions)
            for one in episodes
            for end in range(len(one.actions) % context or context, len(one.actions) + 1, context)
        ]
        self.inputs = {name: torch.stack([row[name] for row in rows]) for name in rows[0]}

    def __len__(self) -> int:
        return len(self.inputs["states"])

    def __getitem__(self, index: int) -> Batch:
        return self.__getitems__([index])

    def __getitems__(self, indices: Sequence[int]) -> Batch:
        chosen = torch.as_tensor(indices)
        inputs = {name: one[chosen] for name, one in self.inputs.items()}
        return inputs, inputs["actions"].argmax(dim=-1)[inputs["attention_mask"].bool()]


def stretch(
    episode: Episode, end: int, context: int, scale: float, num_actions: int, target: float | None = None
) -> dict[str, Tensor]:
    """The last steps before one, as a Decision Transformer takes them.

    Args:
        episode: Actions that are not yet known are taken for none.
        end: The step after the last.
        context: Steps of the stretch.
        scale: What returns are divided by.
        num_actions: How many actions there are.
        target: What is to be gained in all; None for what was.

    Returns:
        ``states``, ``actions`` (one column each), ``returns_to_go``, ``timesteps`` and ``attention_mask``.
    """
    start = max(0, end - context)
    missing = context - (end - start)
    gained = np.concatenate([[0.0], np.cumsum(episode.rewards)])
    to_go = ((gained[-1] if target is None else target) - gained[start:end]) / scale
    states = torch.from_numpy(np.stack(episode.observations[start:end])).float()
    actions = torch.zeros(end - start, num_actions)
    known = torch.tensor(episode.actions[start:end], dtype=torch.long)
    actions[torch.arange(len(known)), known] = 1.0
    rows = {
        "states": states,
        "actions": actions,
        "returns_to_go": torch.tensor(to_go, dtype=torch.float32)[:, None],
        "timesteps": torch.arange(start, end),
        "attention_mask": torch.ones(end - start, dtype=torch.long),
    }
    return {name: torch.cat([one.new_zeros(missing, *one.shape[1:]), one]) for name, one in rows.items()}


def _as_it_is(batch: Any) -> Any:
    return batch
