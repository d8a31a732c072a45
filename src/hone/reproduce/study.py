"""A whole study again: the sampler's suggestions in their order, and each trial's result."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.text import Text

from hone.config.build import build
from hone.config.sweeps import parse_override
from hone.config.trust import check_objects
from hone.errors import HoneError
from hone.executors import Executor
from hone.reproduce.again import Again, Given, Prepared, prepare, run_again
from hone.reproduce.drift import Drift
from hone.space import Space, parse_constraints, parse_space
from hone.space.space import BETWEEN_CONDITIONS
from hone.study import PriorTrial, Study, in_memory_study, seed_of
from hone.sweep.search_file import SEARCH_FILE
from hone.tracking.fetch import KeptRun, fetch_text, fetch_trials
from hone.tracking.lookup import INFEASIBLE
from hone.tracking.run import FAILURE, STUDY, TRIAL
from hone.tracking.store import Store
from hone.worker.messages import Report

# What a study's suggestions came to.
SAME = "its sampler makes the same suggestions in the same order"


@dataclass
class Replay:
    """A study that was run again.

    Attributes:
        expected: How many trials it has.
        trials: Each that was run again.
        suggestions: What the sampler came to, in a sentence.
        same_suggestions: Whether it suggested the same; a study of several workers is not held to it.
        stopped: The user ended it.
    """

    expected: int
    trials: list[Again] = field(default_factory=list)
    suggestions: str = ""
    same_suggestions: bool = True
    stopped: bool = False


def replay_study(
    run: KeptRun,
    given: Given,
    store: Store,
    executor_of: Callable[[KeptRun, Prepared], Executor],
    root: Path,
    show: Callable[[KeptRun], Callable[[list[Drift]], None]],
    console: Console,
) -> Replay:
    """Run every trial of a study again, one after another.

    The suggestions of a study that had one worker depend on its seed and on the results before each; they are asked of
    the same sampler again and compared. With several workers they depend on which trial ended first as well, which no
    seed brings back: there each trial is run with the values that it had.

    Args:
        run: The study's run.
        given: What the user says.
        store: Where runs are tracked.
        executor_of: Where a trial trains.
        root: Where directories of trials lie.
        show: Gives what is told how a trial's surroundings differ.
        console: Where each verdict is shown.

    Raises:
        HoneError: A trial's config names what it may not, or its data has changed.
    """
    trials = [one for one in fetch_trials(store, run) if one.state in ("complete", "pruned", "failed")]
    replay = Replay(len(trials))
    search, replay.suggestions = _search(run, trials, given, store)
    for trial in trials:
        if search is not None:
            difference = search.ask(trial)
            if difference:
                replay.same_suggestions, replay.suggestions, search = False, difference, None
        prepared = prepare(trial, given)
        executor = executor_of(trial, prepared)
        judge_report = search.report(trial) if search is not None else None
        again = run_again(trial, prepared, given, store, executor, root, show(trial), judge_report)
        if again.verdict is None:
            replay.stopped = True
            return replay
        replay.trials.append(again)
        console.print(Text(f"  {again.verdict.word:<16}  {trial.name}"))
        if again.verdict.first is not None:
            console.print(Text(f"    {again.verdict.first}"))
        if search is not None:
            search.tell(trial, dict(trial.last))
    return replay


class Search:
    """A study's sampler, asked again.

    Args:
        study: In memory, with the recorded sampler and pruner.
        content: What the study kept of its search.
    """

    def __init__(self, study: Study, content: Mapping[str, Any]) -> None:
        self.study = study
        self.metric: str = content["metrics"][0]
        self.metrics: list[str] = content["metrics"]
        self.constraints = parse_constraints(content["constraints"], "constraints")
        self.enqueued: int = content["enqueued"]
        self.sampler: dict[str, Any] | None = content["sampler"] if content.get("steady") else None

    def ask(self, trial: KeptRun) -> str:
        """Ask for the next suggestion; gives how it differs from what a trial had, or an empty text."""
        number = int(trial.tags[TRIAL])
        recorded = {key: trial.params.get(key) for key in trial.tags.get("hone.searched", "").split(",") if key}
        if number and self.sampler is not None and isinstance(self.sampler.get("seed"), int):
            self.study.go_on_with(build({**self.sampler, "seed": seed_of(self.sampler["seed"], number)}, "sampler"))
        suggestion = self.study.ask()
        if suggestion.number != number:
            return f"trial {suggestion.number} has no run, so its sampler was not asked on"
        now = {key: str(value) for key, value in suggestion.values.items()}
        for key in {**recorded, **now}:
            if recorded.get(key) != now.get(key):
                return (
                    f"its sampler differs at trial {number}: {key} was {recorded.get(key)}, and is {now.get(key)} now"
                )
        return ""

    def report(self, trial: KeptRun) -> Callable[[Report], bool]:
        """What judges a trial's validations: the recorded pruner."""

        def judge(report: Report) -> bool:
            value = report.metrics.get(self.metric)
            if value is None or len(self.metrics) > 1:
                return False
            return self.study.report(int(trial.tags[TRIAL]), report.validation, value)

        return judge

    def tell(self, trial: KeptRun, last: Mapping[str, float]) -> None:
        """Tell how a trial ended, as its controller did."""
        number = int(trial.tags[TRIAL])
        if trial.state == "complete":
            values = [last["objective"], *(last.get(one, 0.0) for one in self.metrics[1:])]
            broken = {one.metric: one.violation(last[one.metric]) for one in self.constraints if one.metric in last}
            self.study.complete(number, values, broken)
        elif trial.state == "pruned":
            self.study.prune(number)
        else:
            kind = trial.tags.get(FAILURE, "error")
            self.study.fail(number, kind, infeasible=kind in ("oom", "diverged") or INFEASIBLE in last)


