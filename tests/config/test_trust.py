"""A config from elsewhere names what training is made of, and nothing that runs a command."""

import sys

import pytest

# Their imports set environment variables, which is no test's leak.
import torch.distributed.elastic.multiprocessing.subprocess_handler
import torch.utils.cpp_extension  # noqa: F401
from pytorch_lightning import LightningModule  # noqa: F401
from transformers import AutoModel, get_linear_schedule_with_warmup  # noqa: F401

from hone.config.elsewhere import read_foreign
from hone.config.files import read_yaml
from hone.config.trust import check_objects
from hone.errors import ConfigError

HOSTILE = {
    "os.system": "os.system",
    "builtins.eval": "builtins.eval",
    "a module of a library's own": "torch.os.system",
    "a class that a library imports": "torch.utils.cpp_extension.subprocess.Popen",
    "a pickle by torch.load": "torch.load",
    "code from a hub": "torch.hub.load",
    "a class that starts a process": ("torch.distributed.elastic.multiprocessing.subprocess_handler.SubprocessHandler"),
    "a compiler": "torch.utils.cpp_extension.load_inline",
    "a method that reads a pickle": "pytorch_lightning.LightningModule.load_from_checkpoint",
    "a method that reads a hub": "transformers.AutoModel.from_pretrained",
    "hone's own doors": "hone.cli.main",
    "hone's own processes": "hone.executors.warm.WarmWorkers",
    "hone's imports": "hone.worker.forkserver.os.system",
    "the project's imports": "toy.os.system",
    "the project's functions": "toy.leave_a_child",
    "through the project": "toy.torch.hub.load",
    "what every object has": "toy.ToyData.__init__.__globals__",
    "the standard library": "subprocess.Popen",
    "nothing at all": "",
    "a test library": "pytest.main",
    "a data set that reads pickles": "torch.utils.data.datapipes.iter.RoutedDecoder",
    "a data set that opens files": "torch.utils.data.datapipes.iter.FileOpener",
}


def nested(target):
    """Where an attack may hide."""
    return {
        "at the top": ({"model": {"_target_": target}}, "model._target_"),
        "in a list": ({"callbacks": {"x": {"a": [1, {"_target_": target}]}}}, "callbacks.x.a[1]._target_"),
        "below another": (
            {"model": {"_target_": "torch.nn.Sequential", "_args_": [{"_target_": target, "_partial_": True}]}},
            "model._args_[0]._target_",
        ),
        "where nothing is built": ({"anything": {"at": {"all": {"_target_": target}}}}, "anything.at.all._target_"),
    }


def check(config):
    foreign = read_foreign(config, (), "run 1234")
    check_objects(foreign.config, (), "run 1234")


@pytest.mark.parametrize("attack", HOSTILE)
def test_what_is_no_part_of_training_is_refused_with_its_key(attack, project):
    for config, key in nested(HOSTILE[attack]).values():
        with pytest.raises(ConfigError) as caught:
            check(config)
        assert caught.value.where == f"run 1234: {key}"


@pytest.mark.parametrize(
    "target",
    [
        "toy.ToyModel",
        "toy.ToyData",
        "torch.nn.Linear",
        "torch.optim.AdamW",
        "torch.utils.data.ConcatDataset",
        "torch.utils.data.TensorDataset",
        "torch.optim.lr_scheduler.ReduceLROnPlateau",
        "pytorch_lightning.Trainer",
        "pytorch_lightning.callbacks.EarlyStopping",
        "pytorch_lightning.strategies.DDPStrategy",
        "torchmetrics.classification.MulticlassAccuracy",
        "hone.tasks.digits.data.DigitsData",
        "hone.tasks.text.bilstm.BiLSTMClassifier",
        "hone.training.schedules.cosine",
        "transformers.get_linear_schedule_with_warmup",
        "optuna.samplers.TPESampler",
        "optuna.pruners.HyperbandPruner",
    ],
)
def test_what_training_is_made_of_is_allowed(target, project):
    for config, _ in nested(target).values():
        check(config)


def test_nothing_is_imported_to_refuse_a_name(project):
    (project / "imported.py").write_text("raise SystemExit('imported')\n")
    sys.modules.pop("antigravity", None)

    with pytest.raises(ConfigError, match="lies outside"):
        read_foreign({"model": {"_target_": "antigravity.fly"}}, (), "run 1234")

    assert "antigravity" not in sys.modules


def test_what_the_user_trusts_is_allowed(project):
    config = {"data": {"_target_": "toy.leave_a_child"}, "model": {"_target_": "collections.OrderedDict"}}
    check_objects(config, ("toy.leave_a_child", "collections"), "run 1234")

    with pytest.raises(ConfigError, match=r"--allow toy\.leave_a_child if you trust it"):
        check_objects(config, ("collections",), "run 1234")


def test_a_function_of_the_projects_own_may_be_the_objective(project):
    check({"objective": {"_target_": "toy.leave_a_child"}})


@pytest.mark.parametrize(
    "text",
    [
        "${oc.env:HOME}",
        "${${x}:HOME}",
        r"\${oc.env:HOME}",
        "a ${oc.decode:'x'} b",
        "${hydra:runtime.cwd}",
        "${oc.env:${x}}",
    ],
)
def test_a_value_that_is_computed_is_refused(text):
    with pytest.raises(ConfigError, match="computes its value") as caught:
        read_foreign({"x": "oc.env", "model": {"width": [text]}}, (), "run 1234")
    assert caught.value.where == "run 1234: model.width[0]"


def test_a_value_that_is_put_together_from_two_is_refused():
    pieces = {"a": "$", "b": "{oc.env:HOME}", "model": {"width": "${a}${b}"}}

    with pytest.raises(ConfigError, match="computes its value"):
        read_foreign(pieces, (), "run 1234")


def test_a_reference_to_another_key_is_no_computation():
    assert read_foreign({"a": 3, "b": "${a}"}, (), "run 1234").config["b"] == 3


def test_yaml_that_makes_objects_is_refused(tmp_path):
    (tmp_path / "config.yaml").write_text("seed: !!python/object/apply:os.system ['touch made']\n")

    with pytest.raises(ConfigError, match="not valid YAML"):
        read_yaml(tmp_path / "config.yaml")
