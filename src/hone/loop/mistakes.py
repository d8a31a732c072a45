"""What the mistakes show: a class or another slice that lags is reported, and answered where the file allows it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from hone.config.written import written
from hone.loop.decision import Decision
from hone.loop.draft import Draft
from hone.report.look import number


@dataclass(frozen=True)
class Lagging:
    """A part of the validation data on which the round's best does worse than on the whole.

    Attributes:
        part: Such as ``class 8`` or ``length 0-9``.
        metric: What it was judged by.
        value: On that part.
        whole: On all of it.
        rows: How many examples the part has.
    """

    part: str
    metric: str
    value: float
    whole: float
    rows: int


def answer_mistakes(draft: Draft, lagging: Sequence[Lagging]) -> None:
    """Report what lags, and switch on what the file allows.

    Args:
        draft: The next round.
        lagging: What lags, the worst first.
    """
    if not lagging:
        return
    for one in lagging:
        figures = {"value": one.value, "whole": one.whole, "rows": one.rows, "allowed": draft.feedback.lagging.by}
        reason = (
            f"{one.part} lags: {one.metric} {number(one.value)} on its {one.rows} examples against "
            f"{number(one.whole)} on all"
        )
        draft.decide(Decision("note", one.part, "", "", reason, figures))
    worst = lagging[0]
    seen = {"part": worst.part, "value": worst.value, "whole": worst.whole, "rows": worst.rows}
    why = f"{worst.part} lags by {number(abs(worst.whole - worst.value))}, and feedback.lagging allows it"
    for key, value in draft.feedback.lagging.apply.items():
        text = f"{key}={written(value)}"
        if text not in (draft.content.get("base") or ()):
            draft.set_base(text)
            draft.decide(Decision("switch", key, "", text, why, seen))
    metric, direction = draft.feedback.lagging.metric, draft.feedback.lagging.direction
    if metric is not None and draft.content["metric"] != metric:
        wanted = f"{why}; {'more' if direction == 'maximize' else 'less'} of {metric} is better"
        draft.decide(Decision("switch", "metric", str(draft.content["metric"]), metric, wanted, seen))
        draft.content |= {"metric": metric, "direction": direction}
