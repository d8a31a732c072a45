"""The courier: one background thread that carries everything to the store, in order.

The controller answers its workers while the courier waits for the store.
"""

from __future__ import annotations

import contextlib
import queue
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from types import TracebackType
from typing import Self

from hone.errors import StoreError
from hone.tracking.spool import SpoolReader
from hone.tracking.store import Store

INTERVAL_SECONDS = 2.0
DEADLINE_SECONDS = 120.0

Errand = Callable[[Store], object]


class Courier:
    """Delivers errands and spools to a store from a thread of its own.

    Used as a ``with`` block: at its end everything is delivered, or ``DEADLINE_SECONDS`` have passed.

    Args:
        store: Where to.
        interval: Seconds between two looks at the spools.
    """

    def __init__(self, store: Store, interval: float = INTERVAL_SECONDS) -> None:
        self.store = store
        self.interval = interval
        self.errors: list[StoreError] = []
        self._errands: queue.Queue[Errand | None] = queue.Queue()
        self._spools: dict[Path, tuple[str, SpoolReader]] = {}
        self._thread = threading.Thread(target=self._run, name="hone-courier", daemon=True)

    def send(self, errand: Errand) -> None:
        """Queue one errand; it is run after all that were queued before it.

        Args:
            errand: Called with the store in the courier's thread.
        """
        self._errands.put(errand)

    def watch(self, run_id: str, directory: Path) -> None:
        """Deliver a run's spool from now on. For errands, in the courier's own thread.

        Args:
            run_id: The run.
            directory: Its directory.
        """
        self._spools[directory] = (run_id, SpoolReader(directory))

    def finish(self, directory: Path, last: Errand) -> None:
        """Queue the end of a run: what is left of its spool, then its last errand.

        Args:
            directory: The run's directory.
            last: What ends the run.
        """

        def errand(store: Store) -> None:
            try:
                self._deliver(directory)
            finally:
                self._spools.pop(directory, None)
                last(store)

        self.send(errand)

    def settle(self) -> None:
        """Wait until everything queued so far has run.

        Raises:
            StoreError: One of the errands failed.
        """
        done = threading.Event()
        self.send(lambda _: done.set())
        done.wait(DEADLINE_SECONDS)
        if self.errors:
            raise self.errors[0]

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._errands.put(None)
        self._thread.join(DEADLINE_SECONDS)

    def _run(self) -> None:
        look_again = time.monotonic() + self.interval
        while True:
            try:
                errand = self._errands.get(timeout=max(0.0, look_again - time.monotonic()))
            except queue.Empty:
                self._deliver_all()
                look_again = time.monotonic() + self.interval
                continue
            if errand is None:
                self._deliver_all()
                return
            with self._noting_errors():
                errand(self.store)

    def _deliver_all(self) -> None:
        for directory in list(self._spools):
            with self._noting_errors():
                self._deliver(directory)

    def _deliver(self, directory: Path) -> None:
        if directory not in self._spools:
            return
        run_id, reader = self._spools[directory]
        if points := reader.take():
            self.store.log_points(run_id, points)
            reader.confirm()

    @contextlib.contextmanager
    def _noting_errors(self) -> Iterator[None]:
        try:
            yield
        except StoreError as error:
            self.errors.append(error)
        except Exception as error:  # noqa: BLE001 - one errand that fails must not end the thread that runs the rest
            self.errors.append(StoreError(f"{type(error).__name__}: {error}", where=self.store.shown))
