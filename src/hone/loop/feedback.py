"""From what a round came to, to the next round's sweep file; pure, so that the same evidence gives the same file."""

from __future__ import annotations

import statistics
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from hone.config.written import written
from hone.errors import SpaceError
from hone.loop.decision import Decision
from hone.loop.draft import Draft
from hone.loop.evidence import Evidence
from hone.loop.failing import bound_by_failures
from hone.loop.freezing import freeze_unimportant
from hone.loop.mistakes import Lagging, answer_mistakes
from hone.loop.numeric import move_range
from hone.loop.options import add_rung, drop_dominated
from hone.loop.residuals import chance_of
from hone.report.look import number
from hone.space.parameters import GroupOptions
from hone.study import Importance
from hone.sweep.file import SweepFile

# A round's best are its best by more than chance where they are again, with a likelihood of chance below it.
UNLIKELY = 0.2
# Where more than this share of its trials have the best value, a round has none that are better than others.
SHARED = 0.25


@dataclass(frozen=True)
class Learnt:
    """What a round came to, beside its trials.

    Attributes:
        confirmed: Values of the configurations that were trained again, best first.
        again: What they came to on the other seeds, all of them together.
        unreliable: Values of those that were trained again and failed on one of the seeds.
        lagging: Classes and other slices of the data that lag behind the whole.
        known: Importances by earlier studies.
        sampler_learns: Whether the sampler can learn from trials of other studies.
    """

    confirmed: Sequence[Mapping[str, Any]] = ()
    again: Sequence[float] = ()
    unreliable: Sequence[Mapping[str, Any]] = ()
    lagging: Sequence[Lagging] = ()
    known: Mapping[str, Importance] = field(default_factory=dict)
    sampler_learns: bool = False


@dataclass(frozen=True)
class NextRound:
    """The next round.

    Attributes:
        content: Its sweep file, plain.
        decisions: What was decided, in order.
        searched: Whether there is anything left to search.
    """

    content: dict[str, Any]
    decisions: tuple[Decision, ...]
    searched: bool = True


def feed_back(
    evidence: Evidence,
    content: Mapping[str, Any],
    number: int,
    learnt: Learnt | None = None,
    group_options: GroupOptions | None = None,
) -> NextRound:
    """Decide on the next round.

    Args:
        evidence: What the round's study came to.
        content: The round's sweep file, plain.
        number: The round's number, from 1.
        learnt: What else it came to.
        group_options: Gives a config group's options, which ``glob(...)`` picks from.

    Returns:
        The next round's file with the decisions that made it. Each decision says by which figures it was taken.
    """
    learnt = learnt or Learnt()
    sweep = SweepFile.model_validate(content)
    draft = Draft(content, evidence, sweep.feedback, group_options)
    # Those studies' best were among this round's first trials.
    draft.content.pop("warm_start", None)
    for note in _notes(draft):
        draft.decide(note)
    if chance := _by_chance(evidence, learnt):
        draft.decide(chance)
        bound_by_failures(draft)
    else:
        _change_space(draft, learnt)
    searched = any(len(one.parameter.points() or [0, 0]) > 1 for one in draft.slots)
    answer_mistakes(draft, learnt.lagging)
    _grow_fidelity(draft, sweep, number + 1, by_chance=chance is not None)
    _enqueue_elites(draft, learnt, confirmed_alone=chance is not None)
    if learnt.sampler_learns:
        _learn_on(draft, content, by_chance=chance is not None)
    return NextRound(draft.content, tuple(draft.decisions), searched)


def _change_space(draft: Draft, learnt: Learnt) -> None:
    bound_by_failures(draft)
    slots = draft.slots
    for slot in slots:
        if draft.is_searched(slot):
            drop_dominated(draft, slot, slots)
    for slot in draft.slots:
        if not draft.was_changed(slot, "drop", "bound"):
            add_rung(draft, slot)
    if draft.evidence.is_flat:
        return
    for slot in draft.slots:
        if not draft.was_changed(slot, "bound"):
            move_range(draft, slot, slots)
    best = learnt.confirmed[0] if learnt.confirmed else draft.evidence.ranked[0].values
    freeze_unimportant(draft, best, learnt.known, slots)


