"""What a sweep keeps on disk: the checkpoints of its best trials, within a budget for the sweep as a whole."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from hone.errors import DiskError
from hone.report import Row
from hone.sweep.file import DiskSection
from hone.sweep.runs import CHECKPOINTS, LONGEST_LOG
from hone.sweep.trial import Trial, trial_directory
from hone.worker.disk import RESUME_FILE, SIZES_OF_A_TRIAL, is_full
from hone.worker.messages import Failed, Result
from hone.worker.run import LOG_FILE

BALLAST_FILE = ".ballast"
BALLAST_BYTES = 2_000_000


@dataclass(frozen=True)
class _Kept:
    """A trial whose checkpoint is on disk; the least goes last."""

    rank: tuple[int, float, int]
    number: int
    bytes: int


class Shelf:
    """Keeps the best trials' checkpoints and clears away the rest.

    Args:
        section: The sweep file's.
        directory: Where the trials' directories lie.
        maximize: Whether more of the objective is better.
        forget: Called with the directory of a trial whose checkpoint is cleared away.
    """

    def __init__(
        self, section: DiskSection, directory: Path, *, maximize: bool, forget: Callable[[Path], None]
    ) -> None:
        self.section = section
        self.directory = directory
        self.maximize = maximize
        self.forget = forget
        self._kept: list[_Kept] = []

    def lay_ballast(self) -> None:
        """Take a little room that can be given back, so that the books can be closed on a full disk.

        Raises:
            DiskError: There is not even that.
        """
        if short := self.short_of_room():
            raise DiskError(short, where=str(self.directory))
        try:
            with (self.directory / BALLAST_FILE).open("wb") as file:
                os.posix_fallocate(file.fileno(), 0, BALLAST_BYTES)
        except OSError as error:
            if not is_full(error):
                return
            raise DiskError("the disk is full", where=str(self.directory)) from error

    def make_room(self) -> None:
        """Give the ballast back."""
        (self.directory / BALLAST_FILE).unlink(missing_ok=True)

    def check(self, model_bytes: int, slots: int) -> None:
        """Compare the budget with what one trial is going to write.

        Args:
            model_bytes: Size of its model.
            slots: Trials at once.

        Raises:
            DiskError: The sweep could not even keep its best trial beside those that run.
        """
        budget = self.section.budget
        need = (1 + SIZES_OF_A_TRIAL * slots) * model_bytes
        if budget is not None and need > budget:
            raise DiskError(
                f"is {_shown(budget)}, and {slots} trials at once beside the best one need some {_shown(need)}; "
                "give more, or fewer executor.max_parallel",
                where="disk.budget",
            )

    def short_of_room(self) -> str:
        """Why the sweep must pause; an empty string while it need not."""
        free = shutil.disk_usage(self.directory).free
        if free >= self.section.reserve:
            return ""
        return f"only {_shown(free)} of disk are free, less than disk.reserve={_shown(self.section.reserve)}"

    def take_up(self, rows: tuple[Row, ...]) -> None:
        """Remember what an earlier session kept."""
        for row in rows:
            directory = trial_directory(self.directory, row.number)
            if (directory / CHECKPOINTS).is_dir():
                self._kept.append(
                    _Kept(self._rank(row.state, row.value, row.feasible, row.number), row.number, _size(directory))
                )
        self._clear()

    @property
    def kept(self) -> tuple[int, ...]:
        """The trials whose checkpoints are on disk, best first."""
        return tuple(one.number for one in self._kept)

    def put(self, trial: Trial) -> None:
        """Take a trial that has ended for good: what it needs to resume goes, and the least promising checkpoints."""
        for name in (RESUME_FILE, f".{RESUME_FILE}"):
            (trial.directory / name).unlink(missing_ok=True)
        _cut_log(trial.directory / LOG_FILE)
        ending = trial.ending
        if ending is None or isinstance(ending, Failed) or not ending.checkpoint:
            shutil.rmtree(trial.directory / CHECKPOINTS, ignore_errors=True)
            return
        state = "complete" if isinstance(ending, Result) else "pruned"
        value = trial.objectives[0] if trial.objectives else trial.latest
        rank = self._rank(state, value, trial.feasible, trial.number)
        self._kept.append(_Kept(rank, trial.number, _size(trial.directory)))
        self._clear()

    def _rank(self, state: str, value: float | None, feasible: bool, number: int) -> tuple[int, float, int]:
        worth = float("-inf") if value is None else value if self.maximize else -value
        group = 2 if state != "complete" else int(not feasible)
        return group, -worth, number

    def _clear(self) -> None:
        self._kept.sort(key=lambda one: one.rank)
        budget = self.section.budget
        while len(self._kept) > self.section.keep or (
            budget is not None and len(self._kept) > 1 and sum(one.bytes for one in self._kept) > budget
        ):
            directory = trial_directory(self.directory, self._kept.pop().number)
            shutil.rmtree(directory / CHECKPOINTS, ignore_errors=True)
            self.forget(directory)


def _cut_log(path: Path) -> None:
    """Keep the end of a log that is longer than anybody reads."""
    if path.is_file() and path.stat().st_size > LONGEST_LOG:
        with path.open("rb") as file:
            file.seek(-LONGEST_LOG, os.SEEK_END)
            end = file.read()
        path.write_bytes(b"[only the end of what the trial printed is kept]\n" + end)


def _size(directory: Path) -> int:
    return sum(one.stat().st_size for one in (directory / CHECKPOINTS).rglob("*") if one.is_file())


def _shown(size: float) -> str:
    for unit, bytes_ in (("GB", 1e9), ("MB", 1e6), ("kB", 1e3)):
        if size >= bytes_:
            return f"{size / bytes_:.3g} {unit}"
    return f"{size:.0f} bytes"
