import pytest
import torch

from hone.tasks.digits.data import DigitsData
from hone.tasks.digits.models import CNNClassifier, MLPClassifier
from hone.training.components import build_data, build_model


@pytest.mark.parametrize(
    ("overrides", "epochs"),
    [(["model=mlp", "optimizer.lr=0.01", "data.batch_size=32"], 10), (["model=cnn", "optimizer.lr=0.01"], 4)],
    ids=["mlp", "cnn"],
)
def test_it_reads_handwritten_digits(compose, trainer, overrides, epochs):
    config = compose(*overrides)
    data = build_data(config)
    run = trainer(max_epochs=epochs)

    model = build_model(config, data)
    run.fit(model, datamodule=data)
    (measured,) = run.test(model, data, verbose=False)

    assert measured["test/accuracy"] >= 0.96
    assert measured["test/auroc"] > 0.99


def test_the_data_fills_in_the_shapes(compose):
    config = compose("model=mlp", "model.hidden=[20,10]")

    model = build_model(config, DigitsData())

    widths = [one.out_features for one in model.modules() if isinstance(one, torch.nn.Linear)]
    assert widths == [20, 10, 10]
    assert model.hparams["input_shape"] == [1, 8, 8]
    assert "metrics" not in model.hparams


@pytest.mark.parametrize("model", [MLPClassifier, CNNClassifier])
@pytest.mark.parametrize("shape", [(1, 8, 8), (3, 32, 32)])
def test_any_image_shape_gives_a_score_for_each_class(model, shape):
    assert model(7, shape)(torch.randn(5, *shape)).shape == (5, 7)


def test_an_mlp_takes_inputs_of_any_shape_and_no_hidden_layer_at_all():
    assert MLPClassifier(3, (6,), hidden=[])(torch.randn(2, 6)).shape == (2, 3)


@pytest.mark.parametrize("model", [MLPClassifier, CNNClassifier])
def test_dropout_acts_in_training_only(model):
    network = model(10, (1, 8, 8), dropout=0.5)
    inputs = torch.randn(4, 1, 8, 8)

    assert not torch.equal(network(inputs), network(inputs))
    network.eval()
    assert torch.equal(network(inputs), network(inputs))


@pytest.mark.parametrize(
    ("activation", "layer"), [("relu", torch.nn.ReLU), ("gelu", torch.nn.GELU), ("silu", torch.nn.SiLU)]
)
def test_the_activation_is_the_one_asked_for(activation, layer):
    network = MLPClassifier(10, (1, 8, 8), hidden=[8, 8], activation=activation)

    assert sum(isinstance(one, layer) for one in network.modules()) == 2
