"""Intervals, slices and paired tests on predictions whose truth is known."""

import numpy as np
import pytest
import pytorch_lightning as pl
from sklearn.metrics import accuracy_score, f1_score, roc_auc_score
from torchmetrics import ClasswiseWrapper, MetricCollection
from torchmetrics.classification import BinaryAccuracy, BinaryAUROC, MulticlassAUROC, MulticlassRecall
from torchmetrics.regression import TweedieDevianceScore

from hone.errors import DataError
from hone.training.figures import Predictions
from hone.training.scoring.answers import Answers, keep_answers, same_rows
from hone.training.scoring.groups import group_by, groups_of
from hone.training.scoring.intervals import bootstrap, resamples_for, share_interval
from hone.training.scoring.measures import Measures
from hone.training.scoring.paired import MCNEMAR, compare, mcnemar
from hone.training.scoring.slices import score_slices

CONFIDENCE = 0.95


def answers(rows, right, classes=3, seed=0):
    """A model that is right in a share of the rows."""
    draw = np.random.default_rng(seed)
    truth = draw.integers(0, classes, rows)
    guessed = np.where(draw.random(rows) < right, truth, (truth + 1) % classes)
    scores = np.full((rows, classes), 0.2 / (classes - 1), dtype=np.float32)
    scores[np.arange(rows), guessed] = 0.8
    scores += draw.random((rows, classes)).astype(np.float32) * 0.01
    return Predictions("classes", np.arange(rows), truth, scores / scores.sum(axis=1, keepdims=True))


def measured(predictions, logged=()):
    return Measures(pl.LightningModule(), predictions, "test", dict(logged))


def test_metrics_of_predictions_are_those_of_scikit_learn():
    said = answers(200, 0.8)

    values = measured(said).values

    guessed = said.scores.argmax(axis=1)
    assert values["accuracy"] == pytest.approx(accuracy_score(said.truth, guessed), abs=1e-6)
    assert values["f1"] == pytest.approx(f1_score(said.truth, guessed, average="macro"), abs=1e-6)
    assert values["auroc"] == pytest.approx(roc_auc_score(said.truth, said.scores, multi_class="ovr"), abs=1e-5)


class Measured(pl.LightningModule):
    """A module with metrics of its own."""

    def __init__(self, **metrics):
        super().__init__()
        self.test_metrics = MetricCollection(metrics, prefix="test/")


def two_classes(rows=200):
    """Probabilities of two classes from a single score, as ``understood`` makes them."""
    draw = np.random.default_rng(0)
    truth = draw.integers(0, 2, rows)
    positive = np.clip(0.5 + 0.3 * (truth - 0.5) + 0.25 * draw.standard_normal(rows), 0, 1).astype(np.float32)
    return Predictions("classes", np.arange(rows), truth, np.stack([1 - positive, positive], axis=1))


def test_binary_metrics_are_of_the_score_of_the_second_class():
    said = two_classes()
    own = Measured(accuracy=BinaryAccuracy(), auroc=BinaryAUROC())

    values = Measures(own, said, "test", {}).values

    assert values["accuracy"] == pytest.approx(accuracy_score(said.truth, said.scores[:, 1] > 0.5), abs=1e-6)
    assert values["auroc"] == pytest.approx(roc_auc_score(said.truth, said.scores[:, 1]), abs=1e-5)


def test_metrics_that_take_no_such_predictions_leave_the_usual_ones():
    said = answers(60, 0.7)

    by_distance = Measures(Measured(odd=TweedieDevianceScore()), said, "test", {})
    by_class = Measures(Measured(each=ClasswiseWrapper(MulticlassRecall(3, average=None))), said, "test", {})

    assert "accuracy" in by_distance.values
    assert len([one for one in by_class.values if "recall" in one]) == 3


