"""The workload that the peers share: one small network on the digits, written as a user of Lightning would."""

from __future__ import annotations

import logging
from pathlib import Path

import numpy as np
import pytorch_lightning as pl
import torch
from mlflow import MlflowClient
from pytorch_lightning.loggers import MLFlowLogger
from sklearn.datasets import load_digits
from sklearn.model_selection import train_test_split
from torch import Tensor, nn
from torch.nn import functional
from torch.utils.data import DataLoader, TensorDataset

BATCH_SIZES = (16, 32, 64, 128)
EPOCHS = 5
EXPERIMENT = "peers"
LEARNING_RATES = (1e-4, 1e-1)
SEED = 42
WORKERS = 2


class Digits(pl.LightningDataModule):
    """Scikit-learn's handwritten digits, split in the same way for each trial.

    Args:
        batch_size: Of the training batches.
    """

    def __init__(self, batch_size: int) -> None:
        super().__init__()
        self.batch_size = batch_size

    def setup(self, stage: str) -> None:  # noqa: ARG002 - Lightning passes it by name
        """Load and split; Lightning's hook."""
        images, labels = load_digits(return_X_y=True)
        rest, test = train_test_split(np.arange(len(labels)), test_size=0.2, stratify=labels, random_state=SEED)
        train, val = train_test_split(rest, test_size=0.125, stratify=labels[rest], random_state=SEED)
        pixels = torch.tensor(images / 16, dtype=torch.float32)
        classes = torch.tensor(labels)
        self.splits = {
            name: TensorDataset(pixels[rows], classes[rows])
            for name, rows in (("train", train), ("val", val), ("test", test))
        }

    def train_dataloader(self) -> DataLoader:
        """Give shuffled batches to fit on."""
        return DataLoader(self.splits["train"], batch_size=self.batch_size, shuffle=True)

    def val_dataloader(self) -> DataLoader:
        """Give batches to validate on after each epoch."""
        return DataLoader(self.splits["val"], batch_size=256)

    def test_dataloader(self) -> DataLoader:
        """Give batches to test on at the end."""
        return DataLoader(self.splits["test"], batch_size=256)


class DigitsMLP(pl.LightningModule):
    """64-128-10, trained by Adam.

    Args:
        lr: The learning rate.
    """

    def __init__(self, lr: float) -> None:
        super().__init__()
        self.lr = lr
        self.net = nn.Sequential(nn.Linear(64, 128), nn.ReLU(), nn.Linear(128, 10))

    def training_step(self, batch: list[Tensor]) -> Tensor:
        """Log the loss as the epoch's mean."""
        pixels, classes = batch
        loss = functional.cross_entropy(self.net(pixels), classes)
        self.log("train/loss", loss, on_step=False, on_epoch=True)
        return loss

    def validation_step(self, batch: list[Tensor]) -> None:
        """Log the accuracy that the search maximizes."""
        self.log("val/accuracy", self._accuracy(batch))

    def test_step(self, batch: list[Tensor]) -> None:
        """Log the accuracy that is reported."""
        self.log("test/accuracy", self._accuracy(batch))

    def configure_optimizers(self) -> torch.optim.Optimizer:
        """Give Adam over everything."""
        return torch.optim.Adam(self.parameters(), lr=self.lr)

    def _accuracy(self, batch: list[Tensor]) -> Tensor:
        pixels, classes = batch
        return (self.net(pixels).argmax(dim=1) == classes).float().mean()


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
