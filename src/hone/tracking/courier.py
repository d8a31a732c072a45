"""The courier: one background thread that carries what waits in the outboxes and spools of some runs to the store.

The controller writes to an outbox and goes on; the courier waits for the store. What it cannot deliver stays where it
is, for a later session or ``hone sync``.
"""

from __future__ import annotations

import contextlib
import random
import threading
import time
from collections.abc import Sequence
from pathlib import Path
from types import TracebackType
from typing import Self

from hone.errors import StoreError
from hone.tracking.delivery import Delivery
from hone.tracking.outbox import Outbox, boxes
from hone.tracking.records import Record
from hone.tracking.store import Store

INTERVAL_SECONDS = 2.0
# How long the first answer of a store is waited for, and at the end of a sweep a store that does not answer.
PATIENCE_SECONDS = 20.0
SHORTEST_PAUSE, LONGEST_PAUSE = 0.5, 30.0


class Courier:
    """Delivers to a store from a thread of its own.

    Used as a ``with`` block: at its end everything is delivered, or the store has not answered for as long as
    ``patience``.

    Args:
        store: Where to; None to keep everything for ``hone sync``.
        interval: Seconds between two looks at the spools.
        patience: Seconds without an answer after which the store is left alone.
    """

    def __init__(self, store: Store | None, interval: float = INTERVAL_SECONDS, patience: float | None = None) -> None:
        self.store = store
        self.interval = interval
        self.patience = PATIENCE_SECONDS if patience is None else patience
        self.away: StoreError | None = None
        self._delivery = Delivery(store) if store is not None else None
        self._waiting: dict[Path, None] = {}
        self._changed = threading.Condition()
        self._closing = False
        self._busy = False
        self._answered = 0.0
        self._thread = threading.Thread(target=self._run, name="hone-courier", daemon=True)

    @property
    def errors(self) -> list[StoreError]:
        """What the store refused, each said once."""
        return self._delivery.errors if self._delivery is not None else []

    @property
    def left(self) -> int:
        """How many runs have something undelivered."""
        return len(self._waiting)

    def waiting(self) -> str:
        """What is undelivered, in a line; an empty string where everything is delivered."""
        if not self.left:
            return ""
        runs = "1 run waits" if self.left == 1 else f"{self.left} runs wait"
        reason = f" ({self.away})" if self.away is not None else ""
        return f"{runs} to be delivered{reason}; hone sync does that"

    def put(self, directory: Path, records: Sequence[Record]) -> None:
        """Write records into a run's outbox; they are carried after all that were put there before.

        Args:
            directory: The run's directory.
            records: What is to be done.

        Raises:
            OSError: They cannot be written down.
        """
        with self._changed:
            if self._delivery is not None:
                self._delivery.know(directory)
            Outbox(directory).append(records)
            self._waiting[directory] = None
            self._changed.notify_all()

    def take_up(self, directory: Path) -> None:
        """Deliver what an earlier session left for a study's run and its trials'.

        Args:
            directory: The study's directory.
        """
        with self._changed:
            self._waiting |= dict.fromkeys(boxes(directory))
            self._changed.notify_all()

    def settle(self) -> None:
        """Wait until everything put so far has been delivered.

        Raises:
            StoreError: The store refused some of it, or has not answered for as long as ``patience``.
        """
        if self._delivery is None:
            return
        with self._changed:
            self._changed.wait_for(lambda: bool(self.errors) or not (self._waiting or self._busy), self.patience)
            if self.errors:
                raise self.errors[0]
            if self._waiting or self._busy:
                raise self.away or StoreError("the tracking store does not answer", passing=True)

    def __enter__(self) -> Self:
        self._answered = time.monotonic()
        if self._delivery is not None:
            self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        with self._changed:
            self._closing = True
            self._answered = time.monotonic()
            self._changed.notify_all()
        # A request may hang for longer than anybody should wait: its thread ends with the process.
        while self._thread.is_alive() and time.monotonic() - self._answered < self.patience:
            self._thread.join(0.1)

    def _run(self) -> None:
        assert self._delivery is not None
        pause = SHORTEST_PAUSE
        look_again = time.monotonic() + self.interval
        while not self._ended():
            try:
                if not self._deliver_next(self._delivery) and time.monotonic() > look_again:
                    self._deliver_spools(self._delivery)
                    look_again = time.monotonic() + self.interval
                self.away, pause = None, SHORTEST_PAUSE
                self._wait(look_again - time.monotonic())
            except Exception as error:  # noqa: BLE001 - the thread outlives whatever it meets
                self.away = self._explained(error)
                # Not all at once, where many controllers wait for one server.
                self._rest(pause * random.uniform(0.5, 1.0))
                pause = min(2 * pause, LONGEST_PAUSE)
        if self.away is None:
            with contextlib.suppress(StoreError):
                self._deliver_spools(self._delivery)

    def _explained(self, error: Exception) -> StoreError:
        if isinstance(error, StoreError):
            return error
        return StoreError(f"{type(error).__name__}: {error}", where=self.store.shown if self.store else None)

    def _ended(self) -> bool:
        if not self._closing:
            return False
        return not self._waiting or time.monotonic() - self._answered > self.patience

    def _deliver_next(self, delivery: Delivery) -> bool:
        """Deliver what waits in one run's outbox; False where nothing does."""
        with self._changed:
            directory = next(iter(self._waiting), None)
            if directory is None:
                return False
            del self._waiting[directory]
            self._busy = True
        try:
            delivery.deliver(directory)
            self._answered = time.monotonic()
        except BaseException:
            with self._changed:
                # First again: what is delivered later may stand on it.
                self._waiting = {directory: None, **self._waiting}
            raise
        finally:
            with self._changed:
                self._busy = False
                if directory not in self._waiting:
                    delivery.close(directory)
                self._changed.notify_all()
        return True

    def _deliver_spools(self, delivery: Delivery) -> None:
        for directory in delivery.open_runs():
            delivery.deliver_spool(directory)
            self._answered = time.monotonic()

    def _wait(self, seconds: float) -> None:
        """Until there is something to do."""
        with self._changed:
            self._changed.wait_for(lambda: self._waiting or self._closing, max(0.0, seconds))

    def _rest(self, seconds: float) -> None:
        """Leave the store alone for a while."""
        closing = self._closing
        with self._changed:
            self._changed.wait_for(lambda: self._closing and not closing, seconds)
