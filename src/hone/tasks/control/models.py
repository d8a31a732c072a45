"""Policies that imitate: a multilayer perceptron and a Decision Transformer, judged by what they reach."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from hone.tasks.classifier import Classifier, Weights
from hone.tasks.control.data import stretch
from hone.tasks.control.rollouts import Episode, play
from hone.tasks.finetuning.loading import load_network
from hone.tasks.finetuning.module import FineTuned
from hone.tasks.finetuning.tuning import Tune, Tuning

# Episodes of validation and test begin unlike those that are recorded, and unlike each other.
FIRST_SEEDS = {"val": 100_000, "test": 200_000}


class Imitator(Classifier):
    """Learns which action an expert chooses, and is judged by the mean return of its own episodes.

    Args:
        num_classes: How many actions there are.
        world: The environment's id in gymnasium.
        val_episodes: Episodes that each validation plays.
        test_episodes: Episodes that the test plays.
        metrics: As for ``Classifier``.
        label_smoothing: As for ``Classifier``.
        class_weights: As for ``Classifier``.
    """

    def __init__(
        self,
        num_classes: int,
        world: str,
        val_episodes: int = 10,
        test_episodes: int = 50,
        metrics: dict[str, Any] | None = None,
        label_smoothing: float = 0.0,
        class_weights: Weights = None,
    ) -> None:
        super().__init__(num_classes, metrics, label_smoothing, class_weights)
        self.world = world
        self.episodes = {"val": val_episodes, "test": test_episodes}

    def decide(self, going: Sequence[Episode]) -> Tensor:
        """Score the actions of episodes that go on.

        Returns:
            Shape (episodes, actions).
        """
        raise NotImplementedError

    def on_validation_epoch_end(self) -> None:
        """Log the metrics and the mean return."""
        super().on_validation_epoch_end()
        self._log_return("val")

    def on_test_epoch_end(self) -> None:
        """Log the metrics and the mean return."""
        super().on_test_epoch_end()
        self._log_return("test")

    def _log_return(self, split: str) -> None:
        # The check before training asks what is logged, not how good it is.
        episodes = 1 if self.trainer.sanity_checking else self.episodes[split]
        played = play(self.world, episodes, FIRST_SEEDS[split], lambda going: self.decide(going).argmax(1).tolist())
        self.log(f"{split}/return", float(np.mean([one.gain for one in played])), sync_dist=True)


class ClonedPolicy(Imitator):
    """A multilayer perceptron from an observation to an action.

    Args:
        num_classes: How many actions there are.
        observation_dim: Numbers of an observation.
        world: As for ``Imitator``.
        hidden: Width of each hidden layer.
        val_episodes: As for ``Imitator``.
        test_episodes: As for ``Imitator``.
        metrics: As for ``Classifier``.
        label_smoothing: As for ``Classifier``.
        class_weights: As for ``Classifier``.
    """

    def __init__(
        self,
        num_classes: int,
        observation_dim: int,
        world: str,
        hidden: Sequence[int] = (64, 64),
        val_episodes: int = 10,
        test_episodes: int = 50,
        metrics: dict[str, Any] | None = None,
        label_smoothing: float = 0.0,
        class_weights: Weights = None,
    ) -> None:
        super().__init__(num_classes, world, val_episodes, test_episodes, metrics, label_smoothing, class_weights)
        self.save_hyperparameters(ignore=["metrics"])
        # Standardises by what it has seen in training.
        layers: list[nn.Module] = [nn.BatchNorm1d(observation_dim, affine=False)]
        width = observation_dim
        for units in hidden:
            layers += [nn.Linear(width, units), nn.ReLU()]
            width = units
        self.layers = nn.Sequential(*layers, nn.Linear(width, num_classes))

    def forward(self, inputs: Tensor) -> Tensor:
        """Score the actions for observations of shape (batch, numbers)."""
        scores: Tensor = self.layers(inputs)
        return scores

    def decide(self, going: Sequence[Episode]) -> Tensor:
        """Score the actions by the last observation of each episode."""
        seen = np.stack([one.observations[-1] for one in going])
        scores: Tensor = self(torch.from_numpy(seen).float().to(self.device))
        return scores


class DecisionTransformer(FineTuned, Imitator):
    """Reads what was seen, done and is still to be gained, and says what the expert does next.

    Args:
        num_classes: How many actions there are.
        observation_dim: Numbers of an observation.
        world: As for ``Imitator``.
        context: Steps that it reads.
        return_scale: What returns are divided by.
        target_return: What it is asked to gain in an episode; null for what the recorded ones gained.
        expert_return: What the recorded episodes gained on average.
        pretrained: A hub name or a local folder with weights as safetensors; null for new weights.
        architecture: Settings of ``DecisionTransformerConfig``.
        tune: As for ``Tuning``.
        freeze_layers: As for ``Tuning``.
        layer_decay: As for ``Tuning``.
        lora: As for ``Tuning``.
        val_episodes: As for ``Imitator``.
        test_episodes: As for ``Imitator``.
        metrics: As for ``Classifier``.
        label_smoothing: As for ``Classifier``.
        class_weights: As for ``Classifier``.

    Source: Chen et al., "Decision Transformer: Reinforcement Learning via Sequence Modeling", 2021.
    """

    def __init__(
        self,
        num_classes: int,
        observation_dim: int,
        world: str,
        context: int,
        return_scale: float,
        target_return: float | None = None,
        expert_return: float = 0.0,
        pretrained: str | None = None,
        architecture: Mapping[str, Any] | None = None,
        tune: Tune = "full",
        freeze_layers: int = 0,
        layer_decay: float = 1.0,
        lora: Mapping[str, Any] | None = None,
        val_episodes: int = 10,
        test_episodes: int = 20,
        metrics: dict[str, Any] | None = None,
        label_smoothing: float = 0.0,
        class_weights: Weights = None,
    ) -> None:
        super().__init__(num_classes, world, val_episodes, test_episodes, metrics, label_smoothing, class_weights)
        self.save_hyperparameters(ignore=["metrics"])
        self.context, self.return_scale = context, return_scale
        self.target = expert_return if target_return is None else target_return
        settings = {"state_dim": observation_dim, "act_dim": num_classes, "action_tanh": False}
        given = {"model_type": "decision_transformer", **(architecture or {})}
        network = load_network("AutoModel", pretrained, given, settings, extra="control")
        self.adopt(network, Tuning(tune, freeze_layers, layer_decay, lora))

    def forward(self, inputs: Mapping[str, Tensor]) -> Tensor:
        """Score the actions of all steps in a row, without those that only fill up.

        Args:
            inputs: As ``stretch`` gives them, by batch.

        Returns:
            Logits of shape (steps, actions).
        """
        return self._scores(inputs)[inputs["attention_mask"].bool()]

    def decide(self, going: Sequence[Episode]) -> Tensor:
        """Score the next actions by the last steps of each episode."""
        rows = [
            stretch(one, len(one.observations), self.context, self.return_scale, self.num_classes, self.target)
            for one in going
        ]
        inputs = {name: torch.stack([row[name] for row in rows]).to(self.device) for name in rows[0]}
        return self._scores(inputs)[:, -1]

    def _scores(self, inputs: Mapping[str, Tensor]) -> Tensor:
        rewards = torch.zeros_like(inputs["returns_to_go"])
        scores: Tensor = self.network(**inputs, rewards=rewards, return_dict=True).action_preds
        return scores
