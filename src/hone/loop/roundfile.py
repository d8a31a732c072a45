"""A round's sweep file: plain YAML that a person can read, edit and run, each decision beside what it changed."""

from __future__ import annotations

import textwrap
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from hone.config.files import write_text, yaml_text
from hone.loop.decision import Decision

WIDTH = 118


def write_round(
    content: Mapping[str, Any], decisions: Sequence[Decision], path: Path, head: Sequence[str] = ()
) -> None:
    """Write a round's file, complete or not at all.

    Args:
        content: The sweep file, plain.
        decisions: What made it.
        path: The file; its directory is made.
        head: What is said at its head.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    write_text(round_text(content, decisions, head), path)


def round_text(content: Mapping[str, Any], decisions: Sequence[Decision], head: Sequence[str] = ()) -> str:
    """A round's file as text.

    Args:
        content: The sweep file, plain.
        decisions: What made it; each stands as a comment above what it changed.
        head: What is said at its head.
    """
    left = list(decisions)
    body: list[str] = []
    for key, value in content.items():
        # A key without anything below it would be read as null.
        if key not in ("space", "when") or value:
            body += _entry(key, value, left)
    general = [_comment(_sentence(one)) for one in left]
    return "\n".join([*map(_comment, head), *general, *body]) + "\n"


def _entry(key: str, value: Any, left: list[Decision]) -> list[str]:
    if key == "space":
        return ["space:", *_searched(value, "", left, 2)]
    if key == "when":
        lines = ["when:"]
        for section, part in value.items():
            lines += [f"  {_key(section)}:", *_searched(part, section, left, 4)]
        return lines
    own = _taken(left, lambda one: _place(one, value) == key)
    return [*(_comment(_sentence(one)) for one in own), *_lines({key: value})]


def _searched(part: Mapping[str, str], section: str, left: list[Decision], indent: int) -> list[str]:
    lines = []
    for key, text in part.items():
        label = f"{key} ({section})" if section else key
        own = _taken(left, lambda one, label=label: one.key == label and one.kind not in ("switch", "fidelity"))
        lines += [_comment(_sentence(one), indent) for one in own]
        lines += [" " * indent + line for line in _lines({key: text})]
    return lines


def _place(decision: Decision, value: Any) -> str:
    """The key of the file that a decision changed, where it is none of the space."""
    if decision.kind in ("enqueue", "trials"):
        return decision.kind
    if decision.kind == "learn":
        return "learn_from"
    if decision.key == "metric":
        return "metric"
    fixed = isinstance(value, list | tuple) and any(str(one).startswith(f"{decision.key}=") for one in value)
    return "base" if decision.changes and fixed else ""


def _taken(left: list[Decision], belongs: Any) -> list[Decision]:
    own = [one for one in left if belongs(one)]
    for one in own:
        left.remove(one)
    return own


def _sentence(one: Decision) -> str:
    if one.kind in ("enqueue", "learn", "trials", "note"):
        return one.reason
    was = f", which was {one.before}" if one.before else ""
    return f"{one.kind} {one.key}{was}: {one.reason}"


def _lines(content: Mapping[str, Any]) -> Iterable[str]:
    (key, value), *_ = content.items()
    if isinstance(value, list | tuple) and all(isinstance(one, str | int | float) for one in value):
        flat = yaml_text({key: list(value)})
        return flat.rstrip("\n").split("\n")
    return yaml_text({key: value}).rstrip("\n").split("\n")


def _key(text: str) -> str:
    return yaml_text({text: 0}).partition(": 0")[0]


def _comment(text: str, indent: int = 0) -> str:
    room = WIDTH - indent - 2
    lines = textwrap.wrap(text, room, break_long_words=False, break_on_hyphens=False) or [""]
    return "\n".join(f"{' ' * indent}# {line}".rstrip() for line in lines)
