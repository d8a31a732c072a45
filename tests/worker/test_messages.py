import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hone.worker.messages import (
    Begin,
    Exited,
    Failed,
    GarbledMessage,
    Kill,
    Lease,
    Preload,
    Pruned,
    Report,
    Result,
    Started,
    TrialJob,
    Verdict,
    decode,
    encode,
)

TEXT = st.text(max_size=40)
METRICS = st.dictionaries(TEXT, st.floats(allow_nan=False), max_size=4)
MESSAGES = st.one_of(
    st.builds(TrialJob, st.integers(), TEXT, st.builds(Lease, st.integers(1, 64), st.none() | st.tuples(TEXT))),
    st.builds(Started, st.tuples(TEXT, TEXT), st.dictionaries(TEXT, TEXT)),
    st.builds(Report, st.integers(), METRICS),
    st.builds(Result, METRICS, st.none() | TEXT, st.integers(), st.floats(0, 1e9)),
    st.builds(Pruned, METRICS),
    st.builds(Failed, TEXT, TEXT, TEXT, st.booleans(), st.none() | TEXT),
    st.sampled_from([Preload(("torch", "x")), Kill(3), Exited(3, -9), Begin("id"), Begin(), Verdict(True)]),
)


@given(MESSAGES)
def test_a_message_is_one_line_and_comes_back_as_it_was(message):
    line = encode(message)

    assert line.count(b"\n") == 1
    assert line.endswith(b"\n")
    assert decode(line) == message


def test_a_report_keeps_nan_and_infinity():
    report = decode(encode(Report(1, {"a": math.nan, "b": -math.inf})))

    assert math.isnan(report.metrics["a"])
    assert report.metrics["b"] == -math.inf


@pytest.mark.parametrize(
    "line",
    [b"Segmentation fault", b"{}", b'{"type": "Nothing"}', b'{"type": "Kill"}', b"[1]", b'{"type": "Kill", "x": 1}'],
)
def test_a_line_that_is_no_message_is_shown_as_it_is(line):
    with pytest.raises(GarbledMessage) as caught:
        decode(line)

    assert str(caught.value) == line.decode()
