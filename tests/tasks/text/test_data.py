import pytest
import torch

from hone.errors import DataError
from hone.tasks.text.data import TextData

MANY = [(f"word{row} {'good' if row % 3 else 'bad'}", "yes" if row % 3 else "no") for row in range(90)]


@pytest.fixture
def ready(own_cache):
    def build(**options):
        data = TextData(**({"min_count": 1} | options))
        data.setup("fit")
        return data

    return build


def texts_of(data, split):
    words = {number: word for word, number in data.encoder.ids.items()}
    return {" ".join(words.get(int(one), "?") for one in ids) for ids in data.splits[split].ids}


def test_splits_that_are_not_given_are_cut_from_train_stratified_and_disjoint(reviews, ready):
    data = ready(train=reviews(rows=MANY), val_fraction=0.2, test_fraction=0.1)

    counts = {name: torch.bincount(split.labels).tolist() for name, split in data.splits.items()}
    assert counts == {"train": [21, 42], "val": [6, 12], "test": [3, 6]}


def test_only_what_is_not_given_is_cut(reviews, ready):
    data = ready(train=reviews(rows=MANY), test=reviews("test.csv", MANY[:10]), val_fraction=0.2)

    assert {name: len(split) for name, split in data.splits.items()} == {"train": 72, "val": 18, "test": 10}


def test_split_seed_alone_decides_the_splits(reviews, ready):
    path = reviews(rows=MANY)
    first = ready(train=path).encoder.ids
    torch.manual_seed(99)

    assert ready(train=path).encoder.ids == first
    assert ready(train=path, split_seed=1).encoder.ids != first


def test_the_vocabulary_is_of_train_only(reviews, ready):
    val = reviews("val.csv", [("unheard of", "yes")])
    data = ready(train=reviews(rows=MANY), val=val)

    assert "unheard" not in data.encoder.ids
    assert data.splits["val"].ids[0].tolist() == [1, 1]
    assert data.vocab_size == len(data.encoder.ids) + 2
    assert len([one for one in data.encoder.ids if one.startswith("word")]) == len(data.splits["train"])


def test_train_fraction_takes_a_stratified_share_of_train_and_leaves_the_rest(reviews, ready):
    path = reviews(rows=MANY)
    whole, part = ready(train=path), ready(train=path, train_fraction=1 / 3)

    assert torch.bincount(part.splits["train"].labels).tolist() == [8, 16]
    assert len(part.splits["val"]) == len(whole.splits["val"])
    assert texts_of(part, "train") <= texts_of(whole, "train")


def test_labels_are_numbered_in_order_or_by_the_map(reviews, ready):
    path = reviews("a.csv", [("x", "yes"), ("y", "no")])
    given = {"val": path, "test": path}

    assert ready(train=path, **given).splits["train"].labels.tolist() == [1, 0]
    data = ready(train=path, label_map={"yes": 0, "no": 1}, **given)
    assert data.splits["train"].labels.tolist() == [0, 1]
    assert data.num_classes == 2


def test_a_label_that_is_not_in_the_map_is_named(reviews, ready):
    with pytest.raises(DataError, match=r"^data\.label_map: label 'no' of train is none of 'yes', 'maybe'\.$"):
        ready(train=reviews(rows=MANY), label_map={"yes": 0, "maybe": 1})


def test_a_label_that_train_lacks_is_named_with_its_split(reviews, ready):
    with pytest.raises(DataError, match=r"^data\.val: label 'perhaps' of val is none of 'no', 'yes'"):
        ready(train=reviews(rows=MANY), val=reviews("val.csv", [("x", "perhaps")]))


def test_batches_repeat_under_a_seed(reviews, ready):
    data = ready(train=reviews(rows=MANY), batch_size=8)

    def epoch(seed):
        torch.manual_seed(seed)
        return torch.cat([inputs["input_ids"].flatten() for inputs, _ in data.train_dataloader()])

    assert torch.equal(epoch(0), epoch(0))
    assert not torch.equal(epoch(0), epoch(1))


def test_predictions_come_in_the_order_of_the_file_and_all_rows_are_judged(reviews, ready):
    rows = [("one " * (1 + row % 7), "yes" if row % 2 else "no") for row in range(80)]
    path = reviews(rows=rows)
    data = ready(train=path, val=path, test=path, batch_size=16)

    predicted = torch.cat([labels for _, labels in data.predict_dataloader()])
    assert predicted.tolist() == [row % 2 for row in range(80)]
    for loader in (data.val_dataloader(), data.test_dataloader()):
        assert sum(len(labels) for _, labels in loader) == 80


def test_a_pretrained_tokenizer_replaces_the_vocabulary(reviews, ready, tiny_bert):
    data = ready(train=reviews(rows=MANY), tokenizer=tiny_bert, max_length=3)

    assert {len(ids) for ids in data.splits["train"].ids} == {3}
    assert data.vocab_size == data.encoder.size
    assert data.pad_id == 0


def test_a_saved_folder_serves_as_well_as_files(tmp_path, ready):
    import datasets

    rows = datasets.Dataset.from_list([{"text": text, "label": label} for text, label in MANY])
    folder = tmp_path / "saved"
    datasets.DatasetDict({"train": rows, "validation": rows.select(range(9))}).save_to_disk(folder)

    data = ready(dataset=str(folder), val="validation")

    assert len(data.splits["val"]) == 9
    assert len(data.splits["train"]) + len(data.splits["test"]) == 90
    assert data.content_digest().keys() == {"train", "val"}


def test_the_digest_changes_with_the_content_and_the_content_alone(reviews, ready):
    path = reviews(rows=MANY)
    before = TextData(train=path).content_digest()

    assert TextData(train=path, split_seed=5).content_digest() == before
    reviews(rows=MANY[:-1])
    assert TextData(train=path).content_digest() != before
    assert before.keys() == {path}


def test_setting_up_twice_reads_once(reviews, ready):
    data = ready(train=reviews(rows=MANY))
    splits = data.splits
    data.setup("test")

    assert data.splits is splits


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"batch_size": 0}, r"^data\.batch_size: must be at least 1, not 0$"),
        ({"max_length": 0}, r"^data\.max_length: must be at least 1, not 0$"),
        ({"val_fraction": 1.0}, r"^data\.val_fraction: must leave something to train on, not 1\.0$"),
        ({"train_fraction": 0.0}, r"^data\.train_fraction: must be in \(0, 1\], not 0\.0$"),
    ],
)
def test_numbers_out_of_range_are_refused_by_key(options, message):
    with pytest.raises(DataError, match=message):
        TextData(**options)


def test_without_a_source_the_error_says_what_to_name():
    with pytest.raises(DataError, match=r"^data\.train: name a file here, or a hub data set by data\.dataset$"):
        TextData().setup()


def test_too_few_rows_to_cut_from_are_refused(reviews, ready):
    with pytest.raises(DataError, match=r"^data\.val: train has too few rows to cut val from$"):
        ready(train=reviews("a.csv", MANY[:3]))
    with pytest.raises(DataError, match=r"^data\.train_fraction: 0\.001 of \d+ rows is none$"):
        ready(train=reviews(rows=MANY), train_fraction=0.001)


def test_sst2_is_read_whole(sst2, ready):
    paths = {name: str(sst2 / f"{file}.tsv") for name, file in (("train", "train"), ("val", "dev"), ("test", "test"))}
    data = ready(**paths, column_names=["text", "label"])

    assert {name: len(split) for name, split in data.splits.items()} == {"train": 6920, "val": 872, "test": 1821}
    assert data.num_classes == 2
