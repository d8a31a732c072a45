"""Secrets stay out of what is shown or kept."""

from __future__ import annotations


def hide_password(uri: str) -> str:
    """A URI as it may be shown: its password, if it has one, as stars."""
    scheme, separator, rest = uri.partition("://")
    credentials, at, host = rest.rpartition("@")
    if not at or ":" not in credentials:
        return uri
    return f"{scheme}{separator}{credentials.partition(':')[0]}:***@{host}"
