"""Pictures of predictions, and the figures beneath them against scikit-learn's."""

import csv
import json

import numpy as np
import pyarrow.parquet as pq
import pytest
from sklearn.metrics import accuracy_score, average_precision_score, confusion_matrix, precision_recall_fscore_support

from hone.report.draw import draw_evaluation
from hone.report.evaluation import EVALUATIONS, read_evaluation
from hone.training.figures import Predictions, write_evaluation

NAMES = ["cat", "dog", "a very long name for a bird"]


class Animals:
    class_names = NAMES

    def example(self, split, row):
        return f"{split} row {row}"


class Pictures(Animals):
    def example(self, split, row):
        return np.full((1, 4, 4), row)


def predictions(rows=300, seed=0):
    random = np.random.default_rng(seed)
    truth = random.integers(0, 3, rows)
    logits = random.normal(size=(rows, 3)) + 1.5 * np.eye(3)[truth]
    scores = np.exp(logits) / np.exp(logits).sum(axis=1, keepdims=True)
    return Predictions("classes", np.arange(rows) * 2, truth, scores.astype(np.float32))


@pytest.fixture
def written(tmp_path):
    known = predictions()
    write_evaluation(known, tmp_path, "test", Animals(), mistakes=5)
    return tmp_path, known


def test_the_figures_are_those_of_scikit_learn(written):
    folder, known = written
    predicted = known.scores.argmax(axis=1)
    summary = json.loads((folder / "evaluation.json").read_text())

    assert summary["accuracy"] == pytest.approx(accuracy_score(known.truth, predicted))
    assert summary["confusion"] == confusion_matrix(known.truth, predicted).tolist()
    rows = list(csv.DictReader((folder / "per_class.csv").read_text().splitlines()))
    wanted = precision_recall_fscore_support(known.truth, predicted)
    for place, row in enumerate(rows):
        assert row["class"] == NAMES[place]
        said = [float(row[name]) for name in ("precision", "recall", "f1", "rows")]
        assert said == pytest.approx([one[place] for one in wanted], abs=1e-6)


def test_the_calibration_error_is_the_mean_distance_of_confidence_and_accuracy(written):
    folder, known = written
    sure, right = known.scores.max(axis=1), known.scores.argmax(axis=1) == known.truth
    bins = np.minimum((sure * 15).astype(int), 14)
    wanted = sum(abs(sure[bins == one].mean() - right[bins == one].mean()) * (bins == one).mean() for one in set(bins))

    assert json.loads((folder / "evaluation.json").read_text())["calibration_error"] == pytest.approx(wanted, abs=1e-5)


def test_predictions_have_row_label_and_a_probability_for_each_class(written):
    folder, known = written
    table = pq.read_table(folder / "predictions.parquet")

    assert table.column_names == ["row", "label", "predicted", *(f"p({name})" for name in NAMES)]
    assert table.column("row").to_pylist() == known.rows.tolist()
    assert table.column("label").to_pylist() == [NAMES[one] for one in known.truth]
    assert table.column("p(dog)").to_pylist() == pytest.approx(known.scores[:, 1].tolist())


def test_the_most_confident_mistakes_come_first_with_their_text(written):
    folder, known = written
    predicted = known.scores.argmax(axis=1)
    wrong = predicted != known.truth
    surest = known.rows[wrong][np.argsort(-known.scores.max(axis=1)[wrong])][:5]

    found = json.loads((folder / "mistakes.json").read_text())

    assert [one["row"] for one in found] == surest.tolist()
    assert [one["text"] for one in found] == [f"test row {row}" for row in surest]
    assert all(one["label"] != one["predicted"] for one in found)


def test_the_curves_are_those_of_the_hardest_classes_and_say_their_area(written):
    folder, known = written
    chart = EVALUATIONS["curves"](read_evaluation(folder))

    areas = [average_precision_score(known.truth == place, known.scores[:, place]) for place in range(3)]
    said = [one.labels[0] for one in chart.panels[0].series]
    assert [f"average precision {area:.3f}" in text for area, text in zip(areas, said, strict=True)] == [True] * 3


@pytest.mark.parametrize(
    ("data", "wanted"),
    [
        (Animals(), {"confusion", "curves", "calibration"}),
        (Pictures(), {"confusion", "curves", "calibration", "mistakes"}),
    ],
)
def test_each_picture_is_drawn(tmp_path, data, wanted):
    write_evaluation(predictions(), tmp_path, "test", data)

    drawn = draw_evaluation(tmp_path)

    assert drawn.notes == ()
    assert {one.stem for one in drawn.files} == wanted
    assert all(one.stat().st_size > 5_000 for one in drawn.files)


def test_a_class_that_never_occurs_and_one_row_are_no_trouble(tmp_path):
    alone = predictions()
    one = Predictions("classes", alone.rows[:1], alone.truth[:1], alone.scores[:1])
    write_evaluation(one, tmp_path, "val")

    assert draw_evaluation(tmp_path).notes == ()


def test_numbers_have_residuals(tmp_path):
    truth = np.linspace(0, 1, 50, dtype=np.float32)
    write_evaluation(Predictions("numbers", np.arange(50), truth, truth + 0.1), tmp_path, "test")

    summary = json.loads((tmp_path / "evaluation.json").read_text())
    assert summary["mean_absolute_error"] == pytest.approx(0.1, abs=1e-5)
    assert {one.stem for one in draw_evaluation(tmp_path).files} == {"residuals"}
