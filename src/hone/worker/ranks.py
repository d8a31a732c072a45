"""Which of a trial's processes this is."""

from __future__ import annotations

import os


def is_first_rank() -> bool:
    """Whether this is the one process of a trial that speaks for it."""
    return os.environ.get("LOCAL_RANK", "0") == "0"
