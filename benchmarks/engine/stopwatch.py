"""Writes down when a trial takes its first step."""

import time
from pathlib import Path

import pytorch_lightning as pl


class Stopwatch(pl.Callback):
    """Leaves the moment of the first training batch in the trial's directory."""

    def on_train_batch_start(self, trainer, pl_module, batch, batch_idx):
        """Write it once."""
        path = Path(trainer.default_root_dir) / "first_step"
        if not path.exists():
            path.write_text(repr(time.time()))
