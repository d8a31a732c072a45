import inspect

import pytest

from hone import errors
from hone.errors import HoneError, did_you_mean, missing_metric


def test_an_error_says_where_before_what():
    assert str(HoneError("is empty", where="a.yaml: space")) == "a.yaml: space: is empty"
    assert str(HoneError("is empty")) == "is empty"


def test_the_tree_in_the_docstring_is_the_tree_there_is():
    found = {name for name, one in vars(errors).items() if inspect.isclass(one) and issubclass(one, Exception)}

    drawn = {line.split()[1] for line in errors.__doc__.splitlines() if "── " in line}

    assert drawn | {"HoneError"} == found


@pytest.mark.parametrize(
    ("name", "options", "sentence"),
    [
        ("optimizer.lrr", ["optimizer.lr", "optimizer"], " Did you mean optimizer.lr?"),
        ("val/acc", ["val/auroc", "val/accuracy"], " Did you mean val/accuracy?"),
        ("zzz", ["optimizer.lr"], ""),
        ("x", [], ""),
    ],
)
def test_the_nearest_name_is_suggested_and_only_what_is_near(name, options, sentence):
    assert did_you_mean(name, options) == sentence


def test_a_missing_metric_names_those_that_are_logged():
    said = str(missing_metric("val/acc", ["val/loss", "val/accuracy"], "a.yaml: metric"))

    assert said == "a.yaml: metric: 'val/acc' is not logged. Did you mean val/accuracy? Logged: val/accuracy, val/loss."
