"""A run's best checkpoint on a split, door to door."""

from __future__ import annotations

import shutil
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path

from hone.config.compose import Composer, resolve
from hone.config.targets import target_modules
from hone.errors import HoneError
from hone.evaluate.measure import Scored, score
from hone.evaluate.opponent import Opponent, find_opponent
from hone.evaluate.options import Options, check
from hone.evaluate.reading import (
    comparison_of,
    is_maximized,
    latency_of,
    metric_of,
    mistakes_of,
    scores_of,
    size_of,
    slices_of,
)
from hone.evaluate.results import Evaluation
from hone.evaluate.source import Source, find_source, make_ready
from hone.evaluate.tracked import track
from hone.executors import Executor, Resources, StartWorkers
from hone.executors.devices import cpu_count, gpu_names
from hone.executors.local import LocalExecutor
from hone.reproduce.again import Given
from hone.reproduce.drift import data_drifts
from hone.tracking.fetch import KeptRun, in_its_experiment
from hone.tracking.inputs import SPLITTING
from hone.tracking.store import Store
from hone.train import new_directory
from hone.worker.disk import EVALUATION
from hone.worker.messages import Lease
from hone.worker.run import LOG_FILE
from hone.worker.scoring import ScoreRequest, read_measured

AGAINST, FETCHED = "against", "fetched"
# Imported ahead of time, as what the configs name is: SciPy's statistics take a second.
SCORING = "hone.training.scoring"


def evaluate(
    store: Store,
    run: str,
    split: str = "test",
    *,
    start_workers: StartWorkers,
    root: Path,
    options: Options | None = None,
) -> Evaluation:
    """Score a run's best checkpoint on a split, and track that as a run of its own in the run's experiment.

    This is ``hone evaluate`` as a function. Nothing is printed. For one call within a program that has workers:

        evaluation = evaluate(store, run_id, "val", start_workers=start_workers, root=tracking.root,
                              options=Options(compare=False, tags={"hone.round": "2"}))
        evaluation.scores["accuracy"]        # Score(value=0.961, low=0.939, high=0.980)
        evaluation.lagging                   # the slices that do worse than the rest, worst first
        evaluation.mistakes.confused         # (("8", "1", 3), ...)

    The evaluation's run has the tags ``hone.kind=evaluation``, ``hone.evaluates`` (the run's id) and ``hone.split``.
    Metrics are logged as ``test/accuracy``, ``test/accuracy_low``, ``test/accuracy_high``. It is for the caller to
    touch test seldom: selection belongs on ``val``.

    Args:
        store: Where the run is, and the evaluation will be.
        run: Its id, a unique prefix, a name, ``best``, ``best:STUDY`` or ``champion``; a whole id is found in every
            experiment of the store.
        split: ``test``, ``val`` or ``train``.
        start_workers: Gives the worker that does it; this process imports no torch.
        root: The tracking directory, ``mlruns``; its files go below ``trials/evaluate``.
        options: Anything else.

    Returns:
        What it came to. Where the module's steps return no predictions it has no intervals, slices or comparison, and
        says so in ``notes``.

    Raises:
        HoneError: There is no such run, no checkpoint of it was kept, its config names what it may not, or it cannot be
            scored here. No run is left behind.
    """
    options = options or Options()
    check(split, options)
    kept = find_source(store, run)
    store = in_its_experiment(store, kept)
    source, opponent, scored = _scored(store, kept, split, options, start_workers, root)
    evaluation = _read(source, scored, opponent)
    return track(evaluation, source, scored, store, options)


def _scored(
    store: Store, kept: KeptRun, split: str, options: Options, start_workers: StartWorkers, root: Path
) -> tuple[Source, Opponent, Scored]:
    """Get both models ready and let a worker score them; what was fetched for that is gone afterwards."""
    composer = Composer(options.config_dir, options.config_name)
    given = _given(options, composer)
    directory = new_directory(root / "trials" / "evaluate")
    with ExitStack() as ends:
        for passing in (FETCHED, AGAINST):
            ends.callback(shutil.rmtree, directory / passing, ignore_errors=True)
        try:
            source = make_ready(store, kept, given, composer, directory / FETCHED)
            opponent = find_opponent(store, source, options, given, composer, directory / FETCHED)
            executor = _executor(source, opponent, start_workers)
            ends.callback(executor.close)
            opponent = _score_opponent(opponent, split, executor, directory / AGAINST)
            request = ScoreRequest(
                str(source.checkpoint),
                split,
                options.slices,
                options.resamples,
                options.confidence,
                against=str(directory / AGAINST) if opponent.source is not None else None,
            )
            scored = score(source, request, executor, directory)
        except (HoneError, KeyboardInterrupt):
            if not (directory / LOG_FILE).is_file():
                shutil.rmtree(directory, ignore_errors=True)
            raise
    return source, opponent, scored


