"""A trial whose batches are changed at random ends as if it had not been broken off in the middle of an epoch."""

import wave

import numpy as np
import pytest
from PIL import Image
from tiny_translator import save_translators

from hone.config.compose import Composer, resolve
from hone.worker.messages import Result

WORDS = {"good": "fine", "bad": "dull"}
COMMON = ["trainer=cpu", "data.batch_size=2", "trainer.max_epochs=3", "optimizer=sgd", "optimizer.lr=0.01"]


@pytest.fixture
def pictures(tmp_path):
    random = np.random.default_rng(0)
    for label in ("a", "b"):
        (tmp_path / "pictures" / label).mkdir(parents=True)
        for number in range(10):
            picture = Image.fromarray(random.integers(256, size=(8, 8, 3), dtype=np.uint8))
            picture.save(tmp_path / "pictures" / label / f"{number}.png")
    augment = ["data.augment.flip=0.5", "data.augment.crop=2", "data.augment.mixup=0.4", "data.augment.cutmix=1"]
    given = [f"data.train={tmp_path}/pictures", "data.image_size=8", "model.widths=[4]"]
    return ["data=images", "model=small_resnet", *given, *augment]


@pytest.fixture
def sounds(tmp_path):
    random = np.random.default_rng(0)
    for label in ("a", "b"):
        (tmp_path / "sounds" / label).mkdir(parents=True)
        for number in range(10):
            with wave.open(str(tmp_path / "sounds" / label / f"{number}.wav"), "wb") as file:
                file.setnchannels(1)
                file.setsampwidth(2)
                file.setframerate(8000)
                file.writeframes(random.integers(-9999, 9999, size=2000).astype("<i2").tobytes())
    augment = ["data.augment.noise=0.5", "data.augment.shift=0.2", "model.time_mask=0.2"]
    given = [f"data.folder={tmp_path}/sounds", "data.sample_rate=8000", "data.max_seconds=0.25"]
    return ["data=speech", "model=mel_cnn", "model.channels=[4]", *given, *augment]


@pytest.fixture
def texts(tmp_path):
    rows = [f"the {word} film number {number} of many,{label}" for number in range(10) for label, word in WORDS.items()]
    (tmp_path / "texts.csv").write_text("\n".join(["text,label", *rows]) + "\n")
    there, back = save_translators(tmp_path, rows)
    said = {"chance": 0.5, "there": there, "back": back, "max_length": 8, "cache": tmp_path / "cache"}
    augment = ["data.augment.word_dropout=0.2", "data.augment.swap=0.5"]
    augment += [f"data.augment.back_translation.{name}={value}" for name, value in said.items()]
    return ["data=text", "model=bilstm", "model.hidden_dim=4", f"data.train={tmp_path}/texts.csv", *augment]


@pytest.mark.parametrize("kind", ["pictures", "sounds", "texts"])
def test_it_ends_with_the_same_weights_and_metrics(kind, request, trained, project):
    config = resolve(Composer().compose([*request.getfixturevalue(kind), *COMMON]).config)
    strike = {"_target_": "toy.Strike", "batch": 11}
    straight, _, _ = trained(config=config)
    broken = {**config, "callbacks": {**config["callbacks"], "strike": strike}}
    stopped, _, directory = trained(config=broken)
    assert stopped.kind == "preempted", stopped

    ending, line, _ = trained(config=config, directory=directory)

    assert isinstance(ending, Result), ending
    assert line.start.resumed == 11
    assert ending.metrics == straight.metrics
    assert ending.weights == straight.weights
