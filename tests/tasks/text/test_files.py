import sys

import pytest

from hone.errors import DataError
from hone.tasks.text.files import Columns, Source, file_digest, read_rows, rows_digest

COLUMNS = Columns("text", "label")


def read(path, columns=COLUMNS):
    return read_rows(Source(path, "data.train"), columns)


@pytest.mark.parametrize("name", ["a.csv", "a.tsv", "a.jsonl", "a.parquet"])
def test_each_format_gives_the_same_rows(reviews, name):
    rows = [("good, but long", "pos"), ('a "quoted" word', "neg"), ("null", "neg")]
    if name == "a.csv":
        rows[1] = ("no quotes here", "neg")

    assert read(reviews(name, rows)) == ([text for text, _ in rows], ["pos", "neg", "neg"])


def test_quotation_marks_in_tab_separated_text_are_marks_like_any_other(reviews):
    rows = [('" this opens and never closes', "pos"), ("the next row", "neg")]

    assert read(reviews("a.tsv", rows))[0] == [text for text, _ in rows]


def test_a_file_without_a_header_takes_its_names_from_the_config(reviews):
    path = reviews("a.tsv", [("fine", 1), ("poor", 0)], header=None)

    assert read(path, Columns("review", "stars", names=["review", "stars"])) == (["fine", "poor"], [1, 0])


def test_the_delimiter_can_be_any(reviews):
    path = reviews("a.tsv", [("fine", 1), ("poor", 0)])

    with pytest.raises(DataError, match="no column 'text'"):
        read(path, Columns("text", "label", delimiter=";"))
    assert read(path, Columns("text", "label", delimiter="\t"))[1] == [1, 0]


def test_other_columns_are_left_alone(reviews):
    path = reviews("a.csv", [(7, "fine", "x", 1)], header=("id", "text", "source", "label"))

    assert read(path) == (["fine"], [1])


def test_a_file_that_has_changed_is_read_anew(reviews):
    read(reviews("a.csv", [("fine", 1)]))

    assert read(reviews("a.csv", [("finer", 1), ("poor", 0)])) == (["finer", "poor"], [1, 0])


def test_a_missing_file_is_named_with_its_key_and_its_nearest_neighbour(reviews, tmp_path):
    reviews("reviews.csv")

    with pytest.raises(DataError, match=r"^data\.train: no such file: .*/review\.csv\. Did you mean reviews\.csv\?$"):
        read(str(tmp_path / "review.csv"))


def test_a_missing_folder_is_a_missing_file():
    with pytest.raises(DataError, match=r"^data\.train: no such file: no/such/folder/a\.csv\.$"):
        read("no/such/folder/a.csv")


@pytest.mark.parametrize(
    ("column", "key"), [(Columns("txt", "label"), "text_column"), (Columns("text", "lable"), "label_column")]
)
def test_a_missing_column_is_named_with_what_there_is(reviews, column, key):
    with pytest.raises(DataError, match=rf"^data\.{key}: no column .* Did you mean \w+\? There are: text, label\."):
        read(reviews(), column)


def test_a_missing_column_of_a_table_hints_at_a_missing_header(reviews):
    with pytest.raises(DataError, match=r"A file without a header needs data\.column_names\.$"):
        read(reviews("a.tsv", [("fine", 1), ("poor", 0)], header=None))


def test_names_that_are_not_as_many_as_the_columns_are_refused(reviews):
    path = reviews("a.csv", [(7, "fine", 1)], header=None)

    with pytest.raises(DataError, match=r"^data\.column_names: names 2 columns, and a\.csv has 3$"):
        read(path, Columns("text", "label", names=["text", "label"]))


@pytest.mark.parametrize(("name", "content"), [("a.csv", ""), ("a.csv", "text,label\n"), ("a.jsonl", "")])
def test_an_empty_file_says_so(tmp_path, own_cache, name, content):
    (tmp_path / name).write_text(content)

    with pytest.raises(DataError, match=r"^data\.train: .*a\.\w+ is empty: it holds no rows$"):
        read(str(tmp_path / name))


@pytest.mark.parametrize("row", [("fine", None), (None, 1)])
def test_a_row_that_lacks_its_text_or_label_is_counted(reviews, row):
    with pytest.raises(DataError, match=r"row 2 of .*a\.jsonl lacks its text or label"):
        read(reviews("a.jsonl", [("poor", 0), row]))


def test_an_unknown_format_names_those_there_are(tmp_path):
    (tmp_path / "a.xlsx").write_bytes(b"x")

    with pytest.raises(DataError, match=r"a\.xlsx is none of \.csv, .*\.parquet"):
        read(str(tmp_path / "a.xlsx"))


@pytest.mark.parametrize(("name", "content"), [("a.jsonl", "{not json"), ("a.parquet", "not parquet")])
def test_an_unreadable_file_gives_one_line(tmp_path, own_cache, name, content):
    (tmp_path / name).write_text(content)

    with pytest.raises(DataError, match=r"^data\.train: .* cannot be read: .+$") as caught:
        read(str(tmp_path / name))

    assert "\n" not in str(caught.value)


def test_a_table_without_rows_is_empty_too(tmp_path, own_cache):
    import datasets

    datasets.Dataset.from_dict({"text": [], "label": []}).to_parquet(tmp_path / "a.parquet")

    with pytest.raises(DataError, match=r"^data\.train: .*a\.parquet is empty: it holds no rows$"):
        read(str(tmp_path / "a.parquet"))


def test_without_datasets_the_error_says_what_to_install(reviews, monkeypatch):
    path = reviews()
    monkeypatch.setitem(sys.modules, "datasets", None)

    with pytest.raises(DataError, match=r"pip install 'hone-ml\[text\]'"):
        read(path)


@pytest.fixture
def saved(tmp_path):
    import datasets

    train = datasets.Dataset.from_dict({"text": ["fine", "poor"], "label": [1, 0]})
    datasets.DatasetDict({"train": train, "validation": train}).save_to_disk(tmp_path / "both")
    train.save_to_disk(tmp_path / "one")
    return tmp_path


@pytest.mark.parametrize(("folder", "split"), [("both", "validation"), ("one", "train")])
def test_a_saved_folder_is_read_by_split(saved, folder, split):
    source = Source(str(saved / folder), "data.dataset", split)

    assert read_rows(source, COLUMNS) == (["fine", "poor"], [1, 0])


def test_a_split_that_does_not_exist_names_those_that_do(saved):
    source = Source(str(saved / "both"), "data.dataset", "validatoin")

    with pytest.raises(DataError, match=r"no split 'validatoin' .* Did you mean validation\? There are: train, valid"):
        read_rows(source, COLUMNS)


def test_a_data_set_that_cannot_be_had_gives_one_line(monkeypatch, own_cache):
    import datasets

    monkeypatch.setattr(datasets.config, "HF_HUB_OFFLINE", True)
    with pytest.raises(DataError, match=r"^data\.dataset: 'no/such-set' cannot be read: .+") as caught:
        read_rows(Source("no/such-set", "data.dataset", "train"), COLUMNS)

    assert "\n" not in str(caught.value)


def test_digests_follow_the_content(tmp_path):
    one, same, other = (tmp_path / name for name in "abc")
    for path, content in ((one, "x"), (same, "x"), (other, "y")):
        path.write_text(content)

    assert file_digest(one) == file_digest(same) != file_digest(other)
    assert rows_digest((["a"], [1])) == rows_digest((["a"], [1])) != rows_digest((["a"], [2]))
