import math

import pytest
from known_studies import Known, bowl

LR = "tag(log, interval(1e-5, 1e-1))"


def test_what_matters_has_the_share_and_chance_would_hardly_give_it():
    found = Known({"model.lr": LR, "x": "interval(0.0, 1.0)"}, bowl, 40).evidence.importances

    assert found["model.lr"].share > 0.8
    assert found["model.lr"].chance < 0.05
    assert found["x"].share + found["model.lr"].share == pytest.approx(1)
    assert found["x"].trials == 40


def test_pruned_trials_count_with_what_they_reported():
    def truth(values):
        return "pruned" if abs(math.log10(values["model.lr"]) + 2) > 1 else 0.5 + values["x"] / 1_000

    found = Known({"model.lr": LR, "x": "interval(0.0, 1.0)"}, truth, 40).evidence.importances

    assert found["model.lr"].trials == 40
    assert found["model.lr"].chance < 0.1


@pytest.mark.parametrize(("truth", "trials"), [(bowl, 3), (lambda values: 1.0, 20), (lambda values: "oom", 20)])
def test_of_too_few_trials_or_none_that_differ_nothing_is_said(truth, trials):
    assert Known({"model.lr": LR}, truth, trials).evidence.importances == {}


def test_trials_that_have_learnt_nothing_hide_nothing():
    """Most of them come to one score; what decides whether one is better decides all there is to decide."""

    def truth(values):
        lost = abs(math.log10(values["model.lr"]) + 1.5)
        return 9.0 if lost > 0.5 else lost

    known = Known({"model.lr": LR, "x": "interval(0.0, 1.0)"}, truth, 30)

    better = [one for one in known.evidence.ranked if one.value < 9.0]
    assert len(better) < 8, "no more are better than those that are asked for"
    found = known.evidence.importances
    assert found["model.lr"].share > 0.7
    assert found["model.lr"].chance < 0.1


def test_where_the_best_value_is_many_trials_they_are_what_is_to_be_among():
    def truth(values):
        return 0.0 if values["x"] < 0.4 else 1.0

    found = Known({"model.lr": LR, "x": "interval(0.0, 1.0)"}, truth, 40).evidence.importances

    assert found["x"].share > 0.8
    assert found["x"].chance < 0.05
