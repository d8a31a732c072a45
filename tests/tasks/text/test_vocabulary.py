import sys

import pytest

from hone.errors import DataError
from hone.tasks.text.vocabulary import PAD, UNKNOWN, PretrainedTokenizer, Vocabulary


def vocabulary(*texts, min_count=1, max_size=100, lowercase=True):
    return Vocabulary(texts, min_count, max_size, lowercase=lowercase)


def test_commoner_words_have_lower_ids_after_padding_and_the_unknown():
    words = vocabulary("b a b", "b c a")

    assert words.ids == {"b": 2, "a": 3, "c": 4}
    assert words.size == 5
    assert {PAD, UNKNOWN} == {0, 1}


def test_the_order_of_rows_decides_nothing():
    assert vocabulary("x y", "z").ids == vocabulary("z", "y x").ids


def test_rare_words_and_words_past_the_limit_are_unknown():
    assert vocabulary("a a b", min_count=2).encode(["a b"], 9) == [[2, UNKNOWN]]
    assert vocabulary("a a a b b c", max_size=2).encode(["a b c"], 9) == [[2, 3, UNKNOWN]]


def test_marks_are_words_and_case_is_as_asked():
    assert vocabulary("Good , film").encode(["good,FILM"], 9) == vocabulary("good , film").encode(["good , film"], 9)
    assert vocabulary("Good", lowercase=False).encode(["good"], 9) == [[UNKNOWN]]


def test_texts_are_cut_off_and_an_empty_text_is_one_unknown_word():
    assert vocabulary("a b c").encode(["a b c", "", "  "], 2) == [[2, 3], [UNKNOWN], [UNKNOWN]]


def test_a_pretrained_tokenizer_brings_its_own_marks(tiny_bert):
    tokenizer = PretrainedTokenizer(tiny_bert)

    ((first, *_, last), cut) = tokenizer.encode(["a warm film", "a warm and funny film"], 4)

    marks = tokenizer.tokenizer.convert_tokens_to_ids(["[CLS]", "[SEP]"])
    assert [first, last] == marks == [cut[0], cut[-1]]
    assert len(cut) == 4
    assert tokenizer.pad_id == 0
    assert tokenizer.size == len(tokenizer.tokenizer)


def test_a_tokenizer_that_is_not_there_gives_one_line(tmp_path, monkeypatch):
    with pytest.raises(DataError, match=r"^data\.tokenizer: no such folder: \./nowhere$"):
        PretrainedTokenizer("./nowhere")
    with pytest.raises(DataError, match=rf"^data\.tokenizer: cannot load '{tmp_path}': .+") as caught:
        PretrainedTokenizer(str(tmp_path))
    assert "\n" not in str(caught.value)


def test_without_transformers_the_error_says_what_to_install(monkeypatch):
    monkeypatch.setitem(sys.modules, "transformers", None)

    with pytest.raises(DataError, match=r"^data\.tokenizer: .*pip install 'hone-ml\[text\]'"):
        PretrainedTokenizer("any")
