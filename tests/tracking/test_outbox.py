"""What is done to a run outlives the process that did it, and is delivered once whatever happens in between."""

import json
from dataclasses import dataclass

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hone.errors import StoreError
from hone.tracking.courier import Courier
from hone.tracking.delivery import Delivery
from hone.tracking.local import kept_run_id
from hone.tracking.outbox import MARK_FILE, OUTBOX_FILE, Outbox, undelivered
from hone.tracking.records import LogValues, Record, SetTags
from hone.tracking.run import RunRecord, TrackedRun
from hone.tracking.spool import SPOOL_FILE, SpoolWriter
from hone.tracking.store import Store


def offline_run(directory, parent=None, name="a", end=True):
    """A run with two values, written down and delivered nowhere."""
    directory.mkdir(exist_ok=True)
    with Courier(None) as courier:
        run = TrackedRun(courier, directory, TrackedRun(courier, parent) if parent else None)
        run.open(RunRecord(name, {"k": "v"}, {"lr": 0.1}, {"config.yaml": "lr: 0.1\n"}))
        with SpoolWriter(directory) as spool:
            spool.append({"m": 1.0}, 1, 1.0)
            spool.append({"m": 2.0}, 2, 2.0)
        run.add_text("x" * 200_000, "long.txt")
        if end:
            run.end("FINISHED", "complete", metrics={"objective": 3.0})
    return directory


class ShakyClient:
    def __init__(self, client, at):
        self._client = client
        self._left = at

    def __getattr__(self, name):
        method = getattr(self._client, name)

        def call(*given, **named):
            answer = method(*given, **named)
            self._left -= 1
            if self._left == 0:
                raise OSError("the answer was lost")
            return answer

        return call


class Shaky(Store):
    """A store that loses the answer to its n-th request, having done what was asked."""

    def __init__(self, store, at):
        super().__init__(store.client, store.experiment, store.uri)
        self.client = ShakyClient(store.client, at)


def points(store, run_id, name="m"):
    return [(one.step, one.value) for one in store.client.get_metric_history(run_id, name)]


def test_a_run_that_nobody_delivered_is_delivered_whole_by_another_process_with_its_own_times(store, tmp_path):
    directory = offline_run(tmp_path / "0001")
    lines = [json.loads(line) for line in (directory / OUTBOX_FILE).read_text().splitlines()]
    delivery = Delivery(store)

    delivery.deliver(directory)
    delivery.close(directory)

    run = store.client.get_run(kept_run_id(directory))
    assert (run.info.status, run.data.tags["hone.state"]) == ("FINISHED", "complete")
    assert run.data.params == {"lr": "0.1"}
    assert points(store, run.info.run_id) == [(1, 1.0), (2, 2.0)]
    assert run.data.metrics["objective"] == 3.0
    assert (run.info.start_time, run.info.end_time) == (lines[0][1]["at"], lines[-1][1]["at"])
    assert {one.path for one in store.client.list_artifacts(run.info.run_id)} == {"config.yaml", "long.txt"}
    assert not list(directory.glob("outbox*"))


@pytest.mark.parametrize("lost", range(1, 8))
def test_whichever_answer_is_lost_the_run_is_there_once_and_whole(store, tmp_path, lost):
    parent = offline_run(tmp_path / "study", name="p")
    child = offline_run(parent / "0001", parent, name="c")
    with pytest.raises(StoreError, match="the answer was lost"):
        Delivery(Shaky(store, lost)).deliver(child)

    # Another process: it knows nothing of the first one's attempt but what is in the files.
    delivery = Delivery(store)
    for directory in (parent, child):
        delivery.deliver(directory)

    runs = {run.info.run_name: run for run in store.runs()}
    assert len(store.runs()) == 2
    assert runs["c"].data.tags["mlflow.parentRunId"] == runs["p"].info.run_id
    for run in runs.values():
        assert run.info.status == "FINISHED"
        assert points(store, run.info.run_id) == [(1, 1.0), (2, 2.0)]
    assert delivery.errors == []


@settings(max_examples=40, deadline=None)
@given(st.lists(st.sampled_from(["append", "read", "confirm", "restart", "crash"]), max_size=30))
def test_records_come_out_in_order_and_each_until_it_is_confirmed(tmp_path_factory, turns):
    directory = tmp_path_factory.mktemp("run")
    outbox, written, delivered, seen = Outbox(directory), [], [], []
    for number, turn in enumerate([*turns, "read", "confirm"]):
        if turn == "append":
            outbox.append([SetTags({"n": str(number)})])
            written.append(str(number))
        elif turn == "read":
            seen = [(record.tags["n"], offset) for record, offset in outbox.waiting() if record is not None]
        elif turn == "confirm" and seen:
            outbox.confirm(seen[-1][1])
            delivered += [number for number, _ in seen]
            seen = []
        elif turn == "restart":
            outbox, seen = Outbox(directory), []
        elif turn == "crash":
            with (directory / OUTBOX_FILE).open("ab") as file:
                file.write(b'["SetTags", {"tags": {"n"')

    assert delivered == written


def test_a_kind_of_record_that_another_part_of_hone_brings_is_carried_too(store, tmp_path):
    @dataclass(frozen=True)
    class SetColour(Record):
        colour: str

        def carry(self, store, run):
            store.set_tags(run.id, {"colour": self.colour})

    directory = offline_run(tmp_path / "0001", end=False)
    with Courier(store) as courier:
        courier.take_up(directory)
        run = TrackedRun(courier, directory)
        run.put(SetColour("red"))
        run.end("FINISHED", "complete")

    assert store.client.get_run(run.run_id).data.tags["colour"] == "red"


def test_a_metric_whose_name_mlflow_does_not_take_costs_no_other(store, tmp_path):
    directory = offline_run(tmp_path / "0001", end=False)
    with SpoolWriter(directory) as spool:
        spool.append({"x" * 300: 1.0, "acc@1": 1.5, "good": 2.0}, 3, 3.0)
    delivery = Delivery(store)

    delivery.deliver(directory)

    assert points(store, kept_run_id(directory), "good") == [(3, 2.0)]
    assert len(points(store, kept_run_id(directory))) == 2
    assert points(store, kept_run_id(directory), "acc_1") == [(3, 1.5)]
    assert "xxx" in str(delivery.errors[0])
    assert not undelivered(directory)


def test_a_spool_that_does_not_fit_into_memory_is_read_by_chunks(store, tmp_path, monkeypatch):
    directory = offline_run(tmp_path / "0001", end=False)
    with (directory / SPOOL_FILE).open("a") as spool:
        for step in range(3, 3_000):
            spool.write(json.dumps([step, step, {"m": float(step)}]) + "\n")
    largest = []
    logged = Store.log_points
    monkeypatch.setattr(Store, "log_points", lambda *given: largest.append(len(given[2])) or logged(*given))
    monkeypatch.setattr("hone.tracking.spool.SpoolReader.take.__defaults__", (8_000,))

    Delivery(store).deliver(directory)

    assert len(points(store, kept_run_id(directory))) == 2_999
    assert max(largest) < 500


def test_what_is_written_while_a_line_was_cut_off_is_not_lost_with_it(tmp_path):
    (tmp_path / OUTBOX_FILE).write_bytes(b'["SetTags", {"ta')

    Outbox(tmp_path).append([LogValues({"m": 1.0}, 1)])

    assert [record.values for record, _ in Outbox(tmp_path).waiting() if record] == [{"m": 1.0}]
    assert not (tmp_path / MARK_FILE).exists()
