"""How a run is evaluated."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from hone.errors import ConfigError, did_you_mean
from hone.worker.scoring import SPLITS

# With fewer, the ends of an interval would be single resamples.
FEWEST_RESAMPLES = 20


@dataclass(frozen=True)
class Options:
    """How a run is evaluated.

    Attributes:
        overrides: Keys of its config to set otherwise; ``data=``, ``trainer=`` and ``evaluation=`` choose options anew.
        slices: Columns to cut the split by, beside class and length.
        against: A run to compare with; None for the champion of the run's task, if there is one.
        compare: Compare at all.
        allow: What configs may name beside what is always allowed.
        resamples: How often rows are drawn anew for an interval.
        confidence: Of the intervals.
        pictures: Draw them.
        tags: More tags for the evaluation's run, such as a study's or a round's.
        config_dir: The user's config directory.
        config_name: The primary config.
    """

    overrides: tuple[str, ...] = ()
    slices: tuple[str, ...] = ()
    against: str | None = None
    compare: bool = True
    allow: tuple[str, ...] = ()
    resamples: int = 1_000
    confidence: float = 0.95
    pictures: bool = True
    tags: Mapping[str, str] = field(default_factory=dict)
    config_dir: Path | None = None
    config_name: str = "config"


def check(split: str, options: Options) -> None:
    """Refuse what makes no sense before anything is looked for.

    Raises:
        ConfigError: There is no such split, or a number is out of its range.
    """
    if split not in SPLITS:
        raise ConfigError(f"must be test, val or train, not {split!r}.{did_you_mean(split, SPLITS)}", where="--split")
    if options.resamples < FEWEST_RESAMPLES:
        raise ConfigError(f"must be at least {FEWEST_RESAMPLES}, not {options.resamples}", where="--resamples")
    if not 0 < options.confidence < 1:
        raise ConfigError(f"must be between 0 and 1, not {options.confidence}", where="confidence")
