"""One trial as the peers run it, and the search that they share."""

from __future__ import annotations

import logging
from pathlib import Path

import pytorch_lightning as pl
import torch
from digits import Digits, DigitsMLP
from mlflow import MlflowClient
from pytorch_lightning.loggers import MLFlowLogger

BATCH_SIZES = (16, 32, 64, 128)
EPOCHS = 5
EXPERIMENT = "peers"
LEARNING_RATES = (1e-4, 1e-1)
SEED = 42
WORKERS = 2


def tracking_uri(directory: Path) -> str:
    """Name the SQLite store of a directory."""
    return f"sqlite:///{directory.absolute() / 'mlflow.db'}"


def open_store(uri: str) -> str:
    """Create the store and its experiment; two processes that do so at once would break each other.

    Args:
        uri: The store's.

    Returns:
        The experiment's id.
    """
    client = MlflowClient(uri)
    known = client.get_experiment_by_name(EXPERIMENT)
    return known.experiment_id if known else client.create_experiment(EXPERIMENT)


def train(lr: float, batch_size: int, uri: str, threads: int | None = None, parent: str | None = None) -> float:
    """Train, test and track one trial as one MLflow run.

    Args:
        lr: Adam's learning rate.
        batch_size: Of the training batches.
        uri: The MLflow store's.
        threads: Torch's threads; None for torch's own choice.
        parent: The run under which this one is nested.

    Returns:
        The validation accuracy after the last epoch.
    """
    logging.getLogger("pytorch_lightning").setLevel(logging.WARNING)
    if threads:
        torch.set_num_threads(threads)
    pl.seed_everything(SEED)
    tags = {"mlflow.parentRunId": parent} if parent else None
    logger = MLFlowLogger(EXPERIMENT, tracking_uri=uri, tags=tags)
    logger.log_hyperparams({"lr": lr, "batch_size": batch_size})
    trainer = pl.Trainer(
        accelerator="cpu",
        max_epochs=EPOCHS,
        logger=logger,
        enable_checkpointing=False,
        enable_progress_bar=False,
        enable_model_summary=False,
    )
    model, data = DigitsMLP(lr), Digits(batch_size)
    trainer.fit(model, datamodule=data)
    accuracy = trainer.callback_metrics["val/accuracy"].item()
    trainer.test(model, datamodule=data, verbose=False)
    return accuracy


if __name__ == "__main__":
    open_store(tracking_uri(Path.cwd()))
