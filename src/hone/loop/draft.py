"""The next round's sweep file while it is being decided on."""

from __future__ import annotations

import copy
import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from hone.config.sweeps import parse_override
from hone.config.written import written
from hone.loop.decision import Decision
from hone.loop.evidence import Evidence, Tried
from hone.space import Branch, Parameter, Space, hold, parse_space
from hone.space.parameters import GroupOptions
from hone.study import Importance, cut_between
from hone.sweep.feedback import FeedbackSection

# A parameter without any influence would seem as important so often or oftener: it is not known to matter.
CHANCE = 0.2
# Fewer good trials say nothing of where good trials are.
LEAST_GOOD = 4


@dataclass(frozen=True)
class Slot:
    """One place in the space: a key, and the condition under which it is searched there.

    Attributes:
        key: As the file has it, with its prefix.
        section: The condition; empty for always.
        parameter: What is searched there.
        name: Optuna's.
        trials: Every trial that had a value from here.
        ranked: The complete ones of them, best first.
        conditions: Keys that the condition stands on.
    """

    key: str
    section: str
    parameter: Parameter
    name: str
    trials: tuple[Tried, ...]
    ranked: tuple[Tried, ...]
    conditions: tuple[str, ...] = ()

    @property
    def label(self) -> str:
        """What it is called."""
        return f"{self.key} ({self.section})" if self.section else self.key

    def value(self, trial: Tried) -> Any:
        """What a trial had here."""
        return trial.values[self.parameter.key]


