"""Optimizer and scheduler from their configs, attached to a module that does not bring its own."""

from __future__ import annotations

import math
from collections.abc import Callable
from functools import partial
from types import MethodType
from typing import Any

import pytorch_lightning as pl
from torch.optim import Optimizer
from torch.optim.lr_scheduler import ReduceLROnPlateau

from hone.config.build import signature_of
from hone.errors import ConfigError


def attach_optimizer(
    module: pl.LightningModule,
    optimizer: Callable[..., Optimizer] | None,
    scheduler: Callable[..., Any] | None,
    *,
    monitor: str,
    mode: str,
) -> None:
    """Give a module an optimizer where it has none of its own.

    A module that defines ``configure_optimizers`` is left alone.

    Args:
        module: Any LightningModule. Where it has ``parameter_groups(learning_rate)``, these groups are optimized.
        optimizer: Takes parameters or groups and gives the optimizer.
        scheduler: Takes the optimizer, and ``total_steps`` where it asks for it.
        monitor: Metric that reduce-on-plateau watches.
        mode: ``max`` or ``min``.

    Raises:
        ConfigError: The module has no optimizer and the config names none.
    """
    if type(module).configure_optimizers is not pl.LightningModule.configure_optimizers:
        return
    if optimizer is None:
        raise ConfigError("the model brings no optimizer of its own; choose one", where="optimizer")

    def configure_optimizers(self: pl.LightningModule) -> Any:
        built = optimizer(_parameters(self, optimizer))
        if scheduler is None:
            return built
        plan = _scheduler_config(self, built, scheduler, monitor, mode)
        return {"optimizer": built, "lr_scheduler": plan}

    module.configure_optimizers = MethodType(configure_optimizers, module)  # type: ignore[method-assign]


def _parameters(module: pl.LightningModule, optimizer: Callable[..., Optimizer]) -> Any:
    groups = getattr(module, "parameter_groups", None)
    if groups is not None:
        return groups(_learning_rate(optimizer))
    return [one for one in module.parameters() if one.requires_grad]


def _learning_rate(optimizer: Callable[..., Optimizer]) -> float:
    if isinstance(optimizer, partial) and "lr" in optimizer.keywords:
        return float(optimizer.keywords["lr"])
    raise ConfigError("this model scales learning rates by layer and needs one to scale", where="optimizer.lr")


def _scheduler_config(
    module: pl.LightningModule, optimizer: Optimizer, scheduler: Callable[..., Any], monitor: str, mode: str
) -> dict[str, Any]:
    parameters = signature_of(scheduler) or {}
    if "total_steps" in parameters and "total_steps" not in getattr(scheduler, "keywords", {}):
        steps = module.trainer.estimated_stepping_batches
        if not math.isfinite(steps) or steps < 1:
            raise ConfigError(
                "needs to know how many steps there are, and the data has no length, or training no end; "
                "set trainer.max_steps",
                where="scheduler",
            )
        return {"scheduler": scheduler(optimizer, total_steps=int(steps)), "interval": "step"}
    if isinstance(scheduler, partial) and scheduler.func is ReduceLROnPlateau:
        # In other epochs there is nothing to judge by.
        every = module.trainer.check_val_every_n_epoch or 1
        plan = {"scheduler": scheduler(optimizer, mode=mode), "monitor": monitor}
        return {**plan, "interval": "epoch", "frequency": every}
    return {"scheduler": scheduler(optimizer), "interval": "epoch"}
