"""Overrides and their values as Hydra's grammar has them."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any

from hydra.core.override_parser.types import Override, Quote, QuotedString

# A text that Hydra reads as itself, whatever stands around it.
PLAIN = re.compile(r"[A-Za-z_][\w/.\-]*")
WORDS = ("true", "false", "null", "nan", "inf")


def written(value: Any) -> str:
    """A value as it stands behind ``key=``, or between the brackets of ``choice(...)``.

    Args:
        value: Plain: nested lists, mappings and scalars.
    """
    if isinstance(value, bool):
        return str(value).lower()
    return str(Override._get_value_element_as_str(_quoted(value)))


def choice(options: Sequence[Any]) -> str:
    """A choice between values."""
    return f"choice({', '.join(map(written, options))})"


def override_text(key: str, value: Any) -> str:
    """An override that Hydra reads back as the same value.

    Args:
        key: With its prefix, such as ``+model.width``.
        value: A plain value.
    """
    return f"{key}={Override._get_value_element_as_str(_quoted(value))}"


def override_key(override: str) -> str:
    """The key of an override, whatever it does with it: ``optimizer.lr`` of ``+optimizer.lr=0.1``."""
    return override.lstrip("+~").partition("=")[0]


def _quoted(value: Any) -> Any:
    if isinstance(value, str):
        as_it_is = PLAIN.fullmatch(value) and value.lower() not in WORDS
        return value if as_it_is else QuotedString(text=value, quote=Quote.single)
    if isinstance(value, Mapping):
        return {_quoted(key): _quoted(one) for key, one in value.items()}
    return [_quoted(one) for one in value] if isinstance(value, Sequence) else value
