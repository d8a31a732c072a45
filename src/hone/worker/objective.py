"""A plain function as a trial: ``objective: {_target_: my.function, ...}`` in place of a module, data and a trainer."""

from __future__ import annotations

import functools
import math
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from hone.config.build import build, signature_of
from hone.errors import ConfigError
from hone.tracking.spool import SpoolWriter
from hone.tracking.system import SystemMetrics
from hone.worker.failures import described
from hone.worker.messages import Ending, Pruned, Result, TrialJob
from hone.worker.reporting import Pruning, Talk


def run_objective(job: TrialJob, config: Mapping[str, Any], line: Any, started: float) -> Ending:
    """Call a trial's function.

    The function is called with the arguments that its config node holds, and with ``report`` where it takes one: a
    function of a step and its metrics, which ends the trial where it is pruned. It returns its metrics by name, or the
    objective alone.

    Args:
        job: The trial.
        config: Its resolved config.
        line: The worker's line to its controller.
        started: ``time.monotonic()`` at the worker's start.

    Returns:
        How it ended; an exception becomes ``Failed``.

    Raises:
        EOFError: The controller is gone.
    """
    with SpoolWriter(Path(job.directory)) as spool, SystemMetrics(spool, job.lease.cpus, job.lease.gpus):
        return _call(job, config, Talk(line, spool, job.objectives), started)


def _call(job: TrialJob, config: Mapping[str, Any], talk: Talk, started: float) -> Ending:
    try:
        # A partial, so that what the function raises comes out of it as it is.
        function = build({**config["objective"], "_partial_": True}, "objective")
        reporting = {"report": functools.partial(_report, talk)} if "report" in (signature_of(function) or {}) else {}
        talk.begin()
        metrics = _metrics(function(**reporting), job.objectives)
    except Pruning:
        return Pruned(talk.latest, None, talk.step, time.monotonic() - started)
    except EOFError:
        raise
    except BaseException as error:  # noqa: BLE001 - whatever the user's code raised is the trial's ending
        return described(error, "oom" if isinstance(error, MemoryError) else "error", before=not talk.begun)
    talk.track(metrics)
    return Result({**talk.latest, **metrics}, None, talk.step, time.monotonic() - started)


def _report(talk: Talk, step: int, metrics: Mapping[str, float]) -> None:
    """Report metrics of one moment.

    Args:
        talk: With the controller.
        step: Counts up.
        metrics: Values by name.

    Raises:
        Pruning: The study wants the trial to stop.
    """
    if talk.report(step, {name: float(value) for name, value in metrics.items()}):
        raise Pruning


def _metrics(answer: Any, objectives: tuple[str, ...]) -> dict[str, float]:
    named = answer if isinstance(answer, Mapping) else dict(zip(objectives, [answer], strict=False))
    try:
        return {str(name): math.nan if value is None else float(value) for name, value in named.items()}
    except (TypeError, ValueError):
        raise ConfigError("must return a number, or numbers by name", where="objective") from None
