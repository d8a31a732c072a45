"""One session of a loop, door to door: begun from a sweep file, or gone on with."""

from __future__ import annotations

import contextlib
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from rich.console import Console

from hone.config.build import build
from hone.config.compose import Composer, resolve
from hone.config.files import read_yaml, write_yaml
from hone.errors import HoneError, LoopError
from hone.executors import StartWorkers
from hone.loop.begin import first_content, loop_name, round_file
from hone.loop.books import LoopBooks
from hone.loop.judge import Judge
from hone.loop.report import summary
from hone.loop.roundfile import write_round
from hone.loop.rounds import Bench, Interrupted, Rounds, best_seed
from hone.loop.state import Asked, LoopState, load, names, save
from hone.promote import promote
from hone.sweep.lock import only_controller
from hone.sweep.plan import make_plan
from hone.sweep.warm_start import with_earlier
from hone.tracking.courier import Courier
from hone.tracking.run import end_abandoned
from hone.tracking.store import TrackingConfig, open_store
from hone.worker.run import TRIAL_FILE

BEST_FILE = "best.yaml"
DEFAULT_ROUNDS = 4
REOPENED = {"ended": "", "state": "", "champion": "", "closed": False}


@dataclass(frozen=True)
class LoopRequest:
    """What the user typed.

    Attributes:
        target: A sweep file; to go on, a loop's name or its sweep file, or None for the latest loop.
        overrides: Everything after it.
        rounds: The most rounds; None for what it was, or for a few.
        budget: Seconds after which no round begins.
        review: Stop before each round for the user to look at its file.
        go_on: Go on with a loop.
        config_dir: The user's config directory.
        config_name: The primary config.
    """

    target: str | None
    overrides: tuple[str, ...] = ()
    rounds: int | None = None
    budget: float | None = None
    review: bool = False
    go_on: bool = False
    config_dir: Path | None = None
    config_name: str = "config"


@dataclass(frozen=True)
class LoopSummary:
    """What a loop came to.

    Attributes:
        state: The loop.
        result: ``complete``, ``failed``, ``stopped`` or ``waiting``.
        directory: Its directory.
        best: The best configuration, where there is one.
        next_file: The file of the round that waits, if one does.
        lines: What it came to, in words.
        tracking: Where runs are kept.
        undelivered: What the store refused, one line each.
        waiting: What waits for ``hone sync``, in a line.
    """

    state: LoopState
    result: str
    directory: Path
    best: Path | None
    next_file: Path | None
    lines: tuple[str, ...]
    tracking: TrackingConfig
    undelivered: tuple[str, ...]
    waiting: str


def run_loop(request: LoopRequest, start_workers: StartWorkers, console: Console) -> LoopSummary:
    """Run a loop, or go on with one.

    Args:
        request: What the user typed.
        start_workers: Gives the workers that trials run in, for one sweep after another.
        console: Where progress is shown.

    Returns:
        What it came to.

    Raises:
        HoneError: What the user gave is wrong, or a round cannot go on.
    """
    tracking = _tracking(request)
    state = _taken_up(request, tracking) if request.go_on else _begun(request, tracking)
    directory = tracking.root / "trials" / state.name
    with contextlib.ExitStack() as held:
        held.enter_context(only_controller(directory))
        store = None if tracking.offline else open_store(tracking)
        if store is not None:
            end_abandoned(store)
        courier = held.enter_context(Courier(store))
        books = LoopBooks(courier, directory)
        first = read_yaml(round_file(state.name, 1))
        books.open(state, str(first["metric"]), str(first["direction"]))
        where = None if state.asked.config_dir is None else Path(state.asked.config_dir)
        judge = Judge(store, start_workers, tracking.root, console, where, state.asked.config_name)
        rounds = Rounds(state, Bench(tracking.root, start_workers, console, books, judge, tracking.report))
        result = _through(rounds, tracking, books)
    best = directory / BEST_FILE
    return LoopSummary(
        rounds.state,
        result,
        directory,
        best if best.is_file() else None,
        round_file(rounds.state.name, rounds.state.waiting) if rounds.state.waiting else None,
        tuple(summary(rounds.state)),
        tracking,
        tuple(str(one) for one in courier.errors),
        courier.waiting(),
    )


def _through(rounds: Rounds, tracking: TrackingConfig, books: LoopBooks) -> str:
    """Go through the rounds that are left, and end the loop's run as they ended."""
    try:
        state = rounds.run()
    except Interrupted:
        books.end("stopped")
        return "stopped"
    except BaseException:
        books.end("failed")
        raise
    if not state.ended:
        rounds.publish()
        books.end("stopped")
        return "waiting"
    _write_best(rounds)
    if state.state == "complete" and not state.champion:
        books.courier.settle()
        rounds.note_champion(_promoted(rounds, tracking))
    rounds.publish()
    books.end(state.state)
    rounds.note_closed()
    return state.state


