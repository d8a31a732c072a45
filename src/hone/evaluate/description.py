"""What the dashboard says of an evaluation."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from hone.evaluate.results import Evaluation, Score, Slice

# A tag holds no more.
LONGEST = 4_900
SHOWN_SLICES, SHOWN_SUREST, LONGEST_TEXT = 24, 5, 160
LAGS = "lags"


def describe(evaluation: Evaluation) -> str:
    """An evaluation in Markdown, as long as a tag may be."""
    # What matters least goes first where it is too long.
    for slices, surest in ((SHOWN_SLICES, SHOWN_SUREST), (SHOWN_SLICES, 0), (12, 0), (4, 0), (0, 0)):
        parts = [
            _head(evaluation),
            _verdict(evaluation),
            _scores(evaluation),
            _slices(evaluation, slices),
            _mistakes(evaluation, surest),
            _cost(evaluation),
            _notes(evaluation),
        ]
        text = "\n\n".join(filter(None, parts))
        if len(text) <= LONGEST:
            return text
    return text[: LONGEST - 1] + "…"


def _head(evaluation: Evaluation) -> str:
    rows = "" if evaluation.rows is None else f", {evaluation.rows:,} rows"
    best = evaluation.scores.get(evaluation.metric)
    said = ""
    if best is not None:
        ends = f" ({evaluation.confidence:.0%} interval {interval(best)})" if interval(best) else ""
        said = f"**{evaluation.metric} {best.value:.4f}**{ends} on the {evaluation.split} split{rows}: "
    lines = [f"{said}the best checkpoint of `{evaluation.source_name}`, run `{evaluation.source}`."]
    if evaluation.lagging:
        lines.append(f"Lagging: {', '.join(f'{one.group} {one.name}' for one in evaluation.lagging[:5])}.")
    lines.append("Predictions, mistakes and pictures: artifacts under `evaluation/`.")
    return "  \n".join(lines)


def _verdict(evaluation: Evaluation) -> str:
    return f"> {evaluation.comparison.verdict}" if evaluation.comparison else ""


def _scores(evaluation: Evaluation) -> str:
    lines = [f"| metric | value | {evaluation.confidence:.0%} interval |", "| --- | ---: | ---: |"]
    for name, one in evaluation.scores.items():
        bold = "**" if name == evaluation.metric else ""
        lines.append(f"| {bold}{_cell(name)}{bold} | {bold}{one.value:.4f}{bold} | {interval(one)} |")
    if evaluation.calibration_error is not None:
        lines.append(f"| calibration error | {evaluation.calibration_error:.4f} | |")
    said = f"Intervals by {evaluation.resamples:,} resamples of the rows." if evaluation.resamples else ""
    return "\n".join(["### Scores", "", *lines, *(["", said] if said else [])])


def interval(score: Score, digits: int = 4) -> str:
    """An interval as people read it; an empty string where there is none."""
    if score.low is None or score.high is None:
        return ""
    return f"{score.low:.{digits}f} to {score.high:.{digits}f}"


def _slices(evaluation: Evaluation, most: int) -> str:
    if not most or not evaluation.slices:
        return ""
    shown, left = chosen(evaluation.slices, most)
    lines = [
        "### Slices",
        "",
        f"| slice | rows | {evaluation.slice_metric} | interval | |",
        "| --- | ---: | ---: | ---: | --- |",
    ]
    for one in shown:
        mark = f"**{LAGS}**" if one.lags else ""
        lines.append(
            f"| {_cell(one.group)}: {_cell(one.name)} | {one.rows:,} | {one.score.value:.3f} "
            f"| {interval(one.score, 3)} | {mark} |"
        )
    if left:
        lines.append(f"| and {left} more | | | | |")
    if any(one.lags for one in shown):
        lines += [
            "",
            "A slice lags where it does worse than all other rows, p < 0.05 after correction for their number.",
        ]
    return "\n".join(lines)


def chosen(slices: Sequence[Slice], most: int) -> tuple[list[Slice], int]:
    """As many slices as there is room for, those that lag before others, in their own order; and how many are left."""
    first = sorted(range(len(slices)), key=lambda place: (not slices[place].lags, place))[:most]
    return [slices[place] for place in sorted(first)], max(0, len(slices) - most)


def _mistakes(evaluation: Evaluation, surest: int) -> str:
    mistakes = evaluation.mistakes
    if not mistakes.rows:
        return ""
    pairs = ", ".join(f"{_cell(label)} for {_cell(taken)} ({count:,})" for label, taken, count in mistakes.confused)
    lines = ["### Mistakes", "", f"{mistakes.rows:,} rows are wrong. Most often, the true class first: {pairs}."]
    rows = [_mistake(one) for one in mistakes.surest[:surest]]
    if rows:
        lines += ["", "| row | is | taken for | as sure as | |", "| ---: | --- | --- | ---: | --- |", *rows]
    return "\n".join(lines)


def _mistake(one: Mapping[str, Any]) -> str:
    text = str(one.get("text", ""))
    shown = text if len(text) <= LONGEST_TEXT else f"{text[: LONGEST_TEXT - 1]}…"
    cells = (one["row"], one["label"], one["predicted"], f"{one['probability']:.1%}", shown)
    return f"| {' | '.join(map(_cell, cells))} |"


def _cost(evaluation: Evaluation) -> str:
    size = evaluation.size
    lines = ["### Cost", "", f"{size.parameters:,} parameters, {size.mib:.2f} MiB. On {evaluation.device}:"]
    if not evaluation.latency:
        return "\n".join(lines).removesuffix(f" On {evaluation.device}:")
    lines += ["", "| batch | p50 | p95 |", "| ---: | ---: | ---: |"]
    lines += [f"| {one.batch_size} | {one.p50:.2f} ms | {one.p95:.2f} ms |" for one in evaluation.latency]
    return "\n".join(lines)


def _notes(evaluation: Evaluation) -> str:
    return "\n".join(["### Notes", "", *(f"- {one}" for one in evaluation.notes)]) if evaluation.notes else ""


def _cell(text: object) -> str:
    """A text inside a table."""
    return str(text).replace("|", "\\|").replace("\n", " ")
