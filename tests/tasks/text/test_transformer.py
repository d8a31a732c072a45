import sys

import pytest
import torch
from torch.utils.data import DataLoader

from hone.errors import ModelError
from hone.tasks.text.batches import EncodedTexts
from hone.tasks.text.transformer import TransformerClassifier
from hone.training.components import build_data, build_model

TEXTS = EncodedTexts([[2, 9, 8, 3], [2, 7, 3], [2, 6, 5, 9, 10, 3]], [0, 1, 0], pad_id=0)


@pytest.fixture
def network(tiny_bert):
    return lambda **options: TransformerClassifier(2, tiny_bert, **options)


def learning(model):
    return {name for name, parameter in model.network.named_parameters() if parameter.requires_grad}


def step(model):
    """One step of training; the names of what it has changed."""
    before = {name: one.detach().clone() for name, one in model.network.named_parameters()}
    optimizer = torch.optim.AdamW(model.parameter_groups(0.1))
    model.training_step(TEXTS.__getitems__([0, 1, 2]), 0).backward()
    optimizer.step()
    return {name for name, one in model.network.named_parameters() if not torch.equal(one, before[name])}


@pytest.mark.parametrize("count", [0, 1, 3])
def test_freezing_leaves_the_embeddings_and_the_first_layers_as_they_are(network, count):
    model = network(freeze_layers=count)

    changed = step(model)

    layers = {layer for layer in range(3) if any(f".layer.{layer}." in name for name in changed)}
    assert layers == set(range(count, 3))
    assert any("embeddings" in name for name in changed) == (count == 0)
    assert any(name.startswith("classifier") for name in changed)


def test_frozen_layers_judge_without_dropout_and_the_others_with_it(network, trainer):
    model, modes = network(freeze_layers=2), []
    bert = model.network.bert
    model.on_train_batch_end = lambda *_: modes.append(
        [bert.embeddings.training, *(layer.training for layer in bert.encoder.layer)]
    )
    model.configure_optimizers = lambda: torch.optim.SGD(model.parameter_groups(0.1))
    batches = DataLoader(TEXTS, batch_size=3, collate_fn=lambda batch: batch)

    trainer(max_epochs=2).fit(model, batches, batches)

    assert modes == [[False, False, False, True]] * 2


def test_the_embeddings_learn_slowest_and_the_head_fastest(network):
    model = network(layer_decay=0.5)
    names = {id(parameter): name for name, parameter in model.network.named_parameters()}

    rates = {names[id(one)]: group["lr"] for group in model.parameter_groups(0.8) for one in group["params"]}

    assert rates.keys() == learning(model)
    expected = {"classifier": 0.8, "pooler": 0.8, ".layer.2.": 0.4, ".layer.1.": 0.2, ".layer.0.": 0.1}
    for part, rate in (expected | {"embeddings": 0.05}).items():
        assert {round(one, 9) for name, one in rates.items() if part in name} == {rate}


def test_biases_and_normalisation_are_not_decayed_and_frozen_parameters_are_in_no_group(network):
    model = network(freeze_layers=1)
    names = {id(parameter): name for name, parameter in model.network.named_parameters()}
    bare, decayed = set(), set()
    for group in model.parameter_groups(0.1):
        (bare if group.get("weight_decay") == 0 else decayed).update(names[id(one)] for one in group["params"])

    assert bare | decayed == learning(model)
    assert all(name.endswith("bias") or "LayerNorm" in name for name in bare)
    assert not any(name.endswith("bias") or "LayerNorm" in name for name in decayed)


def test_padding_does_not_change_the_scores_of_a_text(network):
    model = network().eval()

    together = model(TEXTS.__getitems__([0, 1, 2])[0])
    alone = torch.cat([model(TEXTS.__getitems__([row])[0]) for row in range(3)])

    assert torch.allclose(together, alone, atol=1e-5)


def test_dropout_replaces_the_pretrained_rate_in_every_layer(network):
    rates = {one.p for one in network(dropout=0.3).modules() if isinstance(one, torch.nn.Dropout)}

    assert rates == {0.3}
    assert {one.p for one in network().modules() if isinstance(one, torch.nn.Dropout)} == {0.1}


