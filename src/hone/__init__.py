"""hone: experiment-tracked hyperparameter sweeps that people trust with their GPUs.

A program that hone sweeps may call ``hone.report(step, value)`` and ``hone.should_prune()``; elsewhere both do nothing.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Mapping
from types import ModuleType
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from hone.worker.reporting import report as report
    from hone.worker.reporting import should_prune as should_prune

__version__ = "0.1.0"


class _Hone(ModuleType):
    """The package, whose ``report`` is the function although a package of that name lies in it."""

    @property
    def report(self) -> Callable[[int, float | Mapping[str, float]], None]:
        """Report how a trial is doing, for the study to judge whether it should go on."""
        from hone.worker.reporting import report

        return report

    @report.setter
    def report(self, package: ModuleType) -> None:
        """Python sets each package that it has imported as an attribute of the one above."""

    @property
    def should_prune(self) -> Callable[[], bool]:
        """Whether the study wants this trial to stop."""
        from hone.worker.reporting import should_prune

        return should_prune


sys.modules[__name__].__class__ = _Hone
