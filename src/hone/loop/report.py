"""The loop's report: one page and the description of its run. What was believed, what was learnt, what changed."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from hone.loop.pictures import cost, course, ranges
from hone.loop.state import LoopState, RoundRecord
from hone.loop.telling import means, scored
from hone.report import clock
from hone.report.chart import Chart
from hone.report.description import LONGEST
from hone.report.look import number
from hone.report.page import as_html, page_of, save_page, table_of
from hone.report.paint import save_png
from hone.sweep.names import describe as describe_values

PAGE = "index.html"


def draw(state: LoopState, folder: Path) -> list[Path]:
    """Write the page and its pictures.

    Args:
        state: The loop, as far as it has come.
        folder: Where to; it is made.

    Returns:
        The files.
    """
    folder.mkdir(parents=True, exist_ok=True)
    charts = [one for one in (ranges(state), course(state), cost(state)) if one is not None]
    for one in charts:
        save_png(one, folder / f"{one.name}.png")
    save_page(_page(state, charts), folder / PAGE)
    return [*(folder / f"{one.name}.png" for one in charts), folder / PAGE]


def _page(state: LoopState, charts: Sequence[Chart]) -> str:
    parts = [(f"Round {one.number}", _round_html(one)) for one in state.rounds]
    return page_of(f"Loop {state.name}", summary(state), charts, parts)


def summary(state: LoopState) -> list[str]:
    """What a loop came to, in a few lines; what stands in backticks is code."""
    lines = [f"{len(state.rounds)} rounds from `{state.asked.file}`, {clock(state.spent)} in all."]
    best = state.best
    if best is not None and best.winner is not None and best.winner.mean is not None:
        winner = best.winner
        found = ", ".join(f"`{key}={number(one) if isinstance(one, float) else one}`"
                          for key, one in winner.values.items())  # fmt: skip
        lines.append(
            f"Best: round {best.number}, {best.metric} {winner.mean:.4f} over {len(winner.scores)} seeds "
            f"(spread {winner.spread:.4f}), with {found}."
        )
        lines.append("Chosen on validation alone; the test split is looked at once a round, for its winner.")
        if best.score is not None:
            lines.append(f"Tested: {scored(best)}.")
    if state.champion:
        lines.append(state.champion)
    if state.ended:
        lines.append(f"It ended: {state.ended}.")
    elif state.waiting:
        lines.append(f"Round {state.waiting} waits for review: `hone loop --continue {state.name}`.")
    return lines


def _round_html(record: RoundRecord) -> str:
    parts = []
    given = "".join(f", `{key}={value}`" for key, value in record.fidelity.items())
    counts = ", ".join(f"{count} {name}" for name, count in record.states.items())
    steps = record.cost.steps + record.cost.confirm_steps
    intro = f"{counts or 'under way'}{given}; {steps:,} steps, of them {record.cost.confirm_steps:,} to confirm."
    parts.append(("", _paragraph(intro)))
    parts.append(("Believed before", table_of(["key", "searched"], _beliefs(record))))
    if record.importances:
        parts.append(("Learnt: what matters", table_of(IMPORTANCE, _importances(record))))
    if record.candidates:
        parts.append(("Learnt: what is good", table_of(CONFIRMED, _candidates(record))))
        parts.append(("", _paragraph("" if record.score is None else f"Tested once, the winner: {scored(record)}.")))
    if record.decisions:
        parts.append(("Changed", table_of(["what", "key", "from", "to", "why", "figures"], _decisions(record))))
    return "".join(f"{f'<h3>{title}</h3>' if title else ''}{text}" for title, text in parts)


IMPORTANCE = ("key", "share of importance", "as much by chance", "trials")
CONFIRMED = ("trial", "found", "mean over seeds", "spread", "seeds", "values")


def _beliefs(record: RoundRecord) -> list[list[str]]:
    return [[f"`{label}`", f"`{text}`"] for label, text in record.beliefs.items()]


def _importances(record: RoundRecord) -> list[list[str]]:
    ranked = sorted(record.importances.items(), key=lambda one: -one[1].share)
    return [[f"`{name}`", f"{one.share:.1%}", f"{one.chance:.0%}", str(one.trials)] for name, one in ranked]


def _candidates(record: RoundRecord) -> list[list[str]]:
    return [
        [
            str(one.trial),
            f"{one.found:.4f}",
            *means(one),
            ", ".join("failed" if value is None else f"{value:.4f}" for value in one.scores),
            f"`{describe_values(one.values)}`",
        ]
        for one in record.candidates
    ]


def _decisions(record: RoundRecord) -> list[list[str]]:
    return [
        [one.kind, f"`{one.key}`" if one.key else "", one.before, one.after, one.reason, _figures(one.figures)]
        for one in record.decisions
    ]


def _figures(figures: dict[str, object]) -> str:
    return "; ".join(f"{name}: {_figure(value)}" for name, value in figures.items())


def _figure(value: object) -> str:
    if isinstance(value, float):
        return number(value)
    if isinstance(value, list | tuple):
        return ", ".join(map(_figure, value))
    return str(value)


def _paragraph(text: str) -> str:
    if not text:
        return ""
    return f"<p class='muted'>{as_html(text)}</p>"


def describe(state: LoopState) -> str:
    """A loop in Markdown, as long as a tag may be."""
    for rows in (12, 6, 3, 1, 0):
        text = "\n\n".join(_markdown(state, rows))
        if len(text) <= LONGEST:
            return text
    return text[: LONGEST - 1] + "…"


def _markdown(state: LoopState, rows: int) -> list[str]:
    parts = ["  \n".join([*summary(state), "Report: artifact `report/index.html`; each round's file under `rounds/`."])]
    lines = ["| round | trials | steps | confirmed | spread | tested |", "| ---: | ---: | ---: | ---: | ---: | --- |"]
    for one in state.rounds:
        mean, spread = means(one.candidates[0]) if one.candidates else ("", "")
        tested = "" if one.score is None else scored(one)
        steps = one.cost.steps + one.cost.confirm_steps
        lines.append(f"| {one.number} | {one.cost.trials} | {steps:,} | {mean} | {spread} | {tested} |")
    parts.append("\n".join(lines))
    for one in state.rounds:
        changes = [each for each in one.decisions if each.changes][:rows]
        if changes:
            told = [f"- **{each.kind}** `{each.key or each.kind}`: {each.reason}" for each in changes]
            parts.append("\n".join([f"### After round {one.number}", *told]))
    return parts
