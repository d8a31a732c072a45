import pytest
import torch

from hone.tasks.text.batches import EncodedTexts
from hone.tasks.text.bilstm import BiLSTMClassifier
from hone.training.components import build_data, build_model


def network(**options):
    return BiLSTMClassifier(3, 40, embedding_dim=8, hidden_dim=6, **options).eval()


@pytest.mark.parametrize("num_layers", [1, 2])
def test_padding_and_company_do_not_change_the_scores_of_a_text(num_layers):
    model = network(num_layers=num_layers)
    texts = EncodedTexts([[5, 6], [7, 8, 9, 10, 11, 12], [3]], [0, 1, 2], pad_id=0)

    together = model(texts.__getitems__([0, 1, 2])[0])
    alone = torch.cat([model(texts.__getitems__([row])[0]) for row in range(3)])

    assert together.shape == (3, 3)
    assert torch.allclose(together, alone, atol=1e-6)


def test_the_order_of_words_matters_in_both_directions():
    model = network()
    texts = EncodedTexts([[5, 6, 7], [7, 6, 5]], [0, 1], pad_id=0)

    forwards, backwards = model(texts.__getitems__([0, 1])[0])

    assert not torch.allclose(forwards, backwards)


def test_padding_has_no_embedding_to_learn():
    model = network(pad_id=4).train()
    inputs, labels = EncodedTexts([[5], [6, 7]], [0, 1], pad_id=4).__getitems__([0, 1])

    model.training_step((inputs, labels), 0).backward()

    assert model.embedding.weight.grad[4].abs().sum() == 0
    assert model.embedding.weight.grad[5].abs().sum() > 0


def test_predictions_are_a_softmax():
    model = network()
    batch = EncodedTexts([[5, 6], [7]], [0, 1], pad_id=0).__getitems__([0, 1])

    assert torch.allclose(model.predict_step(batch, 0).sum(1), torch.ones(2))


def test_it_learns_what_tells_reviews_apart(reviews, compose, trainer):
    path = reviews()
    files = [f"data.{split}={path}" for split in ("train", "val", "test")]
    config = compose("data=text", "model=bilstm", *files, "data.min_count=1", "data.batch_size=4")
    data = build_data(config)
    model = build_model(config, data)
    run = trainer(max_epochs=30)

    run.fit(model, datamodule=data)

    assert run.test(model, data, verbose=False)[0]["test/accuracy"] == 1.0
    assert model.hparams["vocab_size"] == data.vocab_size


def test_it_reads_sentiment_in_real_sentences(sst2, compose, trainer, monkeypatch, own_cache):
    monkeypatch.setenv("HONE_DATA_ROOT", str(sst2.parent))
    config = compose("experiment=sst2_bilstm", "model.embedding_dim=50", "model.hidden_dim=32")
    data = build_data(config)
    model = build_model(config, data)
    run = trainer(max_epochs=2, gradient_clip_val=1.0)

    run.fit(model, datamodule=data)

    assert run.test(model, data, verbose=False)[0]["test/accuracy"] > 0.7