def _given(options: Options, composer: Composer) -> Given:
    whole = resolve(composer.compose(()).config, complete=False)
    return Given(
        overrides=options.overrides,
        allow=(*options.allow, *(whole.get("allow") or ())),
        data_root=str(whole.get("data_root") or ""),
        groups=tuple(composer.groups()),
    )


def _executor(source: Source, opponent: Opponent, start_workers: StartWorkers) -> Executor:
    """One place, with all that this machine has: whatever device a run was trained on, it is scored on what is here."""
    configs = [one.prepared.trial.config for one in (source, opponent.source) if one is not None]
    modules = [*sorted({module for config in configs for module in target_modules(config)}), SCORING]
    return LocalExecutor(Resources(cpu_count(), min(1, len(gpu_names()))), start_workers, modules, max_parallel=1)


def _score_opponent(opponent: Opponent, split: str, executor: Executor, directory: Path) -> Opponent:
    """Let the other answer the same rows; where it cannot, this run is scored all the same."""
    if opponent.source is None:
        return opponent
    directory.mkdir()
    request = ScoreRequest(str(opponent.source.checkpoint), split, predictions_only=True)
    try:
        score(opponent.source, request, executor, directory)
    except HoneError as error:
        return replace(opponent, source=None, reason=str(error))
    return opponent


def _read(source: Source, scored: Scored, opponent: Opponent) -> Evaluation:
    measured = read_measured(scored.directory)
    config, run = source.prepared.trial.config, source.run
    scores = scores_of(measured)
    metric = metric_of(str(config.get("monitor")), scores)
    mistakes = mistakes_of(measured, scored.directory / EVALUATION)
    comparison, reason = None, opponent.reason
    if opponent.source is not None:
        comparison, reason = comparison_of(measured, opponent.source.run.run_id, run.name, opponent.name, metric)
    notes = [*_data_notes(source, scored), *measured["notes"]]
    if reason:
        notes.append(f"not compared with {opponent.name}: {reason}" if opponent.name else reason)
    return Evaluation(
        run_id=None,
        name=f"{run.name} on {measured['split']}",
        source=run.run_id,
        source_name=run.name,
        split=measured["split"],
        kind=measured["kind"],
        rows=measured["rows"],
        metric=metric,
        maximize=is_maximized(metric, str(config.get("monitor")), str(config.get("mode")), measured),
        confidence=measured["confidence"],
        resamples=measured["resamples"],
        scores=scores,
        slices=slices_of(measured),
        mistakes=mistakes,
        calibration_error=measured["calibration_error"],
        latency=latency_of(measured),
        device=_device(measured["device"], scored.lease),
        size=size_of(measured),
        comparison=comparison,
        notes=tuple(notes),
        directory=scored.directory,
    )


def _data_notes(source: Source, scored: Scored) -> list[str]:
    changed = source.prepared.changed
    notes = [
        f"data.{key} is {changed[f'data.{key}'][1]}, not {changed[f'data.{key}'][0]}: rows may be among those that the "
        "run was trained on"
        for key in SPLITTING
        if f"data.{key}" in changed
    ]
    recorded, roots = source.run.provenance.digests, source.prepared.roots
    found = data_drifts(recorded, scored.started.digests, roots) if recorded else []
    if not found:
        return notes
    shown = "; ".join(f"{one.what}: {one.recorded}, now {one.now}" for one in found[:3])
    more = f"; and {len(found) - 3} more" if len(found) > 3 else ""
    return [*notes, f"its data is not what the run was made with ({shown}{more})"]


def _device(name: str, lease: Lease) -> str:
    threads = f"{lease.cpus} thread{'s' if lease.cpus != 1 else ''}"
    return f"{name}, {threads}" if name == "CPU" else name
