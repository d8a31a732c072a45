"""A plain function as a trial: ``objective: {_target_: my.function, ...}`` in place of a module, data and a trainer."""

from __future__ import annotations

import math
import time
import traceback
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from hone.config.build import build, signature_of
from hone.errors import ConfigError, HoneError
from hone.tracking.spool import SpoolWriter
from hone.tracking.system import SystemMetrics
from hone.worker.messages import Begin, Ending, Failed, Pruned, Report, Result, Started, TrialJob, Verdict


class Pruning(Exception):
    """Raised out of ``report`` where the study wants the trial to stop."""


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
        return _call(job, config, _Talk(line, spool), started)


def _call(job: TrialJob, config: Mapping[str, Any], talk: _Talk, started: float) -> Ending:
    try:
        # A partial, so that what the function raises comes out of it as it is.
        function = build({**config["objective"], "_partial_": True}, "objective")
        reporting = {"report": talk.report} if "report" in (signature_of(function) or {}) else {}
        talk.begin()
        metrics = _metrics(function(**reporting), job.objectives)
    except Pruning:
        return Pruned(talk.latest, None, talk.step, time.monotonic() - started)
    except EOFError:
        raise
    except BaseException as error:  # noqa: BLE001 - whatever the user's code raised is the trial's ending
        return _failed(error, before=not talk.begun)
    talk.spool.append(metrics, talk.step, time.time())
    return Result({**talk.latest, **metrics}, None, talk.step, time.monotonic() - started)


class _Talk:
    """What is said between a function and its controller."""

    def __init__(self, line: Any, spool: SpoolWriter) -> None:
        self.line = line
        self.spool = spool
        self.begun = False
        self.latest: dict[str, float] = {}
        self.step = 0
        self._count = 0

    def begin(self) -> Begin:
        answer: Begin = self.line.started(Started())
        self.begun = True
        return answer

    def report(self, step: int, metrics: Mapping[str, float]) -> None:
        """Report metrics of one moment.

        Args:
            step: Counts up.
            metrics: Values by name.
        """
        self.step, self._count = int(step), self._count + 1
        self.latest = {name: float(value) for name, value in metrics.items()}
        self.spool.append(self.latest, self.step, time.time())
        self.spool.flush()
        verdict: Verdict = self.line.report(Report(self.step, self.latest, self._count))
        if verdict.stop:
            raise Pruning


def _metrics(answer: Any, objectives: tuple[str, ...]) -> dict[str, float]:
    named = answer if isinstance(answer, Mapping) else dict(zip(objectives, [answer], strict=False))
    try:
        return {str(name): math.nan if value is None else float(value) for name, value in named.items()}
    except (TypeError, ValueError):
        raise ConfigError("must return a number, or numbers by name", where="objective") from None


def _failed(error: BaseException, *, before: bool) -> Failed:
    lines = str(error).strip().splitlines()
    whole = "".join(traceback.format_exception(error))
    if isinstance(error, HoneError):
        return Failed("error", error.message, whole, bad_input=before, where=error.where)
    name = type(error).__name__
    kind = "oom" if isinstance(error, MemoryError) else "error"
    return Failed(kind, f"{name}: {lines[0]}" if lines else name, whole)
