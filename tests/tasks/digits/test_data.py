import subprocess
import sys

import numpy as np
import pytest
import torch

from hone.errors import DataError
from hone.tasks.digits import data as digits
from hone.tasks.digits.data import DigitsData, load_digits


@pytest.fixture
def ready():
    def build(**options):
        data = DigitsData(**options)
        data.setup("fit")
        return data

    return build


def test_the_images_are_those_of_scikit_learn():
    from sklearn.datasets import load_digits as sklearns

    images, labels = load_digits()
    bunch = sklearns()

    assert np.array_equal(images.squeeze(1).numpy() * 16, bunch.images)
    assert np.array_equal(labels.numpy(), bunch.target)


def test_reading_them_imports_neither_scikit_learn_nor_what_texts_need():
    code = (
        "import sys; from hone.tasks.digits import models; from hone.tasks.digits.data import DigitsData;"
        "data = DigitsData(); data.setup(); print({'sklearn', 'datasets', 'pandas'} & set(sys.modules))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)

    assert done.stdout == "set()\n"


def test_splits_are_stratified_disjoint_and_complete(ready):
    data = ready()
    counts = [torch.bincount(labels, minlength=10) for _, labels in (data.train, data.val, data.test)]
    whole = torch.bincount(load_digits()[1])

    assert torch.equal(sum(counts), whole)
    for count, fraction in zip(counts, (0.6, 0.2, 0.2), strict=True):
        assert ((count - fraction * whole).abs() <= 1).all()
    rows = {tuple(image.flatten().tolist()) for images, _ in (data.train, data.val, data.test) for image in images}
    assert len(rows) == len(np.unique(load_digits()[0].flatten(1).numpy(), axis=0))


def test_a_trials_seed_does_not_move_the_splits_and_split_seed_does(ready):
    first = ready()
    torch.manual_seed(123)

    assert torch.equal(ready().test[1], first.test[1])
    assert torch.equal(ready().test[0], first.test[0])
    assert not torch.equal(ready(split_seed=1).test[1], first.test[1])


def test_pixels_are_standardised_by_the_training_split_alone(ready):
    data = ready()

    assert data.train[0].mean().item() == pytest.approx(0, abs=1e-5)
    assert data.train[0].std().item() == pytest.approx(1, abs=1e-5)
    assert data.test[0].mean().item() != pytest.approx(0, abs=1e-5)
    plain = ready(standardise=False).train[0]
    assert (plain.min(), plain.max()) == (0, 1)


def test_batches_are_whole_shuffled_and_repeat_under_a_seed(ready):
    data = ready(batch_size=100)

    def labels_of_an_epoch(seed):
        torch.manual_seed(seed)
        return [labels for _, labels in data.train_dataloader()]

    first, again, other = labels_of_an_epoch(0), labels_of_an_epoch(0), labels_of_an_epoch(1)

    assert [len(one) for one in first] == [100] * 10 + [len(data.train[1]) - 1000]
    assert torch.equal(torch.cat(first), torch.cat(again))
    assert not torch.equal(torch.cat(first), torch.cat(other))
    assert torch.equal(torch.cat(first).sort().values, data.train[1].sort().values)


def test_a_batch_keeps_image_and_label_together(ready):
    data = ready(standardise=False)
    images, labels = load_digits()
    truth = {image.numpy().tobytes(): int(label) for image, label in zip(images, labels, strict=True)}

    batch, given = next(iter(data.train_dataloader()))

    assert batch.shape == (64, *data.input_shape)
    assert [truth[image.numpy().tobytes()] for image in batch] == given.tolist()


def test_it_can_be_indexed_image_by_image_too(ready):
    data = ready()

    image, label = data.train_dataloader().dataset[3]

    assert torch.equal(image, data.train[0][3])
    assert label == data.train[1][3]


def test_what_is_judged_comes_in_order(ready):
    data = ready(batch_size=8)

    for loader, split in ((data.val_dataloader(), data.val), (data.predict_dataloader(), data.test)):
        assert torch.equal(torch.cat([labels for _, labels in loader]), split[1])


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"batch_size": 0}, r"^data\.batch_size: must be at least 1, not 0$"),
        ({"batch_size": -4}, r"^data\.batch_size: must be at least 1, not -4$"),
        ({"val_fraction": 0.0}, r"^data\.val_fraction: must leave something to train on, not 0\.0$"),
        ({"test_fraction": 1.5}, r"^data\..*_fraction: must leave something to train on"),
        ({"val_fraction": 0.5, "test_fraction": 0.5}, r"^data\.val_fraction: must leave something to train on"),
    ],
)
def test_numbers_out_of_range_are_refused_by_key(options, message):
    with pytest.raises(DataError, match=message):
        DigitsData(**options)


def test_without_scikit_learn_the_error_says_so(monkeypatch):
    monkeypatch.setattr(digits, "find_spec", lambda name: None)

    with pytest.raises(DataError, match="scikit-learn, which brings these images, is not installed"):
        DigitsData().content_digest()


def test_the_digest_is_of_the_files_content(tmp_path, monkeypatch):
    before = DigitsData().content_digest()
    (tmp_path / "sklearn" / "datasets" / "data").mkdir(parents=True)
    (tmp_path / "sklearn" / "datasets" / "data" / "digits.csv.gz").write_bytes(b"other digits")
    (tmp_path / "sklearn" / "__init__.py").touch()
    spec = type("Spec", (), {"origin": str(tmp_path / "sklearn" / "__init__.py")})
    monkeypatch.setattr(digits, "find_spec", lambda name: spec)

    assert before.keys() == DigitsData().content_digest().keys() == {"digits.csv.gz"}
    assert before != DigitsData().content_digest()
