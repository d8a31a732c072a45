"""Secrets stay out of what is shown or kept: known by the name of what holds them, or by their shape."""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from typing import Any, TypeVar

HIDDEN = "***"
# What stands between a scheme and a host; and what SQLAlchemy takes as an argument of a URL.
PASSWORD = re.compile(r"(?<=://)([^\s:/@'\"]*):([^\s'\"/]+)@")
ARGUMENT = re.compile(r"(?<=[?&])(password|passwd|token)=[^\s&'\"]+", re.IGNORECASE)
VARIABLES = ("MLFLOW_TRACKING_TOKEN", "MLFLOW_TRACKING_PASSWORD")
# ``pad_token`` and ``max_tokens`` are none.
NAMES = re.compile(
    r"(.*[_.-])?(password|passwd|passphrase|secret|api_?key|access_?key|secret_?key|private_?key|credentials?)"
    r"|((auth|access|api|bearer|refresh|hf|hub|wandb|session|github|gh|gitlab|personal|mlflow)[_-]?)?token"
    r"|(.*[_.-])(auth|access|api|bearer|refresh)[_-]token",
    re.IGNORECASE,
)
SHAPES = re.compile(
    r"(?P<url>(?<=://)[^\s/:@\"']*:[^\s/@\"']+(?=@))"
    r"|gh[pousr]_[A-Za-z0-9]{30,}|github_pat_[A-Za-z0-9_]{40,}|glpat-[A-Za-z0-9_-]{20,}"
    r"|hf_[A-Za-z0-9]{30,}|sk-[A-Za-z0-9_-]{24,}|xox[abprs]-[A-Za-z0-9-]{10,}"
    r"|(?:AKIA|ASIA)[0-9A-Z]{16}|AIza[0-9A-Za-z_-]{35}"
    r"|eyJ[A-Za-z0-9_-]{10,}\.eyJ[A-Za-z0-9_-]{10,}\.[A-Za-z0-9_-]+"
    r"|(?<=Bearer )[A-Za-z0-9._~+/=-]{16,}"
    r"|-----BEGIN [A-Z ]*PRIVATE KEY-----[\s\S]*?(?:-----END [A-Z ]*PRIVATE KEY-----|$)",
)
ASSIGNED = re.compile(
    r"(?P<name>[\w.-]+)(?P<sign>\s*[=:]\s*)(?P<value>\"[^\"\s]{6,}\"|'[^'\s]{6,}'|[^\s\"'{}\[\](),$]{6,})"
)
FILES = re.compile(
    r"(.*/)?(\.env(\..*)?|\.netrc|\.pypirc|id_[a-z0-9]+|[^/]*(secret|credential|password)[^/]*|[^/]*\.(pem|key|p12|pfx))",
    re.IGNORECASE,
)
# What a value in code may be that is called by the name of a secret, and is none: another variable, a call, a type.
CODE = re.compile(r"[A-Za-z_][\w.]*(\(.*|\[.*)?,?;?")
Node = TypeVar("Node")


def hide_password(uri: str) -> str:
    """A URI as it may be shown: its password, if it has one, as stars."""
    return ARGUMENT.sub(rf"\1={HIDDEN}", PASSWORD.sub(rf"\1:{HIDDEN}@", uri))


def hide_secrets(text: str) -> str:
    """Any text as it may be kept: without passwords of URIs and without what MLflow is let in by."""
    hidden = hide_password(text)
    for value in filter(None, map(os.environ.get, VARIABLES)):
        hidden = hidden.replace(value, HIDDEN)
    return hidden


def is_secret_name(name: str) -> bool:
    """Whether a key, by its last part, holds a secret: ``data.api_key``."""
    return NAMES.fullmatch(name.rpartition(".")[2]) is not None


def is_secret_file(name: str) -> bool:
    """Whether a file, by its name, holds secrets: ``.env``, ``id_rsa``."""
    return FILES.fullmatch(name) is not None


def looks_secret(text: str) -> bool:
    """Whether a text of code holds what looks like a secret."""
    return hide_in_text(text, code=True) != text


def hide_in_text(text: str, *, code: bool = False) -> str:
    """A text with what looks like a secret as stars.

    Args:
        text: A command, a line, a file.
        code: What is assigned to a secret's name may be a variable rather than the secret itself.
    """
    return ASSIGNED.sub(lambda found: _assigned(found, code), SHAPES.sub(_starred, hide_secrets(text)))


def hide_override(text: str) -> str:
    """An override, or an argument of a command, as it may be kept: with what it sets a secret to as stars."""
    key, sign, value = text.partition("=")
    hidden = sign and value and is_secret_name(key.lstrip("-+~"))
    return f"{key}={HIDDEN}" if hidden else hide_in_text(text)


def hide_values(node: Node) -> Node:
    """A nested config with each secret as stars.

    Args:
        node: Nested mappings, lists and scalars; not changed.

    Returns:
        The same where there is none.
    """
    return _hidden(node, "", under=False)


def hidden_keys(node: Any, key: str = "") -> list[str]:
    """The keys at which ``hide_values`` put stars."""
    if isinstance(node, Mapping):
        return [one for name, value in node.items() for one in hidden_keys(value, f"{key}.{name}" if key else name)]
    if isinstance(node, list | tuple):
        return [one for number, value in enumerate(node) for one in hidden_keys(value, f"{key}[{number}]")]
    return [key] if isinstance(node, str) and HIDDEN in node else []


def _hidden(node: Any, name: str, *, under: bool) -> Any:
    secret = under or is_secret_name(name)
    if isinstance(node, Mapping):
        inner = {key: _hidden(value, str(key), under=secret) for key, value in node.items()}
        return inner if any(inner[key] is not value for key, value in node.items()) else node
    if isinstance(node, list | tuple):
        values = [_hidden(one, name, under=under) for one in node]
        return values if any(one is not before for one, before in zip(values, node, strict=True)) else node
    if isinstance(node, int | float) and not isinstance(node, bool):
        # The number of a token is none of anybody's secrets.
        return HIDDEN if secret and (under or "token" not in name.lower()) else node
    if not isinstance(node, str) or not node:
        return node
    if secret:
        return HIDDEN
    hidden = SHAPES.sub(_starred, hide_secrets(node))
    return hidden if hidden != node else node


def _starred(found: re.Match[str]) -> str:
    return f"{found[0].partition(':')[0]}:{HIDDEN}" if found.lastgroup == "url" else HIDDEN


def _assigned(found: re.Match[str], code: bool) -> str:
    value = found["value"]
    if not is_secret_name(found["name"].lstrip("-+~")) or HIDDEN in value or (code and CODE.fullmatch(value)):
        return found[0]
    return f"{found['name']}{found['sign']}{HIDDEN}"
