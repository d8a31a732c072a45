"""Seeds that are derived from one."""

from __future__ import annotations

import numpy as np


def seed_of(seed: int, *places: int) -> int:
    """The seed of one of many that share one.

    The neighbours of a sum are those of another seed: with ``seed + place`` the second trial of seed 1 would draw what
    the first of seed 2 does. NumPy's ``SeedSequence`` mixes them.

    Args:
        seed: The one that they share, 0 or more.
        places: Which of them, such as a trial's number, which are 1 or more.
    """
    return int(np.random.SeedSequence([seed, *places]).generate_state(1)[0])
