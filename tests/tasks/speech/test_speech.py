import sys
import wave

import numpy as np
import pytest
import torch

from hone.errors import DataError
from hone.tasks.speech.data import SpeechData
from hone.tasks.speech.features import LogMel
from hone.tasks.speech.models import SpeechClassifier
from hone.training.components import build_data, build_model

WAV2VEC2 = {
    "model_type": "wav2vec2",
    "hidden_size": 8,
    "num_hidden_layers": 2,
    "num_attention_heads": 2,
    "intermediate_size": 8,
    "conv_dim": [8, 8],
    "conv_kernel": [10, 8],
    "conv_stride": [10, 8],
    "num_feat_extract_layers": 2,
    "num_conv_pos_embeddings": 4,
    "num_conv_pos_embedding_groups": 2,
    "classifier_proj_size": 8,
    "mask_time_length": 2,
}
WHISPER = {
    "model_type": "whisper",
    "d_model": 8,
    "encoder_layers": 2,
    "decoder_layers": 1,
    "encoder_attention_heads": 2,
    "decoder_attention_heads": 2,
    "encoder_ffn_dim": 8,
    "decoder_ffn_dim": 8,
    "num_mel_bins": 10,
    "max_source_positions": 50,
    "vocab_size": 20,
    "pad_token_id": 0,
    "bos_token_id": 1,
    "eos_token_id": 2,
    "decoder_start_token_id": 1,
    "classifier_proj_size": 8,
}


def write(path, sound, rate=8000, channels=1):
    path.parent.mkdir(parents=True, exist_ok=True)
    with wave.open(str(path), "wb") as file:
        file.setnchannels(channels)
        file.setsampwidth(2)
        file.setframerate(rate)
        file.writeframes((np.asarray(sound) * 32767).astype("<i2").tobytes())


@pytest.fixture
def tones(tmp_path):
    """Ten low and ten high tones, of half a second and more."""
    for label, pitch in (("low", 200), ("high", 1500)):
        for number in range(10):
            time = np.arange(4000 + 400 * number) / 8000
            write(tmp_path / label / f"{number}.wav", 0.5 * np.sin(2 * np.pi * pitch * time))
    return tmp_path


def test_recordings_are_of_one_rate_and_length_whatever_their_files_are(tmp_path):
    tone = 0.5 * np.sin(2 * np.pi * 440 * np.arange(44100) / 44100)
    write(tmp_path / "a" / "stereo.wav", np.stack([tone, tone], axis=1).ravel(), 44100, channels=2)
    write(tmp_path / "b" / "short.wav", tone[::10][:2000], 4410)
    data = SpeechData(str(tmp_path), sample_rate=8000, max_seconds=0.5)
    waveforms = data_of(data, [tmp_path / "a" / "stereo.wav", tmp_path / "b" / "short.wav"])

    assert waveforms.shape == (2, 4000)
    expected = 0.5 * np.sin(2 * np.pi * 440 * np.arange(4000) / 8000)
    assert np.abs(waveforms[0, 100:-100].numpy() / 32768 - expected[100:-100]).max() < 0.01
    assert waveforms[1, 3700:].abs().max() == 0


def data_of(data, paths):
    from hone.tasks.speech.recordings import read_recordings

    return read_recordings(paths, data.sample_rate, data.num_samples)


def test_a_pattern_says_what_was_spoken_and_what_is_tested(tones):
    data = SpeechData(str(tones), test_pattern=r"/[0-2]\.wav$", sample_rate=8000, val_fraction=0.3)
    data.setup()

    assert data.classes == ["high", "low"]
    assert {name: len(split) for name, split in data.splits.items()} == {"train": 10, "val": 4, "test": 6}
    assert data.class_names == ["high", "low"]
    assert "/low/" in data.example("test", 5)
    assert data.class_counts == [5, 5]
    waveforms, labels = data.splits["test"].__getitems__([0, 5])
    assert waveforms.shape == (2, 8000)
    assert waveforms.dtype == torch.float32
    assert labels.tolist() == [0, 1]


def test_spectrograms_are_those_of_whisper():
    from transformers import WhisperFeatureExtractor

    theirs = WhisperFeatureExtractor(feature_size=80, chunk_length=1)
    sound = torch.randn(2, 16000) * 0.1

    expected = theirs(list(sound.numpy()), sampling_rate=16000, return_tensors="pt").input_features

    assert torch.allclose(LogMel(16000, 80)(sound), expected, atol=1e-3)


@pytest.mark.parametrize("architecture", [WAV2VEC2, WHISPER], ids=lambda one: one["model_type"])
def test_a_family_is_saved_to_a_folder_and_fine_tuned_from_it(architecture, tmp_path):
    small = SpeechClassifier(5, 8000, architecture=architecture).eval()
    small.export(tmp_path)
    sound = torch.randn(3, 6000)

    same = SpeechClassifier(5, 8000, str(tmp_path)).eval()
    other = SpeechClassifier(2, 8000, str(tmp_path), tune="lora").eval()

    assert torch.allclose(small(sound), same(sound), atol=1e-5)
    assert other(sound).shape == (3, 2)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"folder": None}, r"^data\.folder: name a folder of recordings$"),
        ({"folder": "/nowhere/at/all"}, r"^data\.folder: no such folder: /nowhere/at/all"),
        ({"pattern": "(["}, r"^data\.pattern: no regular expression: "),
        ({"pattern": "x"}, r"^data\.pattern: needs a group that says what was spoken"),
        ({"pattern": "(?P<label>x)"}, r"^data\.pattern: does not match high/0\.wav$"),
        ({"pattern": "(?P<label>.)"}, r"^data\.pattern: all recordings have the label 'h'"),
        ({"max_seconds": 0.0}, r"^data\.max_seconds: must be above 0, not 0\.0$"),
    ],
)
def test_what_is_missing_is_named(tones, options, message):
    if options.get("pattern") == "(?P<label>.)":
        for one in (tones / "low").iterdir():
            one.unlink()
    with pytest.raises(DataError, match=message):
        SpeechData(**({"folder": str(tones)} | options)).setup()


def test_without_soundfile_the_error_says_what_to_install(tones, monkeypatch):
    monkeypatch.setitem(sys.modules, "soundfile", None)

    with pytest.raises(DataError, match=r"^data: needs the soundfile package: pip install 'hone-ml\[speech\]'"):
        SpeechData(str(tones)).setup()


def test_spoken_digits_are_told_apart(fsdd, resolved, trainer, monkeypatch):
    monkeypatch.setenv("HONE_DATA_ROOT", str(fsdd.parent))
    easy = ["model.time_mask=0", "model.band_mask=0", "data.augment.shift=0", "data.augment.noise=0"]
    config = resolved("experiment=fsdd", "data.train_fraction=0.3", "data.batch_size=16", *easy)
    data = build_data(config)
    model = build_model(config, data)
    run = trainer(max_epochs=3)

    run.fit(model, datamodule=data)

    # One in ten by chance.
    assert run.test(model, data, verbose=False)[0]["test/accuracy"] > 0.3


def test_wav2vec2_is_chosen_by_its_name(tones, resolved):
    config = resolved("data=speech", "model=wav2vec2", f"data.folder={tones}")
    data = build_data(config)

    model = build_model(config, data)

    assert model.eval()(next(iter(data.val_dataloader()))[0]).shape == (2, 2)
