"""The first round's file: the user's own, with the command line in it, so that a round's file is a whole experiment."""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from hone.config.sweeps import parse_override
from hone.config.written import written
from hone.errors import SweepFileError
from hone.loop.confirm import SEED
from hone.sweep.configs import CONTROLLER_NODES
from hone.sweep.file import load_sweep_file
from hone.sweep.plan import Plan

ROUNDS = Path("sweeps") / "rounds"


def round_file(loop: str, number: int) -> Path:
    """A round's sweep file."""
    return ROUNDS / loop / f"round-{number}.yaml"


def first_content(plan: Plan, file: Path, overrides: Sequence[str]) -> tuple[dict[str, Any], tuple[str, ...]]:
    """The sweep file with the command line in it.

    Args:
        plan: The sweep, checked.
        file: The user's file.
        overrides: The command line's.

    Returns:
        The first round's content, and what is left of the command line: where to run and to track.

    Raises:
        SweepFileError: It is nothing that a loop can feed back.
    """
    sweep, others = load_sweep_file(file, overrides)
    _refuse(plan, file)
    content = sweep.model_dump(mode="json", by_alias=True, exclude_defaults=True)
    content["metric"], content["direction"] = sweep.metric, sweep.direction
    content.setdefault("base", [])
    content.get("study", {}).pop("name", None)
    if not content.get("study", True):
        del content["study"]
    kept = []
    for text in others:
        entry = parse_override(text)
        if entry.key.split(".")[0] in CONTROLLER_NODES and entry.sweep is None:
            kept.append(text)
        elif entry.sweep is not None:
            content.setdefault("space", {})[entry.prefix + entry.key] = text.partition("=")[2]
        else:
            _fix(content, text, entry.key)
    feedback = sweep.feedback
    for key, value in feedback.fidelity_of(1).items():
        _fix(content, f"{key}={written(value)}", key)
    content["trials"] = feedback.trials_of(1, sweep.trials)
    first = ("base", "metric", "direction", "trials")
    ordered = {key: content[key] for key in first} | {k: one for k, one in content.items() if k not in first}
    return ordered, tuple(kept)


def _fix(content: dict[str, Any], text: str, key: str) -> None:
    """Let a key have one value, searched no more."""
    for part in (content.get("space") or {}, *(content.get("when") or {}).values()):
        for one in [one for one in part if one.lstrip("+") == key]:
            del part[one]
    if content.get("when"):
        content["when"] = {section: part for section, part in content["when"].items() if part}
    content["base"] = [one for one in content["base"] if parse_override(one).key != key] + [text]


def _refuse(plan: Plan, file: Path) -> None:
    if len(plan.sweep.metrics) > 1:
        raise SweepFileError(
            "a loop feeds back one metric; name one, and bound the others by constraints", where=f"{file}: metric"
        )
    if SEED in plan.space.keys:
        raise SweepFileError(
            "is what a round's best are confirmed on; take it out of the space", where=f"{file}: space.{SEED}"
        )


def loop_name(plan: Plan, trials: Path) -> str:
    """The file's ``study.name``, or its own name with the next free number.

    Args:
        plan: The sweep.
        trials: Where directories of studies and loops lie.
    """
    if plan.sweep.study.name:
        return plan.sweep.study.name
    stem = re.compile(re.escape(plan.stem) + r"-loop-(\d+)")
    taken = [int(found[1]) for one in trials.glob("*") if (found := stem.fullmatch(one.name))]
    written_down = [int(found[1]) for one in ROUNDS.glob("*") if (found := stem.fullmatch(one.name))]
    return f"{plan.stem}-loop-{max([*taken, *written_down], default=0) + 1}"
