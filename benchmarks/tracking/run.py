"""What tracking costs a training that logs every step; each prints what it measured.

python benchmarks/tracking/run.py speed     # hone, no logger, Lightning's MLFlowLogger; in turns, as ratios
python benchmarks/tracking/run.py many      # 8 processes that train at once, one SQLite store
python benchmarks/tracking/run.py outage    # steps a second before and while a server hangs
"""

from __future__ import annotations

import contextlib
import json
import logging
import multiprocessing
import os
import signal
import socket
import statistics
import subprocess
import sys
import tempfile
import time
import urllib.request
import warnings
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import pytorch_lightning as pl
import torch
from torch.utils.data import DataLoader, TensorDataset

from hone.tracking.spool import SpoolReader, SpoolWriter
from hone.training.logger import SpoolLogger

STEPS, ROUNDS, BATCH, PROCESSES = 500, 7, 64, 8
STOP_FILE = "stop"


class TinyMLP(pl.LightningModule):
    """Two layers; logs two metrics a step."""

    def __init__(self) -> None:
        super().__init__()
        self.layers = torch.nn.Sequential(torch.nn.Linear(20, 64), torch.nn.ReLU(), torch.nn.Linear(64, 2))

    def training_step(self, batch: list[torch.Tensor], batch_idx: int) -> torch.Tensor:
        inputs, targets = batch
        outputs = self.layers(inputs)
        loss = torch.nn.functional.cross_entropy(outputs, targets)
        self.log("train/loss", loss)
        self.log("train/accuracy", (outputs.argmax(1) == targets).float().mean())
        return loss

    def configure_optimizers(self) -> torch.optim.Optimizer:
        return torch.optim.SGD(self.parameters(), lr=0.01)


class Rate(NamedTuple):
    """Steps for each second of the clock, and for each second of the training thread's own CPU time."""

    wall: float
    cpu: float


class Clock(pl.Callback):
    """Times from the tenth step to the last."""

    def on_train_batch_end(self, trainer: pl.Trainer, *_: object) -> None:
        if trainer.global_step == 10:
            self.began = time.perf_counter(), time.thread_time()
        self.ended = time.perf_counter(), time.thread_time()

    def rate(self, steps: int) -> Rate:
        wall, cpu = (end - begin for end, begin in zip(self.ended, self.began, strict=True))
        return Rate((steps - 10) / wall, (steps - 10) / cpu)


def train(logger: object, steps: int = STEPS, callbacks: tuple[pl.Callback, ...] = ()) -> Rate:
    """Train."""
    torch.set_num_threads(1)
    torch.manual_seed(0)
    data = TensorDataset(torch.randn(BATCH * 50, 20), torch.randint(0, 2, (BATCH * 50,)))
    clock = Clock()
    trainer = pl.Trainer(
        max_steps=steps,
        max_epochs=-1,
        logger=logger,
        log_every_n_steps=1,
        accelerator="cpu",
        callbacks=[clock, *callbacks],
        enable_checkpointing=False,
        enable_progress_bar=False,
        enable_model_summary=False,
    )
    trainer.fit(TinyMLP(), DataLoader(data, BATCH))
    return clock.rate(steps)


def train_with_hone(directory: Path, steps: int = STEPS) -> Rate:
    """Train as a worker of hone's does."""
    with SpoolWriter(directory) as spool:
        return train(SpoolLogger(spool), steps)


@contextlib.contextmanager
def controller(uri: str, directories: list[Path]) -> Iterator[None]:
    """Another process that delivers what trials in these directories log; at the end all is delivered."""
    root = directories[0].parent
    command = [sys.executable, __file__, "deliver", uri, *map(str, directories)]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None
    assert process.stdout.readline() == "ready\n"
    try:
        yield
    finally:
        (root / STOP_FILE).touch()
        assert process.wait() == 0
        (root / STOP_FILE).unlink()


