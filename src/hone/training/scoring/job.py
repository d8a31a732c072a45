"""One checkpoint, scored: build what it is of, take it through the split, write down what that comes to."""

from __future__ import annotations

import json
import time
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pytorch_lightning as pl

from hone.training.callbacks import ReportLine
from hone.training.checkpoints import load_weights
from hone.training.components import build_model, filled_in
from hone.training.data import ready_data
from hone.training.digests import data_digests, model_digests, torch_state
from hone.training.evaluation import EvaluationConfig
from hone.training.failures import failure
from hone.training.figures import Predictions, class_names, write_evaluation
from hone.training.resume import model_bytes
from hone.training.scoring.answers import Answers, keep_answers, same_rows
from hone.training.scoring.groups import groups_of
from hone.training.scoring.intervals import bootstrap, resamples_for
from hone.training.scoring.loop import Passed, pass_over
from hone.training.scoring.measures import Measures
from hone.training.scoring.paired import compare
from hone.training.scoring.slices import score_slices
from hone.training.trial import quieten
from hone.worker.disk import EVALUATION, SUMMARY
from hone.worker.messages import Ending, Result, Started, TrialJob
from hone.worker.scoring import ScoreRequest, write_measured

MOST_CONFUSED = 5


@dataclass(frozen=True)
class Told:
    """What is scored, and how: the same throughout."""

    directory: Path
    config: Mapping[str, Any]
    model: pl.LightningModule
    data: pl.LightningDataModule
    digests: Mapping[str, str]
    request: ScoreRequest


def score_trial(
    job: TrialJob, config: Mapping[str, Any], line: ReportLine, started: float, request: ScoreRequest
) -> Ending:
    """Score a checkpoint.

    Args:
        job: Its directory, and what it may use.
        config: The resolved config that the checkpoint was trained from.
        line: The worker's line to its controller.
        started: ``time.monotonic()`` at the worker's start.
        request: What to score.

    Returns:
        How it ended; what was measured lies in the directory.

    Raises:
        EOFError: The controller is gone.
    """
    quieten()
    try:
        metrics = _score(Path(job.directory), config, line, request)
    except EOFError:
        raise
    except BaseException as error:  # noqa: BLE001 - whatever the user's code raised is the ending
        return failure(error, before_training=True)
    return Result(metrics, seconds=time.monotonic() - started)


def _score(directory: Path, config: Mapping[str, Any], line: ReportLine, request: ScoreRequest) -> dict[str, float]:
    data = ready_data(config)
    config = filled_in(config, data)
    model = build_model(config, data)
    load_weights(model, Path(request.checkpoint), config)
    digests = data_digests(data)
    line.started(Started(digests=digests | model_digests(model), model_bytes=model_bytes(model), state=torch_state()))
    pl.seed_everything(int(config["seed"]), workers=True, verbose=False)
    passed = pass_over(config, model, data, request.split, directory, timed=not request.predictions_only)
    if request.predictions_only:
        if passed.predictions is not None:
            keep_answers(Answers.of(passed.predictions, config, digests, request.split), directory)
        return passed.logged
    write_measured(_measured(directory, config, model, data, passed, digests, request), directory)
    return passed.logged


def _measured(
    directory: Path,
    config: Mapping[str, Any],
    model: pl.LightningModule,
    data: pl.LightningDataModule,
    passed: Passed,
    digests: Mapping[str, str],
    request: ScoreRequest,
) -> dict[str, Any]:
    logged = {_own_name(name, passed.stage): value for name, value in passed.logged.items()}
    found: dict[str, Any] = {
        "split": request.split,
        "kind": None,
        "rows": None,
        "scores": {name: {"value": value, "low": None, "high": None} for name, value in logged.items()},
        "slices": [],
        "latency": passed.latency,
        "device": passed.device,
        "size": {"parameters": sum(one.numel() for one in model.parameters()), "bytes": model_bytes(model)},
        "notes": passed.notes,
        "resamples": 0,
        "confidence": request.confidence,
        "calibration_error": None,
        "higher": {},
        "confused": [],
        "comparison": None,
    }
    if passed.predictions is None:
        passed.notes.append("its step returns no predictions by row: no intervals, no slices, no comparison")
        return found
    told = Told(directory, config, model, data, digests, request)
    return found | _of_predictions(told, passed, passed.predictions, logged, found["scores"])


