"""What is searched: Hydra's sweep grammar as Optuna distributions, and the constraints on what comes out.

Floor 2. ``parse_space`` gives a ``Space``; a ``Space`` turns what Optuna suggests into config values.
"""

from hone.space.constraints import Constraint, parse_constraints
from hone.space.parameters import Parameter
from hone.space.space import Branch, Space, hold, parse_condition, parse_space

__all__ = [
    "Branch",
    "Constraint",
    "Parameter",
    "Space",
    "hold",
    "parse_condition",
    "parse_constraints",
    "parse_space",
]
