"""Signs of life that a trial leaves in its directory."""

from __future__ import annotations

import math
import time
from pathlib import Path

ALIVE_FILE = "alive"


def age_of_life(directory: Path) -> float:
    """Seconds since a trial last showed life; infinity where it never did."""
    try:
        return time.time() - (directory / ALIVE_FILE).stat().st_mtime
    except FileNotFoundError:
        return math.inf
