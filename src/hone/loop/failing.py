"""Configurations that failed bound the space: the batch size by model, the learning rate by optimizer."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from hone.config.written import choice
from hone.loop.decision import Decision
from hone.loop.draft import Draft, Slot
from hone.loop.evidence import Tried
from hone.report.look import number
from hone.space.ranges import Range

# Which keys, by their last part, are at fault for a kind of failure, and what it depends on how much they may be.
AT_FAULT = {"oom": ("batch_size",), "diverged": ("lr", "learning_rate")}
DEPENDS_ON = {"oom": "model", "diverged": "optimizer"}
# One failure may be anything's.
LEAST_FAILURES = 2
# The share of trials from some value on that must have failed for that value to be a bound.
ALMOST_ALL = 0.8


@dataclass(frozen=True)
class Bound:
    """From where on trials fail.

    Attributes:
        kind: How.
        least_failed: The least value from which almost all failed.
        most_good: The most below it that did not; None where none did not.
        failed: The trials that failed from there on.
        beyond: How many trials were tried from there on.
    """

    kind: str
    least_failed: float
    most_good: float | None
    failed: tuple[int, ...]
    beyond: int


def bound_by_failures(draft: Draft) -> None:
    """Decide up to where each key at fault may be searched.

    Args:
        draft: The next round.
    """
    if not draft.feedback.bound:
        return
    for kind, names in AT_FAULT.items():
        if sum(one.failure == kind for one in draft.evidence.trials) < LEAST_FAILURES:
            continue
        for slot in draft.slots:
            if slot.key.rpartition(".")[2] in names and not slot.section:
                _bound_slot(draft, slot, kind)
            elif slot.key.rpartition(".")[2] in names:
                _bound_to(draft, slot, _bound(slot, slot.trials, kind))


def _bound_slot(draft: Draft, slot: Slot, kind: str) -> None:
    group = DEPENDS_ON[kind]
    options = next((one.parameter.points() for one in draft.slots if one.key == group and not one.section), None)
    if not options or len(options) < 2:
        _bound_to(draft, slot, _bound(slot, slot.trials, kind))
        return
    by_option = {str(one): [trial for trial in slot.trials if str(trial.values.get(group)) == str(one)]
                 for one in options}  # fmt: skip
    bounds = {option: _bound(slot, trials, kind) for option, trials in by_option.items()}
    if not any(_kept(slot, bound) for bound in bounds.values()):
        return
    if len({str(one and one.least_failed) for one in bounds.values()}) == 1:
        _bound_to(draft, slot, _bound(slot, slot.trials, kind))
        return
    _split(draft, slot, group, list(by_option))
    for option, bound in bounds.items():
        own = next(one for one in draft.slots if one.key == slot.key and one.section == f"{group}={option}")
        _bound_to(draft, own, bound)


def _split(draft: Draft, slot: Slot, group: str, options: Sequence[str]) -> None:
    """Search a key under each option of a group by itself."""
    del draft.content["space"][slot.key]
    when = draft.content.setdefault("when", {})
    for option in options:
        when.setdefault(f"{group}={option}", {})[slot.key] = slot.parameter.text


def _bound(slot: Slot, trials: Sequence[Tried], kind: str) -> Bound | None:
    """The least value from which almost all trials failed in one way, where there is one."""
    values = [(float(slot.value(one)), one) for one in trials if _is_number(slot.value(one))]
    for least in sorted({value for value, one in values if one.failure == kind}):
        beyond = [one for value, one in values if value >= least]
        failed = [one for one in beyond if one.failure == kind]
        if len(failed) < LEAST_FAILURES:
            return None
        if len(failed) >= ALMOST_ALL * len(beyond):
            good = max((value for value, one in values if value < least and one.failure != kind), default=None)
            return Bound(kind, least, good, tuple(one.number for one in failed), len(beyond))
    return None


def _kept(slot: Slot, bound: Bound | None) -> tuple[float, str] | None:
    """The most that is kept within a bound, and the sweep up to there; None where that is all or nothing."""
    if bound is None or bound.most_good is None:
        return None
    own = Range.of(slot.parameter)
    if own is None:
        points = slot.parameter.points() or []
        kept = [one for one in points if float(one) < bound.least_failed]
        return (max(map(float, kept)), choice(kept)) if kept and len(kept) < len(points) else None
    # Half way between what was well and what was not, as the range is measured.
    new = own.up_to((own.place(bound.most_good) + own.place(bound.least_failed)) / 2, bound.most_good)
    return (new.high, new.text) if new.high < own.high else None


def _bound_to(draft: Draft, slot: Slot, bound: Bound | None) -> None:
    found = _kept(slot, bound)
    if found is None:
        return
    assert bound is not None
    most, after = found
    draft.put(slot, after)
    draft.set_limit(slot, most)
    draft.decide(_decision(slot, bound, after))


def _decision(slot: Slot, bound: Bound, after: str) -> Decision:
    where = f" with {slot.section}" if slot.section else ""
    assert bound.most_good is not None
    reason = (
        f"{len(bound.failed)} of {bound.beyond} trials from {number(bound.least_failed)} on failed ({bound.kind})"
        f"{where}; the most that did not is {number(bound.most_good)}"
    )
    figures: dict[str, Any] = {
        "failed trials": list(bound.failed),
        "trials beyond": bound.beyond,
        "least that failed": bound.least_failed,
        "most that did not": bound.most_good,
    }
    return Decision("bound", slot.label, slot.parameter.text, after, reason, figures)


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)
