"""Which code a config from elsewhere may name.

A config is a program: each ``_target_`` in it is called. One that the user composed is the user's own; one that comes
from a run or a file may be anybody's, and may name what training is made of and nothing else. That is judged twice: by
name, before anything is imported; and in the worker, by what the name turns out to be, since ``torch.os.system`` begins
with an allowed package as well.
"""

from __future__ import annotations

import inspect
import re
import sys
from collections.abc import Iterator, Mapping, Sequence
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path
from types import ModuleType
from typing import Any

from hone.errors import ConfigError

LIBRARIES = (
    "torch",
    "pytorch_lightning",
    "lightning",
    "lightning_fabric",
    "torchmetrics",
    "transformers",
    "datasets",
    "optuna",
    "hone",
)
# What training is made of. Of a library only such classes are built: there are others that start processes, open files
# or read pickles as soon as they are made.
KINDS = frozenset(
    {
        "torch.nn.modules.module.Module",
        "torch.optim.optimizer.Optimizer",
        "torch.optim.lr_scheduler.LRScheduler",
        "torch.optim.lr_scheduler._LRScheduler",
        "torch.utils.data.sampler.Sampler",
        "torch.utils.data.dataloader.DataLoader",
        "transformers.configuration_utils.PreTrainedConfig",
        "transformers.configuration_utils.PretrainedConfig",
        "optuna.samplers._base.BaseSampler",
        "optuna.pruners._base.BasePruner",
        *(
            f"{package}.{one}"
            for package in ("pytorch_lightning", "lightning.pytorch")
            for one in (
                "core.datamodule.LightningDataModule",
                "trainer.trainer.Trainer",
                "callbacks.callback.Callback",
                "strategies.strategy.Strategy",
                "accelerators.accelerator.Accelerator",
                "plugins.precision.precision.Precision",
                "profilers.profiler.Profiler",
            )
        ),
    }
)
# The data sets that put others together. Other libraries' read pickles, some as soon as they are made.
DATASETS = "torch.utils.data.dataset"
# Functions that make schedules and the parts of hone's own tasks: looked through, and harmless.
FUNCTIONS = ("hone.training.schedules", "hone.tasks", "transformers.optimization")
NAME = re.compile(r"[A-Za-z]\w*(\.[A-Za-z]\w*)+")
REFERENCE = re.compile(r"\$\{[\w.\[\]]*\}")


def check_texts(content: Mapping[str, Any], source: str) -> None:
    """Refuse a config that computes: a resolver reads environment variables, or whatever it was registered for.

    Args:
        content: As it stands in the file, not resolved.
        source: The file or run, for messages.

    Raises:
        ConfigError: A value calls a resolver; the message names its key.
    """
    for key, value in _leaves(content):
        left, before = value, ""
        while left != before:
            # Inner references first, so that nothing is put together from two.
            left, before = REFERENCE.sub("", left), left
        if "${" in left:
            raise ConfigError(f"{value!r} computes its value; a config from elsewhere may not", f"{source}: {key}")


def check_names(config: Mapping[str, Any], allowed: Sequence[str], source: str) -> None:
    """Refuse a config that names what lies outside of the allowed packages; nothing is imported.

    Args:
        config: Resolved.
        allowed: Packages, modules or full names that the user trusts beside those that are always allowed.
        source: The file or run, for messages.

    Raises:
        ConfigError: A ``_target_`` is not allowed; the message names its key.
    """
    for key, value in _leaves(config):
        if "${" in value:
            raise ConfigError(f"{value!r} computes its value; a config from elsewhere may not", f"{source}: {key}")
    for key, target in targets(config):
        if not isinstance(target, str) or not NAME.fullmatch(target) or "__" in target:
            raise ConfigError(f"{target!r} names no class", where=f"{source}: {key}")
        if not is_allowed(target, allowed):
            raise _refused(target, "lies outside of what a config from elsewhere may name", key, source)


def check_objects(config: Mapping[str, Any], allowed: Sequence[str], source: str) -> None:
    """Refuse a config whose names turn out to be something else than training is made of.

    Args:
        config: Resolved, its names checked.
        allowed: What the user trusts.
        source: The file or run, for messages.

    Raises:
        ConfigError: A ``_target_`` is reached through another package, is defined in one, or is a function where a
            class belongs; the message names its key.
    """
    check_names(config, allowed, source)
    for key, target in targets(config):
        reason = _objection(target, allowed, of_objective=key.split(".")[0] == "objective")
        if reason:
            raise _refused(target, reason, key, source)


