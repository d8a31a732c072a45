"""A decision that feedback took: what was changed, from what to what, why, and by which figures."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, Literal

Kind = Literal[
    "shrink", "grow", "freeze", "drop", "add", "bound", "enqueue", "learn", "fidelity", "trials", "switch", "note"
]


@dataclass(frozen=True)
class Decision:
    """One decision.

    Attributes:
        kind: What was done. A ``note`` changes nothing.
        key: What it was done to, ``KEY (CONDITION)`` where it is searched under one; empty for the round as a whole.
        before: What stood there.
        after: What stands there now.
        reason: Why, in a sentence with figures in it.
        figures: The same figures by name, with the trials that they come from.
    """

    kind: Kind
    key: str
    before: str
    after: str
    reason: str
    figures: dict[str, Any] = field(default_factory=dict)

    @property
    def changes(self) -> bool:
        """Whether the next round is another for it."""
        return self.kind != "note"
