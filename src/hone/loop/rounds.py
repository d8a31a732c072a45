"""Round and round: search, confirm, judge, feed back; each step kept when it is done, so that none is done twice."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from rich.console import Console

from hone.config.compose import Composer
from hone.config.files import read_yaml, write_yaml
from hone.executors import StartWorkers
from hone.loop.begin import round_file
from hone.loop.books import REPORT, LoopBooks
from hone.loop.confirm import candidates, confirmation
from hone.loop.evidence import Evidence, gather
from hone.loop.feedback import Learnt, NextRound, feed_back
from hone.loop.judge import Judge
from hone.loop.known import earlier_importances
from hone.loop.report import describe, draw
from hone.loop.roundfile import write_round
from hone.loop.state import Candidate, Cost, LoopState, RoundRecord, save
from hone.loop.stopping import why_stop
from hone.loop.telling import tell_round
from hone.space import Space
from hone.study import Study, learns, read_study, study_names
from hone.sweep.file import SweepFile
from hone.sweep.plan import Plan, make_plan
from hone.sweep.round import CONFIRMATION, SEARCH, Round
from hone.sweep.session import SweepRequest, run_sweep
from hone.sweep.trial import trial_directory
from hone.tracking.local import kept_run_id

# The test split is no round's business; it is looked at once, for the winner.
UNTESTED = "++test=false"


class Interrupted(Exception):
    """The user ended a sweep of the loop."""


@dataclass(frozen=True)
class Bench:
    """What a loop works with.

    Attributes:
        root: The tracking directory.
        start_workers: Gives the workers that trials run in.
        console: Where progress is shown.
        books: The loop's run.
        judge: Judges a round's winner.
        draws: Draw the loop's report.
    """

    root: Path
    start_workers: StartWorkers
    console: Console
    books: LoopBooks
    judge: Judge
    draws: bool = True


class Rounds:
    """A loop under way.

    Args:
        state: How far it has come.
        bench: What to work with.

    Attributes:
        state: How far it has come by now.
    """

    def __init__(self, state: LoopState, bench: Bench) -> None:
        self.state = state
        self.bench = bench
        self.directory = bench.root / "trials" / state.name
        self._plans: dict[Path, Plan] = {}
        self._before = state.spent
        self._began = time.monotonic()

    def run(self) -> LoopState:
        """Go on until it does not pay, nothing is left to do, or the user is to look at the next round's file.

        Raises:
            Interrupted: The user ended a sweep.
            HoneError: A round cannot go on.
        """
        looked_at = self.state.waiting
        if self.state.ended:
            # Killed before it was told.
            self._tell(self.state.rounds[-1])
            return self.state
        self._keep(replace(self.state, waiting=0))
        while not self.state.ended:
            record = self.state.rounds[-1] if self.state.rounds else None
            if record is None or record.done:
                number = len(self.state.rounds) + 1
                if record is not None and self.state.asked.review and looked_at != number:
                    self._keep(replace(self.state, waiting=number))
                    break
                record = self._new_round(number)
            self._go_through(record)
        return self.state

    @property
    def spent(self) -> float:
        """Seconds that the loop took, all sessions together."""
        return self._before + time.monotonic() - self._began

    def _keep(self, state: LoopState) -> None:
        self.state = replace(state, spent=self.spent)
        save(self.state, self.directory)

    def _note(self, record: RoundRecord) -> RoundRecord:
        self._keep(self.state.with_round(record))
        return record

    def _new_round(self, number: int) -> RoundRecord:
        file = round_file(self.state.name, number)
        plan = self._plan(file)
        sweep = plan.sweep
        record = RoundRecord(
            number=number,
            file=str(file),
            study=f"{self.state.name}-round-{number}",
            beliefs=_beliefs(plan.space),
            fidelity=sweep.feedback.fidelity_of(number),
            metric=sweep.metric,
            maximize=sweep.direction == "maximize",
        )
        self.bench.books.add_round_file(file.read_text(), number)
        return self._note(record)

    def _go_through(self, record: RoundRecord) -> None:
        plan = self._plan(Path(record.file))
        self._head(record, plan)
        evidence = self._search(record, plan)
        record = self._note(_with_evidence(record, evidence))
        if evidence.ranked:
            record = self._confirm(record, plan, evidence)
            record = self._judge(record, plan)
        self._feed_back(record, plan, evidence)

    def _plan(self, file: Path) -> Plan:
        if file not in self._plans:
            asked = self.state.asked
            where = None if asked.config_dir is None else Path(asked.config_dir)
            self._plans = {file: make_plan(file, (*asked.overrides, UNTESTED), where, asked.config_name)}
        return self._plans[file]

    def _head(self, record: RoundRecord, plan: Plan) -> None:
        given = ", ".join(f"{key} {value}" for key, value in record.fidelity.items())
        self.bench.console.print(
            f"\n[bold]round {record.number}[/] of {self.state.name}: {plan.trials} trials"
            f"{f' with {given}' if given else ''} ({record.file})",
            highlight=False,
        )

    def _search(self, record: RoundRecord, plan: Plan) -> Evidence:
        if not record.states:
            left = [] if self.state.asked.budget is None else [self._time_left(plan)]
            self._sweep(plan, Path(record.file), record.study, Round(self.directory, record.number, SEARCH), left)
        return self._evidence(record.study, plan)

    def _time_left(self, plan: Plan) -> str:
        assert self.state.asked.budget is not None
        left = max(1.0, self.state.asked.budget - self.spent)
        return f"timeout={min(left, plan.sweep.timeout or left):.0f}s"

    def _sweep(self, plan: Plan, file: Path, study: str, part: Round, more: Sequence[str] = ()) -> None:
        asked = self.state.asked
        known = study in study_names(plan.sweep.study.storage, self.bench.root / "studies")
        request = SweepRequest(
            file,
            (*asked.overrides, UNTESTED, f"study.name={study}", *more),
            None if asked.config_dir is None else Path(asked.config_dir),
            asked.config_name,
            resume=known,
            round=part,
        )
        summary = run_sweep(request, self.bench.start_workers, self.bench.console)
        self._keep(self.state)
        if summary.state == "stopped":
            raise Interrupted
        if summary.error is not None:
            raise summary.error

    def _evidence(self, study: str, plan: Plan) -> Evidence:
        kept = read_study(study, plan.sweep.study.storage, self.bench.root / "studies")
        return gather(Study(kept.study, plan.space), plan.sweep.metric, self.bench.root / "trials" / study)

    def _confirm(self, record: RoundRecord, plan: Plan, evidence: Evidence) -> RoundRecord:
        if record.candidates:
            return record
        study, file = record.confirmation, self.directory / f"confirm-{record.number}.yaml"
        seed = int(plan.config.get("seed") or 0)
        content = confirmation(_content(plan), plan.sweep.feedback.confirm, evidence, seed, study)
        write_yaml(content, file)
        self.bench.console.print(
            f"\n[bold]confirming[/] the best {plan.sweep.feedback.confirm.best} of round {record.number} on "
            f"{plan.sweep.feedback.confirm.seeds} other seeds",
            highlight=False,
        )
        again = self._plan(file)
        self._sweep(again, file, study, Round(self.directory, record.number, CONFIRMATION))
        found = self._evidence(study, again)
        runs = {one.number: kept_run_id(self.confirming(record, one.number)) for one in found.trials}
        cost = replace(record.cost, confirm_steps=found.steps, confirm_seconds=found.seconds)
        return self._note(replace(record, candidates=candidates(evidence, found, runs), cost=cost))

    def confirming(self, record: RoundRecord, number: int) -> Path:
        """The directory of a trial of a round's confirmation."""
        return trial_directory(self.bench.root / "trials" / record.confirmation, number)

    def _judge(self, record: RoundRecord, plan: Plan) -> RoundRecord:
        winner = record.winner
        if winner is None or record.done:
            return record
        place = best_seed(winner, maximize=record.maximize)
        directory = self.confirming(record, winner.trials[place])
        by, run = plan.sweep.feedback.lagging.by, winner.runs[place]
        record = replace(record, lagging=self.bench.judge.lagging(run, record.number, directory, by))
        if record.score is None:
            record = replace(record, score=self.bench.judge.score(run, record.number))
        return self._note(record)

    def _feed_back(self, record: RoundRecord, plan: Plan, evidence: Evidence) -> None:
        if not evidence.ranked:
            self._end(replace(record, done=True), _nothing(record), "failed")
            return
        following = self._decide(record, plan, evidence)
        record = replace(record, decisions=following.decisions, done=True)
        # The file first: what is written down as done must be there.
        if following.searched:
            path = round_file(self.state.name, record.number + 1)
            write_round(following.content, following.decisions, path, _heading(self.state.name, record.number + 1))
        why = why_stop(
            self.state.with_round(record), plan.sweep.feedback.levels, self.spent, searched=following.searched
        )
        if why:
            self._end(record, why, "complete")
        else:
            self._tell(self._note(record))

    def _decide(self, record: RoundRecord, plan: Plan, evidence: Evidence) -> NextRound:
        known = earlier_importances(plan, self.bench.root / "studies") if record.number == 1 else {}
        lasting = [one for one in record.candidates if one.mean is not None]
        unreliable = [one.values for one in record.candidates if one.mean is None]
        asked = self.state.asked
        composer = Composer(Path(asked.config_dir) if asked.config_dir else None, asked.config_name)

        def groups(key: str) -> Sequence[str]:
            return composer.groups().get(key, ())

        again = [score for one in lasting for score in one.whole]
        confirmed = [one.values for one in lasting]
        learnt = Learnt(confirmed, again, unreliable, record.lagging, known, learns(plan.sampler()))
        return feed_back(evidence, _content(plan), record.number, learnt, groups)

    def _end(self, record: RoundRecord, why: str, state: str) -> None:
        self._keep(replace(self.state.with_round(record), ended=why, state=state))
        self._tell(record)

    def _tell(self, record: RoundRecord) -> None:
        """Show what a round came to: in the terminal, in the loop's run and, while it goes on, in its report."""
        tell_round(self.bench.console, record)
        best = self.state.best
        self.bench.books.show(record, best.winner.mean if best is not None and best.winner is not None else None)
        if not self.state.ended:
            self.publish()

    def note_champion(self, said: str) -> None:
        """Keep what became of promoting the best."""
        self._keep(replace(self.state, champion=said))

    def note_closed(self) -> None:
        """Keep that nothing is left to do."""
        self._keep(replace(self.state, closed=True))

    def publish(self) -> None:
        """Bring the loop's report and description up to date."""
        folder = self.directory / REPORT
        if self.bench.draws:
            draw(self.state, folder)
        self.bench.books.describe(describe(self.state), folder)


