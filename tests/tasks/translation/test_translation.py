import pytest
import torch

from hone.errors import DataError, ModelError
from hone.tasks.finetuning.losses import TokenLoss
from hone.tasks.translation.data import PairData
from hone.tasks.translation.models import Translator
from hone.training.components import build_data, build_model

MARIAN = {
    "model_type": "marian",
    "d_model": 32,
    "encoder_layers": 1,
    "decoder_layers": 1,
    "encoder_attention_heads": 2,
    "decoder_attention_heads": 2,
    "encoder_ffn_dim": 32,
    "decoder_ffn_dim": 32,
    "max_position_embeddings": 32,
    "init_std": 0.1,
}
T5 = {"model_type": "t5", "d_model": 16, "d_kv": 8, "d_ff": 16, "num_layers": 1, "num_heads": 2}
NUMBERS = {"one": "eins", "two": "zwei", "three": "drei", "four": "vier"}


@pytest.fixture
def pairs(tmp_path):
    """Sixty-four pairs of two or three numbers, in English and German."""
    words = list(NUMBERS)
    texts = [f"{a} {b}" for a in words for b in words] + [
        f"{a} {b} {c}" for a in words[:3] for b in words for c in words
    ]
    (tmp_path / "en.txt").write_text("\n".join(texts) + "\n")
    german = [" ".join(NUMBERS[word] for word in text.split()) for text in texts]
    (tmp_path / "de.txt").write_text("\n".join(german) + "\n")
    return [str(tmp_path / "en.txt"), str(tmp_path / "de.txt")]


def data_of(pairs, tmp_path, **options):
    data = PairData(pairs, cache=str(tmp_path / "cache"), vocab_size=64, batch_size=16, **options)
    data.setup()
    return data


@pytest.mark.parametrize("architecture", [MARIAN, T5], ids=lambda one: one["model_type"])
def test_a_family_is_saved_to_a_folder_and_fine_tuned_from_it(architecture, pairs, tmp_path, trainer):
    data = data_of(pairs, tmp_path)
    small = Translator(architecture=architecture, token_ids=data.token_ids).eval()
    small.export(tmp_path / "model")
    data.tokenizer.save_pretrained(tmp_path / "model")
    inputs, labels = data.splits["val"].__getitems__([0, 1, 2])

    same = Translator(str(tmp_path / "model"), freeze_layers=1).eval()
    again = data_of(pairs, tmp_path, tokenizer=str(tmp_path / "model"))

    assert torch.allclose(small(inputs, labels), same(inputs, labels), atol=1e-5)
    assert torch.equal(again.splits["val"].__getitems__([0, 1, 2])[0]["input_ids"], inputs["input_ids"])


def test_it_learns_to_count_in_german(pairs, tmp_path, trainer):
    data = data_of(pairs, tmp_path)
    model = Translator(architecture=MARIAN, token_ids=data.token_ids, dropout=0.0, max_new_tokens=12)
    model.configure_optimizers = lambda: torch.optim.Adam(model.parameter_groups(5e-3))
    run = trainer(max_epochs=40, check_val_every_n_epoch=40)

    run.fit(model, datamodule=data)

    (measured,) = run.test(model, data, verbose=False)
    assert measured["test/chrf"] > 0.7
    answers = [text for batch in run.predict(model, data) for text in batch]
    assert len(answers) == len(data.splits["test"])
    assert {word for text in answers for word in text.split()} <= set(NUMBERS.values())


def test_padding_counts_for_nothing():
    logits = torch.randn(2, 3, 5)
    tokens = torch.tensor([[1, 2, -100], [3, -100, -100]])

    loss = TokenLoss()(logits, tokens)

    expected = -logits.log_softmax(-1)[[0, 0, 1], [0, 1, 0], [1, 2, 3]].mean()
    assert loss == pytest.approx(expected.item())
    assert TokenLoss(0.1)(logits, tokens) != loss
    with pytest.raises(ModelError, match=r"^model\.label_smoothing: must be in \[0, 1\), not 1$"):
        TokenLoss(1)


def test_a_small_marian_learns_from_real_captions(multi30k, resolved, trainer, monkeypatch, tmp_path):
    monkeypatch.setenv("HONE_DATA_ROOT", str(multi30k.parent))
    monkeypatch.setenv("HONE_CACHE", str(tmp_path))
    config = resolved(
        "experiment=multi30k",
        f"data.train=[{multi30k}/val.en.gz,{multi30k}/val.de.gz]",
        "data.vocab_size=500",
        "data.batch_size=32",
        "model.architecture.d_model=64",
        "model.max_new_tokens=12",
        "model.val_batches=1",
    )
    data = build_data(config)
    model = build_model(config, data)
    run = trainer(max_epochs=2, gradient_clip_val=1.0, limit_val_batches=2)

    run.fit(model, datamodule=data)

    # Every token as likely as another is a loss of 6.2.
    assert run.callback_metrics["val/loss"] < 5.7
    assert {"val/bleu", "val/chrf"} <= set(run.callback_metrics)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"train": None}, r"^data\.train: name two files, source and target$"),
        ({"train": ["{0}/en.txt"]}, r"^data\.train: needs two files, source and target, not 1$"),
        ({"val": ["{0}/en.txt", "{0}/short.txt"]}, r"^data\.val: .*en\.txt has 64 lines, .*short\.txt has 1$"),
        ({"test": ["{0}/en.txt", "{0}/empty.txt"]}, r"^data\.test: .*empty\.txt is empty: it holds no lines$"),
    ],
)
def test_what_is_missing_is_named(pairs, tmp_path, options, message):
    (tmp_path / "short.txt").write_text("eins\n")
    (tmp_path / "empty.txt").write_text("")
    given = {"train": pairs} | options
    filled = {name: one and [file.format(tmp_path) for file in one] for name, one in given.items()}

    with pytest.raises(DataError, match=message):
        PairData(**filled, cache=str(tmp_path)).setup()
