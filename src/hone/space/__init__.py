"""What is searched: Hydra's sweep grammar as Optuna distributions.

Floor 2. ``parse_space`` gives a ``Space``; a ``Space`` turns what Optuna suggests into config values.
"""

from hone.space.parameters import Parameter, Space, parse_space

__all__ = ["Parameter", "Space", "parse_space"]
