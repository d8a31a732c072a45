"""What a sweep looks like in the terminal: a live table, or a line a trial where there is no terminal."""

from __future__ import annotations

import time
from collections.abc import Sequence
from types import TracebackType
from typing import Self

from rich.console import Console, Group, RenderableType
from rich.live import Live
from rich.progress_bar import ProgressBar
from rich.table import Table
from rich.text import Text

from hone.report import Leaderboard, Row, clock
from hone.sweep.names import describe
from hone.sweep.trial import Trial
from hone.worker.messages import Failed

REFRESH_SECONDS = 0.5
SHOWN_TRIALS = 16
BAR_WIDTH = 60
STYLES = {"complete": "green", "pruned": "yellow", "failed": "red", "stopped": "magenta"}


class Display:
    """Shows a sweep while it runs. Used as a ``with`` block.

    Args:
        console: The terminal.
        board: The study so far; a resumed one has rows already.
        trials: How many the study is to have.
        slots: How many run at once.
    """

    def __init__(self, console: Console, board: Leaderboard, trials: int, slots: int) -> None:
        self.console = console
        self.trials = trials
        self.slots = slots
        self._board = board
        self._before = len(board)
        self._began = time.monotonic()
        self._drawn = 0.0
        self._active: Sequence[Trial] = ()
        self._live = Live(console=console, auto_refresh=False, transient=True) if console.is_terminal else None

    def board(self) -> Leaderboard:
        """The study so far."""
        return self._board

    def ended(self, trial: Trial) -> None:
        """Show that a trial ended.

        Args:
            trial: The trial.
        """
        metrics = {} if trial.ending is None or isinstance(trial.ending, Failed) else trial.ending.metrics
        value = trial.objectives[0] if trial.objectives else None
        row = Row(
            trial.number,
            trial.state,
            trial.latest if value is None and trial.state == "pruned" else value,
            trial.values,
            dict(metrics),
            trial.seconds,
            trial.feasible,
            trial.objectives,
            trial.ending.shown if isinstance(trial.ending, Failed) and trial.state == "failed" else "",
        )
        self._board.add(row)
        if isinstance(trial.ending, Failed) and trial.state == "failed":
            self.note(f"trial {trial.number} failed ({trial.ending.kind}): {trial.ending.message}")
        elif self._live is None:
            self.console.print(self._line(row), soft_wrap=True, highlight=False)

    def note(self, text: str) -> None:
        """Print one line above the table."""
        self.console.print(Text(text, style="yellow"), soft_wrap=True)

    def update(self, active: Sequence[Trial]) -> None:
        """Redraw, at most twice a second.

        Args:
            active: The trials that run.
        """
        self._active = active
        if self._live is not None and time.monotonic() - self._drawn > REFRESH_SECONDS:
            self._drawn = time.monotonic()
            self._live.update(self._picture(), refresh=True)

    def __enter__(self) -> Self:
        if self._live is not None:
            self._live.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._live is not None:
            self._live.stop()

    def _picture(self) -> RenderableType:
        bar = Table.grid()
        bar.add_row(ProgressBar(self.trials, len(self._board), width=BAR_WIDTH))
        return Group(self._summary(), bar, self._running())

    def _summary(self) -> Text:
        counts = self._board.counts()
        parts = [Text(f"{len(self._board)}/{self.trials} trials", style="bold")]
        parts += [Text(f"{count} {state}", style=STYLES[state]) for state, count in counts.items()]
        parts.append(Text(f"{len(self._active)} running", style="cyan"))
        best = self._board.best()
        if best is not None:
            value = f"best {self._board.metric} {best.value:.4f}"
            parts.append(Text(f"{value} (trial {best.number})", style="bold green"))
        parts.append(Text(f"{clock(time.monotonic() - self._began)} elapsed, {self._eta()} left", style="dim"))
        return Text(" · ").join(parts)

    def _eta(self) -> str:
        ended = len(self._board) - self._before
        if not ended:
            return "?"
        return clock((time.monotonic() - self._began) / ended * (self.trials - len(self._board)))

    def _running(self) -> Table:
        table = Table(box=None, header_style="dim", padding=(0, 2, 0, 0))
        for name in ("trial", "searched", self._board.metric, "validations", "time"):
            table.add_column(name, justify="right" if name != "searched" else "left")
        for trial in self._active[:SHOWN_TRIALS]:
            latest = "" if trial.latest is None else f"{trial.latest:.4f}"
            seconds = clock(time.monotonic() - trial.began)
            table.add_row(str(trial.number), describe(trial.values), latest, str(trial.validations), seconds)
        if len(self._active) > SHOWN_TRIALS:
            table.add_row("", f"and {len(self._active) - SHOWN_TRIALS} more", "", "", "")
        return table

    def _line(self, row: Row) -> str:
        best = self._board.best()
        mark = " *" if best is not None and best.number == row.number else ""
        value = "" if row.value is None else f" {self._board.metric}={row.value:.4f}{mark}"
        done = f"[{len(self._board)}/{self.trials}]".replace("[", "\\[")
        state = row.state if row.feasible else f"{row.state}, outside a constraint,"
        return f"{done} trial {row.number} {state} in {row.seconds:.1f}s{value}  {describe(row.values)}"
