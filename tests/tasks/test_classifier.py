from functools import partial

import pytest
import torch
from sklearn import metrics as sk
from torch.utils.data import DataLoader, TensorDataset
from torchmetrics import Accuracy

from hone.errors import ModelError
from hone.tasks.classifier import Classifier

CLASSES = 4


class Scores(Classifier):
    """Takes logits for inputs, so that what it predicts is known, and adds a bias that learns."""

    def __init__(self, **options):
        super().__init__(CLASSES, **options)
        self.bias = torch.nn.Parameter(torch.zeros(CLASSES))

    def forward(self, inputs):
        return inputs + self.bias

    def configure_optimizers(self):
        return torch.optim.SGD(self.parameters(), lr=0.1)


@pytest.fixture
def scored():
    """Logits and labels that agree more often than not; the classes are not balanced."""
    labels = torch.multinomial(torch.tensor([0.5, 0.3, 0.15, 0.05]), 203, replacement=True)
    return torch.randn(203, CLASSES) + 1.5 * torch.nn.functional.one_hot(labels, CLASSES), labels


def loader(scored, batch_size=32):
    return DataLoader(TensorDataset(*scored), batch_size)


@pytest.mark.parametrize("split", ["val", "test"])
def test_metrics_over_batches_equal_those_of_scikit_learn_over_the_split(scored, trainer, split):
    logits, labels = scored
    run = trainer()
    judge = run.validate if split == "val" else run.test
    (measured,) = judge(Scores(), loader(scored), verbose=False)

    predicted, macro = logits.argmax(1), {"average": "macro", "zero_division": 0}
    expected = {
        "accuracy": sk.accuracy_score(labels, predicted),
        "precision": sk.precision_score(labels, predicted, **macro),
        "recall": sk.recall_score(labels, predicted, **macro),
        "f1": sk.f1_score(labels, predicted, **macro),
        "auroc": sk.roc_auc_score(labels, logits.double().softmax(1), multi_class="ovr", average="macro"),
        "loss": sk.log_loss(labels, logits.double().softmax(1)),
    }
    assert measured == pytest.approx({f"{split}/{name}": value for name, value in expected.items()}, abs=1e-5)


def test_only_the_metrics_that_the_config_names_are_measured(scored, trainer):
    model = Scores(metrics={"top2": partial(Accuracy, top_k=2, average="micro")})

    (measured,) = trainer().validate(model, loader(scored), verbose=False)

    assert measured.keys() == {"val/loss", "val/top2"}
    assert measured["val/top2"] == pytest.approx(sk.top_k_accuracy_score(scored[1], scored[0], k=2))


def test_training_returns_the_loss_and_logs_nothing(scored, trainer):
    run = trainer(max_epochs=1, num_sanity_val_steps=0)
    model = Scores()

    run.fit(model, loader(scored), loader(scored))

    assert not [name for name in run.callback_metrics if not name.startswith("val/")]
    assert model.training_step(scored, 0).shape == ()


def test_a_sanity_check_whose_batch_lacks_a_class_warns_of_nothing(trainer):
    labels = torch.cat([torch.zeros(8), torch.arange(8) % CLASSES]).long()
    data = DataLoader(TensorDataset(torch.randn(16, CLASSES), labels), batch_size=8)

    run = trainer(max_epochs=1)
    run.fit(Scores(), data, data)

    assert "val/auroc" in run.callback_metrics


def test_predictions_are_probabilities_in_order(scored, trainer):
    predicted = torch.cat(trainer().predict(Scores(), loader(scored)))

    assert torch.allclose(predicted, scored[0].softmax(1))
    assert torch.allclose(predicted.sum(1), torch.ones(len(predicted)))


def test_label_smoothing_and_class_weights_change_the_loss(scored):
    plain, smooth, weighted = Scores(), Scores(label_smoothing=0.2), Scores(class_weights=[1.0, 1.0, 1.0, 9.0])
    rare = (scored[0][scored[1] == 3], scored[1][scored[1] == 3])

    def loss(model, batch):
        return model.training_step(batch, 0).item()

    spread = -scored[0].log_softmax(1).mean().item()
    assert loss(smooth, scored) == pytest.approx(0.8 * loss(plain, scored) + 0.2 * spread, abs=1e-5)
    assert loss(weighted, scored) != pytest.approx(loss(plain, scored), rel=0.01)
    # Among one class alone, its weight cancels out.
    assert loss(weighted, rare) == pytest.approx(loss(plain, rare))


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"class_weights": [1.0, 2.0]}, r"model\.class_weights: needs 4 weights, not 2"),
        ({"label_smoothing": 1.0}, r"model\.label_smoothing: must be in \[0, 1\), not 1\.0"),
    ],
)
def test_numbers_out_of_range_are_refused_by_key(options, message):
    with pytest.raises(ModelError, match=message):
        Scores(**options)


def test_one_class_is_nothing_to_tell_apart():
    with pytest.raises(ModelError, match=r"model\.num_classes: needs at least 2 classes, not 1"):
        Classifier(1)
