import math

import pytest

from hone.reproduce.verdict import CLOSE, DIFFERS, IDENTICAL, judge

CURVE = ((1, 0.5), (2, 0.25), (3, math.nan))


def test_the_same_values_are_identical_nan_included():
    verdict = judge({"a": CURVE}, {"a": CURVE}, weights=("x", "x"))

    assert (verdict.word, verdict.values, verdict.metrics, verdict.weights) == (IDENTICAL, 3, 1, True)


def test_the_first_and_the_largest_difference_are_named():
    verdict = judge({"a": ((1, 0.5), (2, 0.25))}, {"a": ((1, 0.5000001), (2, 0.35))})

    assert verdict.word == DIFFERS
    assert (verdict.first.step, verdict.largest.step) == (1, 2)
    assert "a at step 2: 0.25 recorded, 0.35 now" in verdict.lines()[-1]


def test_what_lies_within_the_tolerance_is_said_to():
    verdict = judge({"a": ((1, 0.5),)}, {"a": ((1, 0.5001),)}, weights=("x", "y"))

    assert verdict.word == CLOSE
    assert verdict.good
    assert "2.0e-04 of the value; 0.001 is tolerated" in verdict.lines()[-1]


def test_other_weights_alone_are_not_identical():
    assert judge({"a": CURVE}, {"a": CURVE}, weights=("x", "y")).word == CLOSE


def test_without_digests_of_weights_it_is_said_that_they_were_not_compared():
    verdict = judge({"a": CURVE}, {"a": CURVE}, weights=("", "x"))

    assert verdict.word == IDENTICAL
    assert any("not compared: one of the runs has no digest" in line for line in verdict.lines())


@pytest.mark.parametrize("again", [{}, {"a": CURVE[:2]}, {"a": CURVE, "b": CURVE}])
def test_a_value_that_one_of_them_lacks_differs(again):
    assert judge({"a": CURVE}, again).word == DIFFERS


def test_another_ending_differs():
    verdict = judge({"a": CURVE}, {"a": CURVE}, endings=("complete", "failed (oom)"))

    assert verdict.word == DIFFERS
    assert "it ended complete, and failed (oom) now" in verdict.lines()


@pytest.mark.parametrize("name", ["system/cpu", "latency_ms", "val/samples_per_second", "objective", "time/epoch"])
def test_measures_of_the_machine_are_left_out_and_named(name):
    verdict = judge({"a": CURVE, name: ((1, 1.0),)}, {"a": CURVE, name: ((1, 2.0),)})

    assert verdict.word == IDENTICAL
    assert verdict.left_out == (name,)