def deliver(uri: str, *directories: str) -> None:
    """What the process of ``controller`` does."""
    from hone.tracking.courier import Courier
    from hone.tracking.run import RunRecord, TrackedRun
    from hone.tracking.store import TrackingConfig, open_store

    store = open_store(TrackingConfig(uri))
    with Courier(store) as courier:
        runs = [TrackedRun(courier, Path(one)) for one in directories]
        for run in runs:
            run.open(RunRecord(run.directory.name, {}))
        courier.settle()
        print("ready", flush=True)
        while not (runs[0].directory.parent / STOP_FILE).exists():
            time.sleep(0.05)
        for run in runs:
            run.end("FINISHED", "complete")
    assert not courier.errors, courier.errors
    assert not courier.waiting(), courier.waiting()


def drained(directories: list[Path]) -> None:
    """Wait until everything that was written is delivered."""
    while any(SpoolReader(one).behind for one in directories):
        time.sleep(0.1)


def check(uri: str, directories: list[Path], steps: int) -> int:
    """Compare what is in the store with what was logged; gives the number of values."""
    from hone.tracking.local import kept_run_id
    from hone.tracking.store import TrackingConfig, open_store

    store = open_store(TrackingConfig(uri))
    values = 0
    for directory in directories:
        run_id = kept_run_id(directory)
        for name in ("train/loss", "train/accuracy"):
            found = [one.step for one in store.client.get_metric_history(run_id, name)]
            assert sorted(found) == list(range(steps)), f"{directory.name}: {name}"
            values += len(found)
    return values


def made(where: Path, *names: str) -> list[Path]:
    """Empty directories."""
    for name in names:
        (where / name).mkdir(parents=True)
    return [where / name for name in names]


