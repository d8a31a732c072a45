"""Learning-rate schedules over the whole of training, for ``conf/scheduler/*.yaml``."""

from __future__ import annotations

import math
from collections.abc import Callable

from torch.optim import Optimizer
from torch.optim.lr_scheduler import LambdaLR, LRScheduler


def cosine(optimizer: Optimizer, total_steps: int, warmup: float = 0.1, cycles: float = 0.5) -> LRScheduler:
    """Warm up linearly, then follow a cosine to zero.

    Args:
        optimizer: The optimizer whose learning rate is scheduled.
        total_steps: Optimizer steps of the whole training.
        warmup: Share of the steps that warm up, in [0, 1).
        cycles: Waves of the cosine; a half goes down to zero once.

    Returns:
        A scheduler to be stepped at each optimizer step.

    Source: Loshchilov and Hutter, "SGDR: Stochastic Gradient Descent with Warm Restarts", 2017.
    """
    wave = 2 * math.pi * cycles
    return _warmed_up(optimizer, total_steps, warmup, lambda share: max(0.0, (1 + math.cos(wave * share)) / 2))


def linear(optimizer: Optimizer, total_steps: int, warmup: float = 0.1) -> LRScheduler:
    """Warm up linearly, then fall linearly to zero.

    Args:
        optimizer: The optimizer whose learning rate is scheduled.
        total_steps: Optimizer steps of the whole training.
        warmup: Share of the steps that warm up, in [0, 1).

    Returns:
        A scheduler to be stepped at each optimizer step.
    """
    return _warmed_up(optimizer, total_steps, warmup, lambda share: max(0.0, 1 - share))


def _warmed_up(optimizer: Optimizer, total_steps: int, warmup: float, shape: Callable[[float], float]) -> LRScheduler:
    """Scale by ``shape`` of the share of steps done after warm-up; ``transformers``, an extra, has the like."""
    warm = round(warmup * total_steps)
    rest = max(1, total_steps - warm)
    return LambdaLR(optimizer, lambda step: step / warm if step < warm else shape((step - warm) / rest))
