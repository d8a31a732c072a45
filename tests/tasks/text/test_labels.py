import pytest

from hone.errors import DataError
from hone.tasks.text.labels import class_numbers, classes_of


def test_labels_are_numbered_in_their_order():
    assert classes_of(["neutral", "bad", "good", "bad"], None) == {"bad": 0, "good": 1, "neutral": 2}
    assert classes_of([3, 1, 3], None) == {1: 0, 3: 1}


def test_a_map_may_join_labels_into_one_class():
    classes = classes_of(["ignored"], {"bad": 0, "awful": 0, "good": 1})

    assert class_numbers(["awful", "good"], classes, "val", "data.val") == [0, 1]


@pytest.mark.parametrize("numbers", [{"a": 1, "b": 2}, {"a": 0, "b": 2}, {"a": 0, "b": 0}])
def test_a_map_with_a_gap_is_refused(numbers):
    with pytest.raises(DataError, match=r"^data\.label_map: classes are numbered from 0 without a gap, not \["):
        classes_of([], numbers)


def test_one_label_is_nothing_to_tell_apart():
    with pytest.raises(DataError, match=r"^data\.label_column: train has one label only: 'good'$"):
        classes_of(["good", "good"], None)


def test_labels_that_are_lists_are_refused():
    with pytest.raises(DataError, match=r"^data\.label_column: holds no plain labels but \[1, 2\]$"):
        classes_of([[1, 2], [3]], None)


def test_a_strange_label_is_named_with_its_split_and_its_nearest():
    with pytest.raises(DataError, match=r"^data\.val: label 'godo' of val is none of 'bad', 'good'\. Did you mean goo"):
        class_numbers(["bad", "godo"], {"bad": 0, "good": 1}, "val", "data.val")
