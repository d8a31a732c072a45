"""Checkpoints that say what they are of, and that load without running anything that lies in them.

MLflow's PyTorch flavour loads a checkpoint with a "pickle module" of the model's choice. This is the one that hone
names: of ``pickle`` it has nothing but the ``Unpickler`` that torch uses for weights alone, and what that reads goes to
the class which the checkpoint names.
"""

from __future__ import annotations

import functools
import json
import os
import pickle
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytorch_lightning as pl
import torch
from torch._weights_only_unpickler import Unpickler as WeightsUnpickler

from hone.config.build import build, locate, signature_of
from hone.config.secrets import hide_values
from hone.config.trust import check_objects
from hone.errors import ModelError

RECIPE = "hone.model"
ALLOW = "HONE_ALLOW"
# What the optimizer is made of, for a module that takes one.
PARTS = ("model", "optimizer", "scheduler")
HYPERPARAMETERS = ("hyper_parameters", "datamodule_hyper_parameters")


def make_portable(model: pl.LightningModule, config: Mapping[str, Any]) -> bool:
    """Make each checkpoint of a model plain: weights, numbers and texts, and the config that it was built from.

    Args:
        model: The model.
        config: The trial's resolved config, its model filled in from the data.

    Returns:
        Whether a checkpoint says what its model is built from.
    """
    made_of = recipe(config)
    own = model.on_save_checkpoint

    # Lightning asks no callback about a checkpoint of weights alone.
    @functools.wraps(own)
    def on_save_checkpoint(checkpoint: dict[str, Any]) -> None:
        own(checkpoint)
        if made_of is not None:
            checkpoint[RECIPE] = made_of
        for key in HYPERPARAMETERS:
            if isinstance(values := checkpoint.get(key), dict):
                checkpoint[key] = {name: value for name, value in values.items() if _is_plain(value)}

    model.on_save_checkpoint = on_save_checkpoint  # type: ignore[method-assign]
    return made_of is not None


def recipe(config: Mapping[str, Any]) -> dict[str, Any] | None:
    """What a model is built from; None where that is more than numbers and texts."""
    try:
        made_of: dict[str, Any] = json.loads(json.dumps({part: config.get(part) for part in PARTS}))
        made_of = hide_values(made_of)
    except (TypeError, ValueError):
        return None
    return made_of


def restore(checkpoint: Mapping[str, Any]) -> pl.LightningModule:
    """Build the model that a checkpoint is of, with its weights, ready to predict.

    Args:
        checkpoint: As ``torch.load`` gives it.

    Returns:
        The model, in evaluation mode.

    Raises:
        ModelError: The checkpoint does not say what it is of, or names something else than a LightningModule.
        ConfigError: The class cannot be imported or built here, or the checkpoint names what it may not:
            ``hone.config.trust`` says what, and the variable ``HONE_ALLOW`` may name more packages.
    """
    made_of = checkpoint.get(RECIPE)
    if made_of is None:
        raise ModelError("the checkpoint does not hold what its model is built from")
    # A checkpoint may be anybody's, and what it names is called.
    check_objects(made_of, tuple(filter(None, os.environ.get(ALLOW, "").split(","))), "the checkpoint")
    node = made_of["model"]
    target = locate(str(node.get("_target_")), "model")
    if not (isinstance(target, type) and issubclass(target, pl.LightningModule)):
        raise ModelError("is no LightningModule", where=str(node.get("_target_")))
    parameters = signature_of(target) or {}
    given = {one: build(made_of[one], one) for one in PARTS[1:] if one in parameters and one not in node}
    model = build(node, "model", **given)
    model.load_state_dict(checkpoint["state_dict"])
    return model.eval()


class Unpickler(WeightsUnpickler):
    """Reads weights and plain values, nothing else, and gives the model that they belong to."""

    def load(self) -> pl.LightningModule:
        """Read a checkpoint.

        Raises:
            UnpicklingError: It holds more than weights and plain values.
        """
        return restore(super().load())  # type: ignore[no-untyped-call]


def _is_plain(value: Any) -> bool:
    if isinstance(value, Mapping):
        return all(isinstance(key, str) and _is_plain(one) for key, one in value.items())
    if isinstance(value, list | tuple):
        return all(map(_is_plain, value))
    return value is None or type(value) in (bool, int, float, str) or isinstance(value, torch.Tensor)


def load_weights(model: pl.LightningModule, path: Path, config: Mapping[str, Any]) -> None:
    """Put a checkpoint's weights into a model; nothing that lies in the checkpoint is run.

    Args:
        model: As its config builds it.
        path: The checkpoint.
        config: That config, the model filled in from the data.

    Raises:
        ModelError: It holds more than weights and plain values, or weights of another model.
    """
    try:
        checkpoint = torch.load(path, map_location="cpu", weights_only=True)
    except pickle.UnpicklingError:
        raise ModelError("holds objects that only a pickle loads, which is not done", where=str(path)) from None
    model.on_load_checkpoint(checkpoint)
    try:
        model.load_state_dict(checkpoint["state_dict"], strict=model.strict_loading)
    except (KeyError, RuntimeError) as error:
        raise ModelError(_misfit(checkpoint, config, error), where=f"checkpoint {path.name}") from error


def _misfit(checkpoint: Mapping[str, Any], config: Mapping[str, Any], error: Exception) -> str:
    """Why weights do not fit: most often, the data makes another model."""
    before, now = (checkpoint.get(RECIPE) or {}).get("model") or {}, config.get("model") or {}
    differing = [key for key in before if before[key] != now.get(key)]
    if differing:
        key = differing[0]
        return f"is of a model with {key}={before[key]!r}; here, with this data, it is {now.get(key)!r}"
    return f"does not fit the model: {' '.join(str(error).split())[:200]}"
