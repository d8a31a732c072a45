"""Values as Hydra's override grammar has them."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any

# What needs no quotes, and is read as nothing but a text.
PLAIN = re.compile(r"[A-Za-z_][\w./@-]*")
WORDS = ("true", "false", "null", "nan", "inf")


def written(value: Any) -> str:
    """A value as it stands behind ``key=``, or between the brackets of ``choice(...)``.

    Args:
        value: Plain: nested lists, mappings and scalars.
    """
    if value is None:
        return "null"
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, int | float):
        return repr(value)
    if isinstance(value, Mapping):
        return "{" + ",".join(f"{written(key)}:{written(one)}" for key, one in value.items()) + "}"
    if isinstance(value, Sequence) and not isinstance(value, str):
        return "[" + ",".join(map(written, value)) + "]"
    text = str(value)
    if PLAIN.fullmatch(text) and text.lower() not in WORDS:
        return text
    return "'" + text.replace("\\", "\\\\").replace("'", "\\'") + "'"


def choice(options: Sequence[Any]) -> str:
    """A choice between values."""
    return f"choice({', '.join(map(written, options))})"
