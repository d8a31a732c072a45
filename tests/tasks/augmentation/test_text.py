import pytest
import torch

from hone.errors import DataError
from hone.tasks.augmentation.text import TextAugmentation
from hone.tasks.text.bilstm import BiLSTMClassifier
from hone.tasks.text.data import TextData
from hone.tasks.text.vocabulary import PretrainedTokenizer, Vocabulary

PAD = 0
# Two marks around words of one to three tokens, which are numbered by word; the last rows are short.
WORDS = torch.tensor(
    [
        [-1, 0, 0, 0, 1, 2, 2, 3, 4, -1],
        [-1, 0, 1, 2, 3, -1, -1, -1, -1, -1],
        [-1, 0, 0, -1, -1, -1, -1, -1, -1, -1],
        [-1, -1, -1, -1, -1, -1, -1, -1, -1, -1],
    ]
)
LENGTHS = [10, 6, 4, 2]
MASK = (torch.arange(10) < torch.tensor(LENGTHS)[:, None]).long()
# Each token says which row and word it is of, and which of the word's tokens.
IDS = (torch.arange(1, 5)[:, None] * 1000 + torch.arange(10) + 10) * MASK


def augmented(**strength):
    return TextAugmentation(**strength)({"input_ids": IDS, "attention_mask": MASK}, WORDS, PAD)


def tokens(inputs, row):
    return [
        one for one, real in zip(inputs["input_ids"][row].tolist(), inputs["attention_mask"][row], strict=True) if real
    ]


def words_of(row):
    """The tokens of each word, together."""
    places = range(int(WORDS[row].max()) + 1)
    return [tuple(IDS[row][WORDS[row] == place].tolist()) for place in places]


def cut_into(found, known):
    """The words of which a row of tokens is made."""
    words = []
    while found:
        word = next(one for one in known if one == tuple(found[: len(one)]))
        words.append(word)
        found = found[len(word) :]
    return words


@pytest.mark.parametrize("strength", [{"word_dropout": 0.5}, {"swap": 0.7}, {"word_dropout": 0.3, "swap": 0.5}])
def test_words_stay_whole_and_marks_stay_at_their_ends(strength):
    for _ in range(50):
        inputs = augmented(**strength)

        assert torch.equal(inputs["input_ids"] == PAD, inputs["attention_mask"] == 0)
        for row in range(4):
            first, *inner, last = tokens(inputs, row)
            assert (first, last) == (IDS[row, 0], IDS[row, LENGTHS[row] - 1])
            words = cut_into(inner, words_of(row))
            assert len(set(words)) == len(words)


def test_words_are_left_out_as_often_as_is_asked_and_one_stays():
    left = [len(cut_into(tokens(augmented(word_dropout=0.4), 0)[1:-1], words_of(0))) for _ in range(400)]
    alone = [tokens(augmented(word_dropout=0.9), 2) for _ in range(50)]

    # A text of five words loses two, but for the times at which it would lose all.
    assert sum(left) / len(left) == pytest.approx(3 + 5 * 0.4**5 / 5, abs=0.2)
    assert min(left) >= 1
    assert all(one == tokens({"input_ids": IDS, "attention_mask": MASK}, 2) for one in alone)


def test_words_change_places_by_pairs():
    known = words_of(0)
    moved = []
    for _ in range(200):
        words = cut_into(tokens(augmented(swap=1.0), 0)[1:-1], known)
        places = [known.index(one) for one in words]
        assert sorted(places) == [0, 1, 2, 3, 4]
        moved.append({place for place, one in enumerate(places) if place != one})
        assert all(places[places[place]] == place for place in range(5))

    assert {len(one) for one in moved} == {4}
    assert set.union(*moved) == {0, 1, 2, 3, 4}


def test_nothing_changes_where_nothing_is_asked():
    inputs = augmented()

    assert torch.equal(inputs["input_ids"], IDS)
    assert torch.equal(inputs["attention_mask"], MASK)
    assert not TextAugmentation().changes_words


def test_pieces_of_a_word_are_one_word_and_marks_are_none(tiny_bert):
    pretrained = PretrainedTokenizer(tiny_bert)
    vocabulary = Vocabulary(["a warm film"], 1, 10, lowercase=True)

    assert pretrained.words(["a warm film", ""], 8) == [[-1, 0, 1, 2, -1], [-1, -1]]
    assert vocabulary.words(["a cold , cold film"], 4) == [[0, 1, 2, 3]]


@pytest.mark.parametrize(
    ("strength", "message"),
    [
        ({"word_dropout": 1.0}, r"^data\.augment\.word_dropout: must be in \[0, 1\), not 1\.0$"),
        ({"swap": -0.1}, r"^data\.augment\.swap: must be in \[0, 1\], not -0\.1$"),
    ],
)
def test_strengths_out_of_range_are_refused_by_key(strength, message):
    with pytest.raises(DataError, match=message):
        TextAugmentation(**strength)


def test_words_are_changed_in_training_alone(reviews, trainer):
    path, augment = reviews(), TextAugmentation(word_dropout=0.5)
    data = TextData(path, path, path, min_count=1, augment=augment)
    data.setup()
    model, seen = BiLSTMClassifier(2, data.vocab_size, hidden_dim=4), {"train": [], "val": [], "test": []}
    model.configure_optimizers = lambda: torch.optim.SGD(model.parameters(), lr=0.01)
    model.on_train_batch_end = lambda _, batch, __: seen["train"].append(batch[0])
    model.on_validation_batch_end = lambda _, batch, *__: seen["val"].append(batch[0])
    model.on_test_batch_end = lambda _, batch, *__: seen["test"].append(batch[0])
    run = trainer(max_epochs=2)

    run.fit(model, datamodule=data)
    run.test(model, data, verbose=False)

    assert {name for batches in seen.values() for one in batches for name in one} == {"input_ids", "attention_mask"}
    whole = sum(data.splits["train"].lengths)
    assert all(one["attention_mask"].sum() < whole for one in seen["train"])
    assert all(one["attention_mask"].sum() == whole for one in (*seen["val"], *seen["test"]))
