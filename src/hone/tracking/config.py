"""The ``tracking`` node of a config. Nothing of MLflow is imported for it."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class TrackingConfig:
    """The ``tracking`` node of a config.

    Attributes:
        uri: Any MLflow tracking URI; None for SQLite in ``directory``.
        experiment: The MLflow experiment.
        directory: Where the embedded store, trials and studies lie.
        report: Draw the report of a study, and pictures of what runs predicted.
        offline: Keep everything in ``directory`` and open no store; ``hone sync`` delivers it.
    """

    uri: str | None = None
    experiment: str = "hone"
    directory: str = "mlruns"
    offline: bool = False
    report: bool = True

    @property
    def root(self) -> Path:
        """``directory``, absolute."""
        return Path(self.directory).absolute()

    @property
    def store_uri(self) -> str:
        """The URI in use."""
        return self.uri or f"sqlite:///{self.root / 'mlflow.db'}"