def _notes(draft: Draft) -> list[Decision]:
    """Why little or nothing can be learnt from a round, where that is so."""
    evidence, found = draft.evidence, []
    complete, wanted = len(evidence.ranked), draft.feedback.min_trials
    failures = ", ".join(f"{count} {kind}" for kind, count in evidence.failures.items())
    if failures:
        found.append(_note(f"of {len(evidence.trials)} trials failed: {failures}", {"failures": evidence.failures}))
    if complete and evidence.is_flat:
        value = evidence.ranked[0].value
        assert value is not None
        reason = (
            f"all {complete} complete trials came to {evidence.metric} {number(value)}: none is better than another"
        )
        found.append(_note(f"{reason}, and the space stays as it is", {"value": value, "complete trials": complete}))
    elif complete < wanted:
        reason = f"{complete} complete trials are too few to judge a range by; feedback.min_trials is {wanted}"
        found.append(_note(reason, {"complete trials": complete, "wanted": wanted}))
    return found


def _by_chance(evidence: Evidence, learnt: Learnt) -> Decision | None:
    """Whether a round's best were its best by chance: on other seeds they are no better than its other trials.

    Where all trials differ by no more than seeds make of it, their best say nothing of where good trials are.
    """
    if learnt.unreliable and not learnt.again:
        count = len(learnt.unreliable)
        reason = f"none of the {count} that were trained again ran to its end on each seed"
        return _note(f"{reason}: nothing follows for what is searched", {"trained again": count})
    others = [one for one in evidence.ranked if one.values not in (*learnt.confirmed, *learnt.unreliable)]
    if not learnt.again or evidence.is_flat or not others:
        return None
    if shared := _shared_best(evidence, learnt.again):
        return shared
    sign = -1.0 if evidence.maximize else 1.0
    values = [one.value for one in others if one.value is not None]
    chance = chance_of([sign * one for one in values], [sign * one for one in learnt.again])
    if chance < UNLIKELY:
        return None
    mean, middle = statistics.mean(learnt.again), statistics.median(values)
    reason = (
        f"on other seeds its best came to {number(mean)} in the mean, and its other trials to {number(middle)} in the "
        f"median, which is no better than chance gives (p = {number(chance)}): nothing follows for what is searched"
    )
    figures = {"again": list(learnt.again), "mean": mean, "median": middle, "p": chance, "other trials": len(values)}
    return _note(reason, figures)


def _shared_best(evidence: Evidence, again: Sequence[float]) -> Decision | None:
    """Whether many trials have the very best value, and other seeds give another: it is the seed's and not theirs.

    A network that has learnt nothing answers the same to everything, and what it answers is a matter of its seed and
    shape. All trials of the luckiest shape come to one score, which may be higher still by another seed.
    """
    value = evidence.ranked[0].value
    best = [one.number for one in evidence.ranked if one.value == value]
    if value is None or len(best) <= SHARED * len(evidence.ranked) or value in again:
        return None
    reason = (
        f"{len(best)} of {len(evidence.ranked)} complete trials came to the very best value, {number(value)}, and to "
        f"{number(statistics.mean(again))} on other seeds, so that it is chance's: nothing follows for what is searched"
    )
    figures = {"value": value, "trials": best, "complete trials": len(evidence.ranked), "again": list(again)}
    return _note(reason, figures)


def _note(reason: str, figures: dict[str, Any]) -> Decision:
    return Decision("note", "", "", "", reason, figures)


