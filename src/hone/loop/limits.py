"""How far a range may ever grow: what a file allows, and what a hyperparameter of that name can be."""

from __future__ import annotations

import re

from hone.loop.draft import Draft, Slot
from hone.space.ranges import Range

JUST_BELOW_ONE = 0.95
# By the last part of the key. What is not here is held to its sign alone.
DOMAINS: tuple[tuple[re.Pattern[str], float | None, float | None], ...] = (
    (re.compile(r".*dropout.*|p_drop|.*_prob(ability)?"), 0.0, JUST_BELOW_ONE),
    (re.compile(r"momentum|beta_?[12]|alpha_ema|ema_decay|layer_decay|decay_rate|gamma"), 0.0, 0.9999),
    (re.compile(r"label_smoothing|mixup.*|cutmix.*"), 0.0, JUST_BELOW_ONE),
    (re.compile(r".*(fraction|ratio|share|percent)"), 0.0, 1.0),
    (re.compile(r"weight_decay|wd|lr|.*learning_rate|eps|.*temperature"), 0.0, None),
    (re.compile(r".*(size|dim|layers|heads|width|depth|hidden|channels|epochs|steps|batches|rank)"), 1, None),
)


def limits_of(draft: Draft, slot: Slot, own: Range) -> tuple[float | None, float | None]:
    """The least and the most that a range may be.

    Args:
        draft: The next round; what its file allows comes first.
        slot: The place.
        own: Its range now, which stays inside its own sign.
    """
    given_least, given_most = draft.limits(slot)
    least, most = _known(slot.parameter.key)
    if least is None and own.low >= 0:
        least = 0.0
    # What the user wrote down is right, whatever the name says.
    least = None if least is None else min(least, own.low)
    most = None if most is None else max(most, own.high)
    return (least if given_least is None else given_least), (most if given_most is None else given_most)


def may_grow(draft: Draft, slot: Slot, own: Range) -> bool:
    """Whether a range may grow at all: steps that somebody listed may be all there are, such as layers to freeze."""
    return own.step is None or draft.limits(slot) != (None, None)


def _known(key: str) -> tuple[float | None, float | None]:
    last = key.rpartition(".")[2]
    for pattern, least, most in DOMAINS:
        if pattern.fullmatch(last):
            return least, most
    return None, None