def _own_name(name: str, stage: str) -> str:
    for prefix in (f"{stage}/", f"{stage}_"):
        if name.startswith(prefix):
            return name.removeprefix(prefix)
    return name


def _of_predictions(
    told: Told, passed: Passed, predictions: Predictions, logged: Mapping[str, float], scores: Mapping[str, Any]
) -> dict[str, Any]:
    request, data, folder = told.request, told.data, told.directory / EVALUATION
    classes = class_names(data, predictions.scores.shape[1]) if predictions.kind == "classes" else []
    fields = data.fields(request.split) if hasattr(data, "fields") else {}
    # First, since a column that is not there is the user's to mend.
    groups = groups_of(predictions, classes, passed.lengths, fields, request.slices)
    kept = EvaluationConfig.of(told.config)
    write_evaluation(predictions, folder, request.split, data, mistakes=kept.mistakes, bins=kept.bins)
    seed, confidence, rows = int(told.config["seed"]), request.confidence, len(predictions.rows)
    resamples = resamples_for(request.resamples, predictions.scores.size)
    monitor, mode = str(told.config.get("monitor")), told.config.get("mode")
    maximized = {_own_name(monitor, stage): mode == "max" for stage in ("val", "test", "train")} if mode else {}
    measures = Measures(told.model, predictions, passed.stage, logged, maximized)
    for name in measures.logged_otherwise:
        passed.notes.append(f"{name} is not what its predictions come to: it has no interval")
    return {
        "kind": predictions.kind,
        "rows": rows,
        "resamples": resamples,
        "scores": {**scores, **_intervals(measures, rows, resamples, confidence, seed)},
        "slices": score_slices(predictions, groups, resamples, confidence, seed),
        "calibration_error": json.loads((folder / SUMMARY).read_text()).get("calibration_error"),
        "higher": measures.higher,
        "confused": _confused(predictions, classes),
        "comparison": _comparison(told, measures, predictions),
    }


def _intervals(measures: Measures, rows: int, resamples: int, confidence: float, seed: int) -> dict[str, Any]:
    if rows < 2 or not measures.names:
        return {name: {"value": value, "low": None, "high": None} for name, value in measures.values.items()}
    drawn = bootstrap(measures.over, rows, resamples, confidence, seed)
    ends = {name: (drawn.low[place], drawn.high[place]) for place, name in enumerate(measures.names)}
    return {
        name: {
            "value": value,
            "low": None if np.isnan(ends[name][0]) else float(ends[name][0]),
            "high": None if np.isnan(ends[name][1]) else float(ends[name][1]),
        }
        for name, value in measures.values.items()
    }


def _confused(predictions: Predictions, classes: list[str]) -> list[dict[str, Any]]:
    """The commonest mistakes."""
    if predictions.kind != "classes":
        return []
    guessed = predictions.scores.argmax(axis=1)
    wrong = np.flatnonzero(guessed != predictions.truth)
    pairs = Counter((int(predictions.truth[one]), int(guessed[one])) for one in wrong)
    return [
        {"label": classes[truth], "predicted": classes[taken], "rows": count}
        for (truth, taken), count in pairs.most_common(MOST_CONFUSED)
    ]


def _comparison(told: Told, measures: Measures, predictions: Predictions) -> dict[str, Any] | None:
    request = told.request
    if request.against is None:
        return None
    ours = Answers.of(predictions, told.config, told.digests, request.split)
    theirs, reason = same_rows(ours, Path(request.against))
    if theirs is None:
        return {"reason": reason}
    if len(predictions.rows) < 2:
        return {"reason": "one row is too few to compare on"}
    seed = int(told.config["seed"])
    return compare(measures, predictions, theirs, request.resamples, request.confidence, seed)
