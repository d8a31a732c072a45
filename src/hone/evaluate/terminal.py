"""An evaluation in the terminal."""

from __future__ import annotations

from rich.console import Console, Group
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from hone.evaluate.description import chosen, interval
from hone.evaluate.results import ALIKE, BETTER, WORSE, Evaluation

STYLES = {BETTER: "green", WORSE: "red", ALIKE: "yellow"}
SHOWN_SLICES = 16


def show(console: Console, evaluation: Evaluation) -> None:
    """Print an evaluation.

    Args:
        console: Where to.
        evaluation: The evaluation.
    """
    rows = "" if evaluation.rows is None else f" · {evaluation.rows:,} rows"
    console.print(Text.assemble((evaluation.source_name, "bold"), f" on the {evaluation.split} split{rows}"))
    console.print()
    console.print(Padding(_scores(evaluation), (0, 0, 0, 2)))
    if evaluation.slices:
        console.print()
        console.print(Padding(_slices(evaluation), (0, 0, 0, 2)))
    console.print()
    for line in (_mistakes(evaluation), _cost(evaluation)):
        if line is not None:
            console.print(Text.assemble("  ", line), soft_wrap=True)
    if evaluation.comparison is not None:
        style = STYLES[evaluation.comparison.word]
        console.print(Text(evaluation.comparison.verdict, style=style), soft_wrap=True)
    for note in evaluation.notes:
        console.print(Text.assemble(("note: ", "yellow"), note), soft_wrap=True)


def _scores(evaluation: Evaluation) -> Table:
    table = Table(box=None, header_style="dim", padding=(0, 2, 0, 0))
    table.add_column("metric")
    table.add_column("value", justify="right")
    table.add_column(f"{evaluation.confidence:.0%} interval", justify="right", style="dim")
    for name, one in evaluation.scores.items():
        table.add_row(
            Text(name), f"{one.value:.4f}", interval(one), style="bold" if name == evaluation.metric else None
        )
    if evaluation.calibration_error is not None:
        table.add_row("calibration error", f"{evaluation.calibration_error:.4f}", "")
    return table


def _slices(evaluation: Evaluation) -> Table | Group:
    shown, left = chosen(evaluation.slices, SHOWN_SLICES)
    table = Table(box=None, header_style="dim", padding=(0, 2, 0, 0))
    table.add_column("slice")
    table.add_column("rows", justify="right")
    table.add_column(evaluation.slice_metric, justify="right")
    table.add_column("interval", justify="right", style="dim")
    table.add_column("")
    for one in shown:
        mark = Text("lags", style="red") if one.lags else Text("")
        name = Text.assemble((f"{one.group} ", "dim"), one.name)
        table.add_row(name, f"{one.rows:,}", f"{one.score.value:.3f}", interval(one.score, 3), mark)
    if not left:
        return table
    return Group(table, Text(f"and {left} more slices, in evaluation.json", style="dim"))


def _mistakes(evaluation: Evaluation) -> Text | None:
    mistakes = evaluation.mistakes
    if mistakes.rows is None:
        return None
    pairs = ", ".join(f"{label} taken for {taken} ({count:,})" for label, taken, count in mistakes.confused[:3])
    return Text.assemble(("mistakes", "dim"), f"  {mistakes.rows:,}{f': {pairs}' if pairs else ''}")


def _cost(evaluation: Evaluation) -> Text:
    size = evaluation.size
    said = [f"{size.parameters:,} parameters", f"{size.mib:.2f} MiB"]
    said += [f"batch of {one.batch_size}: p50 {one.p50:.2f} ms, p95 {one.p95:.2f} ms" for one in evaluation.latency]
    return Text.assemble(("cost", "dim"), f"      {'; '.join(said)} ({evaluation.device})")
