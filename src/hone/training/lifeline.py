"""A sign of life now and then, so that a trial that hangs is told from one that takes its time."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any

from pytorch_lightning.callbacks import Callback

from hone.worker.life import ALIVE_FILE

SECONDS = 5.0


class Lifeline(Callback):
    """Touches a file after batches, at most once in ``SECONDS``.

    Args:
        directory: The trial's directory.
    """

    def __init__(self, directory: Path) -> None:
        self.path = directory / ALIVE_FILE
        self._touched = time.monotonic()

    def on_train_batch_end(self, *_: Any) -> None:
        """Show life."""
        self._show()

    def on_validation_batch_end(self, *_: Any) -> None:
        """Show life."""
        self._show()

    def on_test_batch_end(self, *_: Any) -> None:
        """Show life."""
        self._show()

    def _show(self) -> None:
        if time.monotonic() - self._touched > SECONDS:
            self._touched = time.monotonic()
            self.path.touch()
