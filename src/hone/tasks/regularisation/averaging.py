"""Averages of the weights over training, which are what is validated, kept and tested.

Lightning 2.6 averages weights by ``WeightAveraging``. What is mended here: a checkpoint of weights alone would hold
those that are trained, and so would a model that is tested from a whole one; and a validation before the first average
would be one of the weights that training began with.
"""

from __future__ import annotations

from typing import Any

import pytorch_lightning as pl
from torch.optim.swa_utils import get_ema_avg_fn

from hone.errors import ConfigError

try:
    from pytorch_lightning.callbacks import WeightAveraging
except ImportError:
    raise ConfigError("needs Lightning 2.6: pip install -U pytorch-lightning", where="callbacks") from None


class EqualAverage(WeightAveraging):
    """Stochastic weight averaging: the mean of the weights at each step of the last part of training.

    Args:
        start: Share of training after which averaging begins, in [0, 1).

    Raises:
        ConfigError: A number is out of its range.

    Source: Izmailov et al., "Averaging Weights Leads to Wider Optima and Better Generalization", 2018.
    """

    def __init__(self, start: float = 0.75, **averaging: Any) -> None:
        if not 0 <= start < 1:
            raise ConfigError(f"must be in [0, 1), not {start}", where="callbacks.averaging.start")
        super().__init__(**averaging)
        self.start = start
        self._first = 0
        self._judging = False

    def setup(self, trainer: pl.Trainer, pl_module: pl.LightningModule, stage: str) -> None:
        """Begin an average of its own for each training."""
        super().setup(trainer, pl_module, stage)
        if stage == "fit":
            self._judging = False

    def should_update(self, step_idx: int | None = None, epoch_idx: int | None = None) -> bool:
        """Average at each step of the last part."""
        return step_idx is not None and step_idx >= self._first

    def on_train_start(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        """Find the first step that is averaged."""
        self._first = int(self.start * trainer.estimated_stepping_batches)

    def on_validation_epoch_start(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        """Judge the average, where there is one, and let it be kept."""
        if trainer.state.fn == "fit" and self._has_average() and not self._judging:
            self._swap_models(pl_module)
            self._judging = True

    def on_validation_epoch_end(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        """Leave the average in place: checkpoints are saved after this."""

    def on_train_batch_start(
        self, trainer: pl.Trainer, pl_module: pl.LightningModule, batch: Any, batch_idx: int
    ) -> None:
        """Go on training the weights that are trained."""
        self._put_back(pl_module)

    def on_train_epoch_end(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        """Likewise, at the end of an epoch."""
        self._put_back(pl_module)

    def on_train_end(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        """Leave the average in the model; the weights that were trained stay at hand for a last checkpoint."""
        if self._has_average() and not self._judging:
            self._swap_models(pl_module)
            self._judging = True

    def on_save_checkpoint(
        self, trainer: pl.Trainer, pl_module: pl.LightningModule, checkpoint: dict[str, Any]
    ) -> None:
        """Save both, the average where others look for the weights."""
        average = self._average_model
        if not self._judging or average is None:
            if self._has_average():
                super().on_save_checkpoint(trainer, pl_module, checkpoint)
            return
        state = average.state_dict()
        inside = "module."
        checkpoint["current_model_state"] = {
            name.removeprefix(inside): value for name, value in state.items() if name.startswith(inside)
        }
        checkpoint["averaging_state"] = {name: value for name, value in state.items() if not name.startswith(inside)}

    def on_load_checkpoint(
        self, trainer: pl.Trainer, pl_module: pl.LightningModule, checkpoint: dict[str, Any]
    ) -> None:
        """Go on with both; what is tested or validated is what the checkpoint has for weights."""
        if trainer.state.fn == "fit" and "averaging_state" in checkpoint:
            super().on_load_checkpoint(trainer, pl_module, checkpoint)

    def _has_average(self) -> bool:
        return self._average_model is not None and int(self._average_model.n_averaged) > 0

    def _put_back(self, pl_module: pl.LightningModule) -> None:
        if self._judging:
            self._swap_models(pl_module)
            self._judging = False


class MovingAverage(EqualAverage):
    """An exponential moving average of the weights.

    Args:
        decay: Share of the average that each step keeps, in (0, 1).
        start: Share of training after which averaging begins, in [0, 1).

    Raises:
        ConfigError: A number is out of its range.
    """

    def __init__(self, decay: float = 0.999, start: float = 0.0) -> None:
        if not 0 < decay < 1:
            raise ConfigError(f"must be in (0, 1), not {decay}", where="callbacks.averaging.decay")
        super().__init__(start, avg_fn=get_ema_avg_fn(decay))  # type: ignore[no-untyped-call]
