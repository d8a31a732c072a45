"""Each trial's own config, composed once for each choice of groups and not once for each trial."""

from __future__ import annotations

import copy
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import yaml
from omegaconf import DictConfig, OmegaConf, open_dict

from hone.config.compose import Composer, Composition, resolve
from hone.config.files import yaml_text
from hone.config.version import KEY, VERSION
from hone.config.written import override_key

# What the controller needs and a trial does not: a worker knows nothing of Optuna or MLflow, and no password that a
# tracking URI may hold gets into a run's files.
CONTROLLER_NODES = ("sampler", "pruner", "executor", "tracking", "allow")
# What a plain function has no use for.
TRAINING_NODES = (
    "data",
    "model",
    "optimizer",
    "scheduler",
    "trainer",
    "callbacks",
    "evaluation",
    "compile",
    "test",
    "data_root",
)
# What interpolations look at: a key that is named, or that ``oc.select`` is given.
REFERENCE = re.compile(r"\$\{(?:oc\.select:)?\s*([^${}:,]*?)\s*(?:,[^${}]*)?\}")
# What may look at anything: another resolver than of the environment, and a key that is put together of others.
OPAQUE = re.compile(r"\$\{(?!oc\.env:|oc\.select:)[^${}]*:|\$\{(?!oc\.env:)[^{}]*\$\{|\$\{[^{}]*\[")


@dataclass(frozen=True)
class TrialConfig:
    """A trial's config.

    Attributes:
        config: Resolved.
        model: What to call the model: its option in the ``model`` group, or its class.
        overrides: What makes it from the config groups: the base, the command line and the suggested values.
    """

    config: dict[str, Any]
    model: str
    overrides: tuple[str, ...]

    @cached_property
    def text(self) -> str:
        """The config as YAML."""
        return yaml_text(self.config)


class TrialConfigs:
    """Composes trials' configs. Composing takes a tenth of a second, setting values a thousandth.

    Args:
        composer: Where configs are looked for.
        base: Overrides that all trials share.
        groups: The config groups that are searched.
    """

    def __init__(self, composer: Composer, base: Sequence[str], groups: Sequence[str]) -> None:
        self.groups = tuple(groups)
        self.base = tuple(base)
        self._composer = composer
        self._compositions: dict[tuple[str, ...], Composition] = {}
        self._templates: dict[tuple[str, ...], Template] = {}

    def composed(self, choice: Mapping[str, str]) -> DictConfig:
        """The config for a choice of groups, its interpolations not resolved; not to be changed.

        Args:
            choice: An option for each searched group; without one its default stays.

        Raises:
            ConfigError: It does not compose.
        """
        return self.composition(choice).config

    def shared(self) -> TrialConfig:
        """What all trials share: the config before any value is suggested; what only the space sets stays ``???``."""
        composition = self.composition({})
        config = without_controller(composition.config, complete=False)
        return TrialConfig(config, composition.choices.get("model") or model_class(config), trial_overrides(self.base))

    def composition(self, choice: Mapping[str, str] | None = None) -> Composition:
        """What Hydra composed for a choice of groups; not to be changed."""
        choice = choice or {}
        chosen = tuple(f"{key}={choice[key]}" for key in self.groups if key in choice)
        if chosen not in self._compositions:
            self._compositions[chosen] = self._composer.compose([*self.base, *chosen])
        return self._compositions[chosen]

    def trial(self, values: Mapping[str, Any], number: int = 0) -> TrialConfig:  # noqa: ARG002 - of no matter here
        """The config of one trial.

        Args:
            values: Suggested values by key.
            number: The trial's.

        Returns:
            The config, without the nodes that only the controller needs.

        Raises:
            ConfigError: A value does not resolve.
        """
        choice = {key: str(value) for key, value in values.items() if key in self.groups}
        composition = self.composition(choice)
        set_values = {key: value for key, value in values.items() if key not in self.groups}
        resolved = self._template(choice).filled(set_values)
        model = "objective" if resolved.get("objective") else composition.choices.get("model") or model_class(resolved)
        overrides = [f"{key}={value}" for key, value in values.items()]
        return TrialConfig(resolved, model, (*trial_overrides(self.base), *overrides))

    def _template(self, choice: Mapping[str, str]) -> Template:
        chosen = tuple(choice.get(key, "") for key in self.groups)
        if chosen not in self._templates:
            self._templates[chosen] = Template(self.composition(choice).config)
        return self._templates[chosen]

    @staticmethod
    def value(text: str) -> Any:
        """A parameter of a run, which MLflow keeps as text, as the value that it was."""
        try:
            return OmegaConf.to_container(OmegaConf.create(f"value: {text}"))["value"]
        except yaml.YAMLError:
            return text


