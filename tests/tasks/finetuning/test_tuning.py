import pytest
import torch
from torch.utils.data import DataLoader

from hone.errors import ConfigError, ModelError
from hone.tasks.finetuning import GradualUnfreezing
from hone.tasks.finetuning.layers import levels_of
from hone.tasks.text.batches import EncodedTexts
from hone.tasks.text.transformer import TransformerClassifier

TEXTS = EncodedTexts([[2, 9, 8, 3], [2, 7, 3], [2, 6, 5, 9, 10, 3]], [0, 1, 0], pad_id=0)
BATCH = TEXTS.__getitems__([0, 1, 2])
GPT2 = {"model_type": "gpt2", "n_layer": 2, "n_embd": 8, "n_head": 2, "n_positions": 16}
TOKENS = {"vocab_size": 20, "pad_token_id": 0, "bos_token_id": 0, "eos_token_id": 0}


@pytest.fixture
def network(tiny_bert):
    return lambda **options: TransformerClassifier(2, tiny_bert, **options)


def gpt2(**options):
    return TransformerClassifier(2, architecture=GPT2, token_ids=TOKENS, **options)


def step(model):
    """One step of training; the names of what it has changed."""
    before = {name: one.detach().clone() for name, one in model.network.named_parameters()}
    optimizer = torch.optim.SGD(model.parameter_groups(0.1))
    model.training_step(BATCH, 0).backward()
    optimizer.step()
    return {name for name, one in model.network.named_parameters() if not torch.equal(one, before[name])}


def test_the_head_alone_learns_where_it_is_asked_to(network):
    assert {name.split(".")[0] for name in step(network(tune="head"))} == {"classifier", "bert"}
    assert all("pooler" in name or "classifier" in name for name in step(network(tune="head")))
    assert {name.split(".")[-2] for name in step(gpt2(tune="head"))} == {"ln_f", "score"}


@pytest.mark.parametrize("build", ["bert", "gpt2"])
def test_lora_trains_its_adapters_and_the_head_and_nothing_else(network, build):
    model = network(tune="lora") if build == "bert" else gpt2(tune="lora")

    changed = step(model)

    assert changed
    assert all("lora_" in name or "modules_to_save" in name for name in changed)
    assert any("lora_" in name for name in changed)
    assert any("classifier" in name or "score" in name for name in changed)


def test_a_network_with_adapters_loads_again_from_its_weights(network):
    trained, fresh = network(tune="lora", lora={"rank": 2}).eval(), network(tune="lora", lora={"rank": 2}).eval()
    step(trained)
    assert not torch.allclose(trained(BATCH[0]), fresh(BATCH[0]))

    fresh.load_state_dict(trained.state_dict())

    assert torch.equal(trained(BATCH[0]), fresh(BATCH[0]))


@pytest.mark.parametrize("tune", ["full", "lora"])
def test_what_is_exported_is_a_folder_that_pretrained_takes(network, tmp_path, tune):
    model = network(tune=tune).eval()
    step(model)

    model.export(tmp_path / "mine")

    again = TransformerClassifier(2, str(tmp_path / "mine")).eval()
    assert torch.allclose(model(BATCH[0]), again(BATCH[0]), atol=1e-6)
    assert [one.name for one in (tmp_path / "mine").glob("*.safetensors")] == ["model.safetensors"]
    assert not list((tmp_path / "mine").glob("*.bin"))


def test_layers_of_each_family_are_numbered_from_the_bottom_up():
    import transformers

    def levels(auto, **architecture):
        network = getattr(transformers, auto).from_config(transformers.AutoConfig.for_model(**architecture))
        return levels_of(network)

    resnet = levels(
        "AutoModelForImageClassification",
        **{
            "model_type": "resnet",
            "embedding_size": 4,
            "hidden_sizes": [4, 8],
            "depths": [1, 1],
            "layer_type": "basic",
        },
    )
    assert {resnet[name] for name in resnet if ".stages.1." in name} == {2}
    assert {resnet[name] for name in resnet if "embedder" in name} == {0}
    assert {resnet[name] for name in resnet if "classifier" in name} == {3}

    t5 = levels(
        "AutoModelForSeq2SeqLM", model_type="t5", d_model=8, d_kv=4, d_ff=8, num_layers=2, num_heads=2, vocab_size=9
    )
    assert t5["shared.weight"] == 0
    assert {level for name, level in t5.items() if name.startswith("encoder.block.1.")} == {2}
    assert {level for name, level in t5.items() if name.startswith("decoder.block.0.")} == {3}
    assert max(t5.values()) == 5