def _search(run: KeptRun, trials: list[KeptRun], given: Given, store: Store) -> tuple[Search | None, str]:
    """The study's search, to be gone through again; None where it cannot be, and why."""
    text = fetch_text(store, run.run_id, SEARCH_FILE)
    if text is None:
        return None, "its suggestions were not compared: it keeps no search.json"
    content = json.loads(text)
    if content["slots"] != 1:
        why = "each trial was run with the values that it had"
        return None, f"its suggestions were not compared, since {content['slots']} trials ran at once: {why}"
    if content["sessions"] != 1 or [int(one.tags[TRIAL]) for one in trials] != list(range(len(trials))):
        return None, "its suggestions were not compared: it was stopped and resumed"
    nodes = {"sampler": content["sampler"], "pruner": content["pruner"]}
    check_objects(nodes, given.allow, f"{run.where}: {SEARCH_FILE}")
    space = parse_space(content["space"], "space", lambda key: content["options"].get(key, ()), content["when"])
    space = space.under(_as_recorded)
    study = in_memory_study(
        str(run.tags.get(STUDY, run.name)),
        space,
        directions=content["directions"],
        sampler=build(content["sampler"], "sampler"),
        pruner=build(content["pruner"], "pruner"),
    )
    study.learn_from(map(_prior, content.get("prior", ())))
    search = Search(study, content)
    for trial in trials[: search.enqueued]:
        _enqueue(study, space, trial)
    return search, SAME


def _prior(content: Mapping[str, Any]) -> PriorTrial:
    reports = {int(step): value for step, value in content["reports"].items()}
    return PriorTrial(content["values"], tuple(content["objectives"]), reports, content["violations"])


def _enqueue(study: Study, space: Space, trial: KeptRun) -> None:
    values = {key: parse_override(f"{key}={trial.params[key]}").value for key in space.keys if key in trial.params}
    try:
        study.enqueue(space.drawn(values, "enqueue"))
    except HoneError:
        return


def _as_recorded(key: str, condition: str) -> Any:
    """The conditions that a study kept are those that held: a key that is not searched had the value they want."""
    parts = (parse_override(one.strip()) for one in BETWEEN_CONDITIONS.split(condition))
    return next((one.value for one in parts if one.key == key), None)
