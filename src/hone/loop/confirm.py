"""A round's best are trained again on fresh seeds, so that a lucky seed does not win. Validation alone decides."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from hone.loop.evidence import Evidence
from hone.loop.state import Candidate
from hone.sweep.feedback import ConfirmSection

SEED = "seed"


def confirmation(
    content: Mapping[str, Any], wanted: ConfirmSection, evidence: Evidence, seed: int, study: str
) -> dict[str, Any]:
    """The sweep file that trains a round's best again.

    Args:
        content: The round's own, plain.
        wanted: How many configurations on how many seeds.
        evidence: What the round came to, with a complete trial.
        seed: The round's; those of the confirmation follow it.
        study: What to call the confirmation's study.
    """
    seeds = [seed + place for place in range(1, wanted.seeds + 1)]
    best = _distinct(evidence)[: wanted.best]
    runs = [{**one.values, SEED: each} for one in best for each in seeds]
    left_out = ("warm_start", "learn_from", "timeout", "when", "enqueue", "feedback")
    kept = {key: value for key, value in content.items() if key not in left_out}
    # What is tried is listed; the sampler is never asked.
    return {
        **kept,
        "trials": len(runs),
        "sampler": "random",
        "pruner": "none",
        "space": {**(content.get("space") or {}), SEED: f"choice({', '.join(map(str, seeds))})"},
        **({"when": content["when"]} if content.get("when") else {}),
        "enqueue": runs,
        "disk": {**content.get("disk", {}), "keep": len(runs)},
        "study": {**content.get("study", {}), "name": study},
    }


def _distinct(evidence: Evidence) -> list[Any]:
    """The best trials, each configuration once."""
    found: list[Any] = []
    for one in evidence.ranked:
        if all(one.values != other.values for other in found):
            found.append(one)
    return found


def candidates(evidence: Evidence, again: Evidence, runs: Mapping[int, str | None]) -> tuple[Candidate, ...]:
    """What came of the confirmation, best first: by mean over the seeds, then by spread.

    Args:
        evidence: What the round came to.
        again: What its confirmation came to.
        runs: The MLflow run of each of the confirmation's trials.
    """
    found: list[Candidate] = []
    for one in _distinct(evidence):
        own = [each for each in again.trials if _without_seed(each.values) == one.values]
        if own and one.value is not None:
            own.sort(key=lambda each: each.values[SEED])
            scores = tuple(each.value if each.state == "complete" else None for each in own)
            ids = tuple(runs.get(each.number) for each in own)
            numbers = tuple(each.number for each in own)
            found.append(Candidate(one.values, one.number, one.value, scores, ids, numbers))
    sign = -1 if evidence.maximize else 1
    return tuple(sorted(found, key=lambda one: _order(one, sign)))


def _order(one: Candidate, sign: int) -> tuple[float, float, float]:
    return (0.0, sign * one.mean, one.spread) if one.mean is not None else (1.0, 0.0, 0.0)


def _without_seed(values: Mapping[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in values.items() if key != SEED}


def noise(one: Candidate, other: Candidate) -> float:
    """How far two means may lie apart by chance: the standard error of their difference."""
    return float((one.error**2 + other.error**2) ** 0.5)
