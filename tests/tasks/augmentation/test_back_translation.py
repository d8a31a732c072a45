import json

import pytest
import torch
from tiny_translator import save_translators

from hone.errors import DataError
from hone.tasks.augmentation.back_translation import BackTranslation
from hone.tasks.augmentation.text import TextAugmentation
from hone.tasks.text.data import TextData

TEXTS = ["a warm film", "a dull and empty film about nothing", "bright", "i loved it", "slow , stupid and cold"]


@pytest.fixture(scope="module")
def folders(tmp_path_factory):
    pytest.importorskip("transformers")
    return save_translators(tmp_path_factory.mktemp("translators"), TEXTS)


@pytest.fixture
def translation(folders, tmp_path):
    def build(**options):
        there, back = folders
        plain = {"chance": 1.0, "there": there, "back": back, "max_length": 8, "cache": str(tmp_path / "cache")}
        return BackTranslation(**plain | options)

    return build


def generated(folder, text):
    """What transformers itself makes of a text."""
    from transformers import AutoModelForSeq2SeqLM, AutoTokenizer

    tokenizer = AutoTokenizer.from_pretrained(folder)
    model = AutoModelForSeq2SeqLM.from_pretrained(folder).eval()
    tokens = model.generate(**tokenizer(text, return_tensors="pt"), max_new_tokens=8, do_sample=False)
    return tokenizer.decode(tokens[0], skip_special_tokens=True).strip()


def test_a_text_is_translated_there_and_back(translation, folders):
    there, back = folders

    said = translation()(TEXTS[:1])

    assert said == [generated(back, generated(there, TEXTS[0]))]


def test_each_text_is_translated_once_whoever_asks(translation, capsys, tmp_path):
    said = translation()(TEXTS[:3])
    assert capsys.readouterr().out == "translating 3 texts there and back, once\n"

    again = translation(batch_size=2, chance=0.5)([*TEXTS[:3], TEXTS[0]])
    assert capsys.readouterr().out == ""
    more = translation()(TEXTS)

    assert again == [*said, said[0]]
    assert more[:3] == said
    assert capsys.readouterr().out == "translating 2 texts there and back, once\n"
    assert len(list((tmp_path / "cache").glob("*.jsonl"))) == 1


def test_what_a_crash_left_half_written_is_translated_again(translation, tmp_path, capsys):
    said = translation()(TEXTS)
    [path] = (tmp_path / "cache").glob("*.jsonl")
    path.write_text(path.read_text()[:-5])
    capsys.readouterr()

    assert translation()(TEXTS) == said
    assert capsys.readouterr().out == "translating 1 texts there and back, once\n"
    kept = [json.loads(line) for line in path.read_text().splitlines()[-1:]]
    assert kept[0][1] in said


def test_another_model_means_other_texts(translation, folders, tmp_path):
    there, back = folders
    said = translation()(TEXTS)

    other = translation(there=back, back=there)(TEXTS)

    assert other != said
    assert len(list((tmp_path / "cache").glob("*.jsonl"))) == 2


def test_what_is_drawn_hangs_on_the_seed_and_the_text_alone(translation, tmp_path):
    def drawn(seed, size, name, texts=TEXTS):
        return translation(temperature=1.0, seed=seed, batch_size=size, cache=str(tmp_path / name))(texts)

    said = drawn(0, 5, "a")

    assert drawn(0, 1, "b") == said
    assert drawn(0, 2, "c", TEXTS[3:]) == said[3:]
    assert drawn(1, 5, "d") != said
    assert said != translation()(TEXTS)


def test_training_texts_are_said_otherwise_and_those_that_are_judged_are_not(translation, reviews, capsys):
    path = reviews()
    options = {"train": path, "val": path, "test": path, "min_count": 1}
    plain = TextData(**options)
    plain.setup()
    data = TextData(**options, augment=TextAugmentation(back_translation=translation(chance=0.5)))
    data.prepare_data()
    capsys.readouterr()
    data.setup()
    assert capsys.readouterr().out == ""
    rows = list(range(8))
    taken = [data.splits["train"].__getitems__(rows)[0]["input_ids"] for _ in range(20)]

    original = plain.splits["train"].__getitems__(rows)[0]["input_ids"]
    same = sum(torch.equal(a[: len(b)], b) for one in taken for a, b in zip(one, original, strict=True))
    assert 40 < same < 120
    for split in ("val", "test"):
        got, given = (one.splits[split].__getitems__(rows)[0]["input_ids"] for one in (data, plain))
        assert torch.equal(got, given)
    assert set(data.content_digest()) - set(plain.content_digest()) == {"texts said otherwise"}
    assert data.vocab_size == plain.vocab_size


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"chance": 1.5}, r"^data\.augment\.back_translation\.chance: must be in \[0, 1\], not 1\.5$"),
        ({"back": None}, r"^data\.augment\.back_translation\.back: name a model that translates, by hub name or"),
        ({"temperature": -1}, r"^data\.augment\.back_translation\.temperature: must not be negative, not -1$"),
        ({"batch_size": 0}, r"^data\.augment\.back_translation\.batch_size: must be at least 1, not 0$"),
        ({"there": "./nowhere"}, r"^data\.augment\.back_translation\.there: no such folder: \./nowhere$"),
    ],
)
def test_what_is_wrong_is_named(translation, options, message):
    with pytest.raises(DataError, match=message):
        translation(**options)(TEXTS)
