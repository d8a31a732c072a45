"""Data made ready before the model is built, so that trials of the same data can share it."""

from __future__ import annotations

import contextlib
import functools
import threading
from collections.abc import Mapping
from typing import Any

import psutil
import pytorch_lightning as pl
import torch

from hone.errors import HoneError
from hone.training.components import build_data
from hone.training.digests import data_digests


def ready_data(config: Mapping[str, Any]) -> pl.LightningDataModule:
    """Build the data module, prepared and set up for fitting where that can be done without a trainer.

    A module that needs to know its trainer, and one whose trainer has several processes, is left for Lightning to set
    up. Everything random is drawn from the config's seed alone, so that data made in another process is the same.

    Args:
        config: A trial's resolved config.

    Returns:
        The data module; hooks that have run do not run again.

    Raises:
        HoneError: The data cannot be built, or is missing or wrong.
    """
    seed = int(config["seed"])
    pl.seed_everything(seed, workers=True, verbose=False)
    data = build_data(config)
    if _single_process(config):
        try:
            data.prepare_data()
            data.setup("fit")
        except HoneError:
            raise
        except Exception:  # noqa: BLE001 - Lightning calls these hooks again, and a mistake in them is raised then
            pl.seed_everything(seed, workers=True, verbose=False)
            data = build_data(config)
        else:
            _run_once(data)
            # Trials that share the data share its digests.
            with contextlib.suppress(Exception):
                data_digests(data)
    return data


def shared_data(config: Mapping[str, Any]) -> pl.LightningDataModule | None:
    """Make data ready in a process from which trials are forked.

    Args:
        config: A trial's resolved config.

    Returns:
        The data module; None where it cannot be shared: it needs its trainer, it started threads or it woke a device,
        none of which lives on in a fork; or it keeps a file open, whose place all forks would move.
    """
    before = _read_by_place()
    try:
        data = ready_data(config)
    except Exception:  # noqa: BLE001 - each trial comes by it again, and says so
        return None
    alone = threading.active_count() == 1 and not torch.cuda.is_initialized()  # type: ignore[no-untyped-call]
    return data if alone and _is_ready(data) and _read_by_place() <= before else None


def _read_by_place() -> set[str]:
    """Files that are open and not mapped into memory."""
    process = psutil.Process()
    return {one.path for one in process.open_files()} - {one.path for one in process.memory_maps()}


def _single_process(config: Mapping[str, Any]) -> bool:
    trainer = config.get("trainer") or {}
    return trainer.get("devices") in (1, "1") and trainer.get("num_nodes", 1) in (1, None)


def _run_once(data: pl.LightningDataModule) -> None:
    # Lightning looks through ``functools.wraps`` to see which hooks a module overrides.
    setup = data.setup

    @functools.wraps(data.prepare_data)
    def prepare_data() -> None:
        return None

    @functools.wraps(setup)
    def set_up(stage: str = "fit") -> None:
        if stage != "fit":
            setup(stage)

    data.prepare_data = prepare_data  # type: ignore[method-assign]
    data.setup = set_up  # type: ignore[method-assign]


def _is_ready(data: pl.LightningDataModule) -> bool:
    return "setup" in vars(data)