class Draft:
    """What the next round is to be.

    Args:
        content: The sweep file as it was, plain; it is copied.
        evidence: What the round came to.
        feedback: What may be changed.
        group_options: Gives a config group's options.

    Attributes:
        content: The sweep file as it is to be.
        decisions: What was decided, in order.
    """

    def __init__(
        self,
        content: Mapping[str, Any],
        evidence: Evidence,
        feedback: FeedbackSection,
        group_options: GroupOptions | None = None,
    ) -> None:
        self.content: dict[str, Any] = copy.deepcopy(dict(content))
        self.evidence = evidence
        self.feedback = feedback
        self.decisions: list[Decision] = []
        self._group_options = group_options

    @property
    def space(self) -> Space:
        """What the next round searches, as far as it is decided."""
        always, when = self.content.get("space") or {}, self.content.get("when") or {}
        return parse_space(always, "space", self._group_options, when) if always or when else Space(())

    @property
    def settled_space(self) -> Space:
        """The same, with conditions on what is not searched decided: by ``base``, or as they were for its trials."""
        return self._settled(self.space)

    def _settled(self, space: Space) -> Space:
        tried = {key for one in self.evidence.trials for key in one.values}
        held = [branch for branch in space.branches if any(one.key in tried for one in branch.parameters)]
        fixed = {key: wanted for branch in held for key, wanted in branch.wanted}
        fixed |= {one.key: one.value for one in map(parse_override, self.content.get("base") or ())}
        return space.under(lambda key, _: fixed.get(key))

    @property
    def slots(self) -> list[Slot]:
        """Every place in it, with the trials that had a value there; none that can never be searched."""
        space = self.space
        alive = {branch.text for branch in self._settled(space).branches}
        found = [self._slot(space, one, self.evidence.trials) for one in space.parameters]
        for branch in space.branches:
            if branch.text in alive:
                held = [one for one in self.evidence.trials if self._holds(branch, one.values)]
                keys = tuple(key for key, _ in branch.wanted)
                found += [self._slot(space, one, held, keys) for one in branch.parameters]
        return found

    def _slot(
        self, space: Space, parameter: Parameter, held: Iterable[Tried], conditions: tuple[str, ...] = ()
    ) -> Slot:
        trials = tuple(one for one in held if parameter.key in one.values)
        complete = sorted(
            (one for one in trials if one.state == "complete"), key=lambda one: (self.evidence.cost(one), one.number)
        )
        key = parameter.prefix + parameter.key
        return Slot(key, parameter.section, parameter, space.name(parameter), trials, tuple(complete), conditions)

    def _holds(self, branch: Branch, values: Mapping[str, Any]) -> bool:
        """Whether a trial was under a condition. What was not searched was decided, as for all that were there."""
        return hold(tuple((key, wanted) for key, wanted in branch.wanted if key in self._searched), values)

    @cached_property
    def _searched(self) -> frozenset[str]:
        return frozenset(key for one in self.evidence.trials for key in one.values)

    def has(self, slot: Slot, values: Mapping[str, Any]) -> bool:
        """Whether a trial with some values had its value of a key from this place."""
        branch = next((one for one in self.space.branches if one.text == slot.section), None)
        return slot.parameter.key in values and (branch is None or self._holds(branch, values))

    def is_searched(self, slot: Slot) -> bool:
        """Whether a place is still there: with an option goes all that is searched under it."""
        part = (self.content.get("when") or {}).get(slot.section) if slot.section else self.content.get("space")
        return slot.key in (part or {})

    def decide(self, decision: Decision) -> None:
        """Write a decision down."""
        self.decisions.append(decision)

    def importance(self, slot: Slot) -> Importance | None:
        """What is known of a place: itself, or its key before it came to be searched under conditions, or under one."""
        key = slot.parameter.key
        names = (slot.name, key, f"{key} | {slot.section}")
        return next((found for one in names if (found := self.evidence.importances.get(one)) is not None), None)

    def matters(self, slot: Slot) -> bool:
        """Whether there are trials enough to judge a place by, and they show that it matters."""
        importance = self.importance(slot)
        known = importance is None or importance.chance < CHANCE
        return known and len(slot.ranked) >= max(2, self.feedback.min_trials)

    def good(self, slot: Slot) -> Sequence[Tried]:
        """The complete trials that count as good: none of those that came to one score with trials that do not.

        Trials that have learnt nothing come to the same, wherever they lie.
        """
        count = max(LEAST_GOOD, math.ceil(self.feedback.keep * len(slot.ranked)))
        return slot.ranked[: cut_between([self.evidence.cost(one) for one in slot.ranked], count)]

    def was_changed(self, slot: Slot, *kinds: str) -> bool:
        """Whether something of these kinds was decided on a place already."""
        return any(one.key == slot.label and one.kind in kinds for one in self.decisions)

    def put(self, slot: Slot, text: str) -> None:
        """Search a place by another sweep."""
        part = self.content["when"][slot.section] if slot.section else self.content["space"]
        part[slot.key] = text

    def fix(self, slot: Slot, value: Any) -> str:
        """Search a place no more; returns what stands there now."""
        if slot.section:
            text = f"choice({written(value)})"
            self.put(slot, text)
            return text
        del self.content["space"][slot.key]
        text = f"{slot.key}={written(value)}"
        self.set_base(text)
        return text

    def set_base(self, text: str) -> None:
        """Add an override to ``base``, in place of an earlier one of its key."""
        key = parse_override(text).key
        kept = [one for one in self.content.get("base") or () if parse_override(one).key != key]
        self.content["base"] = [*kept, text]

    def drop_sections(self, key: str) -> list[str]:
        """Take out the conditional parts that stand on an option of a key which is offered no more.

        Args:
            key: The key, of which an option was dropped, or which was fixed.

        Returns:
            Their conditions; what stood on what was searched under them is among them.
        """
        space = self.space
        own = [one.points() for one in space.all if one.key == key]
        fixed = [one.value for one in map(parse_override, self.content.get("base") or ()) if one.key == key]
        if any(points is None for points in own):
            return []
        offered = {str(option) for points in (*own, fixed) for option in points or []}
        dropped = [
            branch
            for branch in space.branches
            if any(one == key and str(wanted) not in offered for one, wanted in branch.wanted)
        ]
        for branch in dropped:
            del self.content["when"][branch.text]
        left = {one.key for one in self.space.all}
        gone = {one.key for branch in dropped for one in branch.parameters} - left
        return [branch.text for branch in dropped] + [text for one in sorted(gone) for text in self.drop_sections(one)]

    def limits(self, slot: Slot) -> tuple[float | None, float | None]:
        """The least and the most that the file allows a place to be."""
        given = self.content.get("feedback", {}).get("limits") or {}
        found = given.get(slot.label) or given.get(slot.parameter.key) or (None, None)
        return found[0], found[1]

    def set_limit(self, slot: Slot, most: float) -> None:
        """Let a place never grow past a value again."""
        feedback = self.content.setdefault("feedback", {})
        least, _ = self.limits(slot)
        feedback.setdefault("limits", {})[slot.label] = [least, most]
