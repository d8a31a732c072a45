"""The command, door to door: open the store, evaluate, show."""

from __future__ import annotations

from dataclasses import dataclass, replace

from rich.console import Console

from hone.config.build import build
from hone.config.compose import Composer, resolve
from hone.evaluate.evaluation import evaluate
from hone.evaluate.options import Options
from hone.evaluate.results import Evaluation
from hone.evaluate.terminal import show
from hone.executors import StartWorkers
from hone.reproduce.again import own_overrides
from hone.tracking.run import end_abandoned
from hone.tracking.store import TrackingConfig, open_store


@dataclass(frozen=True)
class EvaluateRequest:
    """What the user typed.

    Attributes:
        run: The run.
        split: ``test``, ``val`` or ``train``.
        options: Everything else; its overrides include those of this command's own: where runs are tracked.
    """

    run: str
    split: str
    options: Options


def evaluate_and_show(
    request: EvaluateRequest, start_workers: StartWorkers, console: Console
) -> tuple[Evaluation, TrackingConfig]:
    """Evaluate a run.

    Args:
        request: What the user typed.
        start_workers: Gives the worker that does it.
        console: Where it is shown.

    Returns:
        What it came to, and where it is tracked.

    Raises:
        HoneError: There is no such run, or it cannot be evaluated. No run is left behind.
    """
    own, ours = own_overrides(request.options.overrides)
    composer = Composer(request.options.config_dir, request.options.config_name)
    whole = resolve(composer.compose(ours).config, complete=False)
    tracking: TrackingConfig = build(whole["tracking"], "tracking")
    store = open_store(tracking, create=False)
    end_abandoned(store)
    options = replace(request.options, overrides=own, pictures=request.options.pictures and tracking.report)
    with console.status(f"scoring {request.run} on {request.split}"):
        evaluation = evaluate(
            store, request.run, request.split, start_workers=start_workers, root=tracking.root, options=options
        )
    show(console, evaluation)
    return evaluation, tracking
