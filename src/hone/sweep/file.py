"""The sweep file: a whole, reviewable experiment, validated before anything starts."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Annotated, Any, Literal, Self

from pydantic import (
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    PositiveInt,
    ValidationError,
    ValidationInfo,
    field_validator,
    model_validator,
)

from hone.config.files import read_yaml
from hone.config.sweeps import parse_override
from hone.errors import SweepFileError, did_you_mean
from hone.sweep.feedback import FeedbackSection

SECONDS = {"s": 1.0, "m": 60.0, "h": 3_600.0, "d": 86_400.0}
BYTES = {"": 1, "K": 10**3, "M": 10**6, "G": 10**9, "T": 10**12}
SECTIONS = {"resources", "failure", "disk", "study", "feedback"}
KINDS = ("oom", "diverged", "error", "crash", "timeout", "preempted")
SIZE = re.compile(r"(\d+(?:\.\d+)?)\s*([KMGT]?)i?B?", re.IGNORECASE)
STUDY_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]*")
DURATION = re.compile(r"(\d+(?:\.\d+)?)\s*([smhd])")


class _Section(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


def seconds_of(value: Any) -> Any:
    """Seconds of a duration such as ``90s``, ``30m``, ``2h`` or ``1h 30m``.

    Raises:
        ValueError: It is no duration.
    """
    if value is None or isinstance(value, int | float):
        return value
    parts = DURATION.findall(str(value))
    if not parts or DURATION.sub("", str(value)).strip():
        raise ValueError("give a duration such as 90s, 30m, 2h or 1h 30m")
    return sum(float(count) * SECONDS[unit] for count, unit in parts)


def bytes_of(value: Any) -> Any:
    """Bytes of a size such as ``500MB``, ``8GB`` or ``1.5TB``.

    Raises:
        ValueError: It is no size.
    """
    if value is None or isinstance(value, int | float):
        return value
    found = SIZE.fullmatch(str(value).strip())
    if found is None:
        raise ValueError("give a size such as 500MB, 8GB or 1.5TB")
    return int(float(found[1]) * BYTES[found[2].upper()])


Duration = Annotated[float | None, BeforeValidator(seconds_of)]
Size = Annotated[int | None, BeforeValidator(bytes_of)]


class ResourcesSection(_Section):
    """What one trial asks for.

    Attributes:
        gpus: Devices; below 1 a share of one, above 1 with DDP inside the trial, ``auto`` for as many trials on a
            device as the first one's memory shows to fit.
        cpus: Threads.
        memory: Bytes of host memory that a trial may take.
        nodes: Machines of a cluster that one trial runs on: its GPUs are spread evenly over them, and it has the CPUs
            and memory on each.
    """

    gpus: int | float | Literal["auto"] | None = None
    cpus: PositiveInt | None = None
    memory: Size = Field(default=None, gt=0)
    nodes: PositiveInt = 1

    @field_validator("gpus", mode="after")
    @classmethod
    def _countable(cls, value: Any) -> Any:
        if isinstance(value, float) and (value < 0 or (value > 1 and not value.is_integer())):
            raise ValueError(f"give a share below 1, a whole number, or auto, not {value:g}")
        return int(value) if isinstance(value, float) and value.is_integer() else value

    @model_validator(mode="after")
    def _evenly(self) -> Self:
        if self.nodes > 1 and (not isinstance(self.gpus, int | None) or (self.gpus or 0) % self.nodes):
            raise ValueError(f"gpus must be a multiple of nodes={self.nodes}, not {self.gpus}")
        return self


Policy = Literal["retry", "infeasible", "fail", "stop"]


class FailureSection(_Section):
    """What becomes of trials that fail.

    Attributes:
        retries: How often a trial that failed is taken up again, from its last checkpoint where it has one.
        max_failure_rate: The share of failed trials at which the sweep ends.
        min_trials: Before so many trials have ended, no share is judged.
        timeout: Seconds that one trial may take.
        stall: Seconds without any sign of life of a trial that trains.
        grace: Seconds that a trial is given to save its state when it must stop.
        oom: What follows a trial that ran out of memory.
        diverged: What follows a loss or an objective that became NaN or infinite.
        error: What follows an exception.
        crash: What follows a worker that died.
    """

    retries: int = Field(default=1, ge=0)
    max_failure_rate: float = Field(default=0.5, ge=0, le=1)
    min_trials: PositiveInt = 4
    timeout: Duration = Field(default=None, gt=0)
    stall: Duration = Field(default=1_800.0, gt=0)
    grace: Annotated[float, BeforeValidator(seconds_of)] = Field(default=30.0, ge=0)
    oom: Policy = "infeasible"
    diverged: Policy = "infeasible"
    error: Policy = "retry"
    crash: Policy = "retry"

    def policy(self, kind: str) -> str:
        """What follows a kind of failure."""
        return {"timeout": "fail", "preempted": "retry"}.get(kind) or str(getattr(self, kind))


class DiskSection(_Section):
    """What the sweep as a whole may keep on disk.

    Attributes:
        keep: Trials whose best checkpoint is kept, the best ones.
        budget: Bytes of checkpoints; the least promising go first.
        reserve: Bytes of the file system that are left free; below it the sweep pauses.
    """

    keep: int = Field(default=3, ge=1)
    budget: Size = Field(default=None, gt=0)
    reserve: Annotated[int, BeforeValidator(bytes_of)] = Field(default=50_000_000, ge=0)


class StudySection(_Section):
    """Which study the trials belong to, and where it is kept."""

    name: str | None = None
    storage: str | None = None

    @field_validator("name")
    @classmethod
    def _folder(cls, value: str | None) -> str | None:
        if value is not None and not STUDY_NAME.fullmatch(value):
            raise ValueError(f"may hold letters, digits, dots, dashes and underscores, not {value!r}")
        return value


class SweepFile(_Section):
    """A validated sweep file.

    Attributes:
        base: Hydra overrides, applied before the command line's.
        metrics: The objectives, as training logs them: one, or several for a Pareto front. ``metric`` in the file.
        directions: ``maximize`` or ``minimize`` for each. ``direction`` in the file.
        trials: The total for the study.
        timeout: Seconds after which no trial is started any more; those that run then finish. None for no limit.
        sampler: An option of ``conf/sampler``.
        pruner: An option of ``conf/pruner``.
        space: Key to sweep, in Hydra's sweep grammar.
        when: Condition to more of the space.
        constraints: Metric to the bound that it must keep.
        enqueue: Trials to begin with: values, or runs to take them from.
        resources: What one trial asks for.
        failure: What becomes of trials that fail.
        disk: What may be kept.
        study: Which study the trials belong to.
        warm_start: Studies of similar tasks, whose best are tried first and whose importances a loop minds.
        learn_from: Earlier studies of the same metric, whose trials the sampler learns from as if they were this one's;
            a mapping gives the condition on which one of each counts, such as ``{digits-1: model=mlp}``.
        feedback: What a loop may change from round to round.
    """

    base: tuple[str, ...] = ()
    metrics: tuple[str, ...] = Field(alias="metric", min_length=1)
    directions: tuple[Literal["maximize", "minimize"], ...] = Field(alias="direction", min_length=1)
    trials: PositiveInt
    timeout: Duration = None
    sampler: str = "tpe"
    pruner: str = "none"
    space: dict[str, str] = Field(default_factory=dict)
    when: dict[str, dict[str, str]] = Field(default_factory=dict)
    constraints: dict[str, str] = Field(default_factory=dict)
    enqueue: tuple[dict[str, Any] | str, ...] = ()
    resources: ResourcesSection = ResourcesSection()
    failure: FailureSection = FailureSection()
    disk: DiskSection = DiskSection()
    study: StudySection = StudySection()
    warm_start: tuple[str, ...] = ()
    learn_from: dict[str, str] = Field(default_factory=dict)
    feedback: FeedbackSection = FeedbackSection()

    @property
    def metric(self) -> str:
        """The first objective: what checkpoints are judged by."""
        return self.metrics[0]

    @property
    def direction(self) -> str:
        """The first objective's direction."""
        return self.directions[0]

    @field_validator("metrics", "directions", mode="before")
    @classmethod
    def _several(cls, value: Any) -> Any:
        return (value,) if isinstance(value, str) else value

    @field_validator("directions", mode="after")
    @classmethod
    def _for_each(cls, value: tuple[str, ...], info: ValidationInfo) -> Any:
        metrics = info.data.get("metrics")
        if metrics and len(value) != len(metrics):
            raise ValueError(f"give one for each of the {len(metrics)} metrics, not {len(value)}")
        return value

    @field_validator("space", "constraints", mode="before")
    @classmethod
    def _texts(cls, value: Any) -> Any:
        return {str(key): str(text) for key, text in value.items()} if isinstance(value, Mapping) else value

    @field_validator("when", mode="before")
    @classmethod
    def _sections(cls, value: Any) -> Any:
        if not isinstance(value, Mapping):
            return value
        return {str(key): cls._texts(part) for key, part in value.items()}

    @field_validator("learn_from", mode="before")
    @classmethod
    def _without_conditions(cls, value: Any) -> Any:
        names = [value] if isinstance(value, str) else value
        return dict.fromkeys(map(str, names), "") if isinstance(names, list | tuple) else value

    @field_validator("enqueue", "warm_start", mode="before")
    @classmethod
    def _listed(cls, value: Any) -> Any:
        return [value] if isinstance(value, str | Mapping) else value


