"""A sweep of a Hydra application's jobs: its plan, from what stands under ``hydra.sweeper`` and on its command line."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

from hone.config.application import APPLICATION_FILE, Application, placed
from hone.config.files import yaml_text
from hone.config.jobs import Jobs
from hone.config.sweeps import Entry, parse_override
from hone.config.version import APPLICATION as NODE
from hone.config.written import override_text
from hone.errors import ConfigError, SpaceError, did_you_mean
from hone.space import Space, parse_space
from hone.sweep.configs import TrialConfig, TrialConfigs
from hone.sweep.file import SweepFile
from hone.sweep.plan import Plan, _check_search

WHERE = Path("hydra.sweeper")
NOWHERE = Application("", False, (), "")


@dataclass(frozen=True)
class JobConfig(TrialConfig):
    """A job's config.

    Attributes:
        job: The overrides that make it.
    """

    job: tuple[str, ...] = ()

    @cached_property
    def text(self) -> str:
        """The config, and what makes the job from its application."""
        return yaml_text({**self.config, NODE: {"overrides": list(self.job)}})


class JobConfigs(TrialConfigs):
    """Composes an application's jobs.

    Args:
        jobs: Composes.
        space: What is searched.
        fixed: Overrides that all jobs share.
    """

    def __init__(self, jobs: Jobs, space: Space, fixed: Sequence[str]) -> None:
        self.jobs = jobs
        self.base = tuple(fixed)
        self.groups = tuple(key for key in space.keys if jobs.options(key))
        self.prefixes = {one.key: one.prefix for one in space.all}

    def overrides(self, values: Mapping[str, Any]) -> tuple[str, ...]:
        """A job's overrides: first what was suggested, then what is fixed, as hydra-optuna-sweeper has them."""
        drawn = (override_text(self.prefixes.get(key, "") + key, value) for key, value in values.items())
        return (*drawn, *self.base)

    def trial(self, values: Mapping[str, Any], number: int = 0) -> TrialConfig:
        """The config of one trial.

        Args:
            values: Suggested values by key.
            number: The trial's.

        Raises:
            ConfigError: It does not compose.
        """
        overrides = self.overrides(values)
        config, choices = self.jobs.resolved(overrides, number)
        config.pop(NODE, None)
        return JobConfig(config, str(choices.get("model") or self.jobs.name), overrides, overrides)

    def shared(self) -> TrialConfig:
        """What all trials share: the config before any value is suggested."""
        config, choices = self.jobs.resolved(self.base, 0)
        return JobConfig(config, str(choices.get("model") or self.jobs.name), self.base, self.base)


@dataclass(frozen=True)
class ApplicationPlan(Plan):
    """A sweep of an application.

    Attributes:
        application: How it was started.
        resume: It goes on with a study.
    """

    application: Application = NOWHERE
    resume: bool = False

    @property
    def stem(self) -> str:
        """What its studies are named after."""
        assert isinstance(self.configs, JobConfigs)
        return self.configs.jobs.name

    def modules(self) -> list[str]:
        """Nothing: its workers load the application from the beginning."""
        return []

    def data_key(self, config: Mapping[str, Any]) -> str | None:  # noqa: ARG002 - as the plan's
        """An application makes its own data."""
        return None

    def settle_in(self, directory: Path) -> None:
        """Keep how the application was started, for its workers; of a study that goes on, its jobs' directory stays.

        Raises:
            ConfigError: Another sweep's jobs lie where these are to go.
        """
        application = self.application
        if self.resume and (directory / APPLICATION_FILE).is_file():
            application = placed(application, directory)
        elif any(Path(application.sweep_dir).glob("*/.hydra")) and not self.resume:
            raise ConfigError(
                f"{application.sweep_dir} holds jobs of an earlier sweep; give another directory, "
                "or go on with its study by hydra.sweeper.resume=true",
                where="hydra.sweep.dir",
            )
        application.write(directory)
        object.__setattr__(self, "application", application)

    def name(self, key: str) -> str:
        """A searched key as its override has it."""
        assert isinstance(self.configs, JobConfigs)
        return self.configs.prefixes.get(key, "") + key


def make_application_plan(
    sweep: SweepFile,
    nodes: Mapping[str, Any],
    params: Mapping[str, Any],
    arguments: Sequence[str],
    jobs: Jobs,
    application: Application,
    *,
    extend: Callable[[Any], None] | None = None,
    resume: bool = False,
) -> ApplicationPlan:
    """Check a sweep of an application.

    Args:
        sweep: What a sweep file would hold.
        nodes: ``sampler``, ``pruner``, ``executor`` and ``tracking``, resolved.
        params: ``hydra.sweeper.params``.
        arguments: The command line's overrides, which go before.
        jobs: Composes.
        application: How it was started.
        extend: Suggests to each of Optuna's trials what is not in the space.
        resume: Go on with a study.

    Raises:
        HoneError: Something is wrong; the message says where.
    """
    entries: dict[str, Entry] = {}
    for text in (*(f"{key}={value}" for key, value in params.items()), *arguments):
        entry = parse_override(text)
        entries[entry.key] = entry
    swept = {one.prefix + one.key: one.text.partition("=")[2] for one in entries.values() if one.sweep is not None}
    fixed = [one.text for one in entries.values() if one.sweep is None]
    empty = extend is not None and not swept
    space = Space(()) if empty else parse_space(swept, f"{WHERE}.params", jobs.options)
    configs = JobConfigs(jobs, space, fixed)
    _check_keys(space, configs)
    more = extend and _remembering(extend, configs)
    plan = ApplicationPlan(
        WHERE,
        sweep.model_copy(update={"space": swept}),
        space,
        (),
        configs,
        dict(nodes),
        tuple(arguments),
        extend=more,
        application=application,
        resume=resume,
    )
    _check_search(plan)
    return plan


def _remembering(extend: Callable[[Any], None], configs: JobConfigs) -> Callable[[Any], None]:
    """Keep which of the names that a function of the user's suggests begin with ``+``."""

    def suggest(trial: Any) -> None:
        extend(trial)
        for name in trial.params:
            key = name.lstrip("+")
            if key != name:
                configs.prefixes[key] = name[: len(name) - len(key)]

    return suggest


def _check_keys(space: Space, configs: JobConfigs) -> None:
    """Compose with each option of each searched group at least once, and look for each searched key."""
    options = {one.key: [str(point) for point in one.points() or ()] for one in space.all if one.key in configs.groups}
    known: set[str] = set()
    for turn in range(max(map(len, options.values()), default=1)):
        chosen = {key: names[turn % len(names)] for key, names in options.items()}
        known.update(configs.jobs.keys(configs.overrides(chosen)))
    for one in space.all:
        if one.key in options or one.prefix or one.key in known:
            continue
        near = did_you_mean(one.key, sorted(known))
        hint = near or f" Did you mean +{one.key}?"
        raise SpaceError(f"no such key in the composed config.{hint}", where=f"{WHERE}.params.{one.key}")
