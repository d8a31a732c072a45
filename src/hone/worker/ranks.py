"""Which of a trial's processes this is."""

from __future__ import annotations

import os
from collections.abc import Mapping

# As Lightning calls a node's place among those of a trial.
NODE_RANK = "NODE_RANK"


def is_first_rank() -> bool:
    """Whether this is the one process of a trial that speaks for it."""
    return os.environ.get("LOCAL_RANK", "0") == "0" and node_rank(os.environ) == 0


def node_rank(variables: Mapping[str, str]) -> int:
    """The place of a node among those of a trial."""
    return int(variables.get(NODE_RANK, "0"))
