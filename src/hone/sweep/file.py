"""The sweep file: a whole, reviewable experiment, validated before anything starts."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field, PositiveInt, ValidationError, field_validator

from hone.config.files import read_yaml
from hone.config.sweeps import parse_override
from hone.errors import SweepFileError, did_you_mean

LATER = {
    "when": "conditional parts of the space",
    "constraints": "constraints",
    "enqueue": "trials to begin with",
}
SECONDS = {"s": 1.0, "m": 60.0, "h": 3_600.0, "d": 86_400.0}
SECTIONS = {"resources", "failure", "study"}
STUDY_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]*")
DURATION = re.compile(r"(\d+(?:\.\d+)?)\s*([smhd])")


class _Section(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class ResourcesSection(_Section):
    """What one trial asks for."""

    gpus: int | None = Field(default=None, ge=0)
    cpus: PositiveInt | None = None

    @field_validator("gpus", mode="before")
    @classmethod
    def _whole(cls, value: Any) -> Any:
        if isinstance(value, float) and not value.is_integer():
            raise ValueError(f"shares of a GPU are not supported yet; give a whole number, not {value}")
        return value


class FailureSection(_Section):
    """What becomes of trials that fail."""

    retries: int = Field(default=0, ge=0)
    max_failure_rate: float = Field(default=0.5, ge=0, le=1)


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
        metric: The objective, as training logs it.
        direction: ``maximize`` or ``minimize``.
        trials: The total for the study.
        timeout: Seconds after which no trial is started any more; those that run then finish. None for no limit.
        sampler: An option of ``conf/sampler``.
        pruner: An option of ``conf/pruner``.
        space: Key to sweep, in Hydra's sweep grammar.
        resources: What one trial asks for.
        failure: What becomes of trials that fail.
        study: Which study the trials belong to.
    """

    base: tuple[str, ...] = ()
    metric: str = Field(min_length=1)
    direction: Literal["maximize", "minimize"]
    trials: PositiveInt
    timeout: float | None = None
    sampler: str = "tpe"
    pruner: str = "none"
    space: dict[str, str]
    resources: ResourcesSection = ResourcesSection()
    failure: FailureSection = FailureSection()
    study: StudySection = StudySection()

    @field_validator("metric", "direction", mode="before")
    @classmethod
    def _single(cls, value: Any) -> Any:
        if isinstance(value, list | tuple):
            raise ValueError("several objectives are not supported yet; give one")
        return value

    @field_validator("timeout", mode="before")
    @classmethod
    def _duration(cls, value: Any) -> Any:
        if value is None or isinstance(value, int | float):
            return value
        parts = DURATION.findall(str(value))
        if not parts or DURATION.sub("", str(value)).strip():
            raise ValueError("give a duration such as 90s, 30m, 2h or 1h 30m")
        return sum(float(count) * SECONDS[unit] for count, unit in parts)

    @field_validator("space", mode="before")
    @classmethod
    def _texts(cls, value: Any) -> Any:
        return {str(key): str(text) for key, text in value.items()} if isinstance(value, Mapping) else value


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
    _refuse_later(content, path)
    try:
        return SweepFile.model_validate(content), others
    except ValidationError as error:
        raise _explained(error, path) from error


def _replace(content: dict[str, Any], override: str) -> bool:
    first, dot, rest = override.split("=")[0].partition(".")
    known = SECTIONS if dot else set(SweepFile.model_fields) - SECTIONS - {"space"}
    if "=" not in override or first not in known:
        return False
    value = parse_override(override).value
    content[first] = {**(content.get(first) or {}), rest: value} if dot else value
    return True


def _refuse_later(content: Mapping[str, Any], path: Path) -> None:
    for key, meaning in LATER.items():
        if content.get(key):
            raise SweepFileError(f"{meaning} are not supported yet; leave this section out", where=f"{path}: {key}")


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
    message = wrong["msg"].removeprefix("Value error, ")
    given = "" if isinstance(wrong["input"], dict | list) or "not" in message else f", not {wrong['input']!r}"
    return SweepFileError(f"{message[0].lower()}{message[1:]}{given}", where=where)


def _keys_beside(steps: Sequence[str]) -> list[str]:
    section: type[BaseModel] = SweepFile
    for step in steps[:-1]:
        inner = section.model_fields[step].annotation
        assert isinstance(inner, type)
        section = inner
    return list(section.model_fields)
