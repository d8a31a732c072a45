import pytest
from torch.optim import Optimizer

from hone.tasks.digits.data import DigitsData
from hone.training.components import build_model


@pytest.mark.parametrize("scheduler", ["none", "cosine", "linear", "plateau"])
@pytest.mark.parametrize("optimizer", ["adam", "adamw", "sgd"])
def test_each_optimizer_trains_with_each_scheduler(compose, trainer, optimizer, scheduler):
    model = build_model(compose(f"optimizer={optimizer}", f"scheduler={scheduler}"), DigitsData())
    run = trainer(max_epochs=2, limit_train_batches=2)

    run.fit(model, datamodule=DigitsData())

    (built,) = run.optimizers
    assert isinstance(built, Optimizer)
    assert type(built).__name__.lower() == optimizer
    assert len(run.lr_scheduler_configs) == (0 if scheduler == "none" else 1)


@pytest.mark.parametrize("experiment", ["sst2_bilstm", "sst2_minilm"])
def test_an_experiment_finds_its_data_by_the_root_of_a_machine(compose, monkeypatch, experiment):
    monkeypatch.setenv("HONE_DATA_ROOT", "/there")
    config = compose(f"experiment={experiment}")

    assert config["data"]["train"] == "/there/sst2/train.tsv"
    assert compose(f"experiment={experiment}", "data_root=here")["data"]["test"] == "here/sst2/test.tsv"


def test_the_tokenizer_is_the_models_where_it_has_one(compose):
    assert compose("data=text", "model=bert")["data"]["tokenizer"] == "distilbert-base-uncased"
    assert compose("data=text", "model=bilstm")["data"]["tokenizer"] is None


def test_metrics_of_the_evaluation_reach_the_model(compose):
    config = compose("~evaluation.metrics.auroc", "evaluation.metrics.f1.average=weighted")

    model = build_model(config, DigitsData())

    assert set(model.val_metrics) == {"val/accuracy", "val/precision", "val/recall", "val/f1"}
    assert model.val_metrics["val/f1"].average == "weighted"
