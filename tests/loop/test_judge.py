"""Where a round's winner lags, by what training left of it: for loops that open no store."""

import numpy as np
import pytest

from hone.loop.judge import lagging_classes
from hone.loop.mistakes import Lagging
from hone.training.figures import Predictions, write_evaluation
from hone.worker.disk import EVALUATION


def predicted(right):
    """Twenty rows of each class, of which so many are right and the rest are taken for the next class."""
    truth = np.repeat(np.arange(len(right)), 20)
    answers = np.concatenate(
        [[number] * count + [(number + 1) % len(right)] * (20 - count) for number, count in enumerate(right)]
    )
    return Predictions("classes", np.arange(len(truth)), truth, np.eye(len(right))[answers])


@pytest.mark.parametrize(("split", "found"), [("val", (Lagging("class 1", "recall", 0.5, 0.8, 20),)), ("test", ())])
def test_a_class_that_lags_is_found_in_what_training_left_of_validation(tmp_path, split, found):
    write_evaluation(predicted([19, 10, 19]), tmp_path / EVALUATION, split)

    assert lagging_classes(tmp_path, 0.1) == found
    assert lagging_classes(tmp_path, 0.4) == ()


def test_a_trial_whose_predictions_were_not_kept_lags_nowhere(tmp_path):
    assert lagging_classes(tmp_path, 0.1) == ()
