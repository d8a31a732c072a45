"""``hone train``: one config in, one fitted, tested and tracked run out.

Floor 6.
"""

from __future__ import annotations

import contextlib
import shutil
import signal
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from hone.config.build import build
from hone.config.compose import Composer, resolve
from hone.config.elsewhere import Foreign, read_foreign
from hone.config.files import apply_overrides, read_yaml, write_text
from hone.config.sweeps import parse_override
from hone.config.targets import target_modules
from hone.config.trust import check_names
from hone.errors import ConfigError, HoneError
from hone.executors import Executor, Resources, StartWorkers
from hone.executors.devices import cpu_count, gpu_names
from hone.executors.local import LocalExecutor
from hone.provenance import Provenance, environment
from hone.report import Artist, DrawRun
from hone.sweep.configs import TrialConfig, model_class, trial_overrides, without_controller
from hone.sweep.lock import only_controller
from hone.sweep.runs import close_run, ending_of, log_model
from hone.tracking.courier import Courier
from hone.tracking.record import run_record
from hone.tracking.run import KIND, TrackedRun, end_abandoned
from hone.tracking.store import TrackingConfig, open_store
from hone.tracking.tags import DIRECTION, METRIC, OBJECTIVE
from hone.worker.disk import EVALUATION, SUMMARY
from hone.worker.messages import (
    Begin,
    Ending,
    Exited,
    Failed,
    Lease,
    Message,
    Pruned,
    Report,
    Result,
    Started,
    TrialJob,
    Verdict,
)
from hone.worker.run import TRIAL_FILE

POLL_SECONDS = 0.5
DRAWING_SECONDS = 60.0
ONLY = 0


@dataclass(frozen=True)
class TrainRequest:
    """What the user typed.

    Attributes:
        overrides: Hydra overrides.
        config: A resolved config to train instead of a composed one, such as a study's ``best.yaml``.
        config_dir: The user's config directory.
        config_name: The primary config.
        allow: What ``config`` may name beside what is always allowed.
    """

    overrides: tuple[str, ...] = ()
    config: Path | None = None
    config_dir: Path | None = None
    config_name: str = "config"
    allow: tuple[str, ...] = ()


@dataclass(frozen=True)
class TrainSummary:
    """What a run came to.

    Attributes:
        name: The run's name.
        run_id: Its id; None where it could not be tracked.
        ending: How it ended; None where the user ended it.
        directory: Its directory.
        tracking: Where runs are kept.
        undelivered: What the store refused, one line each.
        waiting: What waits for ``hone sync``, in a line; an empty string where nothing does.
        notes: What was changed in a config of an older hone, one line each.
    """

    name: str
    run_id: str | None
    ending: Ending | None
    directory: Path
    tracking: TrackingConfig
    undelivered: tuple[str, ...]
    waiting: str = ""
    notes: tuple[str, ...] = ()


class Watch:
    """Looks on while a trial trains. This one has nothing to say; another run's reproduction has.

    Attributes:
        allowed: What the trial's config may name, where it is not the user's own.
    """

    allowed: tuple[str, ...] | None = None

    def begin(self, started: Started, provenance: Provenance) -> Mapping[str, str]:  # noqa: ARG002
        """Training is about to begin.

        Args:
            started: What the worker said.
            provenance: What the run is made with.

        Returns:
            Tags for the run.

        Raises:
            HoneError: It must not begin.
        """
        return {KIND: "train"}

    def stop(self, report: Report) -> bool:  # noqa: ARG002
        """Whether the trial is to stop at a validation."""
        return False


def train(request: TrainRequest, start_workers: StartWorkers) -> TrainSummary:
    """Train, test and track one config.

    Args:
        request: What the user typed.
        start_workers: Gives the worker that trains.

    Returns:
        What it came to.

    Raises:
        HoneError: What the user gave is wrong. No run is left behind.
    """
    trial, tracking, foreign = compose_run(request)
    modules = target_modules(trial.config)
    resources = Resources(cpu_count(), len(gpu_names()))
    executor = LocalExecutor(resources, start_workers, modules, max_parallel=1, to_terminal=True)
    directory = None
    try:
        store = None if tracking.offline else open_store(tracking)
        if store is not None:
            end_abandoned(store)
        environment()
        directory = new_directory(tracking.root / "trials" / "train")
        name = f"{trial.model}-{directory.name}"
        artist = Artist(directory / "report.log") if _wants_pictures(trial, tracking) else None
        with only_controller(directory), Courier(store) as courier, artist or contextlib.nullcontext():
            run = TrackedRun(courier, directory)
            watch = Watch()
            watch.allowed = foreign.allowed if foreign else None
            single = Single(trial, name, run, executor, watch, artist)
            single.run()
            single.draw()
    except HoneError:
        if directory is not None:
            shutil.rmtree(directory, ignore_errors=True)
        raise
    finally:
        executor.close()
    ending = None if single.interrupted else single.ending
    undelivered = tuple(map(str, courier.errors))
    notes = foreign.notes if foreign else ()
    return TrainSummary(name, run.run_id, ending, directory, tracking, undelivered, courier.waiting(), notes)


