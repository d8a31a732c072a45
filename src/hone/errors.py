"""The errors hone raises, as one tree.

``HoneError`` is what a person can mend: bad input, a store that cannot be reached. Each is printed in one place
(``hone.cli``) as one line, without a traceback, and ends the command with exit status 2.

    HoneError
    ├── ConfigError        a config group, option, key or value that does not compose
    ├── SweepFileError     a sweep file that does not validate
    ├── SpaceError         a search space that cannot be sampled
    ├── StudyError         a study that cannot be opened or resumed
    ├── DataError          data that is missing, empty or not what its config says
    ├── ModelError         a model that cannot be built from its config
    ├── MetricError        an objective that the training does not log
    ├── StoreError         a tracking store that cannot be read or written
    ├── RunNotFound        no run, or more than one, by that name
    ├── ResourceError      a lease that this machine cannot give
    ├── ExecutorError      a cluster that cannot be reached, or on which no trial can run
    ├── DiskError          a disk that is full, or too small for what is asked
    ├── LoopError          a loop that is not there, or cannot go on
    └── SweepStopped       a sweep that ended early: too many of its trials failed
"""

from __future__ import annotations

import difflib
from collections.abc import Iterable

# Likeness, from 0 to 1, at which a name is worth suggesting, and by which one is so much nearer that it stands alone.
CLOSE = 0.6
CLEARLY = 0.04


class HoneError(Exception):
    """Something a person can mend.

    Args:
        message: What is wrong and what is allowed, in one line.
        where: File and key at which it is wrong, such as ``sweeps/first.yaml: space.optimizer.lr``.
    """

    def __init__(self, message: str, where: str | None = None) -> None:
        super().__init__(message)
        self.message = message
        self.where = where

    def __str__(self) -> str:
        return f"{self.where}: {self.message}" if self.where else self.message


class ConfigError(HoneError):
    """A config group, option, key or value that does not compose."""


class SweepFileError(HoneError):
    """A sweep file that does not validate."""


class SpaceError(HoneError):
    """A search space that cannot be sampled."""


class StudyError(HoneError):
    """A study that cannot be opened or resumed."""


class DataError(HoneError):
    """Data that is missing, empty or not what its config says."""


class ModelError(HoneError):
    """A model that cannot be built from its config."""


class MetricError(HoneError):
    """An objective that the training does not log."""


class StoreError(HoneError):
    """A tracking store that cannot be read or written.

    Args:
        message: What is wrong.
        where: The store.
        passing: It may be away, busy or full for a while: the same request may do later. Else it refused the request.
    """

    def __init__(self, message: str, where: str | None = None, *, passing: bool = False) -> None:
        super().__init__(message, where)
        self.passing = passing


class RunNotFound(HoneError):
    """No run, or more than one, by that name."""


class ResourceError(HoneError):
    """A lease that this machine cannot give."""


class ExecutorError(HoneError):
    """A cluster that cannot be reached, or on which no trial can run."""


class DiskError(HoneError):
    """A disk that is full, or too small for what is asked."""


class LoopError(HoneError):
    """A loop that is not there, or cannot go on."""


class SweepStopped(HoneError):
    """A sweep that ended early because too many of its trials failed."""


def did_you_mean(name: str, options: Iterable[str]) -> str:
    """Name the options, nearest first, that a misspelt name may have meant.

    Args:
        name: What was given.
        options: What is allowed.

    Returns:
        A sentence that begins with a space, such as `` Did you mean optimizer.lr?``, or an empty string where
        nothing is near.
    """
    options = list(options)
    begun = sorted(one for one in options if len(name) > 2 and one.startswith(name))
    near = begun[:2] or difflib.get_close_matches(name, options, n=2, cutoff=CLOSE)
    if not begun and len(near) == 2 and _likeness(name, near[0]) - _likeness(name, near[1]) > CLEARLY:
        near.pop()
    return f" Did you mean {' or '.join(near)}?" if near else ""


def missing_metric(metric: str, logged: Iterable[str], where: str) -> MetricError:
    """Say that training does not log a metric, and what it logs.

    Args:
        metric: The objective.
        logged: What was logged.
        where: Who asked for it.
    """
    names = ", ".join(sorted(logged)) or "nothing"
    return MetricError(f"{metric!r} is not logged.{did_you_mean(metric, logged)} Logged: {names}.", where=where)


def _likeness(name: str, option: str) -> float:
    return difflib.SequenceMatcher(None, option, name).ratio()
