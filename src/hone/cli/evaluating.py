"""``hone evaluate``."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from pathlib import Path

from rich.console import Console

from hone.executors import warm


@dataclass(frozen=True)
class Flags:
    """The command's own options, as ``hone.evaluate.Options`` describes them."""

    split: str
    slices: tuple[str, ...]
    against: str | None
    compare: bool
    resamples: int
    allow: tuple[str, ...]
    as_json: bool


def evaluate(run: str, overrides: tuple[str, ...], flags: Flags, config_dir: Path | None, config_name: str) -> int:
    """Evaluate a run and print what it came to.

    Args:
        run: What names it.
        overrides: Hydra overrides.
        flags: The command's own options.
        config_dir: The user's config directory.
        config_name: The primary config.

    Returns:
        Exit status: 0.

    Raises:
        HoneError: It cannot be evaluated.
    """
    # First of all: its imports take seconds, and go on while this process looks for the run.
    with warm.EarlyWorkers() as workers:
        from hone.evaluate import Options
        from hone.evaluate.command import EvaluateRequest, evaluate_and_show

        options = Options(
            overrides=overrides,
            slices=flags.slices,
            against=flags.against,
            compare=flags.compare,
            allow=flags.allow,
            resamples=flags.resamples,
            config_dir=config_dir,
            config_name=config_name,
        )
        console = Console(quiet=flags.as_json)
        evaluation, tracking = evaluate_and_show(EvaluateRequest(run, flags.split, options), workers, console)
    if flags.as_json:
        print(json.dumps(asdict(evaluation) | {"directory": str(evaluation.directory)}, indent=2, ensure_ascii=False))
        return 0
    from hone.cli.hints import dashboard_command, print_undelivered

    print_undelivered(console, evaluation.undelivered, evaluation.waiting, tracking)
    if evaluation.run_id:
        console.print(
            f"[dim]run[/] {evaluation.run_id}  [dim]evaluates[/] {evaluation.source}  "
            f"[dim]dashboard[/] {dashboard_command(tracking)}",
            highlight=False,
            soft_wrap=True,
        )
    return 0
