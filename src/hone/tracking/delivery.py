"""Delivery: what waits in a run's directory, its outbox and its spool, is carried to the store in order."""

from __future__ import annotations

from pathlib import Path

from hone.errors import StoreError
from hone.tracking.local import LocalRun
from hone.tracking.outbox import Outbox
from hone.tracking.records import OpenRun, Record
from hone.tracking.spool import Point, SpoolReader
from hone.tracking.store import Store

MOST_ERRORS = 50


class Delivery:
    """Delivers to one store. Used by one thread at a time.

    Args:
        store: Where to.

    Attributes:
        errors: What the store refused, each said once; the rest was delivered nevertheless.
        records: How many records were delivered.
        points: How many metric values.
    """

    def __init__(self, store: Store) -> None:
        self.store = store
        self.errors: list[StoreError] = []
        self.records = 0
        self.points = 0
        self._parcels: dict[Path, _Parcel] = {}

    def know(self, directory: Path) -> _Parcel:
        """Look at a run's directory before more is put there: what it holds already may have been tried before."""
        if directory not in self._parcels:
            self._parcels[directory] = _Parcel(directory)
        return self._parcels[directory]

    def deliver(self, directory: Path) -> None:
        """Deliver everything that waits in a run's directory.

        Args:
            directory: The run's directory.

        Raises:
            StoreError: The store is away for now. What is delivered is noted; the same call goes on from there.
        """
        parcel = self.know(directory)
        for record, offset in parcel.outbox.waiting():
            if record is not None:
                self._carry(record, parcel, offset)
            parcel.outbox.confirm(offset)
            self.records += record is not None
        self.deliver_spool(directory)

    def deliver_spool(self, directory: Path) -> None:
        """Deliver the metrics that a run's directory holds, where the run is open.

        Raises:
            StoreError: The store is away for now.
        """
        parcel = self._parcels[directory]
        run_id = parcel.run.run_id
        if run_id is None or not parcel.is_open:
            return
        while points := parcel.spool.take():
            self._log_points(run_id, points)
            parcel.spool.confirm()
            self.points += len(points)

    def open_runs(self) -> list[Path]:
        """Directories of the runs that were opened here and have not ended."""
        return [directory for directory, parcel in list(self._parcels.items()) if parcel.is_open]

    def close(self, directory: Path) -> None:
        """Forget a run that has ended, with its outbox, where all of it is delivered. Nobody may be writing there."""
        parcel = self._parcels.get(directory)
        if parcel is not None and not parcel.is_open and parcel.outbox.delivered >= parcel.outbox.size:
            parcel.outbox.remove()
            del self._parcels[directory]

    def _carry(self, record: Record, parcel: _Parcel, offset: int) -> None:
        run = parcel.run
        run.again = offset <= parcel.begun_to
        if isinstance(record, OpenRun) and (above := record.parent_directory(parcel.outbox.directory)) is not None:
            # The link needs its id.
            self.deliver(above)
        if record.leaves_open is False:
            self.deliver_spool(parcel.outbox.directory)
        if run.run_id is None and not isinstance(record, OpenRun):
            # The store refused to open it, which is noted.
            return
        parcel.begun_to = max(parcel.begun_to, offset)
        try:
            record.carry(self.store, run)
        except StoreError as error:
            if error.passing:
                raise
            self._note(error)
        except Exception as error:  # noqa: BLE001 - one record that fails must not keep the rest from being delivered
            self._note(StoreError(f"{type(error).__name__}: {error}", where=self.store.shown))
        if record.leaves_open is not None:
            parcel.is_open = record.leaves_open

    def _log_points(self, run_id: str, points: list[Point]) -> None:
        try:
            self.store.log_points(run_id, points)
        except StoreError as error:
            if error.passing:
                raise
            if len({one.name for one in points}) == 1:
                self._note(error)
                return
            # One name that MLflow does not take must not cost the others.
            for name in dict.fromkeys(one.name for one in points):
                self._log_points(run_id, [one for one in points if one.name == name])

    def _note(self, error: StoreError) -> None:
        if len(self.errors) < MOST_ERRORS and str(error) not in map(str, self.errors):
            self.errors.append(error)


class _Parcel:
    """What one run's directory has waiting."""

    def __init__(self, directory: Path) -> None:
        self.outbox = Outbox(directory)
        self.spool = SpoolReader(directory)
        self.run = LocalRun(directory)
        # What an earlier process wrote it may have tried to deliver.
        self.begun_to = self.outbox.size
        self.is_open = self.outbox.is_open(self.outbox.delivered)
