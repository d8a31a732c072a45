"""When a loop has gone far enough."""

from __future__ import annotations

from hone.loop.confirm import noise
from hone.loop.state import LoopState, RoundRecord
from hone.report import clock
from hone.report.look import number


def why_stop(state: LoopState, levels: int, spent: float, *, searched: bool) -> str:
    """Say why no further round is worth it; an empty text where one is.

    Args:
        state: The loop, its last round done.
        levels: The round from which the fidelity stays as it is.
        spent: Seconds that it took so far.
        searched: Whether the next round has anything to search.
    """
    last = state.rounds[-1]
    if not searched:
        return "nothing is left to search: every parameter is fixed"
    if last.number >= levels and (settled := _within_noise(state, last)):
        return settled
    if last.number >= state.asked.rounds:
        return f"it has had its {state.asked.rounds} rounds"
    if state.asked.budget is not None and spent >= state.asked.budget:
        return f"its budget of {clock(state.asked.budget)} is spent"
    return ""


def _within_noise(state: LoopState, last: RoundRecord) -> str:
    """Whether a round's winner is no better than the best before, by more than seeds alone make of it."""
    before = [one for one in state.rounds if one.number < last.number and one.is_like(last) and one.winner is not None]
    if not before or last.winner is None or last.winner.mean is None:
        return ""
    best = max(before, key=lambda one: one.merit)
    assert best.winner is not None
    assert best.winner.mean is not None
    # No gain is 0, not -0.
    gain, by_chance = last.merit - best.merit + 0.0, noise(last.winner, best.winner)
    if gain > by_chance:
        return ""
    return (
        f"round {last.number} came to {last.metric} {number(last.winner.mean)}, round {best.number} to "
        f"{number(best.winner.mean)}: a gain of {number(gain)}, within the noise of {number(by_chance)}"
    )
