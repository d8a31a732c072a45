"""What differs between runs: config, provenance, metrics."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from hone.config.secrets import hide_values
from hone.reproduce.drift import summary
from hone.tracking.fetch import KeptRun, Points, fetch_points, fetch_run
from hone.tracking.record import flat_params
from hone.tracking.run import STEPS, WEIGHTS
from hone.tracking.store import Store

ABSENT = "-"
Row = tuple[str, tuple[str, ...]]


@dataclass(frozen=True)
class Comparison:
    """Runs side by side.

    Attributes:
        runs: The runs.
        config: Keys of their configs that differ, with the value in each.
        made_with: What they were made with, where it differs.
        metrics: Last values that differ.
        same: How many keys of the config, facts and metrics are the same in all.
        points: Every value of each run's metrics.
    """

    runs: tuple[KeptRun, ...]
    config: tuple[Row, ...]
    made_with: tuple[Row, ...]
    metrics: tuple[Row, ...]
    same: tuple[int, int, int]
    points: tuple[Points, ...]

    @property
    def names(self) -> tuple[str, ...]:
        """What to call each run: its name, with its id where two have one name."""
        names = [one.name for one in self.runs]
        return tuple(
            name if names.count(name) == 1 else f"{name} ({run.run_id[:8]})"
            for name, run in zip(names, self.runs, strict=True)
        )

    @property
    def sections(self) -> tuple[tuple[str, tuple[Row, ...], int], ...]:
        """Each part by its title, with how many of its rows are the same in all runs."""
        return (
            ("config", self.config, self.same[0]),
            ("made with", self.made_with, self.same[1]),
            ("metrics", self.metrics, self.same[2]),
        )


def compare(store: Store, names: Sequence[str]) -> Comparison:
    """Lay runs side by side.

    Args:
        store: The store.
        names: Two runs or more, as ``fetch_run`` takes them.

    Raises:
        RunNotFound: There is no such run.
    """
    runs = tuple(fetch_run(store, one) for one in names)
    config, same_config = _differing([flat_params(hide_values(one.config)) for one in runs])
    made_with, same_facts = _differing([_facts(one) for one in runs])
    metrics, same_metrics = _differing([dict(one.last) for one in runs])
    points = tuple(fetch_points(store, one.run_id) for one in runs)
    return Comparison(runs, config, made_with, metrics, (same_config, same_facts, same_metrics), points)


def _facts(run: KeptRun) -> dict[str, Any]:
    facts = {"state": run.state, **summary(run.provenance)}
    if STEPS in run.tags:
        facts["steps"] = run.tags[STEPS]
    if WEIGHTS in run.tags:
        facts["weights"] = run.tags[WEIGHTS][:12]
    return facts


def _differing(contents: Sequence[Mapping[str, Any]]) -> tuple[tuple[Row, ...], int]:
    keys = list(dict.fromkeys(key for content in contents for key in content))
    rows = []
    for key in keys:
        values = [content.get(key) for content in contents]
        # By their text, since NaN is no number's equal.
        if len({repr(one) for one in values}) > 1:
            rows.append((key, _texts(values)))
    return tuple(sorted(rows)), len(keys) - len(rows)


def _texts(values: Sequence[Any]) -> tuple[str, ...]:
    """Values as they are shown: floats cut to what is worth reading, unless that hides how they differ."""
    short = [_short(one) for one in values]
    different = len({repr(one) for one in values})
    return tuple(short if len(set(short)) == different else [ABSENT if one is None else str(one) for one in values])


def _short(value: Any) -> str:
    if value is None:
        return ABSENT
    return f"{value:.5g}" if isinstance(value, float) else str(value)
