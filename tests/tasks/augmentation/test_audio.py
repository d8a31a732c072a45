import pytest
import torch

from hone.errors import DataError, ModelError
from hone.tasks.augmentation.audio import AudioAugmentation, SpecAugment, shifted


def test_masks_hide_no_more_than_they_may_and_keep_the_shape():
    spectrograms = torch.randn(64, 20, 50)
    augment = SpecAugment(time_mask=0.2, band_mask=0.1, masks=2)

    masked = augment(spectrograms)

    assert masked.shape == spectrograms.shape
    hidden = masked != spectrograms
    frames, bands = hidden.all(dim=1).sum(dim=1), hidden.all(dim=2).sum(dim=1)
    assert 0 < frames.max() <= 2 * 10
    assert 0 < bands.max() <= 2 * 2
    assert torch.equal(hidden, hidden.all(dim=1)[:, None, :] | hidden.all(dim=2)[:, :, None])
    assert torch.equal(augment.eval()(spectrograms), spectrograms)


def test_a_shift_moves_a_recording_and_lets_silence_in():
    waveforms = torch.rand(30, 100) + 1

    moved = shifted(waveforms, 20)

    for before, after in zip(waveforms, moved, strict=True):
        offsets = [n for n in range(-20, 21) if torch.equal(_moved(before, n), after)]
        assert len(offsets) == 1


def _moved(waveform, by):
    return torch.cat([torch.zeros(by), waveform[:-by]]) if by > 0 else torch.cat([waveform[-by:], torch.zeros(-by)])


def test_noise_is_a_share_of_each_recordings_own_deviation():
    waveforms = torch.randn(50, 4000) * torch.logspace(-3, 1, 50)[:, None]

    noise = AudioAugmentation(noise=0.5)(waveforms) - waveforms

    shares = noise.std(dim=1) / waveforms.std(dim=1)
    assert shares.min() > 0
    assert shares.max() < 0.55
    assert torch.equal(AudioAugmentation()(waveforms), waveforms)


def test_strengths_out_of_range_are_refused_by_key():
    with pytest.raises(DataError, match=r"^data\.augment\.noise: must not be negative, not -1$"):
        AudioAugmentation(noise=-1)
    with pytest.raises(DataError, match=r"^data\.augment\.shift: must be in \[0, 1\), not 1$"):
        AudioAugmentation(shift=1)
    with pytest.raises(ModelError, match=r"^model\.band_mask: must be in \[0, 1\), not 1$"):
        SpecAugment(band_mask=1)