@contextlib.contextmanager
def server(where: Path) -> Iterator[tuple[str, subprocess.Popen]]:
    """``mlflow server`` on loopback, on SQLite."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    command = [sys.executable, "-m", "mlflow", "server", "--host", "127.0.0.1", "--port", str(port), "--workers", "1"]
    command += ["--backend-store-uri", f"sqlite:///{where / 'server.db'}"]
    environment = os.environ | {"MLFLOW_SERVER_ENABLE_JOB_EXECUTION": "false"}
    quiet = subprocess.DEVNULL
    process = subprocess.Popen(command, env=environment, stdout=quiet, stderr=quiet, start_new_session=True, cwd=where)
    try:
        for _ in range(600):
            with contextlib.suppress(OSError), urllib.request.urlopen(f"http://127.0.0.1:{port}/health", timeout=2):
                break
            time.sleep(0.2)
        yield f"http://127.0.0.1:{port}", process
    finally:
        os.killpg(process.pid, signal.SIGKILL)
        process.wait()


def speed(where: Path) -> None:
    """In turns, each round one training of each kind; the ratio is the median of the rounds'."""
    from pytorch_lightning.loggers import MLFlowLogger

    local = f"sqlite:///{where / 'mlflow.db'}"
    directories = made(where, *(f"hone-{number}" for number in range(ROUNDS + 1)))
    rates: dict[str, list[Rate]] = {}
    with server(where) as (remote, _), controller(local, directories):
        train(False)
        train_with_hone(directories[-1])
        drained(directories)
        for number in range(ROUNDS):
            kinds = {
                "no logger": lambda: train(False),
                "hone": lambda number=number: train_with_hone(directories[number]),
                "MLFlowLogger, SQLite": lambda: train(MLFlowLogger("lightning", tracking_uri=local), STEPS // 5),
                "MLFlowLogger, server": lambda: train(MLFlowLogger("lightning", tracking_uri=remote), STEPS // 5),
            }
            order = list(kinds)[:: 1 if number % 2 else -1]
            for kind in order:
                rates.setdefault(kind, []).append(kinds[kind]())
                drained(directories)
    bare = rates["no logger"]
    print("| logger | steps a second | of no logger | by CPU time |\n| --- | ---: | ---: | ---: |")
    for kind in ("no logger", "hone", "MLFlowLogger, SQLite", "MLFlowLogger, server"):
        pairs = list(zip(rates[kind], bare, strict=True))
        wall = statistics.median(one.wall / other.wall for one, other in pairs)
        cpu = statistics.median(one.cpu / other.cpu for one, other in pairs)
        print(f"| {kind} | {statistics.median(one.wall for one in rates[kind]):.0f} | {wall:.3f} | {cpu:.3f} |")
    print("each round:", json.dumps({kind: [round(one.wall) for one in found] for kind, found in rates.items()}))
    print(f"{check(local, directories, STEPS)} values of hone's are in the store, each once")


def many(where: Path) -> None:
    """Processes that train at once, in turns with the same without a logger."""
    local = f"sqlite:///{where / 'mlflow.db'}"
    pairs = []
    kept = 0
    for number in range(3):
        directories = made(where / str(number), *map(str, range(PROCESSES)))
        bare = _at_once([None] * PROCESSES)
        with controller(local, directories):
            own = _at_once(list(directories))
        kept += check(local, directories, STEPS)
        pairs.append((own, bare))
    wall = statistics.median(own.wall / bare.wall for own, bare in pairs)
    cpu = statistics.median(own.cpu / bare.cpu for own, bare in pairs)
    shown = ", ".join(f"{own.wall:.0f} / {bare.wall:.0f}" for own, bare in pairs)
    print(f"{PROCESSES} processes, steps a second of all, hone / no logger: {shown}")
    print(f"ratio {wall:.3f}, by CPU time {cpu:.3f}; {kept} values are in the store, each once; no error")


def _at_once(directories: list[Path | None]) -> Rate:
    with multiprocessing.get_context("spawn").Pool(len(directories)) as pool:
        pool.map(_warm, range(len(directories)), chunksize=1)
        rates = pool.map(_train_in, directories, chunksize=1)
    return Rate(sum(one.wall for one in rates), sum(one.cpu for one in rates))


def _warm(_: int) -> None:
    _quieten()
    train(False, 30)
    time.sleep(0.5)


def _train_in(directory: Path | None) -> Rate:
    return train(False) if directory is None else train_with_hone(directory)


class Switch(pl.Callback):
    """Freezes and thaws a server by turns; keeps the steps' rate of each turn."""

    def __init__(self, process: subprocess.Popen, every: int) -> None:
        self.process, self.every = process, every
        self.rates: dict[bool, list[float]] = {False: [], True: []}
        self.frozen = False

    def on_train_batch_end(self, trainer: pl.Trainer, *_: object) -> None:
        if trainer.global_step % self.every == 10:
            if trainer.global_step > 10:
                self.rates[self.frozen].append(self.every / (time.perf_counter() - self._began))
                self.frozen = not self.frozen
                os.killpg(self.process.pid, signal.SIGSTOP if self.frozen else signal.SIGCONT)
            self._began = time.perf_counter()


def outage(where: Path) -> None:
    """A server that hangs for every other thousand of steps."""
    steps, every = 10_010, 1_000
    [directory] = made(where, "hone")
    os.environ["MLFLOW_HTTP_REQUEST_TIMEOUT"] = "3"
    with server(where) as (remote, process):
        with controller(remote, [directory]):
            switch = Switch(process, every)
            with SpoolWriter(directory) as spool:
                train(SpoolLogger(spool), steps, (switch,))
            os.killpg(process.pid, signal.SIGCONT)
            drained([directory])
        up, down = (statistics.median(switch.rates[frozen]) for frozen in (False, True))
        print(f"steps a second: {up:.0f} with the server up, {down:.0f} while it hangs; ratio {down / up:.3f}")
        print(f"{check(remote, [directory], steps)} values are in the store, each once")


def _quieten() -> None:
    logging.getLogger("pytorch_lightning").setLevel(logging.ERROR)
    logging.getLogger("lightning").setLevel(logging.ERROR)
    warnings.simplefilter("ignore")


def main() -> None:
    if sys.argv[1:2] == ["deliver"]:
        deliver(*sys.argv[2:])
        return
    _quieten()
    measures = {one.__name__: one for one in (speed, many, outage)}
    for name in sys.argv[1:] or measures:
        with tempfile.TemporaryDirectory(prefix="hone-tracking-") as where:
            print(f"== {name}", flush=True)
            measures[name](Path(where))


if __name__ == "__main__":
    main()
