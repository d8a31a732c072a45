"""How far a loop has come, kept in one file, so that a loop that was killed goes on where it was."""

from __future__ import annotations

import dataclasses
import os
import statistics
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from pydantic import TypeAdapter, ValidationError

from hone.config.files import write_text
from hone.errors import LoopError, did_you_mean
from hone.loop.decision import Decision
from hone.loop.mistakes import Lagging
from hone.study import Importance

STATE_FILE = "loop.json"


@dataclass(frozen=True)
class Asked:
    """What the user typed when the loop began.

    Attributes:
        file: The sweep file.
        rounds: The most rounds.
        overrides: Those that are not in the rounds' files: of tracking and executor.
        budget: Seconds after which no round begins; None for no limit.
        review: Stop before each round for the user to look at its file.
        config_dir: The user's config directory.
        config_name: The primary config.
    """

    file: str
    rounds: int
    overrides: tuple[str, ...] = ()
    budget: float | None = None
    review: bool = False
    config_dir: str | None = None
    config_name: str = "config"


@dataclass(frozen=True)
class Candidate:
    """A configuration that was trained again.

    Attributes:
        values: Its searched values.
        trial: The trial of the round's study that it comes from.
        found: That trial's value.
        scores: The validation value of each seed; None where it failed.
        runs: The MLflow run of each seed, where it is known.
        trials: The number of each in the confirmation's study.
    """

    values: dict[str, Any]
    trial: int
    found: float
    scores: tuple[float | None, ...]
    runs: tuple[str | None, ...] = ()
    trials: tuple[int, ...] = ()

    @property
    def whole(self) -> tuple[float, ...]:
        """The values of the seeds that did not fail."""
        return tuple(one for one in self.scores if one is not None)

    @property
    def mean(self) -> float | None:
        """Over all seeds; None where one failed: what fails now and then is not to be relied on."""
        return sum(self.whole) / len(self.whole) if self.scores and len(self.whole) == len(self.scores) else None

    @property
    def spread(self) -> float:
        """Standard deviation over the seeds, from the sample."""
        if self.mean is None or len(self.whole) < 2:
            return 0.0
        return statistics.stdev(self.whole)

    @property
    def error(self) -> float:
        """Standard error of the mean."""
        return self.spread / len(self.whole) ** 0.5 if self.whole else 0.0


@dataclass(frozen=True)
class Score:
    """The one time that a round looked at the test split.

    Attributes:
        metric: Which.
        value: Of the winner's checkpoint.
        low: Where its confidence interval begins.
        high: Where it ends.
        run: The winner's run.
    """

    metric: str
    value: float
    low: float | None = None
    high: float | None = None
    run: str = ""


@dataclass(frozen=True)
class Cost:
    """What a round took.

    Attributes:
        trials: Trials of its study.
        steps: Optimizer steps of them.
        seconds: Their time, one after another.
        confirm_steps: Optimizer steps of the confirmation.
        confirm_seconds: Its time.
    """

    trials: int = 0
    steps: int = 0
    seconds: float = 0.0
    confirm_steps: int = 0
    confirm_seconds: float = 0.0


@dataclass(frozen=True)
class RoundRecord:
    """What one round came to, as far as it has come.

    Attributes:
        number: From 1.
        file: Its sweep file.
        study: Its study.
        beliefs: The range or choice of each key before the round, by label.
        fidelity: What its trials were given.
        metric: Its objective.
        maximize: Whether more is better.
        states: How many trials ended in each state.
        failures: How many failed, by kind.
        importances: By Optuna's name of each parameter.
        candidates: Those that were confirmed, best first; empty until then.
        score: The winner on the test split.
        lagging: Parts of the validation data on which the winner lags.
        cost: What it took.
        decisions: What was decided on the next round.
        done: Everything up to and with the decisions is done.
    """

    number: int
    file: str
    study: str
    beliefs: dict[str, str] = field(default_factory=dict)
    fidelity: dict[str, Any] = field(default_factory=dict)
    metric: str = ""
    maximize: bool = True
    states: dict[str, int] = field(default_factory=dict)
    failures: dict[str, int] = field(default_factory=dict)
    importances: dict[str, Importance] = field(default_factory=dict)
    candidates: tuple[Candidate, ...] = ()
    score: Score | None = None
    lagging: tuple[Lagging, ...] = ()
    cost: Cost = Cost()
    decisions: tuple[Decision, ...] = ()
    done: bool = False

    def is_like(self, other: RoundRecord) -> bool:
        """Whether two rounds can be compared: one metric, and trials of one fidelity."""
        return (self.metric, self.fidelity) == (other.metric, other.fidelity)

    @property
    def confirmation(self) -> str:
        """The study that trains its best again."""
        return f"{self.study}-confirm"

    @property
    def winner(self) -> Candidate | None:
        """The configuration with the best mean, where one was confirmed."""
        return self.candidates[0] if self.candidates and self.candidates[0].mean is not None else None

    @property
    def merit(self) -> float:
        """Its winner's mean, so that more is better; 0 where none was confirmed."""
        mean = self.winner.mean if self.winner else None
        return (mean if self.maximize else -mean) if mean is not None else 0.0


@dataclass(frozen=True)
class LoopState:
    """A loop.

    Attributes:
        name: Its name.
        asked: What the user typed.
        rounds: The rounds so far; the last one may be under way.
        spent: Seconds that earlier sessions took.
        waiting: The round whose file waits for the user to look at it; 0 for none.
        ended: Why it ended; empty while it goes on.
        state: ``complete`` or ``failed``, once it has ended.
        champion: What became of promoting its best; empty until then.
        closed: What follows its end is done as well: its best is written down and promoted, its report is drawn.
    """

    name: str
    asked: Asked
    rounds: tuple[RoundRecord, ...] = ()
    spent: float = 0.0
    waiting: int = 0
    ended: str = ""
    state: str = ""
    champion: str = ""
    closed: bool = False

    @property
    def best(self) -> RoundRecord | None:
        """The round with the best confirmed mean, among those that can be compared with the last confirmed one."""
        confirmed = [one for one in self.rounds if one.winner is not None]
        if not confirmed:
            return None
        alike = [one for one in confirmed if one.is_like(confirmed[-1])]
        return max(alike, key=lambda one: (one.merit, one.number))

    def with_round(self, record: RoundRecord) -> LoopState:
        """The loop with a round added, or brought up to date."""
        others = [one for one in self.rounds if one.number != record.number]
        return dataclasses.replace(self, rounds=(*others, record))


_STATE = TypeAdapter(LoopState)


def save(state: LoopState, directory: Path) -> None:
    """Keep a loop's state, complete or not at all."""
    directory.mkdir(parents=True, exist_ok=True)
    write_text(_STATE.dump_json(state, indent=2).decode(), directory / STATE_FILE)


def load(directory: Path) -> LoopState:
    """Read a loop's state.

    Raises:
        LoopError: There is none, or it cannot be read.
    """
    try:
        return _STATE.validate_json((directory / STATE_FILE).read_bytes())
    except OSError:
        near = did_you_mean(directory.name, names(directory.parent))
        raise LoopError(f"no loop by that name.{near}", where=directory.name) from None
    except ValidationError as error:
        reason = " ".join(str(error).split())[:200]
        raise LoopError(f"its state cannot be read: {reason}", where=str(directory / STATE_FILE)) from error


def names(trials: Path) -> list[str]:
    """The loops of a project, the one that was worked on last at the end.

    Args:
        trials: Where directories of studies and loops lie.
    """
    found = sorted(trials.glob(f"*/{STATE_FILE}"), key=os.path.getmtime)
    return [one.parent.name for one in found]
