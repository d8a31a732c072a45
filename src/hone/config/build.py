"""Objects from configs by ``_target_``, with arguments checked before anything is called."""

from __future__ import annotations

import functools
import inspect
import logging
import types
import typing
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import hydra.utils
from hydra.errors import HydraException, InstantiationException
from pydantic import TypeAdapter, ValidationError

from hone.config.compose import BEFORE_1_4
from hone.config.explain import first_line
from hone.errors import ConfigError, HoneError, did_you_mean

# Hydra logs what it raises as well; without a handler Python would print that.
logging.getLogger("hydra").addHandler(logging.NullHandler())

# The first of its kind looks through every installed package for plugins: better here than in each trial's process.
TypeAdapter(int)

PLAIN = (int, float, str, bool, type(None), list, tuple, dict, Sequence, Mapping, typing.Literal)
HYDRA_KEYS = ("_target_", "_partial_", "_args_", "_recursive_", "_convert_")


def locate(target: str, key: str) -> Callable[..., Any]:
    """Import what a ``_target_`` names.

    Args:
        target: Dotted name of a class or function.
        key: Config key that holds it, for the message.

    Returns:
        The class or function.

    Raises:
        ConfigError: It cannot be imported.
    """
    try:
        return hydra.utils.get_object(target)
    except Exception as error:
        reason = first_line(str(error.__cause__ or error))
        raise ConfigError(f"cannot import {target!r}: {reason}", where=f"{key}._target_") from error


def build(node: Mapping[str, Any] | None, key: str, **arguments: Any) -> Any:
    """Build what a config node describes.

    Args:
        node: A node with ``_target_``; None or one whose ``_target_`` is null builds nothing.
        key: Where the node stands in the config, for messages.
        **arguments: Passed beside what the node holds.

    Returns:
        The object, a partial where the node says ``_partial_``, or None.

    Raises:
        ConfigError: An argument is unknown or of the wrong type, or building raised.
    """
    if node is None or node.get("_target_") is None:
        return None
    target = locate(str(node["_target_"]), key)
    check_arguments(target, node, key)
    try:
        # Hydra would turn dataclasses among the arguments into configs, so they are given to a partial instead.
        factory = hydra.utils.instantiate({**node, "_partial_": True}, _convert_="all", **_allowance(target))
    except HydraException as error:
        raise _explained(error, node, key) from error
    if node.get("_partial_"):
        return functools.partial(factory, **arguments) if arguments else factory
    try:
        return factory(**arguments)
    except HoneError:
        raise
    except Exception as error:
        reason = f"{type(error).__name__}: {first_line(str(error))}"
        raise ConfigError(f"{node['_target_']} could not be built: {reason}", where=key) from error


def check_arguments(target: Callable[..., Any], node: Mapping[str, Any], key: str) -> None:
    """Check a node's keys and plain values against the signature of its target.

    Args:
        target: The class or function.
        node: Its config.
        key: Where the node stands in the config.

    Raises:
        ConfigError: A key is no argument of the target, or a plain value is not of the annotated type.
    """
    parameters = signature_of(target)
    if parameters is None:
        return
    hints = _hints(target)
    open_ended = any(one.kind is inspect.Parameter.VAR_KEYWORD for one in parameters.values())
    for name, value in node.items():
        if name in HYDRA_KEYS:
            continue
        if name not in parameters:
            if open_ended:
                continue
            near = did_you_mean(name, parameters)
            raise ConfigError(f"{node['_target_']} takes no such argument.{near}", where=f"{key}.{name}")
        _check_type(value, hints.get(name), f"{key}.{name}")


def signature_of(target: Callable[..., Any]) -> Mapping[str, inspect.Parameter] | None:
    """The parameters of a class or function by name, or None where it does not tell them."""
    try:
        return inspect.signature(target).parameters
    except (TypeError, ValueError):
        return None


def _hints(target: Callable[..., Any]) -> dict[str, Any]:
    callee = target.__init__ if inspect.isclass(target) else target
    try:
        return typing.get_type_hints(inspect.unwrap(callee))
    except Exception:  # noqa: BLE001 - a stranger's annotation may name what cannot be imported
        return {}


def _check_type(value: Any, hint: Any, where: str) -> None:
    plain = _plain_part(hint)
    if plain is None or isinstance(value, Mapping):
        return
    try:
        TypeAdapter(plain).validate_python(value)
    except ValidationError as error:
        wrong = error.errors()[0]
        raise ConfigError(f"{wrong['msg'][0].lower()}{wrong['msg'][1:]}, not {value!r}", where=where) from None


def _plain_part(hint: Any) -> Any:
    """What of an annotation a YAML value can be: of ``float | Tensor`` the float."""
    if typing.get_origin(hint) in (typing.Union, types.UnionType):
        parts = [one for one in typing.get_args(hint) if _is_plain(one)]
        return typing.Union[tuple(parts)] if parts and parts != [type(None)] else None  # noqa: UP007
    return hint if hint is not None and _is_plain(hint) else None


def _is_plain(hint: Any) -> bool:
    origin = typing.get_origin(hint)
    if origin is typing.Literal:
        return True
    if origin in (typing.Union, types.UnionType):
        return all(_is_plain(one) for one in typing.get_args(hint))
    if origin is not None:
        inner = [one for one in typing.get_args(hint) if one is not Ellipsis]
        return origin in PLAIN and all(_is_plain(one) for one in inner)
    return hint in PLAIN


def _allowance(target: Callable[..., Any]) -> dict[str, Any]:
    """Allow what hone builds for a Hydra application, of whose own list of what may be built it is no part."""
    if BEFORE_1_4 or not str(target.__module__).startswith(("hone.", "optuna.")):
        return {}
    return {"_execution_whitelist_": ["hone.*", "optuna.*"]}


def _explained(error: HydraException, node: Mapping[str, Any], key: str) -> HoneError:
    cause = error.__cause__ if isinstance(error, InstantiationException) else None
    if isinstance(cause, HoneError):
        return cause
    reason = f"{type(cause).__name__}: {first_line(str(cause))}" if cause else first_line(str(error))
    return ConfigError(f"{node['_target_']} could not be built: {reason}", where=key)
