import math

from hypothesis import given, settings
from hypothesis import strategies as st

from hone.tracking.spool import SPOOL_FILE, SpoolReader, SpoolWriter

BATCH = st.lists(st.tuples(st.text(min_size=1, max_size=8), st.floats(allow_nan=False)), max_size=4)


@settings(max_examples=60, deadline=None)
@given(st.lists(st.one_of(BATCH, st.sampled_from(["take", "confirm", "reopen"])), max_size=30))
def test_each_point_is_delivered_once_whatever_happens_in_between(tmp_path_factory, turns):
    directory = tmp_path_factory.mktemp("run")
    written, delivered, taken = [], [], []
    reader = SpoolReader(directory)
    with SpoolWriter(directory) as writer:
        for step, turn in enumerate([*turns, "take", "confirm"]):
            if turn == "take":
                writer.flush()
                taken = reader.take()
            elif turn == "confirm":
                reader.confirm()
                delivered += taken
                taken = []
            elif turn == "reopen":
                # A new process knows only what was confirmed.
                reader, taken = SpoolReader(directory), []
            else:
                writer.append(dict(turn), step, 0.0)
                written += [(name, value, step) for name, value in dict(turn).items()]

    assert [(one.name, one.value, one.step) for one in delivered] == written


def test_a_line_that_a_crash_cut_off_is_left_until_it_is_whole(tmp_path):
    (tmp_path / SPOOL_FILE).write_text('[1, 5, {"a": 1.0}]\n[2, 5, {"a"')
    reader = SpoolReader(tmp_path)
    assert [one.step for one in reader.take()] == [1]
    reader.confirm()

    with (tmp_path / SPOOL_FILE).open("a") as spool:
        spool.write(": 2.0}]\n")

    assert [one.value for one in reader.take()] == [2.0]


def test_half_a_line_that_another_process_wrote_on_from_is_skipped(tmp_path):
    (tmp_path / SPOOL_FILE).write_text('[1, 5, {"a": 1.0}]\n[2, 5, {"a"[3, 5, {"a": 3.0}]\n[4, 5, {"a": 4.0}]\n')

    assert [one.step for one in SpoolReader(tmp_path).take()] == [1, 4]


def test_nan_and_infinity_are_kept(tmp_path):
    with SpoolWriter(tmp_path) as writer:
        writer.append({"a": math.nan, "b": math.inf}, 3, 1.5)

    nan, infinite = SpoolReader(tmp_path).take()
    assert math.isnan(nan.value)
    assert infinite.value == math.inf
    assert (nan.step, nan.timestamp) == (3, 1500)


def test_a_run_without_a_spool_has_nothing_to_deliver(tmp_path):
    assert SpoolReader(tmp_path).take() == []