def _write_best(rounds: Rounds) -> None:
    best = rounds.state.best
    if best is None or best.winner is None:
        return
    place = best_seed(best.winner, maximize=best.maximize)
    trial = rounds.confirming(best, best.winner.trials[place])
    content = read_yaml(trial / TRIAL_FILE)
    # A round's trials are not tested; whoever trains this one wants to know.
    content.pop("test", None)
    write_yaml(content, rounds.directory / BEST_FILE)


def _promoted(rounds: Rounds, tracking: TrackingConfig) -> str:
    """Promote the winner's best checkpoint; what became of it, in a sentence."""
    best = rounds.state.best
    if best is None or best.winner is None or tracking.offline:
        return ""
    run = best.winner.runs[best_seed(best.winner, maximize=best.maximize)]
    if run is None:
        return ""
    try:
        done = promote(run, tracking)
    except HoneError as error:
        return f"Not promoted: {error}."
    if done.version is None:
        assert done.before is not None
        return f"Not promoted: champion {done.name} version {done.before.number} is better by {-(done.gain or 0):.4f}."
    return f"Promoted: {done.run.name} is champion of `{done.name}`, version {done.version.number}."


def _tracking(request: LoopRequest) -> TrackingConfig:
    """Where runs are tracked: what the command line, the file or, to go on, an earlier command line says."""
    composer = Composer(request.config_dir, request.config_name)
    chosen = [one for one in request.overrides if one.lstrip("+").startswith("tracking")]
    config: TrackingConfig = build(resolve(composer.compose(chosen).config, complete=False)["tracking"], "tracking")
    return config


def _begun(request: LoopRequest, tracking: TrackingConfig) -> LoopState:
    """Check everything, name the loop, and write its first round's file."""
    if request.target is None:
        raise LoopError("which sweep file? hone loop FILE begins a loop, hone loop --continue goes on", where="loop")
    file = Path(request.target)
    plan = make_plan(file, request.overrides, request.config_dir, request.config_name)
    with_earlier(plan, tracking.root / "studies")
    name = loop_name(plan, tracking.root / "trials")
    directory = tracking.root / "trials" / name
    if directory.exists():
        raise LoopError(f"there is one of that name; go on with it by hone loop --continue {name}", where="study.name")
    content, kept = first_content(plan, file, request.overrides)
    write_round(content, (), round_file(name, 1), [f"Round 1 of {name}: {file} as it was given.", ""])
    asked = Asked(
        str(file),
        request.rounds or DEFAULT_ROUNDS,
        kept,
        request.budget,
        request.review,
        str(request.config_dir) if request.config_dir else None,
        request.config_name,
    )
    state = LoopState(name, asked)
    save(state, directory)
    return state


def _taken_up(request: LoopRequest, tracking: TrackingConfig) -> LoopState:
    """The loop that is meant; what is asked for now comes before what was."""
    trials = tracking.root / "trials"
    state = load(trials / _meant(request.target, trials))
    asked = replace(
        state.asked,
        rounds=request.rounds or state.asked.rounds,
        budget=state.asked.budget if request.budget is None else request.budget,
        review=request.review,
        overrides=_later(state.asked.overrides, request.overrides),
    )
    more = asked.rounds > len(state.rounds) and state.state == "complete" and request.rounds is not None
    # Where nothing was left to search, there is no file of a further round.
    more = more and round_file(state.name, len(state.rounds) + 1).is_file()
    if state.closed and not more:
        raise LoopError(f"has ended: {state.ended}", where=state.name)
    return replace(state, asked=asked, **(REOPENED if more else {}))  # type: ignore[arg-type]


def _later(before: Sequence[str], now: Sequence[str]) -> tuple[str, ...]:
    """What was typed then and what is typed now, each key once."""
    keys = {one.partition("=")[0].lstrip("+") for one in now}
    return (*(one for one in before if one.partition("=")[0].lstrip("+") not in keys), *now)


def _meant(target: str | None, trials: Path) -> str:
    known = names(trials)
    if target is None:
        if not known:
            raise LoopError("there is no loop to go on with yet", where="--continue")
        return known[-1]
    if target in known or Path(target).suffix not in (".yaml", ".yml"):
        return target
    own = [one for one in known if Path(load(trials / one).asked.file) == Path(target)]
    if not own:
        raise LoopError("no loop was begun from this file", where=target)
    return own[-1]