def targets(node: Any, key: str = "") -> Iterator[tuple[str, Any]]:
    """Every ``_target_`` of a config with its key, in lists and below other targets too; null ones build nothing."""
    if isinstance(node, Mapping):
        for name, value in node.items():
            place = f"{key}.{name}" if key else str(name)
            if name == "_target_" and value is not None:
                yield place, value
            else:
                yield from targets(value, place)
    elif isinstance(node, list | tuple):
        for number, value in enumerate(node):
            yield from targets(value, f"{key}[{number}]")


def is_allowed(name: str, allowed: Sequence[str]) -> bool:
    """Whether a dotted name lies in a library that is always allowed, in the project, or in what the user names."""
    top = name.partition(".")[0]
    return top in LIBRARIES or _is_named(name, allowed) or is_project(top)


def is_project(top: str) -> bool:
    """Whether a top-level module is the user's own: importable from here, not installed, not Python's."""
    if top in sys.stdlib_module_names or top in LIBRARIES:
        return False
    try:
        found = find_spec(top)
    except (ImportError, ValueError):
        return False
    places = [*(found.submodule_search_locations or ()), found.origin or ""] if found else []
    paths = [Path(one).resolve() for one in places if one not in ("", "built-in", "frozen")]
    library = Path(inspect.__file__).resolve().parent
    return bool(paths) and not any(
        one.is_relative_to(library) or {"site-packages", "dist-packages"} & set(one.parts) for one in paths
    )


def _objection(target: str, allowed: Sequence[str], *, of_objective: bool) -> str | None:
    """Why an object may not be called; None where it may."""
    found, strange = _walk(target, allowed)
    if strange is not None:
        return f"reaches {strange}"
    real = getattr(found, "__module__", None) or ""
    name = f"{real}.{getattr(found, '__qualname__', '')}"
    if not real or not is_allowed(name, allowed):
        return f"is {name}"
    if _is_named(target, allowed) or _is_named(name, allowed):
        return None
    own = is_project(real.partition(".")[0])
    if not inspect.isclass(found):
        harmless = inspect.isfunction(found) and _is_named(real, FUNCTIONS)
        return (
            None if harmless or (own and of_objective and inspect.isfunction(found)) else "is a function, not a class"
        )
    if own or _is_named(real, FUNCTIONS) or real == DATASETS:
        return None
    kinds = {f"{one.__module__}.{one.__qualname__}" for one in found.__mro__}
    return None if kinds & KINDS else "is no model, data, optimizer, callback or other part of training"


def _walk(target: str, allowed: Sequence[str]) -> tuple[Any, str | None]:
    """Follow a dotted name as Hydra does; gives what it leads to, or the strange module that it passes through.

    Raises:
        ConfigError: It leads nowhere.
    """
    first, *rest = target.split(".")
    path, found = first, _imported(first)
    for part in rest:
        path = f"{path}.{part}"
        found = getattr(found, part) if hasattr(found, part) else _imported(path)
        if isinstance(found, ModuleType) and not is_allowed(f"{found.__name__}.", allowed):
            return found, f"the module {found.__name__}"
    return found, None


def _imported(name: str) -> Any:
    try:
        return import_module(name)
    except Exception as error:
        raise ConfigError(f"cannot import {name!r}: {str(error).splitlines()[0]}", where="_target_") from error


def _is_named(name: str, allowed: Sequence[str]) -> bool:
    return any(name == one or name.startswith(f"{one}.") for one in allowed)


def _refused(target: str, reason: str, key: str, source: str) -> ConfigError:
    trusted = f"--allow {target} if you trust it" if NAME.fullmatch(target) else "refused"
    return ConfigError(f"{target} {reason}; {trusted}", where=f"{source}: {key}")


def _leaves(node: Any, key: str = "") -> Iterator[tuple[str, str]]:
    """Every text of a config with its key, and every key that is itself a text with a dollar in it."""
    if isinstance(node, Mapping):
        for name, value in node.items():
            place = f"{key}.{name}" if key else str(name)
            yield place, str(name)
            yield from _leaves(value, place)
    elif isinstance(node, list | tuple):
        for number, value in enumerate(node):
            yield from _leaves(value, f"{key}[{number}]")
    elif isinstance(node, str):
        yield key, node
