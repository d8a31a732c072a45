"""How a study searched, as its run keeps it: enough to ask its sampler for the same suggestions again."""

from __future__ import annotations

import json
from dataclasses import asdict

from hone.config.secrets import hide_values
from hone.sweep.plan import Plan

SEARCH_FILE = "search.json"


def search_text(plan: Plan, slots: int, *, resumed: bool) -> str:
    """What decides a study's suggestions, as JSON.

    Args:
        plan: The sweep.
        slots: How many trials run at once: with more than one, the suggestions depend on which ends first.
        resumed: The study was stopped and gone on with, with a sampler of another seed.
    """
    content = {
        "sampler": plan.config["sampler"],
        "pruner": plan.config["pruner"],
        "metrics": plan.sweep.metrics,
        "directions": plan.sweep.directions,
        "constraints": {one.metric: one.text for one in plan.constraints},
        "space": plan.space.texts,
        "when": plan.space.branch_texts,
        "options": {one.key: list(one.points() or ()) for one in plan.space.all if one.key in plan.configs.groups},
        "prior": [asdict(one) for one in plan.prior],
        "enqueued": len(plan.sweep.enqueue),
        "slots": slots,
        "sessions": 2 if resumed and not plan.steady else 1,
        "steady": plan.steady,
    }
    return json.dumps(hide_values(content), indent=2, default=str)
