"""Data module, model, callbacks and trainer, each built from its config."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytorch_lightning as pl

from hone.config.build import build, locate, signature_of
from hone.errors import ConfigError
from hone.training.accumulation import EffectiveBatchSize
from hone.training.optimization import attach_optimizer


def build_data(config: Mapping[str, Any]) -> pl.LightningDataModule:
    """Build the data module and let it find its data.

    Args:
        config: A trial's resolved config.

    Returns:
        The data module.

    Raises:
        ConfigError: It cannot be built, or is no LightningDataModule.
        DataError: A data module of hone's found its data missing or wrong.
    """
    data = build(config.get("data"), "data")
    if not isinstance(data, pl.LightningDataModule):
        raise ConfigError(f"must be a LightningDataModule, not {type(data).__name__}", where="data._target_")
    return data


def filled_in(config: Mapping[str, Any], data: pl.LightningDataModule) -> dict[str, Any]:
    """A config whose model is filled in from the data where its arguments are null.

    Args:
        config: A trial's resolved config.
        data: The data module.

    Raises:
        ConfigError: The model cannot be imported.
    """
    node = dict(config["model"])
    target = locate(str(node.get("_target_")), "model")
    return {**config, "model": node | _from_data(node, signature_of(target) or {}, data)}


def build_model(config: Mapping[str, Any], data: pl.LightningDataModule) -> pl.LightningModule:
    """Build the model, filled in from the data where its config leaves an argument null.

    A constructor that takes ``optimizer`` (and ``scheduler``) is given the partials; a module without
    ``configure_optimizers`` gets one.

    Args:
        config: A trial's resolved config.
        data: The data module.

    Returns:
        The model, compiled where the config says so.

    Raises:
        ConfigError: It cannot be built, or is no LightningModule.
    """
    node = dict(config["model"])
    target = locate(str(node.get("_target_")), "model")
    parameters = signature_of(target) or {}
    optimizer, scheduler = (
        build(config.get("optimizer"), "optimizer"),
        build(config.get("scheduler"), "scheduler"),
    )
    given = {"optimizer": optimizer, "scheduler": scheduler}
    arguments = {name: value for name, value in given.items() if name in parameters and name not in node}
    node |= _from_data(node, parameters, data)
    model = build(node, "model", **arguments)
    if not isinstance(model, pl.LightningModule):
        raise ConfigError(f"must be a LightningModule, not {type(model).__name__}", where="model._target_")
    attach_optimizer(model, optimizer, scheduler, monitor=config["monitor"], mode=config["mode"])
    if config.get("compile"):
        model.compile()
    return model


def _from_data(node: Mapping[str, Any], parameters: Mapping[str, Any], data: pl.LightningDataModule) -> dict[str, Any]:
    # Lightning's own attributes, such as ``name``, say nothing of the data.
    own = [name for name in parameters if hasattr(type(data), name) and not hasattr(pl.LightningDataModule, name)]
    wanted = [name for name in own if node.get(name) is None]
    if not wanted:
        return {}
    data.prepare_data()
    data.setup("fit")
    return {name: getattr(data, name) for name in wanted}


def build_trainer(
    config: Mapping[str, Any],
    directory: Path,
    logger: Any,
    callbacks: list[pl.Callback],
    resumer: pl.Callback,
    *,
    progress: bool,
) -> pl.Trainer:
    """Build the trainer.

    Args:
        config: A trial's resolved config.
        directory: The trial's directory; checkpoints go below it.
        logger: A Lightning logger.
        callbacks: hone's own, beside those of the config.
        resumer: Saves the trial's state, after all others have changed theirs.
        progress: Show a progress bar with rates and time left.

    Returns:
        The trainer.

    Raises:
        ConfigError: An argument is wrong.
    """
    own = [_callback(config, name, directory) for name, node in (config.get("callbacks") or {}).items() if node]
    if config.get("effective_batch_size") is not None:
        own.append(EffectiveBatchSize(config["effective_batch_size"]))
    if progress:
        from pytorch_lightning.callbacks import RichProgressBar

        own.append(RichProgressBar())
    trainer = build(
        config["trainer"],
        "trainer",
        logger=logger,
        callbacks=[*callbacks, *own, resumer],
        default_root_dir=str(directory),
        enable_progress_bar=progress,
        enable_model_summary=False,
    )
    if not isinstance(trainer, pl.Trainer):
        raise ConfigError("must be a pytorch_lightning.Trainer", where="trainer._target_")
    return trainer


def _callback(config: Mapping[str, Any], name: str, directory: Path) -> pl.Callback:
    node = dict(config["callbacks"][name])
    if "dirpath" in (signature_of(locate(str(node.get("_target_")), f"callbacks.{name}")) or {}):
        node.setdefault("dirpath", str(directory / "checkpoints"))
    callback = build(node, f"callbacks.{name}")
    if not isinstance(callback, pl.Callback):
        raise ConfigError("must be a Lightning callback", where=f"callbacks.{name}._target_")
    return callback
