"""The round of a loop that a sweep is a part of."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path

from hone.study import seed_of
from hone.sweep.plan import Plan

SEARCH, CONFIRMATION = "search", "confirmation"
# More than a round has trials, each of which has a seed of its own by its number.
ROUNDS_APART = 1_000_000


@dataclass(frozen=True)
class Round:
    """Where a sweep stands in a loop.

    Attributes:
        loop: The directory of the loop's run, under which the study's run stands.
        number: The round, from 1.
        part: ``search`` or ``confirmation``.
    """

    loop: Path
    number: int
    part: str


def of_round(plan: Plan, part: Round) -> Plan:
    """A plan as a round runs it: its sampler draws nothing that an earlier round's has drawn, and steadily."""
    node = plan.config["sampler"]
    if isinstance(node.get("seed"), int):
        node = {**node, "seed": seed_of(node["seed"], ROUNDS_APART, part.number)}
    return replace(plan, config={**plan.config, "sampler": node}, steady=True)
