"""Workers that load the application while this process gets ready to sweep."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict

from hone.config.application import Application
from hone.executors import warm

# What jobs need beside the application itself.
MODULES = ("hone.worker.application", "hone.config.files")


class EarlyWorkers(warm.EarlyWorkers):
    """The same for workers that load an application.

    Args:
        application: What they load.
    """

    def __init__(self, application: Application) -> None:
        self.application = application
        super().__init__()

    def __call__(self, modules: Sequence[str]) -> warm.WarmWorkers:  # noqa: ARG002 - those of every sweep of this kind
        """Give workers that load the application before their first trial."""
        early, self._early = self._early, None
        return early or self._start()

    def _start(self) -> warm.WarmWorkers:
        workers = warm.WarmWorkers(MODULES)
        workers.preload_application(asdict(self.application))
        return workers
