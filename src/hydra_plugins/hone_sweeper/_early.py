"""Workers that load the application while this process gets ready to sweep."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict
from typing import Self

from hone.config.application import Application
from hone.executors.warm import WarmWorkers

# What jobs need beside the application itself.
MODULES = ("hone.worker.application", "hone.config.files")


class EarlyWorkers:
    """Starts a fork server at once, to be taken up later; and another where one has died.

    Used as a ``with`` block, which ends a server that nobody took up.

    Args:
        application: What it loads.
    """

    def __init__(self, application: Application) -> None:
        self.application = application
        self._early: WarmWorkers | None = self._start()

    def __call__(self, modules: Sequence[str]) -> WarmWorkers:  # noqa: ARG002 - those of every sweep of this kind
        """Give workers that load the application before their first trial."""
        early, self._early = self._early, None
        return early or self._start()

    def _start(self) -> WarmWorkers:
        workers = WarmWorkers(MODULES)
        workers.preload_application(asdict(self.application))
        return workers

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        if self._early is not None:
            self._early.close()
