"""The loop's run: above the runs of its rounds' studies, with all that was decided and why."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path

from hone.loop.state import LoopState, RoundRecord
from hone.tracking.courier import Courier
from hone.tracking.outbox import has_run
from hone.tracking.run import KIND, RunRecord, TrackedRun
from hone.tracking.tags import BEST, DIRECTION, METRIC, OBJECTIVE

REPORT = "report"


class LoopBooks:
    """Writes a loop's run.

    Args:
        courier: Who carries everything to the store.
        directory: The loop's.
    """

    def __init__(self, courier: Courier, directory: Path) -> None:
        self.courier = courier
        self.run = TrackedRun(courier, directory)

    def open(self, state: LoopState, metric: str, direction: str) -> None:
        """Open the run, or take it up again, and wait until that is done: the rounds' runs stand under it."""
        if has_run(self.run.directory):
            self.run.take_up()
        else:
            tags = {KIND: "loop", METRIC: metric, DIRECTION: direction, "mlflow.source.name": "hone"}
            params = {"file": state.asked.file, "rounds": state.asked.rounds, "budget": state.asked.budget or "none"}
            self.run.open(RunRecord(state.name, tags, params), spool=False)
        self.courier.settle()

    def add_round_file(self, text: str, number: int) -> None:
        """Keep a round's sweep file as it is run."""
        self.run.add_text(text, f"rounds/round-{number}.yaml")

    def show(self, record: RoundRecord, best: float | None = None) -> None:
        """Log what a round came to, its number as the step.

        Args:
            record: The round.
            best: The best confirmed mean so far.
        """
        winner = record.winner
        values: dict[str, float] = {
            "steps": float(record.cost.steps + record.cost.confirm_steps),
            "seconds": record.cost.seconds + record.cost.confirm_seconds,
        }
        if winner is not None and winner.mean is not None:
            values |= {f"confirmed/{record.metric}": winner.mean, "confirmed/spread": winner.spread}
            values[OBJECTIVE] = winner.mean
        if best is not None:
            values[f"{BEST}{record.metric}"] = best
        if record.score is not None:
            values[f"confirmed/{record.score.metric}"] = record.score.value
        self.run.log(values, record.number)
        self.run.add_text(_decisions(record), f"rounds/decisions-{record.number}.json")

    def describe(self, text: str, folder: Path) -> None:
        """Write what is known of the loop: its description and its report."""
        self.run.note(text)
        if folder.is_dir():
            self.run.add_folder(folder, REPORT)

    def end(self, state: str, tags: Mapping[str, str] | None = None) -> None:
        """End the run: ``complete``, ``stopped`` or ``failed``."""
        statuses = {"complete": "FINISHED", "stopped": "KILLED", "failed": "FAILED"}
        self.run.end(statuses[state], state, tags)


def _decisions(record: RoundRecord) -> str:
    found: Sequence[Mapping[str, object]] = [vars(one) for one in record.decisions]
    return json.dumps(found, indent=2, default=str)
