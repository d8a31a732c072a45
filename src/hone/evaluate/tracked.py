"""An evaluation as a run of its own: what it came to, what it is of, and pictures."""

from __future__ import annotations

import itertools
import json
from collections.abc import Collection, Mapping
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

from hone.config.targets import target_modules
from hone.evaluate.description import describe
from hone.evaluate.measure import Scored
from hone.evaluate.options import Options
from hone.evaluate.results import Evaluation, Score
from hone.evaluate.source import Source
from hone.provenance import environment
from hone.report import Artist, DrawRun
from hone.tracking.courier import Courier
from hone.tracking.entities import metric_name
from hone.tracking.inputs import CONTEXTS
from hone.tracking.record import run_record
from hone.tracking.run import KIND, RunRecord, TrackedRun
from hone.tracking.store import Store
from hone.tracking.tags import AGAINST, COMPARED, DIRECTION, EVALUATES, EVALUATION, LONGEST_NAME, METRIC, SPLIT, STUDY
from hone.worker.disk import EVALUATION as FOLDER
from hone.worker.disk import SUMMARY
from hone.worker.run import LOG_FILE

DRAWING_SECONDS = 60.0


def track(evaluation: Evaluation, source: Source, scored: Scored, store: Store, options: Options) -> Evaluation:
    """Track an evaluation.

    Args:
        evaluation: What it came to.
        source: The run that it is of.
        scored: The worker's part.
        store: Where to.
        options: What the user says.

    Returns:
        The same with its run's id, and with what the store has not taken.
    """
    folder = scored.directory / FOLDER
    folder.mkdir(exist_ok=True)
    _write_summary(evaluation, folder / SUMMARY)
    if options.pictures and evaluation.kind is not None:
        _draw(folder, scored.directory)
    with Courier(store) as courier:
        run = TrackedRun(courier, scored.directory)
        run.open(_record(evaluation, source, scored, options), began=scored.began)
        run.note(describe(evaluation))
        run.add_files([scored.directory / LOG_FILE])
        run.add_folder(folder, FOLDER)
        run.end("FINISHED", "complete", metrics=metrics_of(evaluation))
    return replace(
        evaluation,
        run_id=run.run_id,
        undelivered=tuple(map(str, courier.errors)),
        waiting=courier.waiting(),
    )


def _write_summary(evaluation: Evaluation, path: Path) -> None:
    """Everything in one file, beside what the pictures are drawn from."""
    drawn_from: dict[str, Any] = json.loads(path.read_text()) if path.is_file() else {}
    whole = asdict(evaluation)
    for name in ("run_id", "directory", "undelivered", "waiting"):
        del whole[name]
    path.write_text(json.dumps({**whole, **drawn_from}, indent=2, ensure_ascii=False), encoding="utf-8")


def _draw(folder: Path, directory: Path) -> None:
    """Draw what the predictions came to into their folder."""
    with Artist(directory / "report.log") as artist:
        artist.ask(DrawRun(str(folder)))
        artist.hear(DRAWING_SECONDS)


def _record(evaluation: Evaluation, source: Source, scored: Scored, options: Options) -> RunRecord:
    trial, run = source.prepared.trial, source.run
    provenance = environment().of_run(
        threads=scored.lease.cpus,
        gpus=scored.lease.gpus,
        seed=int(trial.config["seed"]),
        digests=scored.started.digests,
        state=scored.started.state,
        modules=target_modules(trial.config),
    )
    tags = {
        KIND: EVALUATION,
        EVALUATES: evaluation.source,
        SPLIT: evaluation.split,
        METRIC: f"{evaluation.split}/{evaluation.metric}",
        DIRECTION: "maximize" if evaluation.maximize else "minimize",
        **({STUDY: run.study} if run.study else {}),
        **options.tags,
    }
    if evaluation.comparison is not None:
        tags |= {AGAINST: evaluation.comparison.run_id, COMPARED: evaluation.comparison.word}
    rows = {} if evaluation.rows is None else {evaluation.split: evaluation.rows}
    record = run_record(evaluation.name, tags, trial.config, trial.text, trial.overrides, provenance, rows)
    # Of its data it has read one split.
    return replace(record, inputs=[one for one in record.inputs if one["context"] == CONTEXTS[evaluation.split]])


def metrics_of(evaluation: Evaluation) -> dict[str, float]:
    """An evaluation as metrics of its run."""
    found: dict[str, float] = {}
    for name, one in evaluation.scores.items():
        found |= _ends(f"{evaluation.split}/{name}", one)
    for part in evaluation.slices:
        found[_free(slice_name(part.group, part.name), found)] = part.score.value
    if evaluation.calibration_error is not None:
        found[f"{evaluation.split}/calibration_error"] = evaluation.calibration_error
    for latency in evaluation.latency:
        found |= {
            f"latency/batch_{latency.batch_size}/p50_ms": latency.p50,
            f"latency/batch_{latency.batch_size}/p95_ms": latency.p95,
        }
    found |= {"model/parameters": float(evaluation.size.parameters), "model/mib": evaluation.size.mib}
    if evaluation.comparison is not None:
        found |= _ends("against/difference", evaluation.comparison.difference)
        found["against/p"] = evaluation.comparison.p
    return found


def slice_name(group: str, name: str) -> str:
    """What a slice's score is called among a run's metrics: as MLflow takes it, and no path that leads elsewhere."""
    parts = [one for one in metric_name(f"{group}/{name or 'empty'}").split("/") if one.strip(". ")]
    return f"slice/{'/'.join(parts)}"[:LONGEST_NAME].rstrip("/")


def _free(name: str, taken: Collection[str]) -> str:
    """A name that none has yet: ``<=50K`` and ``>=50K`` read alike to MLflow."""
    numbered = (f"{name} {number}" for number in itertools.count(2))
    return name if name not in taken else next(one for one in numbered if one not in taken)


def _ends(name: str, score: Score) -> Mapping[str, float]:
    ends = {f"{name}_low": score.low, f"{name}_high": score.high}
    return {name: score.value, **{key: value for key, value in ends.items() if value is not None}}
