"""Draws a study's pictures into a folder; a picture that cannot be drawn costs that picture and a line."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from hone.report.chart import Chart
from hone.report.look import better, number
from hone.report.page import page_of, save_page
from hone.report.paint import save_png
from hone.report.pictures import PICTURES
from hone.report.view import StudyView
from hone.study import quieten, read_study

PAGE = "index.html"


@dataclass(frozen=True)
class Drawn:
    """What was drawn.

    Attributes:
        files: What lies in the folder now.
        notes: What could not be drawn and why, one line each.
        complete: It was not broken off.
    """

    files: tuple[Path, ...]
    notes: tuple[str, ...]
    complete: bool = True


def draw_study(
    name: str, storage: str | None, root: Path, folder: Path, hurry: Callable[[], bool] = lambda: False
) -> Drawn:
    """Draw every picture of a study that there is something to show for.

    Args:
        name: The study.
        storage: Any Optuna storage URL; None for a journal file under ``root``.
        root: The tracking directory, ``mlruns``.
        folder: Where the pictures go.
        hurry: Asked between pictures; where it says so, what is left is not drawn.

    Returns:
        What was drawn.

    Raises:
        StudyError: The study cannot be read.
    """
    quieten()
    view = StudyView(read_study(name, storage, root / "studies"), root / "trials" / name)
    folder.mkdir(parents=True, exist_ok=True)
    charts: list[Chart] = []
    files: list[Path] = []
    notes: list[str] = []
    for key, picture in PICTURES.items():
        if hurry():
            return Drawn(tuple(files), tuple(notes), complete=False)
        try:
            chart = picture(view)
            if chart is not None:
                save_png(chart, folder / f"{key}.png")
                charts.append(chart)
                files.append(folder / f"{key}.png")
        except Exception as error:  # noqa: BLE001 - one picture must not cost the others
            notes.append(_note(key, error))
    if charts:
        try:
            save_page(page_of(view.name, _head(view), charts), folder / PAGE)
            files.append(folder / PAGE)
        except Exception as error:  # noqa: BLE001 - nor the page the pictures
            notes.append(_note(PAGE, error))
    return Drawn(tuple(files), tuple(notes))


def draw_evaluation(folder: Path) -> Drawn:
    """Draw what a run's predictions came to.

    Args:
        folder: The run's evaluation folder; the pictures go there too.

    Returns:
        What was drawn.
    """
    # Only here: what it counts with takes seconds to import, and a study's pictures need none of it.
    from hone.report.evaluation import EVALUATIONS, read_evaluation

    run = read_evaluation(folder)
    files: list[Path] = []
    notes: list[str] = []
    for key, picture in EVALUATIONS.items():
        try:
            chart = picture(run)
            if chart is not None:
                save_png(chart, folder / f"{key}.png")
                files.append(folder / f"{key}.png")
        except Exception as error:  # noqa: BLE001 - one picture must not cost the others
            notes.append(_note(f"{folder.parent.name}/{key}", error))
    return Drawn(tuple(files), tuple(notes))


def _note(name: str, error: Exception) -> str:
    return f"{name}: {type(error).__name__}: {' '.join(str(error).split())[:200]}"


def _head(view: StudyView) -> list[str]:
    goals = ", ".join(better(name, more=more) for name, more in zip(view.metrics, view.maximize, strict=True))
    counts: dict[str, int] = {}
    for one in view.trials:
        counts[one.state] = counts.get(one.state, 0) + 1
    lines = [f"{goals}; {', '.join(f'{count:,} {state}' for state, count in sorted(counts.items()))}."]
    if view.best is not None:
        values = ", ".join(f"`{one.name}={one.shown(view.best)}`" for one in view.parameters if one.shown(view.best))
        found = ", ".join(
            f"{name} {number(value)}" for name, value in zip(view.metrics, view.best.values, strict=False)
        )
        lines.append(f"Best: trial {view.best.number}, {found}, with {values}.")
        lines.append(f"Run it again: `hone reproduce best:{view.name}`")
    return lines
