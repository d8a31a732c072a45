"""One run, again."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

from hone.config.elsewhere import Foreign, read_foreign
from hone.config.files import apply_overrides
from hone.config.secrets import hidden_keys
from hone.config.trust import check_names
from hone.config.written import override_key
from hone.errors import ConfigError, DataError, HoneError
from hone.executors import Executor
from hone.provenance import Provenance
from hone.reproduce.drift import Drift, data_drifts, drifts
from hone.reproduce.verdict import DIFFERS, Verdict, judge
from hone.sweep.configs import CONTROLLER_NODES, TrialConfig, model_class
from hone.tracking.courier import Courier
from hone.tracking.fetch import KeptRun, fetch_points
from hone.tracking.record import flat_params
from hone.tracking.run import FAILURE, KIND, STATE, STEPS, WEIGHTS, TrackedRun
from hone.tracking.store import Store
from hone.train import Single, Watch, new_directory
from hone.worker.messages import Failed, Pruned, Report, Result, Started

REPRODUCES, VERDICT = "hone.reproduces", "hone.verdict"
COMPARISON_FILE = "reproduction.json"


@dataclass(frozen=True)
class Given:
    """What the user says of how a run is run again.

    Attributes:
        overrides: Keys of its config to set otherwise, such as the place of its data.
        allow: What its config may name beside what is always allowed.
        allow_data_change: Run it on other data as well.
        tolerance: The share by which values may differ.
        data_root: Where data lies on this machine.
        groups: The config groups, none of which can be chosen anew.
    """

    overrides: tuple[str, ...] = ()
    allow: tuple[str, ...] = ()
    allow_data_change: bool = False
    tolerance: float = 1e-3
    data_root: str = ""
    groups: tuple[str, ...] = ()


@dataclass(frozen=True)
class Again:
    """A run that was run again.

    Attributes:
        recorded: The run.
        run_id: The new run; None where it could not be tracked.
        verdict: What came of it; None where the user ended it.
        directory: Where it ran.
    """

    recorded: KeptRun
    run_id: str | None
    verdict: Verdict | None
    directory: Path


@dataclass(frozen=True)
class Prepared:
    """A run's config, ready to be trained here.

    Attributes:
        foreign: The config as it was read.
        trial: The config that is trained.
        changed: Keys that are set to something else, with both values.
        roots: Where data lay and lies.
    """

    foreign: Foreign
    trial: TrialConfig
    changed: Mapping[str, tuple[Any, Any]]
    roots: tuple[str, str]


def prepare(run: KeptRun, given: Given) -> Prepared:
    """Make a run's config ready to be trained here.

    Args:
        run: The run.
        given: What the user says.

    Raises:
        ConfigError: It names what it may not, or lacks a secret that was hidden from it.
    """
    foreign = read_foreign(run.config, given.allow, f"{run.where}: config.yaml")
    recorded = foreign.config
    roots = (str(recorded.get("data_root") or ""), given.data_root)
    config = _moved(recorded, *roots) if all(roots) and not Path(roots[0]).exists() else recorded
    config = apply_overrides(_into_its_own_directory(config), given.overrides, given.groups)
    if hidden := hidden_keys(config):
        raise ConfigError(
            f"is a secret, which no run keeps; give it: {hidden[0]}=...", where=f"{run.where}: {hidden[0]}"
        )
    check_names(config, given.allow, "the command line")
    before, after = flat_params(_into_its_own_directory(recorded)), flat_params(config)
    # That data lies elsewhere is no change: what it holds is compared by its digest.
    moved = flat_params(_moved(recorded, *roots)) if all(roots) else before
    keys = [key for key in {**before, **after} if after.get(key) not in (before.get(key), moved.get(key))]
    changed = {key: (before.get(key), after.get(key)) for key in keys}
    trial = TrialConfig(config, model_class(config), (f"--config {run.where}", *given.overrides))
    return Prepared(foreign, trial, changed, roots)


def run_again(
    run: KeptRun,
    prepared: Prepared,
    given: Given,
    store: Store,
    executor: Executor,
    root: Path,
    show: Callable[[list[Drift]], None],
    judge_report: Callable[[Report], bool] | None = None,
) -> Again:
    """Train a run once more, track it as a run of its own, and judge it.

    Args:
        run: The run.
        prepared: Its config.
        given: What the user says.
        store: Where it is tracked.
        executor: Where it trains.
        root: Where directories of trials lie.
        show: Is told what differs now, before training begins.
        judge_report: Says of each validation whether to stop; where None, it stops where it was stopped before.

    Raises:
        HoneError: Its data is not what it was, or it cannot be trained here. No run is left behind.
    """
    directory = new_directory(root / "trials" / "again")
    watch = Lookout(run, prepared, given, show, judge_report)
    try:
        with Courier(store) as courier:
            tracked = TrackedRun(courier, directory)
            single = Single(prepared.trial, f"{run.name} again", tracked, executor, watch)
            single.run()
    except HoneError:
        shutil.rmtree(directory, ignore_errors=True)
        raise
    if single.interrupted or tracked.run_id is None:
        return Again(run, tracked.run_id, None, directory)
    verdict = _judged(run, store, tracked.run_id, single.ending, given)
    content = {"reproduces": run.run_id, **asdict(verdict), "drift": [asdict(one) for one in watch.drift]}
    store.log_text(tracked.run_id, json.dumps(content, indent=2), COMPARISON_FILE)
    store.set_tags(tracked.run_id, {VERDICT: verdict.word})
    return Again(run, tracked.run_id, verdict, directory)


class Lookout(Watch):
    """Compares what a trial begins with to what was recorded, and stops it where it was stopped.

    Args:
        run: The run.
        prepared: Its config.
        given: What the user says.
        show: Is told what differs.
        judge_report: Says of each validation whether to stop.
    """

    def __init__(
        self,
        run: KeptRun,
        prepared: Prepared,
        given: Given,
        show: Callable[[list[Drift]], None],
        judge_report: Callable[[Report], bool] | None,
    ) -> None:
        self.run, self.prepared, self.given, self.show, self.judge_report = run, prepared, given, show, judge_report
        self.allowed = prepared.foreign.allowed
        self.drift: list[Drift] = []

    def begin(self, started: Started, provenance: Provenance) -> Mapping[str, str]:
        """Show what differs, and refuse other data."""
        recorded = self.run.provenance
        data = data_drifts(recorded.digests, started.digests, self.prepared.roots) if recorded.digests else []
        self.drift = [*drifts(recorded, provenance, self.prepared.changed), *data]
        self.show(self.drift)
        if data and not self.given.allow_data_change:
            names = ", ".join(one.what for one in data[:3])
            raise DataError(
                "its content is not what the run was made with; --allow-data-change runs it all the same", where=names
            )
        return {KIND: "train", REPRODUCES: self.run.run_id}

    def stop(self, report: Report) -> bool:
        """Stop where a pruner did."""
        if self.judge_report is not None:
            return self.judge_report(report)
        steps = self.run.tags.get(STEPS)
        return self.run.state == "pruned" and steps is not None and report.step >= int(steps)


def _judged(run: KeptRun, store: Store, run_id: str, ending: Result | Pruned | Failed | None, given: Given) -> Verdict:
    weights = ending.weights if isinstance(ending, Result | Pruned) else ""
    before = f"{run.state} ({run.tags[FAILURE]})" if run.tags.get(FAILURE) else run.state
    now = (
        f"failed ({ending.kind})"
        if isinstance(ending, Failed)
        else "pruned"
        if isinstance(ending, Pruned)
        else "complete"
    )
    verdict = judge(
        fetch_points(store, run.run_id),
        fetch_points(store, run_id),
        weights=(run.tags.get(WEIGHTS, ""), weights),
        endings=(before, now),
        tolerance=given.tolerance,
    )
    if run.tags.get(STATE) in ("complete", "pruned") and isinstance(ending, Failed):
        return replace(verdict, word=DIFFERS, ending=f"it failed now: {ending.message}")
    return verdict


def _into_its_own_directory(config: Mapping[str, Any]) -> dict[str, Any]:
    """A config whose callbacks write where the trial is, rather than over what the run wrote."""
    callbacks = config.get("callbacks")
    if not isinstance(callbacks, Mapping):
        return dict(config)
    own = {
        name: {key: value for key, value in node.items() if key != "dirpath"} if isinstance(node, Mapping) else node
        for name, node in callbacks.items()
    }
    return {**config, "callbacks": own}


def _moved(node: Any, before: str, now: str) -> Any:
    """A config with every path below one folder moved to another."""
    if isinstance(node, Mapping):
        return {key: _moved(value, before, now) for key, value in node.items()}
    if isinstance(node, list | tuple):
        return [_moved(one, before, now) for one in node]
    if isinstance(node, str) and (node == before or node.startswith(f"{before.rstrip('/')}/")):
        return now.rstrip("/") + node[len(before.rstrip("/")) :]
    return node


def own_overrides(overrides: Sequence[str]) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Overrides of the run's config, and those of this command's: where runs are tracked, what is allowed."""
    ours = [one for one in overrides if override_key(one).split(".")[0] in CONTROLLER_NODES]
    return tuple(one for one in overrides if one not in ours), tuple(ours)
