"""The command, door to door: find the run, bring back what it needs, run it, say what came of it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from rich.console import Console
from rich.markup import escape
from rich.text import Text

from hone.config.build import build
from hone.config.compose import Composer, resolve
from hone.config.targets import target_modules
from hone.errors import ConfigError
from hone.executors import Executor, Resources, StartWorkers
from hone.executors.devices import cpu_count, gpu_names
from hone.executors.local import LocalExecutor
from hone.provenance import Provenance, environment
from hone.reproduce.again import Again, Given, Prepared, own_overrides, prepare, run_again
from hone.reproduce.drift import Drift, as_table
from hone.reproduce.elsewhere import Place, run_there
from hone.reproduce.study import Replay, replay_study
from hone.reproduce.verdict import CLOSE, DIFFERS, IDENTICAL
from hone.tracking.fetch import KeptRun, fetch_run, in_its_experiment
from hone.tracking.run import end_abandoned
from hone.tracking.store import Store, TrackingConfig, open_store
from hone.tracking.tags import EVALUATES, EVALUATION

STYLES = {IDENTICAL: "green", CLOSE: "yellow", DIFFERS: "red"}


@dataclass(frozen=True)
class ReproduceRequest:
    """What the user typed.

    Attributes:
        run: The run's id, its unique prefix, a name, ``best``, ``best:STUDY``, or a study's name.
        overrides: Keys of its config to set otherwise; and where runs are tracked.
        allow: What its config may name beside what is always allowed.
        allow_data_change: Run it on other data as well.
        tolerance: The share by which values may differ.
        threads: Threads to give it; None for as many as it had.
        checkout: Run the recorded commit, with what was changed in it, in a worktree.
        env: Run in a virtual environment with the recorded packages.
        config_dir: The user's config directory.
        config_name: The primary config.
    """

    run: str
    overrides: tuple[str, ...] = ()
    allow: tuple[str, ...] = ()
    allow_data_change: bool = False
    tolerance: float = 1e-3
    threads: int | None = None
    checkout: bool = False
    env: bool = False
    config_dir: Path | None = None
    config_name: str = "config"


def reproduce(request: ReproduceRequest, start_workers: StartWorkers, console: Console) -> int:
    """Reproduce a run or a study.

    Args:
        request: What the user typed.
        start_workers: Gives the workers that train.
        console: Where the drift and the verdict are shown.

    Returns:
        Exit status: 0 where it is the same or within tolerance, 1 where it differs, 130 where the user ended it.

    Raises:
        HoneError: There is no such run, its config names what it may not, its data has changed, or it cannot be trained
            here. No run is left behind.
    """
    own, ours = own_overrides(request.overrides)
    composer = Composer.for_tracking(request.config_dir, request.config_name)
    whole = resolve(composer.compose(ours).config, complete=False)
    tracking: TrackingConfig = build(whole["tracking"], "tracking")
    store = open_store(tracking, create=tracking.uri is not None)
    run = fetch_run(store, request.run)
    if run.kind == EVALUATION:
        raise ConfigError(
            f"is an evaluation; hone evaluate {run.tags.get(EVALUATES, '')[:8]} makes it again", run.where
        )
    store = in_its_experiment(store, run)
    if request.checkout or request.env:
        return run_there(Place(run, tracking, request.checkout, request.env), _again(request, run, own), console)
    given = Given(
        overrides=own,
        allow=(*request.allow, *(whole.get("allow") or ())),
        allow_data_change=request.allow_data_change,
        tolerance=request.tolerance,
        data_root=str(whole.get("data_root") or ""),
        groups=tuple(composer.groups()),
    )
    end_abandoned(store)
    environment()
    if run.kind == "study":
        return _whole_study(run, request, given, store, start_workers, tracking.root, console)
    return _one(run, request, given, store, start_workers, tracking.root, console)


def _one(
    run: KeptRun,
    request: ReproduceRequest,
    given: Given,
    store: Store,
    start_workers: StartWorkers,
    root: Path,
    console: Console,
) -> int:
    if run.state == "running":
        raise ConfigError("is still running", where=run.where)
    prepared = prepare(run, given)
    for note in prepared.foreign.notes:
        console.print(f"[dim]config.yaml:[/] {escape(note)}", highlight=False)
    executor = executor_for(run.provenance, prepared, request.threads, start_workers)
    try:
        again = run_again(run, prepared, given, store, executor, root, lambda found: _show(console, run, found))
    finally:
        executor.close()
    return _tell(console, again)


def _whole_study(
    study: KeptRun,
    request: ReproduceRequest,
    given: Given,
    store: Store,
    start_workers: StartWorkers,
    root: Path,
    console: Console,
) -> int:
    # Trials of a study mostly had the same lease: one place, and one server of workers, for all of these.
    executors: dict[tuple[int | None, int], Executor] = {}

    def executor_of(run: KeptRun, prepared: Prepared) -> Executor:
        lease = run.provenance.threads, len(run.provenance.gpus or ())
        if lease not in executors:
            executors[lease] = executor_for(run.provenance, prepared, request.threads, start_workers)
        return executors[lease]

    shown: set[Drift] = set()

    def show(run: KeptRun) -> Callable[[list[Drift]], None]:
        def show_new(found: list[Drift]) -> None:
            # What differs for one trial differs for the others, and is said once.
            _show(console, run, [one for one in found if one not in shown], quiet=bool(shown))
            shown.update(found)

        return show_new

    try:
        replay = replay_study(study, given, store, executor_of, root, show, console)
    finally:
        for executor in executors.values():
            executor.close()
    return _tell_all(console, study, replay)


def executor_for(
    recorded: Provenance, prepared: Prepared, threads: int | None, start_workers: StartWorkers
) -> Executor:
    """One place for a trial, with the threads and devices that it had, where this machine has them.

    Args:
        recorded: What the run was made with.
        prepared: Its config.
        threads: What the user asks for instead.
        start_workers: Gives the worker.
    """
    cpus = min(threads or recorded.threads or cpu_count(), cpu_count())
    here = len(gpu_names())
    gpus = here if recorded.gpus is None else min(len(recorded.gpus), here)
    modules = target_modules(prepared.trial.config)
    return LocalExecutor(Resources(cpus, gpus), start_workers, modules, max_parallel=1, to_terminal=False)


def _show(console: Console, run: KeptRun, found: list[Drift], *, quiet: bool = False) -> None:
    if found:
        console.print(as_table(found))
    elif not quiet:
        console.print(f"[dim]nothing differs from what {run.where} was made with[/]")


def _tell(console: Console, again: Again) -> int:
    run, verdict = again.recorded, again.verdict
    if verdict is None:
        console.print(f"[magenta]the reproduction of {run.where} was stopped[/]")
        return 130
    console.print(f"[bold {STYLES[verdict.word]}]{verdict.word}[/]  {escape(run.name)}", highlight=False)
    for line in verdict.lines():
        console.print(Text(f"  {line}"), highlight=False, soft_wrap=True)
    if again.run_id:
        console.print(f"[dim]run[/] {again.run_id}  [dim]reproduces[/] {run.run_id}", highlight=False, soft_wrap=True)
    return 0 if verdict.good else 1


def _tell_all(console: Console, study: KeptRun, replay: Replay) -> int:
    words = [one.verdict.word for one in replay.trials if one.verdict]
    counts = ", ".join(f"{words.count(word)} {word}" for word in STYLES if word in words)
    console.print(f"[bold]{study.name}[/]: {len(words)} of {replay.expected} trials run again: {counts or 'none'}")
    console.print(f"  {replay.suggestions}", highlight=False, soft_wrap=True)
    if replay.stopped:
        return 130
    return 0 if replay.same_suggestions and len(words) == replay.expected and DIFFERS not in words else 1


def _again(request: ReproduceRequest, run: KeptRun, own: tuple[str, ...]) -> list[str]:
    """The command for the same run in another place."""
    options = [f"--allow={one}" for one in request.allow]
    if request.allow_data_change:
        options.append("--allow-data-change")
    if request.threads:
        options.append(f"--threads={request.threads}")
    names = [f"--config-name={request.config_name}", f"--tolerance={request.tolerance}"]
    if request.config_dir is not None:
        names.append(f"--config-dir={request.config_dir.resolve()}")
    return ["reproduce", run.run_id, *own, *options, *names]