def test_gpt2_is_scored_at_the_last_token_that_is_no_padding():
    model = gpt2().eval()

    together = model(BATCH[0])
    alone = torch.cat([model(TEXTS.__getitems__([row])[0]) for row in range(3)])

    assert torch.allclose(together, alone, atol=1e-5)


def test_layers_thaw_from_the_head_down_an_epoch_each(network, trainer):
    model, awake = network(), []
    model.configure_optimizers = lambda: torch.optim.SGD(model.parameter_groups(0.1))

    def look(*_):
        levels = levels_of(model.network)
        learning = {levels[name] for name, one in model.network.named_parameters() if one.requires_grad}
        awake.append(min(learning))

    model.on_train_batch_end = look
    batches = DataLoader(TEXTS, batch_size=3, collate_fn=lambda batch: batch)

    trainer(max_epochs=6, callbacks=[GradualUnfreezing()]).fit(model, batches, batches)

    assert awake == [4, 3, 2, 1, 0, 0]


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"tune": "most"}, r"^model\.tune: must be full, head or lora, not 'most'$"),
        ({"lora": {"rnak": 4}}, r"^model\.lora\.rnak: no such setting\. Did you mean rank\?$"),
        ({"tune": "lora", "lora": {"rank": 0}}, r"^model\.lora\.rank: must be at least 1, not 0$"),
        ({"tune": "lora", "lora": {"targets": ["nowhere"]}}, r"^model\.lora\.targets: nothing to adapt: "),
    ],
)
def test_choices_that_cannot_be_are_refused_by_key(network, options, message):
    with pytest.raises(ModelError, match=message):
        network(**options)


def test_an_architecture_of_new_weights_does_not_touch_pretrained_ones(tiny_bert):
    fresh = {"model_type": "bert", "num_hidden_layers": 1, "hidden_size": 8, "num_attention_heads": 1}
    plain = TransformerClassifier(2, tiny_bert)

    same = TransformerClassifier(2, tiny_bert, fresh)
    shorter = TransformerClassifier(2, tiny_bert, {"num_hidden_layers": 1})

    name = "bert.encoder.layer.0.output.dense.weight"
    for model, layers in ((same, 3), (shorter, 1)):
        assert model.num_layers == layers
        assert torch.equal(model.network.get_parameter(name), plain.network.get_parameter(name))
    with pytest.raises(ModelError, match=r"^model\.architecture: bert\.\S+ is \(32,\), not \(8,\)$"):
        TransformerClassifier(2, tiny_bert, {"intermediate_size": 8})


def test_a_family_or_a_place_must_be_named():
    with pytest.raises(ModelError, match=r"^model\.pretrained: name a hub model or a folder"):
        TransformerClassifier(2)
    with pytest.raises(
        ModelError, match=r"^model\.architecture\.model_type: .* no family 'gtp2'\. Did you mean gpt2\?$"
    ):
        TransformerClassifier(2, architecture={"model_type": "gtp2"})


def test_only_layers_can_be_unfrozen(trainer):
    from hone.tasks.digits.data import DigitsData
    from hone.tasks.digits.models import MLPClassifier

    model = MLPClassifier(10, (1, 8, 8))
    model.configure_optimizers = lambda: torch.optim.SGD(model.parameters(), lr=0.1)

    with pytest.raises(ConfigError, match=r"^callbacks\.unfreezing: MLPClassifier has no layers to unfreeze"):
        trainer(max_epochs=1, callbacks=[GradualUnfreezing()]).fit(model, datamodule=DigitsData())
