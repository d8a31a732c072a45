"""Options that are dominated with confidence are dropped; a ladder of numbers whose end is the best gets a rung."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from statistics import median
from typing import Any

from hone.config.written import choice
from hone.loop.decision import Decision
from hone.loop.draft import LEAST_GOOD, Draft, Slot
from hone.loop.evidence import Tried
from hone.loop.limits import limits_of
from hone.loop.residuals import chance_of, residuals
from hone.report.look import number
from hone.space.ranges import Ladder, Range

# Fewer trials of an option are no reason to drop it.
LEAST_TRIALS = 5
# An option whose difference to the best one is a smaller share of its difference to the best trial is not dominated.
WORTH = 0.3
# An option that one of the best has is not dominated.
SAFE = 3
# How likely the good trials of a choice between numbers lie at its end by chance.
UNLIKELY = 0.05


def drop_dominated(draft: Draft, slot: Slot, slots: Sequence[Slot]) -> None:
    """Decide which options of a choice are not worth a trial any more.

    The better half of an option's trials is held against the better half of the best option's, by Mann and Whitney's
    test at ``drop`` shared between the comparisons; and so is what is left of their results when all other values are
    accounted for. What failed or was pruned counts as worse than what ran to its end.

    Args:
        draft: The next round.
        slot: The place; one that holds a range is left alone.
        slots: All places, as they were before any option was dropped.
    """
    options = _options(slot)
    if len(options) < 2 or not draft.feedback.drop or draft.evidence.is_flat or not slot.ranked:
        return
    tried = {key: [one for one in slot.trials if str(slot.value(one)) == key] for key in map(str, options)}
    halves = {key: _better_half(draft, trials) for key, trials in tried.items() if len(trials) >= LEAST_TRIALS}
    if len(halves) < 2:
        return
    leader = min(halves, key=lambda key: (median(halves[key]), min(halves[key])))
    safe = {str(slot.value(one)) for one in slot.ranked[:SAFE]} | {leader}
    level = draft.feedback.drop / (len(halves) - 1)
    kept = list(options)
    for option in options:
        key = str(option)
        if key in safe or key not in halves:
            continue
        lost = _lost_share(draft, slot, halves, key, leader)
        if lost < WORTH:
            continue
        by_chance = chance_of(halves[key], halves[leader])
        if by_chance < level and (alike := _all_else_equal(draft, slot, slots, tried[key], tried[leader])) < level:
            kept.remove(option)
            figures = _figures(draft, tried, halves, key, leader, by_chance)
            _drop(draft, slot, option, kept, figures | {"p, all else equal": alike, "of what it lacks": lost})


def _lost_share(draft: Draft, slot: Slot, halves: Mapping[str, Sequence[float]], key: str, leader: str) -> float:
    """Which share of what an option's better half lacks of the best value the leader's better half has.

    Two options by neither of which anything is learnt differ by the constant answers they give.
    """
    worse, better = median(halves[key]), median(halves[leader])
    gap = worse - draft.evidence.cost(slot.ranked[0])
    return (worse - better) / gap if gap > 0 else 0.0


def _drop(draft: Draft, slot: Slot, option: Any, kept: Sequence[Any], figures: Mapping[str, Any]) -> None:
    before = slot.parameter.text if len(kept) + 1 == len(_options(slot)) else choice([*kept, option])
    if len(kept) > 1:
        after = choice(kept)
        draft.put(slot, after)
    else:
        after = draft.fix(slot, kept[0])
    gone = draft.drop_sections(slot.parameter.key)
    more = f"; what was searched under {', '.join(gone)} goes with it" if gone else ""
    best, leading = figures["median of the better half"], figures["leader's median"]
    reason = (
        f"{option} is dominated by {figures['leader']}: median {_shown(best)} against {_shown(leading)} in the better "
        f"halves of {figures['trials']} and {figures['leader trials']} trials, p = {number(figures['p'])}, and "
        f"{number(figures['p, all else equal'])} with all else equal{more}"
    )
    draft.decide(Decision("drop", slot.label, before, after, reason, {"option": str(option), **figures}))


def _figures(
    draft: Draft,
    tried: Mapping[str, Sequence[Tried]],
    halves: Mapping[str, Sequence[float]],
    key: str,
    leader: str,
    chance: float,
) -> dict[str, Any]:
    sign = -1 if draft.evidence.maximize else 1
    return {
        "leader": leader,
        "trials": len(tried[key]),
        "leader trials": len(tried[leader]),
        "median of the better half": _objective(median(halves[key]), sign),
        "leader's median": _objective(median(halves[leader]), sign),
        "p": chance,
    }


def _objective(cost: float, sign: int) -> float | None:
    return sign * cost if abs(cost) < 1e299 else None


def _shown(value: float | None) -> str:
    return "none that ended well" if value is None else number(value)


def _better_half(draft: Draft, trials: Sequence[Tried]) -> list[float]:
    costs = sorted(map(draft.evidence.badness, trials))
    return [min(one, 1e301) for one in costs[: max(3, math.ceil(len(costs) / 2))]]


def _all_else_equal(
    draft: Draft, slot: Slot, slots: Sequence[Slot], worse: Sequence[Tried], better: Sequence[Tried]
) -> float:
    left = residuals(draft.evidence, slots, slot)
    return chance_of([left[one.number] for one in worse], [left[one.number] for one in better])


def add_rung(draft: Draft, slot: Slot) -> None:
    """Decide whether a choice between numbers goes on past its end, where the best lie at it.

    Args:
        draft: The next round.
        slot: The place.
    """
    options = _options(slot)
    ladder = Ladder.of(options)
    if ladder is None or not draft.feedback.grow or not draft.matters(slot):
        return
    good = draft.good(slot)
    if len(good) < LEAST_GOOD:
        return
    for above, end in ((False, ladder.rungs[0]), (True, ladder.rungs[-1])):
        chance = _by_chance(slot, good, end)
        failed = any(one.failure in ("oom", "diverged") and slot.value(one) == end for one in slot.trials)
        if float(slot.value(good[0])) != end or chance > UNLIKELY or failed or draft.evidence.is_flat:
            continue
        rung = _allowed(draft, slot, ladder, above=above)
        if rung is not None:
            after = choice([*options, rung] if above else [rung, *options])
            draft.put(slot, after)
            draft.decide(_added(slot, after, end, good, chance))


def _by_chance(slot: Slot, good: Sequence[Tried], end: float) -> float:
    """How likely so many of the good trials have the option at an end, if it made no difference."""
    from scipy.stats import hypergeom

    count = sum(float(slot.value(one)) == end for one in slot.ranked)
    found = sum(float(slot.value(one)) == end for one in good)
    return float(hypergeom.sf(found - 1, len(slot.ranked), count, len(good)))


def _added(slot: Slot, after: str, end: float, good: Sequence[Tried], chance: float) -> Decision:
    values = [slot.value(one) for one in good]
    reason = (
        f"the best lie at the end {number(end)} of the choice: {', '.join(map(str, values))}, which chance would make "
        f"of it with p = {number(chance)}"
    )
    figures = {"good trials": [one.number for one in good], "good values": values, "p": chance}
    return Decision("add", slot.label, slot.parameter.text, after, reason, figures)


def _allowed(draft: Draft, slot: Slot, ladder: Ladder, *, above: bool) -> float | int | None:
    rung = ladder.beyond(above=above)
    whole = all(isinstance(one, int) for one in _options(slot))
    if whole and not float(rung).is_integer():
        return None
    least, most = limits_of(draft, slot, Range(ladder.rungs[0], ladder.rungs[-1]))
    if (least is not None and rung < least) or (most is not None and rung > most):
        return None
    return int(rung) if whole else rung


def _options(slot: Slot) -> list[Any]:
    return [] if Range.of(slot.parameter) is not None else list(slot.parameter.points() or [])
