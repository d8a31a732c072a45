"""What every fine-tuned LightningModule shares."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytorch_lightning as pl
from torch import nn

from hone.errors import ModelError
from hone.tasks.finetuning.layers import levels_of
from hone.tasks.finetuning.tuning import Tuning
from hone.tasks.pretrained import pretrained_digests


class FineTuned(pl.LightningModule):
    """Holds a network of transformers' and trains of it what its tuning says; mixed into a task's module."""

    network: nn.Module
    tuning: Tuning

    def adopt(self, network: nn.Module, tuning: Tuning) -> None:
        """Take a network, frozen and adapted as the tuning says."""
        self.tuning = tuning
        self.network, self._still = tuning.apply(network)

    @property
    def num_layers(self) -> int:
        """Layers between the embeddings and the head."""
        return self.tuning.num_layers

    def parameter_groups(self, learning_rate: float) -> list[dict[str, Any]]:
        """Trainable parameters by learning rate.

        Args:
            learning_rate: The head's.

        Returns:
            Groups as optimizers take them.
        """
        return self.tuning.groups(self.network, learning_rate)

    def content_digest(self) -> dict[str, str]:
        """SHA-256 of each file of the pretrained network, if it is one."""
        pretrained = self.hparams.get("pretrained")
        return pretrained_digests(pretrained) if pretrained else {}

    def on_train_start(self) -> None:
        """Leave the frozen layers as they judge: dropout there would only add noise."""
        # Not in an override of train(): Lightning warns of modules that are in eval mode before this hook.
        for module in self._still:
            module.eval()

    def thaw_down_to(self, level: int) -> None:
        """Let only the levels from this one up learn, of those that the optimizer has.

        Args:
            level: The lowest that learns.
        """
        levels = levels_of(self.network)
        held = {id(one) for group in self.trainer.optimizers[0].param_groups for one in group["params"]}
        for name, parameter in self.network.named_parameters():
            if id(parameter) in held:
                parameter.requires_grad = levels[name] >= level

    def export(self, folder: str | Path) -> None:
        """Write a folder that ``model.pretrained`` takes, adapters merged into the weights.

        Args:
            folder: Where to; it is made where it is missing.

        Raises:
            ModelError: The folder cannot be written.
        """
        network: Any = self.network
        if hasattr(network, "merge_and_unload"):
            import copy

            network = copy.deepcopy(network).merge_and_unload()
        try:
            network.save_pretrained(folder)
        except OSError as error:
            raise ModelError(f"cannot write {folder}: {error.strerror}") from error
