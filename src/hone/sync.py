"""``hone sync``: what could not be tracked while the store was away, or not to be opened, is delivered.

Floor 6.
"""

from __future__ import annotations

import contextlib
import random
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from hone.errors import StoreError, StudyError
from hone.sweep.lock import only_controller
from hone.tracking.courier import PATIENCE_SECONDS, SHORTEST_PAUSE
from hone.tracking.delivery import Delivery
from hone.tracking.outbox import boxes, places, undelivered
from hone.tracking.run import end_abandoned
from hone.tracking.store import Store, TrackingConfig, open_store


@dataclass(frozen=True)
class Synced:
    """What became of one study's directory, or of a single run's.

    Attributes:
        name: The study, or ``train/0003``.
        runs: How many of its runs had something to be delivered.
        points: How many metric values were delivered.
        left: How many runs still have.
        reason: Why; an empty string where nothing is left.
    """

    name: str
    runs: int
    points: int
    left: int = 0
    reason: str = ""


@dataclass(frozen=True)
class SyncSummary:
    """What a sync came to.

    Attributes:
        refused: What the store refused, one line each.
        left: Whether something is undelivered.
        ended: How many runs were ended whose processes are gone.
    """

    refused: tuple[str, ...] = ()
    left: bool = False
    ended: int = 0


def sync(tracking: TrackingConfig, say: Callable[[Synced], None], patience: float = PATIENCE_SECONDS) -> SyncSummary:
    """Deliver everything that waits under a directory. Twice comes to the same as once.

    Args:
        tracking: Where it waits, and the store.
        say: Called with what became of each study and single run that had something to be delivered.
        patience: Seconds without an answer after which the store is given up.

    Returns:
        What it came to.

    Raises:
        StoreError: The store cannot be reached.
    """
    waiting = [one for one in places(tracking.root) if undelivered(one)]
    if not waiting:
        return SyncSummary()
    store = open_store(tracking)
    delivery = Delivery(store)
    away, left = "", False
    for place in waiting:
        synced = _sync_place(place, delivery, patience, away)
        # One study that has to wait keeps none of the others, as long as the store answers.
        if synced.reason and not synced.reason.startswith(RUNNING) and not _answers(store):
            away = synced.reason
        left = left or synced.left > 0
        say(synced)
    ended = [] if away else _end_abandoned(store)
    return SyncSummary(tuple(map(str, delivery.errors)), left or bool(delivery.errors), len(ended))


RUNNING = "a hone is running it"


def _answers(store: Store) -> bool:
    try:
        store.runs(limit=1)
    except StoreError:
        return False
    return True


def _sync_place(place: Path, delivery: Delivery, patience: float, away: str) -> Synced:
    name = place.name if place.parent.name == "trials" else f"{place.parent.name}/{place.name}"
    runs, before = undelivered(place), delivery.points
    reason = away
    if not away:
        try:
            with only_controller(place):
                reason = _deliver(place, delivery, patience)
        except StudyError:
            reason = f"{RUNNING}, which delivers at its end what its store takes"
    left = undelivered(place)
    return Synced(name, runs, delivery.points - before, left, reason if left else "")


def _deliver(place: Path, delivery: Delivery, patience: float) -> str:
    """Deliver one place; why it is left, where that is for more than a moment."""
    for directory in boxes(place):
        began, pause = time.monotonic(), SHORTEST_PAUSE
        while True:
            try:
                delivery.deliver(directory)
                delivery.close(directory)
                break
            except StoreError as error:
                if time.monotonic() - began + pause > patience:
                    return str(error)
                time.sleep(pause * random.uniform(0.5, 1.0))
                pause *= 2
    return ""


def _end_abandoned(store: Store) -> list[str]:
    with contextlib.suppress(StoreError):
        return end_abandoned(store)
    return []
