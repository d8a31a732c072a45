"""Ranges shrink to where good trials are, and grow where the best lie at an edge."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from hone.loop.decision import Decision, Kind
from hone.loop.draft import LEAST_GOOD, Draft, Slot
from hone.loop.evidence import Tried
from hone.loop.limits import limits_of, may_grow
from hone.loop.residuals import chance_of, residuals
from hone.report.look import number
from hone.space.ranges import Range

# Of the width, at each side of the good trials.
MARGIN = 0.1
# A range that would lose less than this share of its width stays as it is.
WORTH = 0.1
# A part of a range is cut off where its trials are worse, with all else accounted for, than chance makes them.
UNLIKELY = 0.1
# So many trials there must have had good values of all else.
LEAST_FAIR = 3
# What is nearer to an end than this share of the width lies at its edge.
EDGE = 0.15
LEAST_ELITE, ELITE_SHARE = 3, 0.1
# By which share of its width a range grows, and in powers by how many decades at least and at most.
GROWTH = 0.5
LEAST_DECADES, MOST_DECADES = 0.5, 1.5


@dataclass(frozen=True)
class Hull:
    """Where good trials lie, as places.

    Attributes:
        low: Where the range would begin.
        high: Where it would end.
        lowest: The lowest good trial.
        highest: The highest.
        below: The next worse trial below them, or the end of the range.
        above: The next worse one above.
    """

    low: float
    high: float
    lowest: float
    highest: float
    below: float
    above: float


@dataclass(frozen=True)
class Ends:
    """What is known of a range after a round.

    Attributes:
        low: Its new lower end, as a place.
        high: Its new upper end.
        at_edge: ``below`` and ``above``, where the best lie at that edge.
        figures: What was seen.
    """

    low: float
    high: float
    at_edge: tuple[str, ...]
    figures: dict[str, Any]


def move_range(draft: Draft, slot: Slot, slots: Sequence[Slot]) -> None:
    """Decide on one range.

    Args:
        draft: The next round.
        slot: The place; one that holds a choice is left alone.
        slots: All places, as they were before any option was dropped.
    """
    own = Range.of(slot.parameter)
    if own is None or not own.width or not draft.matters(slot):
        return
    ends = _ends(draft, slot, own, slots)
    low, high = (ends.low, ends.high) if draft.feedback.shrink else (own.place(own.low), own.place(own.high))
    new = own.to(low, high)
    if 1 - new.width / own.width < WORTH:
        new = own
    grown = _grown(draft, slot, own, new, ends.at_edge) if draft.feedback.grow else new
    if grown == own:
        return
    kind: Kind = "shrink" if grown == new else "grow"
    draft.put(slot, grown.text)
    reason = _reason(kind, own, grown, ends)
    figures = ends.figures | {"width before": own.width, "width after": grown.width}
    draft.decide(Decision(kind, slot.label, own.text, grown.text, reason, figures))


def _ends(draft: Draft, slot: Slot, own: Range, slots: Sequence[Slot]) -> Ends:
    good = draft.good(slot)
    hull = _hull(slot, own, good)
    low, high = hull.low, hull.high
    chances = _chances(draft, slot, own, slots, (low, high)) if len(good) >= LEAST_GOOD else {}
    elite = slot.ranked[: max(LEAST_ELITE, math.ceil(ELITE_SHARE * len(slot.ranked)))]
    shares = [own.share(slot.value(one)) for one in elite]
    figures = {
        "good trials": [one.number for one in good],
        "complete trials": len(slot.ranked),
        "lowest good": own.at(hull.lowest),
        "highest good": own.at(hull.highest),
        "next worse below": own.at(hull.below),
        "next worse above": own.at(hull.above),
        "best trials": [one.number for one in elite],
        "best values": [slot.value(one) for one in elite],
        **{f"p {side}": chance for side, chance in chances.items()},
    }
    return Ends(
        low if chances.get("below", 1.0) < UNLIKELY else own.place(own.low),
        high if chances.get("above", 1.0) < UNLIKELY else own.place(own.high),
        _edges(draft, slot, own, shares) if len(good) > 1 else (),
        figures,
    )


def _hull(slot: Slot, own: Range, good: Sequence[Tried]) -> Hull:
    numbers = {one.number for one in good}
    places = sorted(own.place(slot.value(one)) for one in good)
    others = [own.place(slot.value(one)) for one in slot.trials if one.number not in numbers]
    margin = MARGIN * own.width
    # What lies between the outermost good trial and its first worse neighbour has not been tried: it stays.
    below = max((one for one in others if one < places[0]), default=own.place(own.low))
    above = min((one for one in others if one > places[-1]), default=own.place(own.high))
    low = max(own.place(own.low), min(below, places[0] - margin))
    high = min(own.place(own.high), max(above, places[-1] + margin))
    return Hull(low, high, places[0], places[-1], below, above)


def fair_trials(draft: Draft, slot: Slot, slots: Sequence[Slot]) -> set[int]:
    """Trials in which all else that matters was as it is in good ones, so that it cannot be to blame.

    What decides most is judged by all trials: hardly any other parameter can be to blame there.
    """
    fair = {one.number for one in slot.trials}
    others = [one for one in slots if one.label != slot.label and draft.matters(one)]
    if all(_share(draft, one) <= _share(draft, slot) for one in others):
        return fair
    for other in others:
        good, own = draft.good(other), Range.of(other.parameter)
        if own is None:
            options = {str(other.value(one)) for one in good}
            unfair = {one.number for one in other.trials if str(other.value(one)) not in options}
        else:
            hull = _hull(other, own, good)
            unfair = {one.number for one in other.trials if not hull.low <= own.place(other.value(one)) <= hull.high}
        fair -= unfair
    return fair


def _share(draft: Draft, slot: Slot) -> float:
    importance = draft.importance(slot)
    return 0.0 if importance is None else importance.share


def _chances(
    draft: Draft, slot: Slot, own: Range, slots: Sequence[Slot], kept: tuple[float, float]
) -> dict[str, float]:
    """How likely the trials on each side of what would be kept are so much worse by chance, all else equal.

    A sampler tries a part of a range beside whatever it tried with it: bad results there may be those of a bad partner.
    A side that had too few fair trials is not judged.
    """
    fair = fair_trials(draft, slot, slots)
    places = {one.number: own.place(slot.value(one)) for one in slot.trials if one.number in fair}
    sides = {
        "below": [number for number, place in places.items() if place < kept[0]],
        "above": [number for number, place in places.items() if place > kept[1]],
    }
    inside = [number for number, place in places.items() if kept[0] <= place <= kept[1]]
    sides = {side: beyond for side, beyond in sides.items() if len(beyond) >= LEAST_FAIR}
    if not sides or not inside:
        return {}
    left = residuals(draft.evidence, slots, slot)
    within = [left[number] for number in inside]
    return {side: chance_of([left[one] for one in beyond], within) for side, beyond in sides.items()}


def _edges(draft: Draft, slot: Slot, own: Range, shares: list[float]) -> tuple[str, ...]:
    """At which edges the best trials lie, and nothing has failed there that would fail again beyond."""
    failed = [own.share(slot.value(one)) for one in slot.trials if one.failure in ("oom", "diverged")]
    sides = {
        "below": ([one <= EDGE for one in shares], any(one <= EDGE for one in failed)),
        "above": ([one >= 1 - EDGE for one in shares], any(one >= 1 - EDGE for one in failed)),
    }
    if draft.evidence.is_flat:
        return ()
    return tuple(
        side
        for side, (near, fails) in sides.items()
        if near and near[0] and sum(near) * 3 >= 2 * len(near) and not fails
    )


def _grown(draft: Draft, slot: Slot, own: Range, new: Range, at_edge: tuple[str, ...]) -> Range:
    if not at_edge or not may_grow(draft, slot, own):
        return new
    by = GROWTH * own.width
    if own.log:
        by = min(MOST_DECADES, max(LEAST_DECADES, by))
    low = new.place(new.low) - (by if "below" in at_edge else 0)
    high = new.place(new.high) + (by if "above" in at_edge else 0)
    least, most = limits_of(draft, slot, own)
    if not own.log:
        low = low if least is None else max(low, least)
        high = high if most is None else min(high, most)
    if own.log and (least is None or least <= 0):
        # Powers never come to 0, and of whole numbers none lies between it and 1.
        least = 1 if own.integer else None
    return own.to(low, high).within(least, most)


def _reason(kind: Kind, own: Range, new: Range, ends: Ends) -> str:
    seen = ends.figures
    best = ", ".join(number(float(one)) for one in seen["best values"][:LEAST_ELITE])
    where = (
        f"the {len(seen['good trials'])} best of {seen['complete trials']} complete trials lie from "
        f"{number(seen['lowest good'])} to {number(seen['highest good'])}"
    )
    width = f"width {own.width:.2g} to {new.width:.2g}{own.unit}"
    if kind == "grow":
        return f"the best lie at the edge ({' and '.join(ends.at_edge)}): {best}; {where}; {width}"
    chances = [f"p = {number(seen[f'p {side}'])} {side}" for side in ("below", "above") if f"p {side}" in seen]
    return f"{where}; those beyond are worse, all else equal ({', '.join(chances)}); {width}"
