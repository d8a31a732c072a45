import pytest
import torch
from torch.optim import SGD

from hone.tasks.digits.data import DigitsData
from hone.training import schedules
from hone.training.components import build_model


@pytest.mark.parametrize("warmup", [0.0, 0.25])
@pytest.mark.parametrize("name", ["linear", "cosine"])
def test_schedules_are_those_of_transformers(name, warmup):
    from transformers import get_cosine_schedule_with_warmup, get_linear_schedule_with_warmup

    theirs = {"linear": get_linear_schedule_with_warmup, "cosine": get_cosine_schedule_with_warmup}[name]

    def rates(make):
        optimizer = SGD([torch.nn.Parameter(torch.zeros(1))], lr=0.5)
        scheduler = make(optimizer)
        for _ in range(23):
            yield optimizer.param_groups[0]["lr"]
            optimizer.step()
            scheduler.step()

    ours = getattr(schedules, name)
    expected = list(rates(lambda optimizer: theirs(optimizer, round(20 * warmup), 20)))
    assert list(rates(lambda optimizer: ours(optimizer, total_steps=20, warmup=warmup))) == pytest.approx(expected)


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
