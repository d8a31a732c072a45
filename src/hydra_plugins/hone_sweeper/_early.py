"""Workers that have the application loaded while this process gets ready to sweep."""

from __future__ import annotations

import contextlib
import importlib
import os
from collections.abc import Sequence
from dataclasses import asdict
from functools import partial

from hydra.types import TaskFunction
from omegaconf import DictConfig

from hone.config.application import Application, imported_late, take
from hone.executors import warm
from hone.worker.forking import may_fork

# What jobs need beside the application itself.
MODULES = ("hone.worker.application", "hone.config.files")


class EarlyWorkers(warm.EarlyWorkers):
    """The same for workers that have an application loaded.

    The first are forked from this process where it can be: it has loaded the application, which takes seconds. Those
    that take their place load it by themselves.

    Args:
        application: What they load.
        master: What Hydra composed for its sweep.
        task: What ``hydra.main`` decorates.
    """

    def __init__(self, application: Application, master: DictConfig, task: TaskFunction) -> None:
        self.application = application
        self._take = partial(take, application, master, task) if _may_fork(master) else None
        super().__init__()
        self._take = None

    def __call__(self, modules: Sequence[str]) -> warm.WarmWorkers:  # noqa: ARG002 - those of every sweep of this kind
        """Give workers that load the application before their first trial."""
        early, self._early = self._early, None
        return early or self._start()

    def _start(self) -> warm.WarmWorkers:
        workers = warm.WarmWorkers(MODULES, self._take)
        workers.preload_application(asdict(self.application))
        return workers


def _may_fork(master: DictConfig) -> bool:
    """Whether this process can be forked, with all in it that both it and jobs need."""
    if not may_fork():
        return False
    # As hone's own use of it: nothing is reported to anybody.
    os.environ.setdefault("MLFLOW_DISABLE_TELEMETRY", "true")
    for name in imported_late(master):
        with contextlib.suppress(Exception):
            importlib.import_module(name)
    return may_fork()