def test_dropout_of_encoders_that_name_theirs_otherwise(tmp_path):
    from transformers import DistilBertConfig, DistilBertModel

    config = DistilBertConfig(vocab_size=20, dim=8, n_layers=2, n_heads=2, hidden_dim=16, max_position_embeddings=16)
    DistilBertModel(config).save_pretrained(tmp_path)

    model = TransformerClassifier(2, str(tmp_path), dropout=0.25, freeze_layers=1)

    assert {one.p for one in model.modules() if isinstance(one, torch.nn.Dropout)} == {0.25}
    assert step(model) == learning(model)


def test_loading_says_nothing(tiny_bert, capfd):
    TransformerClassifier(5, tiny_bert)

    assert capfd.readouterr() == ("", "")


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"freeze_layers": 4}, r"^model\.freeze_layers: must be from 0 to 3, not 4$"),
        ({"freeze_layers": -1}, r"^model\.freeze_layers: must be from 0 to 3, not -1$"),
        ({"layer_decay": 0.0}, r"^model\.layer_decay: must be in \(0, 1\], not 0\.0$"),
        ({"dropout": 1.0}, r"^model\.dropout: must be in \[0, 1\), not 1\.0$"),
    ],
)
def test_numbers_out_of_range_are_refused_by_key(network, options, message):
    with pytest.raises(ModelError, match=message):
        network(**options)


def test_a_model_that_is_not_there_gives_one_line(tmp_path):
    with pytest.raises(ModelError, match=r"^model\.pretrained: no such folder: \./nowhere$"):
        TransformerClassifier(2, "./nowhere")
    with pytest.raises(ModelError, match=rf"^model\.pretrained: cannot load '{tmp_path}': .+") as caught:
        TransformerClassifier(2, str(tmp_path))
    assert "\n" not in str(caught.value)


def test_weights_that_are_pickles_are_refused(tiny_bert, tmp_path):
    from transformers import BertConfig, BertModel

    model = BertModel(BertConfig.from_pretrained(tiny_bert))
    model.config.save_pretrained(tmp_path)
    torch.save(model.state_dict(), tmp_path / "pytorch_model.bin")

    with pytest.raises(ModelError, match=r"^model\.pretrained: cannot load .*safetensors"):
        TransformerClassifier(2, str(tmp_path))


def test_without_transformers_the_error_says_what_to_install(monkeypatch):
    monkeypatch.setitem(sys.modules, "transformers", None)

    with pytest.raises(ModelError, match=r"^model\.pretrained: .*pip install 'hone-ml\[text\]'"):
        TransformerClassifier(2, "any")


def test_it_learns_what_tells_reviews_apart(reviews, compose, trainer, tiny_bert):
    path = reviews()
    files = [f"data.{split}={path}" for split in ("train", "val", "test")]
    config = compose("data=text", "model=bert", f"model.pretrained={tiny_bert}", *files, "optimizer.lr=0.01")
    data = build_data(config)
    model = build_model(config, data)
    run = trainer(max_epochs=20)

    run.fit(model, datamodule=data)

    assert run.test(model, data, verbose=False)[0]["test/accuracy"] == 1.0


def test_minilm_takes_real_sentences(sst2, minilm, compose, trainer, monkeypatch, own_cache):
    monkeypatch.setenv("HONE_DATA_ROOT", str(sst2.parent))
    monkeypatch.setenv("HONE_MINILM", minilm)
    config = compose("experiment=sst2_minilm", "model.freeze_layers=5", "data.batch_size=4")
    data = build_data(config)
    model = build_model(config, data)
    run = trainer(max_epochs=1, limit_train_batches=2, limit_val_batches=1, limit_test_batches=1)

    run.fit(model, datamodule=data)

    assert model.num_layers == 6
    assert data.vocab_size == model.network.config.vocab_size == 30522
    assert "val/accuracy" in run.callback_metrics
