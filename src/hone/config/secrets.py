"""Secrets stay out of what is shown or kept."""

from __future__ import annotations

import os
import re

STARS = "***"
# What stands between a scheme and a host; and what SQLAlchemy takes as an argument of a URL.
PASSWORD = re.compile(r"(?<=://)([^\s:/@'\"]*):([^\s'\"/]+)@")
ARGUMENT = re.compile(r"(?<=[?&])(password|passwd|token)=[^\s&'\"]+", re.IGNORECASE)
VARIABLES = ("MLFLOW_TRACKING_TOKEN", "MLFLOW_TRACKING_PASSWORD")


def hide_password(uri: str) -> str:
    """A URI as it may be shown: its password, if it has one, as stars."""
    return ARGUMENT.sub(rf"\1={STARS}", PASSWORD.sub(rf"\1:{STARS}@", uri))


def hide_secrets(text: str) -> str:
    """Any text as it may be kept: without passwords of URIs and without what MLflow is let in by."""
    hidden = hide_password(text)
    for value in filter(None, map(os.environ.get, VARIABLES)):
        hidden = hidden.replace(value, STARS)
    return hidden
