"""Metrics of a config, made for a model, or refused where they are those of another task."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from torchmetrics import Metric, MetricCollection

from hone.errors import ModelError


def collected(factories: Mapping[str, Callable[..., Metric]], evaluation: str, **given: Any) -> MetricCollection:
    """Make each metric.

    Args:
        factories: Metric factories by name.
        evaluation: The option of ``evaluation`` that goes with the model, for messages.
        **given: Arguments of each.

    Raises:
        ModelError: One takes other arguments.
    """
    try:
        return MetricCollection({name: make(**given) for name, make in factories.items()})
    except (TypeError, ValueError) as error:
        names = ", ".join(factories)
        raise ModelError(
            f"{names} cannot measure this model; evaluation={evaluation} can ({error})", where="evaluation.metrics"
        ) from error