def test_a_curve_is_not_taken_for_bad_where_a_rare_class_was_not_drawn():
    said = answers(200, 0.9)
    rare = np.where(said.truth == 2, 0, said.truth)
    rare[:3] = 2
    said = Predictions("classes", said.rows, rare, said.scores)
    own = Measures(Measured(auroc=MulticlassAUROC(3)), said, "test", {})

    drawn = bootstrap(own.over, 200, 300, CONFIDENCE, 0)

    place = own.names.index("auroc")
    missing = np.isnan(drawn.values[place])
    assert 0 < missing.sum() < 60
    assert drawn.low[place] == pytest.approx(np.percentile(drawn.values[place][~missing], 2.5))


def test_which_way_is_better_is_what_the_config_says_of_a_metric_that_does_not():
    draw = np.random.default_rng(0)
    truth = np.abs(draw.standard_normal(100)).astype(np.float32) + 1
    said = Predictions("numbers", np.arange(100), truth, truth + 0.01)
    own = Measured(deviance=TweedieDevianceScore())

    assert Measures(own, said, "test", {}).higher == {"deviance": None}
    assert Measures(own, said, "test", {}, {"deviance": False}).higher == {"deviance": False}


def test_one_row_has_values_and_no_intervals():
    numbers = Predictions("numbers", np.arange(1), np.ones(1, np.float32), np.zeros(1, np.float32))

    assert measured(numbers).values == {"mae": 1.0, "rmse": 1.0}
    [one] = score_slices(numbers, {"region": group_by(["north"])}, 100, CONFIDENCE, 0)
    assert (one["low"], one["high"], one["lags"]) == (None, None, False)


def test_a_prediction_that_is_no_number_makes_no_slice_lag():
    truth = np.zeros(40, np.float32)
    said = np.where(np.arange(40) == 3, np.nan, np.arange(40)).astype(np.float32)

    scored = score_slices(
        Predictions("numbers", np.arange(40), truth, said), {"half": group_by(["a", "b"] * 20)}, 50, CONFIDENCE, 0
    )

    assert not any(one["lags"] for one in scored)


def test_a_metric_that_was_logged_otherwise_is_left_as_it_was_logged():
    said = answers(200, 0.8)
    accuracy = measured(said).values["accuracy"]

    own = measured(said, {"accuracy": accuracy, "f1": 0.123, "loss": 7.0})

    assert "accuracy" in own.names
    assert not {"f1", "loss"} & set(own.names)
    assert own.logged_otherwise == ("f1",)


def test_intervals_hold_the_truth_as_often_as_they_say():
    truth, held = 0.8, 0
    for seed in range(100):
        right = np.random.default_rng(seed).random(150) < truth
        drawn = bootstrap(lambda rows, right=right: np.asarray([right[rows].mean()]), 150, 200, CONFIDENCE, seed)
        held += drawn.low[0] <= truth <= drawn.high[0]

    assert 88 <= held <= 100


def test_the_same_seed_gives_the_same_intervals_and_many_numbers_fewer_resamples():
    said = measured(answers(60, 0.7))

    first, second = (bootstrap(said.over, 60, 50, CONFIDENCE, 3) for _ in range(2))

    assert np.array_equal(first.low, second.low)
    assert (first.low < first.high).all()
    assert resamples_for(1_000, 4_000) == 1_000
    assert resamples_for(1_000, 1_000_000_000) == 200


def test_a_slice_with_all_rows_right_still_has_an_interval():
    low, high = share_interval(10, 10, CONFIDENCE)

    assert 0.6 < low < 0.8
    assert high == pytest.approx(1)


def test_a_class_that_does_worse_than_the_rest_lags_and_the_others_do_not():
    said = answers(600, 0.9)
    harder = np.flatnonzero(said.truth == 2)[::3]
    said.scores[harder] = said.scores[harder][:, [2, 1, 0]]

    slices = score_slices(said, groups_of(said, ["a", "b", "c"], None, {}, ()), 200, CONFIDENCE, 0)

    assert [(one["name"], one["lags"]) for one in slices] == [("a", False), ("b", False), ("c", True)]
    assert sum(one["rows"] for one in slices) == 600
    assert all(one["low"] < one["value"] < one["high"] for one in slices)


def test_slices_that_are_alike_are_hardly_ever_said_to_lag():
    lagging = 0
    for seed in range(40):
        said = answers(300, 0.85, classes=10, seed=seed)
        slices = score_slices(said, groups_of(said, list("abcdefghij"), None, {}, ()), 100, CONFIDENCE, seed)
        lagging += any(one["lags"] for one in slices)

    assert lagging <= 6


