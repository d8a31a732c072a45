"""From a sweep file and a command line to a plan: everything that can be wrong is found before anything starts."""

from __future__ import annotations

import hashlib
import json
import math
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

from hone.config.build import build
from hone.config.compose import Composer, resolve
from hone.config.sweeps import parse_override
from hone.config.targets import target_modules
from hone.errors import SpaceError, SweepFileError
from hone.executors.warm import TRAINING
from hone.space import Constraint, Space, parse_constraints, parse_space
from hone.study import PriorTrial, seed_of
from hone.sweep.configs import CONTROLLER_NODES, TrialConfigs
from hone.sweep.file import SweepFile, load_sweep_file
from hone.sweep.searched import Fixed, check_space, groups_of, place

# Each kind of data that trials share stays in memory.
MOST_DATA = 8
GRIDS = ("BruteForceSampler", "GridSampler")
MODES = {"maximize": "max", "minimize": "min"}


@dataclass(frozen=True)
class Plan:
    """A sweep, checked and ready to run.

    Attributes:
        path: The sweep file.
        sweep: Its content, the command line applied.
        space: What is searched.
        constraints: What a trial's metrics must keep.
        configs: Gives each trial its config.
        config: The composed config on which the trials stand, resolved; the controller's nodes are in it.
        overrides: What was written beyond the sweep file.
        steady: The sampler is seeded anew for each trial by its number, so that what it suggests depends on nothing but
            the results so far: a study that was killed and resumed asks for what it would have asked for.
        prior: Trials of earlier studies that the sampler learns from.
        extend: Suggests to each of Optuna's trials what is not in the space.
    """

    path: Path
    sweep: SweepFile
    space: Space
    constraints: tuple[Constraint, ...]
    configs: TrialConfigs
    config: dict[str, Any]
    overrides: tuple[str, ...]
    steady: bool = False
    prior: tuple[PriorTrial, ...] = ()
    extend: Callable[[Any], None] | None = None

    def settle_in(self, directory: Path) -> None:
        """Get ready to run trials in a study's directory, which is there."""

    @property
    def trials(self) -> int:
        """How many trials there are to be; no more than a grid has points."""
        return int(min(self.sweep.trials, self.space.size())) if self.grid else self.sweep.trials

    @property
    def grid(self) -> bool:
        """Whether the sampler tries each point of the space once."""
        return str(self.config["sampler"].get("_target_")).endswith(GRIDS)

    @property
    def objectives(self) -> tuple[str, ...]:
        """Metrics that a trial must log: its objectives, then those with a bound."""
        return tuple(dict.fromkeys((*self.sweep.metrics, *(one.metric for one in self.constraints))))

    @property
    def stem(self) -> str:
        """What studies of this file are named after."""
        return self.path.stem

    def sampler(self, asked: int = 0) -> Any:
        """The Optuna sampler.

        Args:
            asked: How many trials the study has had. A seed alone would make a sampler that takes up a study draw its
                first values over again.
        """
        node = self.config["sampler"]
        if asked and isinstance(node.get("seed"), int):
            node = {**node, "seed": seed_of(node["seed"], asked)}
        return build(node, "sampler")

    def pruner(self) -> Any:
        """The Optuna pruner."""
        return build(self.config["pruner"], "pruner")

    def modules(self) -> list[str]:
        """What trials import, for their workers to import beforehand."""
        if self.config.get("objective"):
            return [*target_modules(self.config["objective"]), "hone.worker.objective", "hone.config.files"]
        nodes = {name: node for name, node in self.config.items() if name not in CONTROLLER_NODES}
        return [TRAINING, *target_modules(nodes)]

    def data_key(self, config: Mapping[str, Any]) -> str | None:
        """Name what a trial's data is made from, for the trials that share it.

        Args:
            config: The trial's.

        Returns:
            A digest of its data's config and seed; None where each trial has data of its own.
        """
        if config.get("objective") or self._varied:
            return None
        content = json.dumps([config.get("data"), config.get("seed")], sort_keys=True, default=str)
        return hashlib.sha256(content.encode()).hexdigest()[:16]

    @cached_property
    def _varied(self) -> bool:
        """Whether there are too many kinds of data to hold each in memory."""
        counts = [one.count for one in self.space.all if one.key.split(".")[0].split("@")[0] == "data"]
        return math.prod(counts) > MOST_DATA


