"""Parameters that decide nothing are fixed at their best value, so that the rest is searched more closely."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

from hone.loop.decision import Decision
from hone.loop.draft import CHANCE, LEAST_GOOD, Draft, Slot
from hone.loop.numeric import fair_trials
from hone.loop.options import LEAST_TRIALS
from hone.space.ranges import Range
from hone.study import Importance

# How many times ``min_trials`` it takes, of all trials and of those with all else good.
TIMES = 2


def freeze_unimportant(
    draft: Draft, best: Mapping[str, Any], known: Mapping[str, Importance], slots: Sequence[Slot]
) -> None:
    """Decide which parameters are searched no more.

    Where most trials failed by one parameter, no other can show that it matters: only trials in which all else that
    matters was good count as having tried it.

    Args:
        draft: The next round.
        best: The values of the round's confirmed best.
        known: What earlier studies say of parameters, by the same names.
        slots: All places, as they were searched.
    """
    if not draft.feedback.freeze:
        return
    for slot in draft.slots:
        earlier = known.get(slot.name)
        importance = _pooled(draft.importance(slot), earlier)
        left = sum(not one.section and len(one.parameter.points() or [0, 0]) > 1 for one in draft.slots)
        if importance is None or not draft.is_searched(slot) or not draft.has(slot, best):
            continue
        if left < 2 and not slot.section:
            continue
        if draft.was_changed(slot, "grow", "bound", "add", "drop") or len(slot.parameter.points() or [0, 0]) < 2:
            continue
        if not _is_unimportant(draft, importance) or not _is_compared(slot):
            continue
        before = next(one for one in slots if one.label == slot.label)
        if len(draft.good(before)) < LEAST_GOOD:
            continue
        fair = len(fair_trials(draft, before, slots)) + (earlier.trials if earlier else 0)
        if fair >= TIMES * draft.feedback.min_trials:
            _freeze(draft, slot, best[slot.parameter.key], importance, fair)


def _is_unimportant(draft: Draft, importance: Importance) -> bool:
    enough = importance.trials >= TIMES * draft.feedback.min_trials
    return enough and importance.share < draft.feedback.freeze and importance.chance >= CHANCE


def _is_compared(slot: Slot) -> bool:
    """Whether a choice was tried enough to say that: a sampler may soon have let all options go but one."""
    counts = Counter(str(slot.value(one)) for one in slot.trials if one.state != "failed")
    return Range.of(slot.parameter) is not None or sum(count >= LEAST_TRIALS for count in counts.values()) > 1


def _freeze(draft: Draft, slot: Slot, value: Any, importance: Importance, fair: int) -> None:
    after = draft.fix(slot, value)
    gone = draft.drop_sections(slot.parameter.key)
    more = f"; what was searched under {', '.join(gone)} goes with it" if gone else ""
    reason = (
        f"it decides {importance.share:.1%} of what the parameters decide (PED-ANOVA, {importance.trials} trials, "
        f"{fair} of them with all else good), and "
        f"one without any influence would seem as important in {importance.chance:.0%} of the cases; fixed at the best "
        f"trial's{more}"
    )
    figures = {
        "importance": importance.share,
        "by chance": importance.chance,
        "trials": importance.trials,
        "with all else good": fair,
        "best value": value,
        "below": draft.feedback.freeze,
    }
    draft.decide(Decision("freeze", slot.label, slot.parameter.text, after, reason, figures))


def _pooled(own: Importance | None, earlier: Importance | None) -> Importance | None:
    """Both shares, weighed by their trials; what chance would give is asked of this round alone."""
    if own is None or earlier is None:
        return own
    trials = own.trials + earlier.trials
    share = (own.share * own.trials + earlier.share * earlier.trials) / trials
    return Importance(share, own.chance, trials)
