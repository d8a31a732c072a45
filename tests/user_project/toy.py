"""A user's own module and data: nothing of hone in it. It can be told to misbehave."""

import ctypes
import os
import signal
import subprocess
import time
from pathlib import Path

import pytorch_lightning as pl
import torch
from torch.utils.data import DataLoader, TensorDataset


def exhaust():
    """Takes memory until there is no more."""
    hoard = []
    while True:
        hoard.append(torch.ones(2**25))


def print_a_gigabyte():
    """Prints without end, or nearly."""
    line = "x" * 1_000_000
    for _ in range(1_000):
        print(line)


def leave_a_child():
    """Starts a process that gets out of the trial's session."""
    subprocess.Popen(["sleep", "600"], start_new_session=True)


STRAINS = {
    "segfault": lambda: ctypes.string_at(0),
    "exhaust": exhaust,
    "gigabyte": print_a_gigabyte,
    "child": leave_a_child,
    "terminate": lambda: os.kill(os.getpid(), signal.SIGTERM),
}


class ToyData(pl.LightningDataModule):
    """A line with noise, in two dimensions."""

    def __init__(self, batch_size: int = 16, rows: int = 64, workers: int = 0):
        super().__init__()
        self.batch_size = batch_size
        self.rows = rows
        self.workers = workers

    @property
    def width(self) -> int:
        return 2

    def setup(self, stage):
        inputs = torch.randn(self.rows, 2, generator=torch.Generator().manual_seed(0))
        self.data = TensorDataset(inputs, inputs @ torch.tensor([[1.0], [-2.0]]) + 0.5)

    def train_dataloader(self):
        return DataLoader(self.data, self.batch_size, shuffle=True, num_workers=self.workers)

    def val_dataloader(self):
        return DataLoader(self.data, self.batch_size)

    def test_dataloader(self):
        return DataLoader(self.data, self.batch_size)


class FiledData(ToyData):
    """The same from a file."""

    def __init__(self, path: str = "points.csv", batch_size: int = 16):
        super().__init__(batch_size)
        self.path = path

    def setup(self, stage):
        rows = torch.tensor([[float(one) for one in line.split(",")] for line in Path(self.path).read_text().split()])
        self.data = TensorDataset(rows[:, :2], rows[:, 2:])


class Strike(pl.Callback):
    """Ends the trial's process at a batch: by SIGTERM, or as a crash does."""

    def __init__(self, batch: int, how: str = "terminate", rank: int = 0):
        self.left = batch
        self.how = how
        self.rank = rank

    def on_train_batch_end(self, trainer, pl_module, outputs, batch, batch_idx):
        self.left -= 1
        if self.left == 0 and trainer.global_rank == self.rank:
            if self.how == "terminate":
                os.kill(os.getpid(), signal.SIGTERM)
            else:
                os.killpg(0, signal.SIGKILL)


class CountedData(ToyData):
    """Writes down each time it is set up, and takes as long as tokenization does."""

    def __init__(self, *arguments, keeps_open: bool = False, **named):
        super().__init__(*arguments, **named)
        self.keeps_open = keeps_open

    def setup(self, stage):
        with open("setups.txt", "a") as file:  # noqa: PTH123
            file.write(f"{stage} {torch.rand(1).item()}\n")
        time.sleep(1)
        if self.keeps_open:
            self.file = open("setups.txt", "rb")  # noqa: PTH123, SIM115
        super().setup(stage)


class ToyModel(pl.LightningModule):
    """A linear model that can die, raise, hang, diverge or print at an epoch of choice."""

    def __init__(
        self,
        width: int,
        misbehave: str | None = None,
        at_epoch: int = 1,
        pause: float = 0.0,
        above: float = 0.0,
        lr: float = 0.05,
        dropout: float = 0.0,
        plan: str | None = None,
    ):
        super().__init__()
        self.save_hyperparameters()
        self.layer = torch.nn.Linear(width, 1)
        self.dropout = torch.nn.Dropout(dropout)

    def training_step(self, batch, batch_idx):
        inputs, targets = batch
        loss = torch.nn.functional.mse_loss(self.layer(self.dropout(inputs)), targets)
        if self.hparams.misbehave and self.current_epoch == self.hparams.at_epoch:
            loss = self._misbehave(loss)
        return loss

    def _misbehave(self, loss):
        if self.hparams.lr < self.hparams.above:
            return loss
        kind = self.hparams.misbehave
        if kind == "die":
            os.kill(os.getpid(), signal.SIGKILL)
        if kind == "raise":
            raise RuntimeError("the user's own mistake")
        if kind in STRAINS:
            STRAINS[kind]()
            return loss
        if kind == "exit":
            os._exit(3)
        if kind == "hang":
            time.sleep(3600)
        if kind == "diverge":
            return loss * float("nan")
        if kind == "memory":
            raise torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 2.00 GiB.")
        print(f"the toy says {kind}")
        print(f"threads {torch.get_num_threads()}, devices {os.environ['CUDA_VISIBLE_DEVICES']}")
        return loss

    def validation_step(self, batch, batch_idx):
        inputs, targets = batch
        self.log("val/loss", torch.nn.functional.mse_loss(self.layer(inputs), targets))

    def on_validation_epoch_end(self):
        time.sleep(self.hparams.pause)

    def test_step(self, batch, batch_idx):
        inputs, targets = batch
        self.log("test/loss", torch.nn.functional.mse_loss(self.layer(inputs), targets))

    def configure_optimizers(self):
        optimizer = torch.optim.SGD(self.parameters(), lr=self.hparams.lr)
        if self.hparams.plan is None:
            return optimizer
        scheduler = torch.optim.lr_scheduler.StepLR(optimizer, 1, gamma=0.9)
        return {"optimizer": optimizer, "lr_scheduler": {"scheduler": scheduler, "interval": self.hparams.plan}}


def make_model(**arguments):
    """Builds the model as some projects do."""
    return ToyModel(**arguments)
