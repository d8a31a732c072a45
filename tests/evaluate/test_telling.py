"""How an evaluation is told: in metrics, in words, in the terminal."""

import io
from pathlib import Path

import pytest
from rich.console import Console

from hone.evaluate import Evaluation, Mistakes, Score, Size, Slice
from hone.evaluate.reading import comparison_of, is_maximized, metric_of
from hone.evaluate.terminal import show
from hone.evaluate.tracked import metrics_of


def evaluation(**changed):
    known = {
        "run_id": None,
        "name": "one on test",
        "source": "a1",
        "source_name": "one",
        "split": "test",
        "kind": "classes",
        "rows": 10,
        "metric": "accuracy",
        "maximize": True,
        "confidence": 0.95,
        "resamples": 100,
        "scores": {"accuracy": Score(0.9)},
        "slices": (),
        "mistakes": Mistakes(),
        "calibration_error": None,
        "latency": (),
        "device": "CPU",
        "size": Size(10, 0.1),
        "comparison": None,
        "notes": (),
        "directory": Path(),
    }
    return Evaluation(**known | changed)


def test_every_slice_has_a_metric_of_its_own_whatever_it_is_called():
    names = ["<=50K", ">=50K", "", "a/", "..", "x" * 300]

    found = metrics_of(evaluation(slices=tuple(Slice("income", one, 5, Score(0.5), lags=False) for one in names)))

    slices = [one for one in found if one.startswith("slice/")]
    assert len(slices) == len(names)
    assert {"slice/income/__50K", "slice/income/__50K 2", "slice/income/empty", "slice/income/a"} <= set(slices)
    assert max(map(len, slices)) <= 250


def test_names_of_classes_are_no_markup():
    out = io.StringIO()

    mistakes = Mistakes(3, (("[/b]", "[x]", 2), ("a", "b", 1)), ())
    show(Console(file=out, width=120), evaluation(mistakes=mistakes, scores={"[/i]": Score(0.5)}))

    assert "[/b] taken for [x] (2), a taken for b (1)" in out.getvalue()
    assert "[/i]" in out.getvalue()


def compared(**higher):
    one = {"ours": 0.1, "theirs": 0.2, "difference": -0.1, "low": -0.2, "high": -0.05, "p": 0.001, "test": "a test"}
    metrics = {name: {**one, "higher": value} for name, value in higher.items()}
    return {
        "comparison": {"metrics": metrics, "only_ours": None, "only_theirs": None},
        "confidence": 0.95,
        "rows": 10,
        "split": "test",
    }


@pytest.mark.parametrize(("higher", "word"), [(False, "better"), (True, "worse")])
def test_less_of_a_metric_is_better_where_that_is_so(higher, word):
    comparison, _ = comparison_of(compared(deviance=higher), "b2", "ours", "theirs", "deviance")

    assert comparison.word == word


def test_no_model_is_better_by_what_nobody_says_which_way_is():
    comparison, reason = comparison_of(compared(deviance=None), "b2", "ours", "theirs", "deviance")

    assert comparison is None
    assert "no metric" in reason


@pytest.mark.parametrize(
    ("monitor", "mode", "scores", "maximize"),
    [
        ("val/deviance", "min", {"deviance": 0.1}, False),
        ("val_loss", "min", {"accuracy": 0.9}, True),
        ("val/f1", "max", {"f1": 0.9, "accuracy": 0.9}, True),
    ],
)
def test_which_way_is_better_is_that_of_the_metric_which_a_run_is_judged_by(monitor, mode, scores, maximize):
    metric = metric_of(monitor, scores)

    assert is_maximized(metric, monitor, mode, {"higher": {"accuracy": True, "f1": True}}) is maximize