def load_sweep_file(path: Path, overrides: Sequence[str] = ()) -> tuple[SweepFile, list[str]]:
    """Read and validate a sweep file.

    Args:
        path: The file.
        overrides: The command line's. One whose key is a key of the sweep file, such as ``trials=40`` or
            ``study.name=first``, replaces the file's.

    Returns:
        The sweep, and the overrides that are not of the sweep file: Hydra's.

    Raises:
        SweepFileError: A key is unknown, missing, or its value wrong.
        ConfigError: The file is missing or not YAML.
    """
    content = read_yaml(path)
    others = [one for one in overrides if not _replace(content, one)]
    return validated(content, path), others


def validated(content: Mapping[str, Any], path: Path) -> SweepFile:
    """Check what a sweep file holds.

    Args:
        content: Its content.
        path: The file, or what stands for it, for messages.

    Raises:
        SweepFileError: A key is unknown, missing, or its value wrong.
    """
    try:
        return SweepFile.model_validate(content)
    except ValidationError as error:
        raise _explained(error, path) from error


def _replace(content: dict[str, Any], override: str) -> bool:
    first, dot, rest = override.split("=")[0].partition(".")
    known = SECTIONS if dot else set(_keys(SweepFile)) - SECTIONS - {"space", "when", "constraints", "enqueue"}
    if "=" not in override or first not in known:
        return False
    value = parse_override(override).value
    content[first] = {**(content.get(first) or {}), rest: value} if dot else value
    return True


