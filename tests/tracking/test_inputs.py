import json

from hone.tracking.inputs import data_digest, dataset_inputs, task_of

DIGITS = {"data": {"_target_": "hone.tasks.digits.data.DigitsData", "split_seed": 0, "batch_size": 16}}


def test_each_split_is_a_data_set_of_its_own_with_its_context_and_rows():
    inputs = dataset_inputs(DIGITS, {"digits.csv.gz": "abc"}, {"train": 1078})

    assert [one["context"] for one in inputs] == ["training", "validation", "testing"]
    assert {one["name"] for one in inputs} == {"digits"}
    assert len({one["digest"] for one in inputs}) == 3
    assert json.loads(inputs[0]["profile"]) == {"num_rows": 1078}
    assert json.loads(inputs[0]["source"]) == {"split": "train", "files": ["digits.csv.gz"]}


def test_how_data_is_fed_does_not_change_what_it_is_and_how_it_is_split_does():
    fed = {"data": {**DIGITS["data"], "batch_size": 128}}
    split = {"data": {**DIGITS["data"], "split_seed": 1}}
    digests = {"digits.csv.gz": "abc"}

    assert data_digest(fed, digests) == data_digest(DIGITS, digests) != data_digest(split, digests)
    assert data_digest(DIGITS, {"digits.csv.gz": "abd"}) != data_digest(DIGITS, digests)


def test_data_that_does_not_say_its_content_goes_by_its_config():
    assert data_digest(DIGITS, {}).startswith("config:")
    assert data_digest({"objective": {"_target_": "my.bowl"}}, {}) == ""
    assert dataset_inputs({"objective": {"_target_": "my.bowl"}}, {}, {}) == []
    assert task_of({"objective": {"_target_": "my.bowl"}}) == "bowl"


def test_a_password_in_a_source_stays_out():
    config = {"data": {"_target_": "my.Data", "dataset": "https://me:secret@host/rows.csv"}}

    inputs = dataset_inputs(config, {}, {})

    assert "secret" not in json.dumps(inputs)
    assert "me:***@host" in inputs[0]["source"]


def test_a_file_for_each_split_is_the_source_of_that_split():
    config = {"data": {"_target_": "x.TextData", "train": "a.csv", "val": "b.csv"}, "test": False}

    train, val = dataset_inputs(config, {"a.csv": "1", "b.csv": "2"}, {})

    assert json.loads(train["source"])["files"] == ["a.csv"]
    assert json.loads(val["source"])["files"] == ["b.csv"]
