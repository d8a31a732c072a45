import sys

import pytest
import torch
from PIL import Image

from hone.errors import DataError
from hone.tasks.augmentation.images import ImageAugmentation
from hone.tasks.image.data import ImageFolderData
from hone.tasks.image.models import ImageClassifier
from hone.training.components import build_data, build_model

RESNET = {
    "model_type": "resnet",
    "embedding_size": 4,
    "hidden_sizes": [4, 8],
    "depths": [1, 1],
    "layer_type": "basic",
}
VIT = {
    "model_type": "vit",
    "image_size": 16,
    "patch_size": 8,
    "hidden_size": 8,
    "num_hidden_layers": 2,
    "num_attention_heads": 2,
    "intermediate_size": 8,
}
EFFICIENTNET = {
    "model_type": "efficientnet",
    "image_size": 32,
    "width_coefficient": 0.25,
    "depth_coefficient": 0.2,
    "hidden_dim": 320,
}


@pytest.fixture
def squares(tmp_path):
    """A folder with red and blue squares of several sizes, twelve of each."""
    for name, colour in (("blue", (0, 0, 250)), ("red", (250, 0, 0))):
        (tmp_path / "train" / name).mkdir(parents=True)
        for number in range(12):
            picture = Image.new("RGB", (16 + number, 20), colour)
            picture.save(tmp_path / "train" / name / f"{number:02}.png")
    return tmp_path / "train"


def test_pictures_are_scaled_split_by_class_and_standardised(squares):
    data = ImageFolderData(str(squares), image_size=16, val_fraction=0.25, test_fraction=0.25)
    data.setup()

    sizes = {name: len(split) for name, split in data.splits.items()}
    assert sizes == {"train": 12, "val": 6, "test": 6}
    assert data.class_counts == [6, 6]
    images, labels = data.splits["train"].__getitems__(range(12))
    assert images.shape == (12, 3, 16, 16)
    assert images[:, [0, 2]].mean().abs() < 1e-5
    assert torch.allclose(images[:, 0].std(correction=0), torch.tensor(1.0), atol=1e-4)
    assert torch.equal(images[:, 0, 0, 0] > 0, labels == 1)
    assert set(data.content_digest()) == {str(squares)}
    # As a run's mistakes are shown.
    assert data.class_names == ["blue", "red"]
    assert data.example("test", 0)[:, 0, 0].tolist() == [0, 0, 250]


def test_batches_are_augmented_in_training_alone(squares, trainer):
    data = ImageFolderData(str(squares), image_size=16, augment=ImageAugmentation(mixup=1.0))
    model, seen = ImageClassifier(2, architecture=RESNET), {"train": [], "val": []}
    model.configure_optimizers = lambda: torch.optim.SGD(model.parameters(), lr=0.01)
    model.on_train_batch_end = lambda _, batch, __: seen["train"].append(batch[1].ndim)
    model.on_validation_batch_end = lambda _, batch, *__: seen["val"].append(batch[1].ndim)

    trainer(max_epochs=1).fit(model, datamodule=data)

    assert set(seen["train"]) == {2}
    assert set(seen["val"]) == {1}


@pytest.mark.parametrize("architecture", [RESNET, VIT, EFFICIENTNET], ids=lambda one: one["model_type"])
def test_a_family_is_saved_to_a_folder_and_fine_tuned_from_it(architecture, tmp_path):
    small = ImageClassifier(5, architecture=architecture).eval()
    small.export(tmp_path)
    images = torch.randn(2, 3, architecture.get("image_size", 32), architecture.get("image_size", 32))

    same = ImageClassifier(5, str(tmp_path)).eval()
    other = ImageClassifier(3, str(tmp_path), tune="head").eval()

    assert torch.allclose(small(images), same(images), atol=1e-5)
    assert other(images).shape == (2, 3)
    learning = {name for name, one in other.network.named_parameters() if one.requires_grad}
    assert learning
    assert all("classifier" in name or "layernorm" in name or "top_" in name for name in learning)


def test_a_pretrained_model_is_given_the_mean_that_it_is_used_to(squares, tmp_path):
    ImageClassifier(2, architecture=RESNET).export(tmp_path / "model")
    data = ImageFolderData(str(squares), image_size=16, pretrained=str(tmp_path / "model"))
    data.setup()
    own = data.splits["train"].statistics.mean.flatten().tolist()
    settings = '{"image_mean": [0.1, 0.2, 0.3], "image_std": [0.5, 0.5, 0.5], "image_processor_type": "ConvNextImage"}'
    (tmp_path / "model" / "preprocessor_config.json").write_text(settings)
    data = ImageFolderData(str(squares), image_size=16, pretrained=str(tmp_path / "model"))
    data.setup()

    assert own == pytest.approx([0.49, 0.0, 0.49], abs=0.01)
    assert data.splits["train"].statistics.mean.flatten().tolist() == pytest.approx([0.1, 0.2, 0.3])


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"train": None}, r"^data\.train: name a folder"),
        ({"train": "{0}/trian"}, r"^data\.train: no such folder: .*trian\. Did you mean train\?$"),
        ({"train": "{0}/train/red"}, r"^data\.train: .* holds 0 folders, and needs one for each class$"),
        ({"val": "{0}"}, r"^data\.val: .* holds 1 folders"),
        ({"batch_size": 0}, r"^data\.batch_size: must be at least 1, not 0$"),
        ({"val_fraction": 0.6, "test_fraction": 0.6}, r"^data\.val_fraction: must leave something"),
    ],
)
def test_what_is_missing_is_named(squares, options, message):
    given = {"train": "{0}/train"} | options
    filled = {name: one.format(squares.parent) if isinstance(one, str) else one for name, one in given.items()}

    with pytest.raises(DataError, match=message):
        ImageFolderData(**filled).setup()


def test_a_file_that_is_no_picture_is_named(squares):
    (squares / "red" / "03.png").write_bytes(b"no picture")

    with pytest.raises(DataError, match=r"^data\.train: .*03\.png cannot be read: "):
        ImageFolderData(str(squares)).setup()


def test_without_pillow_the_error_says_what_to_install(squares, monkeypatch):
    monkeypatch.setitem(sys.modules, "PIL.ImageOps", None)

    with pytest.raises(DataError, match=r"^data: needs the PIL package: pip install 'hone-ml\[image\]'"):
        ImageFolderData(str(squares)).setup()


def test_a_small_resnet_learns_from_real_photographs(cifar10, resolved, trainer, monkeypatch):
    monkeypatch.setenv("HONE_DATA_ROOT", str(cifar10.parent))
    config = resolved(
        "experiment=cifar10",
        f"data.train={cifar10}/test",
        "data.test=null",
        "model.widths=[8,16,32]",
        "data.train_fraction=0.5",
        "data.batch_size=32",
    )
    data = build_data(config)
    model = build_model(config, data)
    run = trainer(max_epochs=2)

    run.fit(model, datamodule=data)

    # One in ten by chance.
    assert run.test(model, data, verbose=False)[0]["test/accuracy"] > 0.15


@pytest.mark.parametrize("family", ["resnet", "efficientnet", "vit"])
def test_each_family_is_chosen_by_its_name(squares, resolved, family):
    config = resolved("data=images", f"model={family}", f"data.train={squares}")
    data = build_data(config)

    model = build_model(config, data)

    assert model.eval()(next(iter(data.val_dataloader()))[0]).shape == (2, 2)
    assert model.num_layers > 1
