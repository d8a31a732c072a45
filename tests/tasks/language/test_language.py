import math

import pytest
import torch

from hone.errors import DataError
from hone.tasks.language.data import LanguageData
from hone.tasks.language.models import LanguageModel
from hone.training.components import build_data, build_model

GPT2 = {"model_type": "gpt2", "n_layer": 1, "n_embd": 8, "n_head": 2, "n_positions": 16}


@pytest.fixture
def verses(tmp_path):
    lines = [f"the {colour} {animal} sleeps" for colour in ("red", "blue", "old") for animal in ("cat", "dog", "hen")]
    (tmp_path / "verses.txt").write_text("\n".join(lines * 10) + "\n")
    return tmp_path


def data_of(folder, **options):
    given = {"cache": str(folder / "cache"), "block_size": 8, "vocab_size": 64}
    data = LanguageData(str(folder / "verses.txt"), **(given | options))
    data.setup()
    return data


def test_a_tokenizer_is_trained_once_and_kept_as_a_folder(verses):
    first, second = data_of(verses), data_of(verses)
    other = data_of(verses, vocab_size=32)

    kept = list((verses / "cache").iterdir())
    assert len(kept) == 2
    assert torch.equal(first.splits["train"].ids, second.splits["train"].ids)
    assert other.token_ids["vocab_size"] < first.token_ids["vocab_size"]
    again = data_of(verses, tokenizer=str(next(one for one in kept if _size(one) == first.token_ids["vocab_size"])))
    assert torch.equal(first.splits["test"].ids, again.splits["test"].ids)


def _size(folder):
    from hone.tasks.tokenization import load_tokenizer

    return len(load_tokenizer(str(folder), "data.tokenizer"))


def test_blocks_hold_the_lines_in_order_each_with_its_end(verses):
    data = data_of(verses)

    [text] = data.tokenizer.batch_decode(data.splits["test"].ids.reshape(1, -1))

    lines = text.split("</s>")
    assert all(one.startswith("the ") and one.endswith(" sleeps") for one in lines[:-1])


def test_a_model_that_knows_nothing_is_as_perplexed_as_a_guess(verses, trainer):
    data = data_of(verses)
    model = LanguageModel(architecture=GPT2, token_ids=data.token_ids)
    for parameter in model.parameters():
        torch.nn.init.zeros_(parameter)

    (measured,) = trainer().test(model, data, verbose=False)

    assert measured["test/perplexity"] == pytest.approx(data.token_ids["vocab_size"], rel=1e-3)
    assert measured["test/loss"] == pytest.approx(math.log(measured["test/perplexity"]), rel=1e-4)


@pytest.mark.parametrize("tune", ["full", "lora"])
def test_a_model_is_saved_to_a_folder_and_fine_tuned_from_it(verses, tmp_path, tune):
    data = data_of(verses)
    small = LanguageModel(architecture=GPT2, token_ids=data.token_ids).eval()
    small.export(tmp_path / "model")
    inputs, _ = data.splits["val"].__getitems__([0, 1])

    again = LanguageModel(str(tmp_path / "model"), tune=tune).eval()

    assert torch.allclose(small(inputs), again(inputs), atol=1e-5)


def test_a_small_gpt2_beats_the_frequencies_of_tokens(multi30k, resolved, trainer, monkeypatch, tmp_path):
    monkeypatch.setenv("HONE_DATA_ROOT", str(multi30k.parent))
    monkeypatch.setenv("HONE_CACHE", str(tmp_path))
    config = resolved(
        "experiment=captions_gpt2",
        f"data.train={multi30k}/val.en.gz",
        "data.vocab_size=500",
        "data.batch_size=8",
        "model.architecture.n_layer=1",
        "model.architecture.n_embd=64",
        "optimizer.lr=5e-3",
        "scheduler.warmup=0.1",
    )
    data = build_data(config)
    model = build_model(config, data)
    run = trainer(max_epochs=2, gradient_clip_val=1.0, limit_test_batches=20)

    run.fit(model, datamodule=data)

    counts = torch.bincount(data.splits["train"].ids.flatten(), minlength=len(data.tokenizer)) + 1.0
    unigram = -(counts / counts.sum()).log()[data.splits["test"].ids].mean()
    (measured,) = run.test(model, data, verbose=False)
    assert measured["test/perplexity"] < 0.7 * unigram.exp()


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"train": None}, r"^data\.train: name a text file$"),
        ({"train": "{0}/vreses.txt"}, r"^data\.train: no such file: .* Did you mean verses\.txt\?$"),
        ({"tokenizer": "./nowhere"}, r"^data\.tokenizer: no such folder: \./nowhere$"),
        ({"block_size": 5000}, r"^data\.block_size: train has \d+ tokens, less than a block$"),
        ({"vocab_size": 4}, r"^data\.vocab_size: must be at least 8, not 4$"),
    ],
)
def test_what_is_missing_is_named(verses, options, message):
    given = {"train": "{0}/verses.txt", "cache": str(verses)} | options
    filled = {name: one.format(verses) if isinstance(one, str) else one for name, one in given.items()}

    with pytest.raises(DataError, match=message):
        LanguageData(**filled).setup()
