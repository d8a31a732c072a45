"""Lightning's logger over hone's spool: a line in a file, never a wait for the store."""

from __future__ import annotations

import time
from argparse import Namespace
from collections.abc import Mapping, Set
from typing import Any

from pytorch_lightning.loggers.logger import Logger
from pytorch_lightning.utilities import rank_zero_only

from hone.tracking.spool import SpoolWriter

FLUSH_SECONDS = 0.5


class SpoolLogger(Logger):
    """Writes metrics to the spool of a run's directory.

    Args:
        spool: The spool.
    """

    def __init__(self, spool: SpoolWriter) -> None:
        super().__init__()
        self.spool = spool
        self._flushed = 0.0
        self._names: Set[str] = frozenset()
        self._same = False

    @property
    def name(self) -> str:
        """The logger's name, as Lightning shows it."""
        return "hone"

    @property
    def version(self) -> str:
        """Nothing is versioned: a trial's directory is used once."""
        return ""

    @rank_zero_only
    def log_hyperparams(self, params: dict[str, Any] | Namespace, *args: Any, **kwargs: Any) -> None:
        """Do nothing: the controller logs the whole config, of which these are a part."""

    @rank_zero_only
    def log_metrics(self, metrics: Mapping[str, float], step: int | None = None) -> None:
        """Append metrics to the spool.

        Args:
            metrics: Values by name.
            step: Optimizer step.
        """
        # Lightning adds the epoch to each batch of metrics; only its own call does, and it is no metric.
        points = {name: float(value) for name, value in metrics.items() if name != "epoch"}
        self.spool.append(points, step or 0, time.time())
        self._same = points.keys() == self._names
        self._names = points.keys()

    @rank_zero_only
    def save(self) -> None:
        """Hand what is buffered to the operating system; what is logged at every step, now and then.

        Lightning asks for it whenever something has been logged.
        """
        if not self._same or time.monotonic() - self._flushed > FLUSH_SECONDS:
            self.flush()

    def flush(self) -> None:
        """Hand what is buffered to the operating system."""
        self.spool.flush()
        self._flushed = time.monotonic()

    @rank_zero_only
    def finalize(self, status: str) -> None:
        """Hand what is buffered to the operating system."""
        self.spool.flush()