def compose_run(request: TrainRequest) -> tuple[TrialConfig, TrackingConfig, Foreign | None]:
    """Compose the config of a single run.

    Args:
        request: What the user typed.

    Returns:
        The run's config, where it is tracked, and the config from a file as it was read.

    Raises:
        ConfigError: It does not compose, or a config from a file names what it may not.
    """
    foreign = None
    for text in request.overrides:
        if parse_override(text).sweep is not None:
            raise ConfigError("sweeps over values; hone train takes one value, hone sweep many", where=text)
    made = Composer if request.config is None else Composer.for_tracking
    composer = made(request.config_dir, request.config_name)
    if request.config is None:
        composition = composer.compose(request.overrides)
        config = without_controller(composition.config)
        whole = resolve(composition.config)
        model = composition.choices.get("model") or model_class(config)
        overrides = trial_overrides(request.overrides)
    else:
        own = trial_overrides(request.overrides)
        others = [one for one in request.overrides if one not in own]
        whole = resolve(composer.compose(others).config)
        allowed = (*request.allow, *(whole.get("allow") or ()))
        foreign = read_foreign(read_yaml(request.config), allowed, str(request.config))
        config = apply_overrides(foreign.config, own, list(composer.groups()))
        check_names(config, allowed, "the command line")
        model, overrides = model_class(config), (f"--config {request.config.name}", *own)
    tracking: TrackingConfig = build(whole["tracking"], "tracking")
    return TrialConfig(config, model, overrides), tracking, foreign


class Single:
    """One trial's conversation, without a study.

    Args:
        trial: Its config.
        name: The run's name.
        tracked: Its run, not yet open; its directory exists.
        executor: Where it runs.
        watch: Looks on.
        artist: Draws what it predicted; None where nobody wants pictures.
    """

    def __init__(
        self,
        trial: TrialConfig,
        name: str,
        tracked: TrackedRun,
        executor: Executor,
        watch: Watch,
        artist: Artist | None = None,
    ) -> None:
        self.trial = trial
        self.name = name
        self.tracked = tracked
        self.executor = executor
        self.artist = artist
        self.watch = watch
        self.ending: Ending | None = None
        self.interrupted = False
        self._open = False
        self._lease = Lease()

    def run(self) -> None:
        """Train to the end, and end the run.

        Raises:
            HoneError: What the user gave cannot be trained.
        """
        write_text(self.trial.text, self.tracked.directory / TRIAL_FILE)
        caught = {one: signal.signal(one, self._interrupt) for one in (signal.SIGINT, signal.SIGTERM)}
        try:
            self._lease = self.executor.start(TrialJob(ONLY, str(self.tracked.directory), allowed=self.watch.allowed))
            while self.executor.running:
                for _, message in self.executor.wait(POLL_SECONDS):
                    self._hear(message)
        finally:
            for one, handler in caught.items():
                signal.signal(one, handler)

    def draw(self) -> None:
        """Draw what the run predicted; Ctrl-C skips that."""
        folder = self.tracked.directory / EVALUATION
        if self.artist is None or not isinstance(self.ending, Result) or not (folder / SUMMARY).is_file():
            return
        self.artist.ask(DrawRun(str(folder)))
        with contextlib.suppress(KeyboardInterrupt):
            for done in self.artist.hear(DRAWING_SECONDS):
                self.tracked.add_files([folder / one for one in done.files], EVALUATION)

    def _hear(self, message: Message) -> None:
        if isinstance(message, Started):
            self._begin(message)
            self.executor.answer(ONLY, Begin())
        elif isinstance(message, Report):
            self.executor.answer(ONLY, Verdict(self.watch.stop(message)))
        elif isinstance(message, Result | Pruned | Failed):
            self.ending = message
        elif isinstance(message, Exited):
            self._conclude(message)

    def _begin(self, started: Started) -> None:
        lease, config = self._lease, self.trial.config
        provenance = environment().of_run(
            threads=lease.cpus,
            gpus=lease.gpus,
            seed=int(config["seed"]),
            digests=started.digests,
            state=started.state,
            modules=target_modules(config),
        )
        direction = "maximize" if str(config.get("mode")) == "max" else "minimize"
        tags = {METRIC: str(config.get("monitor")), DIRECTION: direction, **self.watch.begin(started, provenance)}
        text, overrides = self.trial.text, self.trial.overrides
        self.tracked.open(run_record(self.name, tags, config, text, overrides, provenance, started.rows))
        self.tracked.courier.settle()
        self._open = True
        if self.artist is not None:
            # Its imports take as long as a short training.
            self.artist.warm_up()

    def _conclude(self, exited: Exited) -> None:
        self.ending = ending_of(self.ending, self.tracked.directory, exited)
        if isinstance(self.ending, Failed) and self.ending.bad_input:
            raise HoneError(self.ending.message, where=self.ending.where)
        if self._open:
            ending = None if self.interrupted else self.ending
            close_run(self.tracked, ending, self.tracked.directory, self._objective(ending))
            log_model(self.tracked, ending, {})

    def _objective(self, ending: Ending | None) -> dict[str, float]:
        """What the run is judged by, as a trial of a study is by its objective."""
        metric = str(self.trial.config.get("monitor"))
        value = ending.metrics.get(metric) if isinstance(ending, Result) else None
        return {} if value is None else {OBJECTIVE: value}

    def _interrupt(self, _signum: int, _frame: Any) -> None:
        self.interrupted = True
        self.executor.kill(ONLY)


def _wants_pictures(trial: TrialConfig, tracking: TrackingConfig) -> bool:
    return tracking.report and (trial.config.get("evaluation") or {}).get("pictures") != "none"


def new_directory(parent: Path) -> Path:
    """Make a directory for a single run: ``0007``."""
    number = 1 + max((int(one.name) for one in parent.glob("[0-9]*") if one.name.isdigit()), default=-1)
    while True:
        try:
            (parent / f"{number:04d}").mkdir(parents=True)
        except FileExistsError:
            # Another hone train took this number just now.
            number += 1
        else:
            return parent / f"{number:04d}"
