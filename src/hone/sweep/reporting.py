"""When a study's report is drawn: now and then while the sweep runs, and at its end."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path
from typing import Self

from rich.console import Console

from hone.report import Artist, Done, DrawRun, DrawStudy, Leaderboard
from hone.sweep.books import Books
from hone.sweep.trial import Trial, trial_directory
from hone.worker.disk import EVALUATION, SUMMARY

FIRST_TRIALS = 5
# Again when so many times as many trials have ended as when it was last drawn.
GROWTH = 1.5
PAUSE_SECONDS = 60.0
# How long the end of a sweep waits for its last pictures.
DEADLINE_SECONDS, STOPPED_SECONDS = 90.0, 10.0
PICTURED_TRIALS = 3
FOLDER = "report"


class Reporting:
    """Has a sweep's report drawn. Used as a ``with`` block; nothing that goes wrong in it ends the sweep.

    Args:
        books: Where what was drawn is tracked.
        storage: The study's storage; None for the embedded one.
        root: The tracking directory.
        clock: Tells the time.
    """

    def __init__(
        self, books: Books, storage: str | None, root: Path, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self.books = books
        self.directory = root / "trials" / books.study
        config = books.plan.config
        self.wanted = bool(config["tracking"].get("report", True))
        self.pictures = str((config.get("evaluation") or {}).get("pictures") or "best")
        self._request = DrawStudy(str(self.directory / FOLDER), books.study, storage, str(root))
        self._artist = Artist(self.directory / "report.log")
        self._clock = clock
        self._drawn_at, self._drawn_trials = -PAUSE_SECONDS, 0
        self._pictured: set[int] = set()

    def ended(self, trial: Trial, board: Leaderboard) -> None:
        """Look whether it is time to draw.

        Args:
            trial: A trial that has ended for good.
            board: All that have.
        """
        if not self.wanted:
            return
        self._artist.warm_up(runs=self.pictures in ("best", "each") and self._evaluated(trial.number).is_file())
        self._keep(self._artist.hear())
        if self.pictures == "each":
            self._picture(trial.number)
        if self._is_due(len(board)) and not self._artist.busy:
            self._drawn_at, self._drawn_trials = self._clock(), len(board)
            self.books.show(board, running=True)
            self._artist.ask(self._request)

    def _is_due(self, trials: int) -> bool:
        enough = max(FIRST_TRIALS, GROWTH * self._drawn_trials)
        return trials >= enough and self._clock() - self._drawn_at >= PAUSE_SECONDS

    def finish(self, board: Leaderboard, console: Console, *, stopped: bool) -> None:
        """Draw everything a last time and wait for it; Ctrl-C skips the rest.

        Args:
            board: The study's trials.
            console: Where it is said what could not be drawn.
            stopped: The user has ended the sweep, and waits less.
        """
        if not self.wanted or not len(board):
            return
        seconds = STOPPED_SECONDS if stopped else DEADLINE_SECONDS
        try:
            self._artist.ask(self._request)
            best = board.front()[:PICTURED_TRIALS] if len(board.metrics) > 1 else [board.best()]
            for row in best if self.pictures in ("best", "each") else ():
                if row is not None:
                    self._picture(row.number)
            with console.status("drawing the report (Ctrl-C skips it)"):
                answers = self._artist.hear(seconds)
        except KeyboardInterrupt:
            console.print("[dim]the report was left as it was[/]")
            return
        self._keep(answers)
        if self._artist.busy:
            console.print(f"[dim]the report took more than {seconds:.0f} s to draw, and was left as it was[/]")
        for note in dict.fromkeys(note for one in answers for note in one.notes):
            console.print(f"[dim]not drawn:[/] {note}", soft_wrap=True, highlight=False)

    def _picture(self, number: int) -> None:
        summary = self._evaluated(number)
        if number not in self._pictured and summary.is_file():
            self._pictured.add(number)
            self._artist.ask(DrawRun(str(summary.parent)))

    def _evaluated(self, number: int) -> Path:
        return trial_directory(self.directory, number) / EVALUATION / SUMMARY

    def _keep(self, answers: list[Done]) -> None:
        for one in answers:
            if isinstance(one.request, DrawRun):
                self.books.add_pictures(Path(one.request.folder), one.files)
            elif one.files and one.complete:
                self.books.add_report(Path(one.request.folder))

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._artist.close()
