"""Pictures of a loop: how its ranges moved, how its best came on, what its rounds cost."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from hone.loop.state import LoopState, RoundRecord
from hone.report.chart import Axis, Chart, Panel, Series
from hone.report.look import ACCENT, MUTED, STATES, better
from hone.space import Parameter, hold, parse_condition, parse_space
from hone.space.ranges import Range

PALE = "#8fb8fb"
COLUMNS = 2
ROW_HEIGHT, PANEL_HEIGHT = 0.28, 1.3


def ranges(state: LoopState) -> Chart | None:
    """What each round searched, with what it found best."""
    labels = list(dict.fromkeys(label for one in state.rounds for label in one.beliefs))
    panels = [_range_panel(state, label, legend=place == 0) for place, label in enumerate(labels)]
    shown = [one for one in panels if one is not None]
    if not shown:
        return None
    rows = -(-len(shown) // COLUMNS)
    height = 0.9 + rows * (PANEL_HEIGHT + ROW_HEIGHT * len(state.rounds))
    caption = "A bar is what a round searched; without one it was fixed by then. Points are those that were confirmed."
    return Chart(
        "ranges",
        "How the space moved",
        tuple(shown),
        caption,
        columns=min(COLUMNS, len(shown)),
        size=(10.0, height),
    )


def _range_panel(state: LoopState, label: str, *, legend: bool) -> Panel | None:
    parameters = {one.number: _parameter(label, one.beliefs[label]) for one in state.rounds if label in one.beliefs}
    own = {number: Range.of(one) for number, one in parameters.items()}
    rounds = tuple(f"round {one.number}" for one in reversed(state.rounds))
    y = Axis("", "choices", rounds, limits=(-0.6, len(rounds) - 0.4))
    found = {number: one for number, one in own.items() if one is not None}
    if len(found) == len(own):
        return _numbers(state, label, found, y, legend=legend)
    if not found:
        return _options(state, label, parameters, y, legend=legend)
    return None


def _numbers(state: LoopState, label: str, own: dict[int, Range], y: Axis, *, legend: bool) -> Panel:
    log = next(iter(own.values())).log
    count = len(state.rounds)
    bars = Series(
        "searched" if legend else "",
        [one.low for one in own.values()],
        [count - number for number in own],
        "spans",
        ends=[one.high for one in own.values()],
        color=PALE,
        size=0.5,
        labels=[f"round {number}: {one.text}" for number, one in own.items()],
    )
    values = [(one.low, one.high) for one in own.values()]
    low, high = min(first for first, _ in values), max(last for _, last in values)
    room = 0.04 * (high - low)
    limits = (low / 1.3, high * 1.3) if log else (low - room, high + room)
    x = Axis(label, "log" if log else "linear", limits=limits)
    return Panel(x, y, (bars, *_found(state, label, lambda value: float(value), legend=legend)))


def _options(state: LoopState, label: str, parameters: dict[int, Parameter], y: Axis, *, legend: bool) -> Panel:
    offered = {number: [str(one) for one in parameter.points() or []] for number, parameter in parameters.items()}
    values = {str(one): one for parameter in parameters.values() for one in parameter.points() or []}
    # Numbers in their order, whenever they came in.
    counted = all(isinstance(one, int | float) for one in values.values())
    names = tuple(sorted(values, key=lambda name: values[name]) if counted else values)
    count = len(state.rounds)
    places = [(names.index(name), count - number) for number, own in offered.items() for name in own]
    squares = Series(
        "searched" if legend else "",
        [x - 0.3 for x, _ in places],
        [y for _, y in places],
        "spans",
        ends=[x + 0.3 for x, _ in places],
        color=PALE,
        size=0.5,
    )
    x = Axis(label, "choices", names, limits=(-0.6, len(names) - 0.4))
    place = {name: float(number) for number, name in enumerate(names)}
    return Panel(x, y, (squares, *_found(state, label, lambda value: place.get(str(value)), legend=legend)))


def _found(state: LoopState, label: str, placed: Any, *, legend: bool) -> list[Series]:
    """The configurations that were confirmed, the winners apart."""
    key = label.partition(" (")[0].lstrip("+")
    groups: dict[str, list[tuple[float, float, str]]] = {"confirmed": [], "winner": []}
    for one in state.rounds:
        if label not in one.beliefs:
            continue
        for place, candidate in enumerate(one.candidates):
            own = key in candidate.values and _is_of(candidate.values, label)
            where = placed(candidate.values[key]) if own else None
            if where is not None and candidate.mean is not None:
                text = f"round {one.number}: {key} = {candidate.values[key]}, {one.metric} {candidate.mean:.4f}"
                groups["confirmed" if place else "winner"].append((where, len(state.rounds) - one.number, text))
    looks: dict[str, dict[str, Any]] = {
        "confirmed": {"color": ACCENT, "size": 5.0},
        "winner": {"color": STATES["best"], "size": 8.0, "symbol": "star"},
    }
    return [
        Series(
            name if legend else "",
            [one[0] for one in points],
            [one[1] for one in points],
            labels=[one[2] for one in points],
            **looks[name],
        )
        for name, points in groups.items()
        if points
    ]


def course(state: LoopState) -> Chart | None:
    """The confirmed configurations of each round, seed by seed."""
    confirmed = [one for one in state.rounds if one.candidates]
    winners = [one for one in confirmed if one.winner is not None]
    if not winners:
        return None
    seeds = [(one, candidate, value) for one in confirmed for candidate in one.candidates for value in candidate.whole]
    series = [
        Series(
            "one seed",
            [_beside(one, candidate) for one, candidate, _ in seeds],
            [value for *_, value in seeds],
            color=MUTED,
            size=4.0,
            opacity=0.5,
            labels=[f"trial {candidate.trial}: {value:.4f}" for _, candidate, value in seeds],
        ),
        _means(confirmed, "confirmed mean", winners=False),
        Series(
            "",
            [one.number - 1.0 for one in winners],
            [_mean(one) for one in winners],
            "line",
            color=STATES["best"],
            size=1.2,
            opacity=0.6,
        ),
        _means(winners, "winner", winners=True),
    ]
    names = tuple(f"round {one.number}" for one in state.rounds)
    x = Axis("", "choices", names, limits=(-0.5, len(names) - 0.5))
    title = f"What was confirmed: {winners[-1].metric} {_mean(winners[-1]):.4f} in round {winners[-1].number}"
    y = Axis(better(winners[-1].metric, more=winners[-1].maximize))
    caption = "Validation, over seeds that the search has not seen. Rounds of another fidelity are not comparable."
    return Chart("course", title, (Panel(x, y, tuple(one for one in series if len(one.x))),), caption)


def _means(records: Sequence[RoundRecord], name: str, *, winners: bool) -> Series:
    own = [
        (one, candidate)
        for one in records
        for place, candidate in enumerate(one.candidates)
        if candidate.mean is not None and (place == 0) == winners
    ]
    look: dict[str, Any] = {"color": STATES["best"], "size": 8.0, "symbol": "star"} if winners else {"color": ACCENT}
    return Series(
        name if own else "",
        [_beside(one, candidate) for one, candidate in own],
        [candidate.mean or 0.0 for _, candidate in own],
        labels=[f"trial {candidate.trial}: {candidate.mean:.4f} ± {candidate.spread:.4f}" for _, candidate in own],
        **look,
    )


def _mean(record: RoundRecord) -> float:
    assert record.winner is not None
    assert record.winner.mean is not None
    return record.winner.mean


def _beside(record: RoundRecord, candidate: Any) -> float:
    """Candidates of one round side by side, the winner in the middle."""
    place = record.candidates.index(candidate)
    return record.number - 1 + 0.12 * ((place + 1) // 2) * (-1 if place % 2 else 1)


def cost(state: LoopState) -> Chart | None:
    """What each round took."""
    spent = [one for one in state.rounds if one.cost.steps + one.cost.confirm_steps]
    if not spent:
        return None
    places = [len(spent) - 1 - place for place in range(len(spent))]
    search = [float(one.cost.steps) for one in spent]
    whole = [float(one.cost.steps + one.cost.confirm_steps) for one in spent]
    texts = [f"{one.cost.trials} trials, {one.cost.seconds + one.cost.confirm_seconds:.0f} s" for one in spent]
    series = (
        Series("search", [0.0] * len(spent), places, "bars", ends=search, color=ACCENT),
        Series("confirmation", search, places, "bars", ends=whole, color=STATES["best"], texts=texts),
    )
    y = Axis("", "choices", tuple(f"round {one.number}" for one in reversed(spent)), limits=(-0.6, len(spent) - 0.4))
    x = Axis("optimizer steps", limits=(0.0, 1.25 * max(whole)))
    title = f"What it cost: {sum(whole):,.0f} steps"
    return Chart("cost", title, (Panel(x, y, series),), size=(8.0, 1.5 + 0.4 * len(spent)))


def _is_of(values: Mapping[str, Any], label: str) -> bool:
    """Whether a configuration is under a label's condition, as far as that stands on what is searched."""
    section = label.partition(" (")[2][:-1]
    wanted = parse_condition(section, label) if section else ()
    return hold(tuple((key, one) for key, one in wanted if key in values), values)


def _parameter(label: str, text: str) -> Parameter:
    key = label.partition(" (")[0]
    return parse_space({key: text}, "space").parameters[0]
