"""``hone reproduce``."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from rich.console import Console

from hone.executors import StartWorkers, warm


@dataclass(frozen=True)
class Options:
    """The command's own options, as ``ReproduceRequest`` describes them."""

    checkout: bool
    env: bool
    allow_data_change: bool
    tolerance: float
    threads: int | None
    allow: tuple[str, ...]


def reproduce(run: str, overrides: tuple[str, ...], options: Options, config_dir: Path | None, config_name: str) -> int:
    """Run a run or a study again and print what came of it.

    Args:
        run: What names it.
        overrides: Hydra overrides.
        options: The command's own options.
        config_dir: The user's config directory.
        config_name: The primary config.

    Returns:
        Exit status: 0 where it is the same or within tolerance, 1 where it differs, 130 after Ctrl-C.

    Raises:
        HoneError: It cannot be run again.
    """
    with _workers(options) as workers:
        from hone.reproduce.command import ReproduceRequest
        from hone.reproduce.command import reproduce as reproduce_run

        request = ReproduceRequest(
            run,
            overrides,
            options.allow,
            options.allow_data_change,
            options.tolerance,
            options.threads,
            options.checkout,
            options.env,
            config_dir,
            config_name,
        )
        return reproduce_run(request, workers, Console())


@contextlib.contextmanager
def _workers(options: Options) -> Iterator[StartWorkers]:
    """Workers that import while this process looks for the run; none where another process will have its own."""
    if options.checkout or options.env:
        yield warm.WarmWorkers
    else:
        with warm.EarlyWorkers() as workers:
            yield workers
