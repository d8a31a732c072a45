import pytest
import torch
from pytorch_lightning.callbacks import Callback
from toy import ToyData, ToyModel

from hone.errors import ConfigError
from hone.training.components import build_data, build_model, build_trainer
from hone.training.digests import data_digests


class Chosen(ToyModel):
    """Takes its optimizer as an argument, as many projects' modules do."""

    def __init__(self, width: int, optimizer=None, scheduler=None):
        super().__init__(width)
        self.given = optimizer, scheduler


def test_what_the_model_leaves_null_comes_from_the_data(composed):
    config = composed()
    assert config["model"]["width"] is None

    model = build_model(config, build_data(config))

    assert model.layer.in_features == ToyData().width


class Named(ToyModel):
    """Has an argument that every data module has an attribute for."""

    def __init__(self, width: int, name: str = "small"):
        super().__init__(width)
        self.called = name


def test_what_lightning_gives_every_data_module_is_nothing_that_the_data_says(composed):
    config = composed()
    config |= {"model": {"_target_": f"{__name__}.Named", "width": None}}

    assert build_model(config, build_data(config)).called == "small"


def test_what_the_config_says_beats_what_the_data_says(composed):
    config = composed("model.width=5")

    assert build_model(config, build_data(config)).layer.in_features == 5


def test_a_model_that_asks_for_the_optimizer_is_given_it(composed):
    config = composed()
    config |= {
        "model": {"_target_": f"{__name__}.Chosen", "width": None},
        "optimizer": {"_target_": "torch.optim.Adam", "_partial_": True, "lr": 0.25},
    }

    optimizer, scheduler = build_model(config, build_data(config)).given

    assert optimizer([torch.zeros(1, requires_grad=True)]).defaults["lr"] == 0.25
    assert scheduler is None


def test_a_model_that_is_no_lightning_module_is_refused(composed):
    config = composed() | {"model": {"_target_": "torch.nn.Identity"}}

    with pytest.raises(ConfigError, match=r"model\._target_: must be a LightningModule, not Identity"):
        build_model(config, build_data(config))


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"trainer": {"_target_": "torch.nn.Identity"}}, r"trainer\._target_: must be a pytorch_lightning\.Trainer"),
        ({"callbacks": {"mine": {"_target_": "torch.nn.Identity"}}}, r"callbacks\.mine\._target_: must be a Lightning"),
        ({"callbacks": {"mine": {"_target_": "torch.nn.Identitty"}}}, r"callbacks\.mine\._target_: cannot import"),
    ],
)
def test_a_part_of_the_wrong_kind_is_named(composed, tmp_path, change, message):
    with pytest.raises(ConfigError, match=message):
        build_trainer(composed() | change, tmp_path, False, [], Callback(), progress=False)


def test_data_without_a_digest_has_none():
    assert data_digests(ToyData()) == {}
