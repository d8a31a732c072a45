"""Gradual unfreezing, from the head down."""

from __future__ import annotations

import pytorch_lightning as pl
from pytorch_lightning.callbacks import Callback

from hone.errors import ConfigError
from hone.tasks.finetuning.module import FineTuned


class GradualUnfreezing(Callback):
    """Trains the head alone at first, then one layer more every so many epochs, at last the embeddings.

    The optimizer has all of them from the start, and passes by those without a gradient, so that schedulers and
    resuming know nothing of it.

    Args:
        epochs_per_layer: Epochs before the next layer learns, at least 1.
        layers_per_step: Layers that begin to learn together, at least 1.

    Raises:
        ConfigError: A number is below 1.

    Source: Howard and Ruder, "Universal Language Model Fine-tuning for Text Classification", 2018.
    """

    def __init__(self, epochs_per_layer: int = 1, layers_per_step: int = 1) -> None:
        for name, number in (("epochs_per_layer", epochs_per_layer), ("layers_per_step", layers_per_step)):
            if number < 1:
                raise ConfigError(f"must be at least 1, not {number}", where=f"callbacks.unfreezing.{name}")
        self.epochs_per_layer = epochs_per_layer
        self.layers_per_step = layers_per_step

    def on_train_start(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        """Begin, or go on inside an epoch."""
        self._thaw(trainer, pl_module)

    def on_train_epoch_start(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        """Let what is due learn."""
        self._thaw(trainer, pl_module)

    def _thaw(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        if not isinstance(pl_module, FineTuned):
            raise ConfigError(f"{type(pl_module).__name__} has no layers to unfreeze", where="callbacks.unfreezing")
        awake = trainer.current_epoch // self.epochs_per_layer * self.layers_per_step
        pl_module.thaw_down_to(pl_module.num_layers + 1 - awake)