def test_numbers_are_cut_into_quarters_and_rare_values_are_put_together():
    lengths = group_by([*range(1, 101)], " tokens")
    assert lengths.order[:2] == ("1 to 25 tokens", "26 to 50 tokens")
    assert [int((lengths.of_row == name).sum()) for name in lengths.order[:4]] == [25] * 4

    towns = group_by([f"town {one % 20}" for one in range(100)] + ["town 3", None, float("nan")])
    assert towns.order[-2:] == ("others", "missing")
    assert (towns.of_row == "missing").sum() == 2
    assert "town 3" in towns.order

    assert group_by([3, 1, 2, 1]).order[:3] == ("1", "2", "3")


def test_quarters_have_names_of_their_own_and_values_are_told_from_what_is_put_together():
    times = group_by([1_700_000_000 + 4 * one for one in range(100)])
    assert len(times.order) == 5
    assert times.order[0] == "1700000000 to 1700000100"
    assert min(int((times.of_row == one).sum()) for one in times.order[:4]) >= 24
    named = group_by(["others", *"abcdefghijklmnop", "others", None, "missing", "missing"])
    assert (named.of_row == "others").sum() == 2
    assert len(set(named.order)) == len(named.order)
    assert named.of_row[-3] == "(missing)"
    assert group_by(list(np.arange(100))).order[0] == "0 to 24"
    assert group_by([np.float32("nan"), np.float32(1.0)]).of_row[0] == "missing"
    assert set(group_by([[1, 2], [1, 2], [3]]).of_row) == {"[1, 2]", "[3]"}


def test_a_column_that_is_not_there_is_named_with_the_nearest():
    said = answers(20, 0.9)

    with pytest.raises(DataError, match=r"no column 'iland' to cut by. Did you mean island\?"):
        groups_of(said, ["a", "b", "c"], None, {"island": ["x"] * 20}, ["iland"])
    with pytest.raises(DataError, match=r"fields\(split\)"):
        groups_of(said, ["a", "b", "c"], None, {}, ["island"])


def test_mcnemars_test_is_the_binomial_one_of_the_rows_that_only_one_has_right():
    assert mcnemar(0, 0) == 1.0
    assert mcnemar(1, 9) == pytest.approx(2 * (1 + 10) / 2**10)
    assert mcnemar(12, 12) == pytest.approx(1.0)


def test_a_better_model_is_told_from_a_worse_one_on_the_same_rows_and_not_from_itself():
    good, poor = answers(400, 0.95), answers(400, 0.7)
    assert np.array_equal(good.truth, poor.truth)

    one = compare(measured(good), good, poor, 200, CONFIDENCE, 0)
    same = compare(measured(good), good, good, 200, CONFIDENCE, 0)

    accuracy = one["metrics"]["accuracy"]
    assert accuracy["test"] == MCNEMAR
    assert accuracy["p"] < 1e-4
    assert accuracy["low"] > 0
    assert accuracy["difference"] == pytest.approx((one["only_ours"] - one["only_theirs"]) / 400)
    assert one["metrics"]["f1"]["p"] < 0.05
    assert same["metrics"]["accuracy"]["p"] == 1.0
    assert same["metrics"]["f1"]["difference"] == 0


def test_other_rows_are_not_compared(tmp_path):
    said = answers(50, 0.9)
    keep_answers(Answers(said, "one"), tmp_path)

    assert same_rows(Answers(said, "one"), tmp_path)[0] is not None
    assert "content of their data" in same_rows(Answers(said, "two"), tmp_path)[1]
    assert "same rows" in same_rows(Answers(answers(50, 0.9, seed=1), "one"), tmp_path)[1]
    assert "no predictions" in same_rows(Answers(said, "one"), tmp_path / "nowhere")[1]
    numbers = Predictions("numbers", said.rows, said.truth, said.scores[:, 0])
    assert "one predicts numbers" in same_rows(Answers(numbers, "one"), tmp_path)[1]
