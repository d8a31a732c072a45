"""What stands under ``hydra.sweeper``, checked."""

from __future__ import annotations

import functools
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from omegaconf import DictConfig, OmegaConf

from hone.config.build import locate, signature_of
from hone.config.shipped import shipped_option
from hone.errors import ConfigError, did_you_mean
from hone.study import study_names
from hone.sweep.file import SweepFile, validated
from hydra_plugins.hone_sweeper.config import SWEEPER

WHERE = "hydra.sweeper"
KEYS = {"sampler", *SWEEPER} - {"defaults", "_target_", "_recursive_"}
# Samplers in place of one that must be told the space beforehand, and of one that Optuna no longer has.
INSTEAD = {
    "optuna.samplers.GridSampler": "optuna.samplers.BruteForceSampler",
    "optuna.samplers.MOTPESampler": "optuna.samplers.TPESampler",
}


@dataclass(frozen=True)
class Settings:
    """What a sweep is planned from.

    Attributes:
        sweep: What a sweep file would hold, its space left out.
        nodes: ``sampler``, ``pruner``, ``executor`` and ``tracking``, resolved.
        params: ``hydra.sweeper.params``.
        extend: Suggests what ``custom_search_space`` does.
        resume: Go on with a study.
    """

    sweep: SweepFile
    nodes: dict[str, Any]
    params: dict[str, Any]
    extend: Callable[[Any], None] | None
    resume: bool


def read_settings(settings: Mapping[str, Any], master: DictConfig) -> Settings:
    """Check what stands under ``hydra.sweeper``.

    Args:
        settings: As Hydra gave it.
        master: What Hydra composed for the sweep.

    Raises:
        HoneError: A key or a value is wrong.
    """
    given = {key: _plain(value) for key, value in settings.items()}
    for key in given:
        if key not in KEYS:
            known = sorted(KEYS)
            raise ConfigError(
                f"no such key.{did_you_mean(key, known)} There are: {', '.join(known)}.", f"{WHERE}.{key}"
            )
    content = _content(given, master)
    sweep = validated(content, Path(WHERE))
    nodes = _nodes(given, master)
    return Settings(sweep, nodes, given.get("params") or {}, _extension(given, master), _resumes(given, sweep, nodes))


def _plain(value: Any) -> Any:
    if OmegaConf.is_config(value):
        return OmegaConf.to_container(value, resolve=True, enum_to_str=True)
    return getattr(value, "name", value)


def _content(given: Mapping[str, Any], master: DictConfig) -> dict[str, Any]:
    """The same as a sweep file has it."""
    directions = given.get("direction") or "minimize"
    failure = _said(given.get("failure"))
    if given.get("max_failure_rate") is not None:
        failure.setdefault("max_failure_rate", given["max_failure_rate"])
        if not given["max_failure_rate"]:
            failure.setdefault("min_trials", 1)
    # Only who reports shows life: an application is let be, unless its user says how long.
    failure.setdefault("stall", None)
    return {
        "metric": _metrics(given.get("metric"), directions, master),
        "direction": directions,
        "trials": given.get("n_trials"),
        "timeout": given.get("timeout"),
        "pruner": given["pruner"] if isinstance(given.get("pruner"), str) else "none",
        "enqueue": given.get("enqueue") or [],
        "resources": _said(given.get("resources")),
        "failure": failure,
        "study": {"name": given.get("study_name"), "storage": given.get("storage")},
    }


def _metrics(named: Any, directions: Any, master: DictConfig) -> Any:
    """What the objectives are called: as the user says, as the application's own config does, or by their place."""
    if named:
        return named
    count = len(directions) if isinstance(directions, list) else 1
    if count > 1:
        return [f"value_{place}" for place in range(count)]
    found = OmegaConf.select(master, "optimized_metric", throw_on_missing=False)
    return found if isinstance(found, str) and found else "value"


def _said(section: Any) -> dict[str, Any]:
    return {key: value for key, value in (section or {}).items() if value is not None}


def _nodes(given: Mapping[str, Any], master: DictConfig) -> dict[str, Any]:
    around = {"seed": None, "trainer": {"max_epochs": "auto"}}
    tracking = shipped_option("tracking", "mlflow", around, f"{WHERE}.tracking")
    executor = given.get("executor")
    name = executor if isinstance(executor, str) else "local"
    chosen = shipped_option("executor", name, around, f"{WHERE}.executor")
    chosen |= {} if isinstance(executor, str) else _said(executor)
    if given.get("n_jobs") is not None and chosen.get("max_parallel") is None:
        chosen["max_parallel"] = given["n_jobs"]
    return {
        "sampler": _sampler(given.get("sampler")),
        "pruner": _pruner(given.get("pruner"), master),
        "executor": chosen,
        "tracking": tracking | _said(given.get("tracking")),
    }


def _sampler(node: Any) -> dict[str, Any]:
    if not isinstance(node, Mapping) or not node.get("_target_"):
        raise ConfigError("must name one of Optuna's by _target_", where=f"{WHERE}.sampler")
    target = INSTEAD.get(str(node["_target_"]), str(node["_target_"]))
    said = {key: value for key, value in node.items() if value is not None and key not in ("_target_", "_partial_")}
    known = signature_of(locate(target, f"{WHERE}.sampler")) or {}
    if target in INSTEAD.values():
        said = {key: value for key, value in said.items() if key in known}
    return {"_target_": target, **said}


def _pruner(pruner: Any, master: DictConfig) -> dict[str, Any]:
    if isinstance(pruner, Mapping):
        return dict(pruner)
    epochs = OmegaConf.select(master, "trainer.max_epochs", throw_on_missing=False)
    around = {"seed": None, "trainer": {"max_epochs": epochs if isinstance(epochs, int) and epochs > 0 else "auto"}}
    return shipped_option("pruner", str(pruner or "none"), around, f"{WHERE}.pruner")


def _extension(given: Mapping[str, Any], master: DictConfig) -> Callable[[Any], None] | None:
    target = given.get("custom_search_space")
    return functools.partial(locate(str(target), f"{WHERE}.custom_search_space"), master) if target else None


def _resumes(given: Mapping[str, Any], sweep: SweepFile, nodes: Mapping[str, Any]) -> bool:
    """Whether the sweep goes on with a study: as the user says, else with one of that name where there is one."""
    if given.get("resume") is not None:
        return bool(given["resume"])
    name = sweep.study.name
    root = Path(nodes["tracking"]["directory"]).absolute()
    return name is not None and name in study_names(sweep.study.storage, root / "studies")
