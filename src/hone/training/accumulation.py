"""One number for how many examples an optimizer's step sees, whatever fits in memory at once."""

from __future__ import annotations

import pytorch_lightning as pl
from pytorch_lightning.callbacks import Callback

from hone.errors import ConfigError


class EffectiveBatchSize(Callback):
    """Accumulates gradients over as many batches as make up a size.

    Args:
        size: Examples of an optimizer's step, over all devices.

    Raises:
        ConfigError: It is below 1.
    """

    def __init__(self, size: int) -> None:
        if size < 1:
            raise ConfigError(f"must be at least 1, not {size}", where="effective_batch_size")
        self.size = size

    def setup(self, trainer: pl.Trainer, pl_module: pl.LightningModule, stage: str) -> None:
        """Say how many batches make up a step, before a schedule counts its steps.

        Raises:
            ConfigError: The data module does not tell its batch size, or the size is no multiple of it.
        """
        if stage != "fit":
            return
        each = getattr(trainer.datamodule, "batch_size", None)  # type: ignore[attr-defined]
        if not isinstance(each, int):
            raise ConfigError("this data module has no batch_size to multiply", where="effective_batch_size")
        together = each * trainer.world_size
        if self.size % together:
            devices = f" on each of {trainer.world_size} devices" if trainer.world_size > 1 else ""
            raise ConfigError(
                f"{self.size} is no multiple of data.batch_size, {each}{devices}", where="effective_batch_size"
            )
        trainer.accumulate_grad_batches = self.size // together