def make_plan(
    path: Path, overrides: Sequence[str], config_dir: Path | None = None, config_name: str = "config"
) -> Plan:
    """Read, compose and check a sweep.

    Args:
        path: The sweep file.
        overrides: The command line's: keys of the sweep file, sweeps over more keys, and Hydra overrides. A fixed
            override takes its key out of the space; a sweep replaces the file's.
        config_dir: The user's config directory.
        config_name: The primary config.

    Returns:
        The plan.

    Raises:
        HoneError: Something is wrong; the message says where.
    """
    sweep, others = load_sweep_file(path, overrides)
    entries = [parse_override(one) for one in others]
    fixed = [one.text for one in entries if one.sweep is None]
    swept = {one.prefix + one.key: one.text.partition("=")[2] for one in entries if one.sweep is not None}
    dropped = {one.key for one in entries if one.sweep is None}
    texts = _less(sweep.space, dropped)
    when = {condition: left for condition, part in sweep.when.items() if (left := _less(part, dropped))}
    composer = Composer(config_dir, config_name)
    groups = composer.groups()
    space = parse_space({**texts, **swept}, f"{path}: space", lambda key: groups.get(key, ()), when)
    constraints = parse_constraints(sweep.constraints, f"{path}: constraints")
    objective = [f"++monitor='{sweep.metric}'", f"++mode={MODES[sweep.direction]}"]
    chosen = [f"sampler={sweep.sampler}", f"pruner={sweep.pruner}"]
    base = [*objective, *_checked_base(sweep.base, path), *chosen, *fixed]
    base += _devices(sweep, base)
    configs = TrialConfigs(composer, base, groups_of(space, composer))
    space = space.under(Fixed(configs, path))
    if not space.all:
        raise SpaceError("is empty; give at least one key to search, such as optimizer.lr", where=f"{path}: space")
    check_space(space, configs, groups, path)
    whole = resolve(configs.composed({}), complete=False)
    plan = Plan(path, sweep, space, constraints, configs, whole, tuple(overrides))
    _check_search(plan)
    return plan


def _less(entries: Mapping[str, str], dropped: Collection[str]) -> dict[str, str]:
    return {key: text for key, text in entries.items() if key.lstrip("+") not in dropped}


def _devices(sweep: SweepFile, base: Sequence[str]) -> list[str]:
    """A trial that is given several devices trains on all of them, unless its config says how."""
    gpus, nodes = sweep.resources.gpus, sweep.resources.nodes
    count = gpus if isinstance(gpus, int) else 0
    if count < 2 and nodes == 1:
        return []
    said = {one.split("=")[0].lstrip("+") for one in base}
    wanted = {"trainer.devices": max(1, count // nodes), "trainer.strategy": "ddp"}
    wanted |= {"trainer.num_nodes": nodes} if nodes > 1 else {}
    return [f"++{key}={value}" for key, value in wanted.items() if key not in said]


def _check_search(plan: Plan) -> None:
    """Refuse what Optuna would refuse at some later trial, or never be done with."""
    if plan.grid:
        for one in plan.space.all:
            if one.points() is None:
                raise SpaceError(
                    f"a grid cannot count {one.text}; give choice(...) or range(...), or another sampler",
                    where=f"{plan.path}: {place(one)}",
                )
    if len(plan.sweep.metrics) > 1 and plan.sweep.pruner != "none":
        raise SweepFileError(
            "a pruner judges one metric; leave it out, or give one metric", where=f"{plan.path}: pruner"
        )
    repeated = [one for one in plan.sweep.constraints if one in plan.sweep.metrics]
    if repeated:
        raise SweepFileError("is an objective already", where=f"{plan.path}: constraints.{repeated[0]}")
    for number, known in enumerate(plan.sweep.enqueue):
        if isinstance(known, dict):
            plan.space.drawn(known, f"{plan.path}: enqueue[{number}]")


def _checked_base(base: Sequence[str], path: Path) -> list[str]:
    for number, text in enumerate(base):
        if parse_override(text).sweep is not None:
            raise SweepFileError("sweeps over values; move it to space", where=f"{path}: base[{number}]")
    return list(base)
