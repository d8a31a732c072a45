import numpy as np
import pytest
import torch

from hone.errors import DataError
from hone.tasks.speech.transcription import Transcriber, TranscriptionData
from hone.training.components import build_data, build_model

WHISPER = {
    "model_type": "whisper",
    "d_model": 16,
    "encoder_layers": 1,
    "decoder_layers": 1,
    "encoder_attention_heads": 2,
    "decoder_attention_heads": 2,
    "encoder_ffn_dim": 16,
    "decoder_ffn_dim": 16,
    "num_mel_bins": 10,
    "max_source_positions": 25,
    "max_target_positions": 16,
}


@pytest.fixture
def tones(tmp_path):
    """Ten low and ten high tones."""
    soundfile = pytest.importorskip("soundfile")
    for label, pitch in (("low", 200), ("high", 1500)):
        (tmp_path / label).mkdir()
        for number in range(10):
            time = np.arange(3000 + 100 * number) / 8000
            soundfile.write(tmp_path / label / f"{number}.wav", 0.5 * np.sin(2 * np.pi * pitch * time), 8000)
    return tmp_path


def data_of(tones, **options):
    given = {"folder": str(tones), "sample_rate": 8000, "max_seconds": 0.5, "cache": str(tones / "cache")}
    data = TranscriptionData(**(given | {"words": {"low": "a deep hum", "high": "a whistle"}} | options))
    data.setup()
    return data


def test_what_is_said_is_encoded_and_decoded(tones):
    data = data_of(tones)

    _, labels = data.splits["test"].__getitems__([0, 1])

    assert data.decode(labels) == ["a whistle", "a deep hum"]
    assert set(labels[:, -1].tolist()) & {-100, data.tokenizer.eos_token_id}


def test_whisper_is_saved_to_a_folder_and_fine_tuned_from_it(tones, tmp_path):
    data = data_of(tones)
    small = Transcriber(8000, architecture=WHISPER, token_ids=data.token_ids).eval()
    small.export(tmp_path / "model")
    sounds, labels = data.splits["val"].__getitems__([0, 1])

    same = Transcriber(8000, str(tmp_path / "model"), freeze_layers=1).eval()

    assert torch.allclose(small(sounds, labels), same(sounds, labels), atol=1e-5)


def test_tones_are_written_down(tones, trainer):
    data = data_of(tones, batch_size=8)
    model = Transcriber(8000, architecture=WHISPER, token_ids=data.token_ids, dropout=0.0, max_new_tokens=12)
    model.configure_optimizers = lambda: torch.optim.Adam(model.parameter_groups(1e-2))
    run = trainer(max_epochs=25, check_val_every_n_epoch=25)

    run.fit(model, datamodule=data)

    assert run.test(model, data, verbose=False)[0]["test/wer"] == 0.0


def test_spoken_digits_are_listened_to(fsdd, resolved, trainer, monkeypatch, tmp_path):
    monkeypatch.setenv("HONE_DATA_ROOT", str(fsdd.parent))
    monkeypatch.setenv("HONE_CACHE", str(tmp_path))
    config = resolved("experiment=fsdd_whisper", "data.train_fraction=0.05", "model.val_batches=1")
    data = build_data(config)
    model = build_model(config, data)
    run = trainer(max_epochs=1, limit_val_batches=1)

    run.fit(model, datamodule=data)

    assert {"val/wer", "val/cer", "val/loss"} <= set(run.callback_metrics)
    assert set(data.decode(data.splits["test"].labels)) == set(config["data"]["words"].values())


def test_a_label_without_words_is_named(tones):
    with pytest.raises(DataError, match=r"^data\.words: does not say what 'low' stands for$"):
        data_of(tones, words={"high": "a whistle"})