def _grow_fidelity(draft: Draft, sweep: SweepFile, number: int, *, by_chance: bool) -> None:
    """What the next round's trials are given, and how many there are.

    The space of a round that came to nothing is as wide as it was, and not to be searched with fewer trials.
    """
    feedback = sweep.feedback
    before, after = feedback.fidelity_of(number - 1), feedback.fidelity_of(number)
    for key, value in after.items():
        draft.set_base(f"{key}={written(value)}")
        if value != before[key]:
            reason = f"round {number} has {value}, as feedback.fidelity says"
            figures = {"round": number, "before": before[key], "after": value}
            draft.decide(Decision("fidelity", key, str(before[key]), str(value), reason, figures))
    given = feedback.trials_of(number, sweep.trials)
    trials = max(given, sweep.trials) if by_chance else given
    draft.content["trials"] = trials
    if trials != sweep.trials or trials != given:
        reason = (
            f"round {number} has {trials} trials, as feedback.trials says"
            if trials == given
            else f"round {number} has the {trials} trials again that came to nothing; feedback.trials says {given}"
        )
        figures = {"round": number, "before": sweep.trials, "after": trials, "given": given}
        draft.decide(Decision("trials", "", str(sweep.trials), str(trials), reason, figures))


def _learn_on(draft: Draft, content: Mapping[str, Any], *, by_chance: bool) -> None:
    """The next round's sampler goes on with what the rounds so far came to, where it was more than chance.

    With a lower fidelity trials come to less: they say where not to look until there are better ones, and no more.
    """
    if draft.content["metric"] != content["metric"]:
        # What was judged by another metric says nothing by this one.
        draft.content.pop("learn_from", None)
        return
    study, known = draft.evidence.study, SweepFile.model_validate(content).learn_from
    # Of an option that is left alone for being better, the others' trials say nothing.
    base = draft.content.get("base") or ()
    left = [one.after for one in draft.decisions if one.kind == "drop" and one.after in base]
    known = {name: ", ".join(filter(None, [before, *left])) for name, before in known.items()}
    draft.content.pop("learn_from", None)
    if known:
        draft.content["learn_from"] = known
    if by_chance or study in known:
        return
    draft.content["learn_from"] = {**known, study: ", ".join(left)}
    count = len(draft.evidence.ranked)
    reason = f"the sampler goes on from the {count} complete trials of the round, as far as they lie in the new space"
    draft.decide(Decision("learn", "", "", study, reason, {"study": study, "complete trials": count}))


def _enqueue_elites(draft: Draft, learnt: Learnt, *, confirmed_alone: bool) -> None:
    """The best are the first trials of the next round, as far as they are still searched and were found to last."""
    draft.content.pop("enqueue", None)
    space = draft.settled_space
    searched = {one.key for one in space.all}
    listed: list[dict[str, Any]] = []
    origins: list[str] = []
    ranked = [(f"confirmed {place + 1}", values) for place, values in enumerate(learnt.confirmed)]
    if not confirmed_alone:
        lasting = [one for one in draft.evidence.ranked if one.values not in learnt.unreliable]
        ranked += [(f"trial {one.number}", one.values) for one in lasting]
    frozen = [one for one in draft.slots if one.section and draft.was_changed(one, "freeze")]
    for origin, values in ranked:
        kept = {key: value for key, value in values.items() if key in searched}
        # What decides nothing has its one value, as it has where it left the space.
        kept |= {one.parameter.key: (one.parameter.points() or [])[0] for one in frozen if draft.has(one, values)}
        if len(listed) == draft.feedback.elites or not kept or kept in listed or not space.is_whole(kept):
            continue
        try:
            space.drawn(kept, "enqueue")
        except SpaceError:
            continue
        listed.append(kept)
        origins.append(origin)
    if listed:
        draft.content["enqueue"] = listed
        reason = f"the best of the round are the first trials of the next: {', '.join(origins)}"
        draft.decide(Decision("enqueue", "", "", f"{len(listed)} configurations", reason, {"from": origins}))
