"""Learning-rate schedules over the whole of training, for ``conf/scheduler/*.yaml``."""

from __future__ import annotations

from torch.optim import Optimizer
from torch.optim.lr_scheduler import LRScheduler


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
    from transformers.optimization import get_cosine_schedule_with_warmup

    return get_cosine_schedule_with_warmup(optimizer, round(warmup * total_steps), total_steps, cycles)


def linear(optimizer: Optimizer, total_steps: int, warmup: float = 0.1) -> LRScheduler:
    """Warm up linearly, then fall linearly to zero.

    Args:
        optimizer: The optimizer whose learning rate is scheduled.
        total_steps: Optimizer steps of the whole training.
        warmup: Share of the steps that warm up, in [0, 1).

    Returns:
        A scheduler to be stepped at each optimizer step.
    """
    from transformers.optimization import get_linear_schedule_with_warmup

    return get_linear_schedule_with_warmup(optimizer, round(warmup * total_steps), total_steps)
