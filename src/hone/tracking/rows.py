"""A run as a store keeps it, and what can be asked of many of them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Protocol


@dataclass(frozen=True)
class RunRow:
    """A run as a store keeps it.

    Attributes:
        run_id: Its id.
        name: Its name.
        status: MLflow's.
        start: Milliseconds since the epoch.
        end: Likewise, or None while it runs.
        artifacts: Where its files are.
        tags: Each tag.
        metrics: The last value of each.
        params: Each parameter.
    """

    run_id: str
    name: str
    status: str
    start: int
    end: int | None
    artifacts: str
    tags: Mapping[str, str]
    metrics: Mapping[str, float]
    params: Mapping[str, str]


@dataclass(frozen=True)
class Query:
    """Which runs, in which order.

    Attributes:
        tags: Values that tags must have.
        others: Values that tags must not have; a run without the tag is none of them.
        name: The run's name.
        prefix: How its id begins.
        order: A metric to sort by; the latest comes first otherwise.
        descending: The most first.
        lacks: A metric that a run must not have.
        limit: The most to give.
    """

    tags: Mapping[str, str] = field(default_factory=dict)
    others: Mapping[str, str] = field(default_factory=dict)
    name: str | None = None
    prefix: str | None = None
    order: str | None = None
    descending: bool = True
    lacks: str | None = None
    limit: int = 50_000


class Runs(Protocol):
    """The runs of one experiment."""

    def find(self, query: Query) -> Sequence[RunRow]:
        """Give the runs that a query asks for, in its order.

        Raises:
            StoreError: The store cannot be read.
        """

    def champions(self) -> Mapping[str, str]:
        """The run id that each registered model's champion comes from, by the model's name.

        Raises:
            StoreError: The store cannot be read.
        """