def model_class(config: Mapping[str, Any]) -> str:
    """What to call a model that no group names: its class."""
    return str((config.get("model") or {}).get("_target_") or "model").rpartition(".")[2]


def trial_overrides(overrides: Sequence[str]) -> tuple[str, ...]:
    """The overrides that concern a trial, less those of the controller's nodes."""
    return tuple(one for one in overrides if override_key(one).split(".")[0] not in CONTROLLER_NODES)


def without_controller(config: DictConfig, *, complete: bool = True) -> dict[str, Any]:
    """A config as a trial sees it, resolved; ``complete`` as for ``resolve``."""
    return resolve(_of_trial(config), complete=complete)


class Template:
    """A config that is filled with the values of many trials.

    Resolving a config takes milliseconds. It is done once where no interpolation looks at what is searched, which then
    is set in a copy of plain values.

    Args:
        config: Composed, not resolved.
    """

    def __init__(self, config: DictConfig) -> None:
        self._config = _of_trial(config)
        text = OmegaConf.to_yaml(self._config)
        self._references = REFERENCE.findall(text)
        self._opaque = OPAQUE.search(text) is not None
        self._resolved: dict[str, Any] | None = None

    def filled(self, values: Mapping[str, Any]) -> dict[str, Any]:
        """The config with values set, resolved.

        Args:
            values: By dotted key.

        Raises:
            ConfigError: A value does not resolve.
        """
        if any(self._is_looked_at(key) for key in values):
            return self._slowly(values)
        if self._resolved is None:
            self._resolved = resolve(self._config, complete=False)
        filled = copy.deepcopy(self._resolved)
        for key, value in values.items():
            _set(filled, key.split("."), value)
        # What is still missing is found, and named, by OmegaConf.
        return self._slowly(values) if _is_incomplete(filled) else filled

    def _slowly(self, values: Mapping[str, Any]) -> dict[str, Any]:
        config = self._config.copy()
        with open_dict(config):
            for key, value in values.items():
                OmegaConf.update(config, key, value, merge=False, force_add=True)
        return resolve(config)

    def _is_looked_at(self, key: str) -> bool:
        """Whether an interpolation may look at a key, what holds it or what it holds; any relative one may."""
        return self._opaque or any(
            one.startswith(".") or one == key or key.startswith(f"{one}.") or one.startswith(f"{key}.")
            for one in self._references
        )


def _of_trial(config: DictConfig) -> DictConfig:
    trial = config.copy()
    with open_dict(trial):
        for name in CONTROLLER_NODES:
            trial.pop(name, None)
        if OmegaConf.select(trial, "objective"):
            for name in TRAINING_NODES:
                trial.pop(name, None)
        trial[KEY] = VERSION
    return trial


def _set(config: dict[str, Any], steps: Sequence[str], value: Any) -> None:
    for step in steps[:-1]:
        inner = config.get(step)
        if not isinstance(inner, dict):
            inner = config[step] = {}
        config = inner
    config[steps[-1]] = copy.deepcopy(value)


def _is_incomplete(node: Any) -> bool:
    if isinstance(node, dict):
        return any(map(_is_incomplete, node.values()))
    if isinstance(node, list):
        return any(map(_is_incomplete, node))
    return isinstance(node, str) and node == "???"