def best_seed(winner: Candidate, *, maximize: bool) -> int:
    """The place of a winner's seed with the best validation value, whose checkpoint stands for it."""
    sign = 1 if maximize else -1
    return max(range(len(winner.scores)), key=lambda place: (sign * (winner.scores[place] or 0.0), -place))


def _content(plan: Plan) -> dict[str, Any]:
    """A round's file as it lies there: a person may have edited it."""
    SweepFile.model_validate(content := read_yaml(plan.path))
    return content


def _beliefs(space: Space) -> dict[str, str]:
    """What is searched, by label; of a pattern, what it stood for."""
    return {
        f"{one.prefix}{one.key} ({one.section})" if one.section else one.prefix + one.key: one.listed
        for one in space.all
    }


def _with_evidence(record: RoundRecord, evidence: Evidence) -> RoundRecord:
    states: Mapping[str, int] = Counter(one.state for one in evidence.trials)
    cost = Cost(
        len(evidence.trials),
        evidence.steps,
        evidence.seconds,
        record.cost.confirm_steps,
        record.cost.confirm_seconds,
    )
    return replace(
        record,
        states=dict(states),
        failures=evidence.failures,
        importances=dict(evidence.importances),
        cost=cost,
    )


def _nothing(record: RoundRecord) -> str:
    failures = ", ".join(f"{count} {kind}" for kind, count in record.failures.items())
    pruned = record.states.get("pruned", 0)
    came = ", ".join(filter(None, [failures, f"{pruned} pruned" if pruned else ""])) or "none was run"
    trials = sum(record.states.values())
    return (
        f"none of the {trials} trials of round {record.number} ran to its end ({came}), so that there is nothing to "
        f"learn from; mend {record.file} and start a new loop from it"
    )


def _heading(name: str, number: int) -> list[str]:
    return [
        f"Round {number} of {name}, decided from what round {number - 1} came to; the reasons stand beside what they "
        "changed.",
        f"`hone loop --continue {name}` runs it; so does `hone sweep` on this file, by itself.",
        "",
    ]
