"""Checkpoints that say what they are of, and run nothing else."""

import pytest
import torch

from hone.errors import ConfigError, ModelError
from hone.training.checkpoints import RECIPE, restore

WEIGHTS = {"layer.weight": torch.ones(1, 2), "layer.bias": torch.zeros(1)}


def checkpoint(model):
    return {RECIPE: {"model": model, "optimizer": None, "scheduler": None}, "state_dict": WEIGHTS}


def test_a_model_is_built_from_what_its_checkpoint_says(project):
    model = restore(checkpoint({"_target_": "toy.ToyModel", "width": 2}))

    assert type(model).__name__ == "ToyModel"
    assert not model.training
    assert torch.equal(model.layer.weight, WEIGHTS["layer.weight"])


@pytest.mark.parametrize(
    "model",
    [
        {"_target_": "toy.ToyModel", "width": {"_target_": "os.system", "_args_": ["touch pwned"]}},
        {"_target_": "os.system", "command": "touch pwned"},
        {"_target_": "toy.ToyModel", "width": 2, "plan": {"_target_": "torch.os.system", "_args_": ["touch pwned"]}},
    ],
)
def test_a_checkpoint_cannot_run_a_command(project, model):
    with pytest.raises(ConfigError, match=r"^the checkpoint: model"):
        restore(checkpoint(model))

    assert not (project / "pwned").exists()


def test_more_packages_are_named_by_the_user(project, monkeypatch):
    model = {"_target_": "toy.ToyModel", "width": {"_target_": "fractions.Fraction", "_args_": [2]}}
    with pytest.raises(ConfigError, match="fractions"):
        restore(checkpoint(model))
    monkeypatch.setenv("HONE_ALLOW", "fractions")

    with pytest.raises(ConfigError, match=r"could not be built: .* got Fraction"):
        # It is built now, and is no size of a layer.
        restore(checkpoint(model))


def test_a_checkpoint_that_says_nothing_is_refused():
    with pytest.raises(ModelError, match="does not hold what its model is built from"):
        restore({"state_dict": WEIGHTS})