def _explained(error: ValidationError, path: Path) -> SweepFileError:
    wrong = error.errors()[0]
    steps = [str(one) for one in wrong["loc"]]
    where = f"{path}: {'.'.join(steps)}"
    if wrong["type"] == "extra_forbidden":
        known = _keys_beside(steps)
        near = did_you_mean(steps[-1], known)
        return SweepFileError(f"no such key.{near} There are: {', '.join(known)}.", where=where)
    if wrong["type"] == "missing":
        return SweepFileError("is missing", where=where)
    if len(steps) > 1 and steps[0] in ("enqueue", "resources", "metric", "direction"):
        # What follows is pydantic's own: the branch of a union, or the place in a list of one.
        steps = steps[: 1 if steps[0] in ("metric", "direction") else 2]
        where = f"{path}: {'.'.join(steps)}"
    message = wrong["msg"].removeprefix("Value error, ")
    given = "" if isinstance(wrong["input"], dict | list) or "not" in message else f", not {wrong['input']!r}"
    return SweepFileError(f"{message[0].lower()}{message[1:]}{given}", where=where)


def _keys_beside(steps: Sequence[str]) -> list[str]:
    section: type[BaseModel] = SweepFile
    for step in steps[:-1]:
        inner = section.model_fields[step].annotation
        assert isinstance(inner, type)
        section = inner
    return _keys(section)


def _keys(section: type[BaseModel]) -> list[str]:
    return [field.alias or name for name, field in section.model_fields.items()]
