"""What a store says when it fails, in the words of a person."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from typing import Any

from mlflow.exceptions import MlflowException

from hone.config.secrets import hide_password, hide_secrets
from hone.errors import StoreError

REFUSALS = ("BAD_REQUEST", "INVALID_PARAMETER_VALUE", "RESOURCE_DOES_NOT_EXIST", "RESOURCE_ALREADY_EXISTS")
# Of HTTP: what is sent is wrong, or too large for what stands before the server.
NEVER = (400, 405, 411, 413, 414, 415, 422)
LONGEST_REASON, LONGEST_SUBJECT = 300, 60
DATABASE_ERRORS = ("OperationalError", "InterfaceError", "InternalError", "PendingRollbackError")

COMMON_REASONS = (
    (re.compile(r"Connection refused"), "connection refused"),
    (re.compile(r"(Read|Connect) timed out|ConnectTimeoutError"), "it does not answer in time"),
    (re.compile(r"too many (\d+) error responses"), r"it answers with status \1"),
    (re.compile(r"NameResolutionError"), "there is no such host"),
    (re.compile(r"no such table: \w+|database is locked|database or disk is full"), r"\g<0>"),
)


def unreachable(uri: str, error: Exception, subject: str = "") -> StoreError:
    """Say why a store cannot be used, without its password, and whether that may pass.

    Args:
        uri: The store's.
        error: What MLflow raised.
        subject: The name of what was to be written, where it may be at fault.
    """
    reason = hide_secrets(_reason(" ".join(str(error).split())))[:LONGEST_REASON]
    refused = _refused(error)
    if refused and subject:
        message = f"the tracking store does not take {subject[:LONGEST_SUBJECT]!r}: {reason}"
    else:
        message = f"the tracking store cannot be used: {reason}"
    return StoreError(message, where=hide_password(uri), passing=not refused)


def _reason(text: str) -> str:
    """What went wrong, in the words of a person where it is something common."""
    for pattern, words in COMMON_REASONS:
        if found := pattern.search(text):
            return found.expand(words)
    return text


def _refused(error: Exception) -> bool:
    """Whether the store understood a request and will never do it; whatever else goes wrong may pass."""
    if getattr(getattr(error, "response", None), "status_code", None) in NEVER:
        return True
    if not isinstance(error, MlflowException) or error.error_code not in REFUSALS:
        return False
    # Under this code MLflow also gives what its database says of itself.
    return not (error.error_code == "BAD_REQUEST" and any(one in str(error) for one in DATABASE_ERRORS))


def each_taken(send: Callable[[Sequence[Any]], None], things: Sequence[Any]) -> list[StoreError]:
    """Send things together, and one by one where the store does not take all of them.

    Args:
        send: Sends some.
        things: What is to be sent.

    Returns:
        Why those that were refused are not taken.

    Raises:
        StoreError: The store is away.
    """
    try:
        send(things)
    except StoreError as error:
        if error.passing:
            raise
        return [error] if len(things) < 2 else [why for one in things for why in each_taken(send, [one])]
    return []
