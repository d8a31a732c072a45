"""Log-mel spectrograms, as Whisper has them, and what each family of transformers' listens to."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor, nn

from hone.errors import ModelError
from hone.tasks.extras import import_extra

WINDOW, HOP = 0.025, 0.010
FAINTEST = 1e-10
# Powers of ten below the loudest that are told apart.
DEPTH = 8.0


class LogMel(nn.Module):
    """Log-mel spectrograms of waveforms.

    Args:
        sample_rate: Samples a second.
        num_mels: Bands.

    Raises:
        ModelError: ``transformers``, which has the filters, is not installed.

    Source: Radford et al., "Robust Speech Recognition via Large-Scale Weak Supervision", 2022 (section 2.2).
    """

    filters: Tensor
    window: Tensor

    def __init__(self, sample_rate: int, num_mels: int) -> None:
        super().__init__()
        audio = import_extra("transformers.audio_utils", "speech", "model", ModelError)
        self.length, self.hop = round(WINDOW * sample_rate), round(HOP * sample_rate)
        filters = audio.mel_filter_bank(
            num_frequency_bins=1 + self.length // 2,
            num_mel_filters=num_mels,
            min_frequency=0.0,
            max_frequency=sample_rate / 2,
            sampling_rate=sample_rate,
            norm="slaney",
            mel_scale="slaney",
        )
        self.register_buffer("filters", torch.from_numpy(filters).float().T.contiguous(), persistent=False)
        self.register_buffer("window", torch.hann_window(self.length), persistent=False)

    def forward(self, waveforms: Tensor) -> Tensor:
        """Measure waveforms.

        Args:
            waveforms: Shape (batch, samples).

        Returns:
            Shape (batch, num_mels, samples / hop), mostly in [-1, 1.5].
        """
        # In float32 whatever the precision of the network: half precision has no such transform.
        with torch.autocast(waveforms.device.type, enabled=False):
            spectrum = torch.stft(
                waveforms.float(), self.length, self.hop, window=self.window, return_complex=True, pad_mode="reflect"
            )
            power = self.filters @ spectrum[..., :-1].abs().square()
            logarithm = power.clamp(min=FAINTEST).log10()
            loudest = logarithm.amax(dim=(1, 2), keepdim=True)
            result: Tensor = (torch.maximum(logarithm, loudest - DEPTH) + 4.0) / 4.0
        return result


class Listener(nn.Module):
    """Turns waveforms into what a network of transformers' takes.

    Args:
        network: Wav2Vec2 and its kin take waveforms, Whisper takes log-mel spectrograms of a fixed length.
        sample_rate: Samples a second.
    """

    def __init__(self, network: Any, sample_rate: int) -> None:
        super().__init__()
        self.argument = str(network.main_input_name)
        self.mel: LogMel | None = None
        self.samples = 0
        if self.argument == "input_features":
            self.mel = LogMel(sample_rate, network.config.num_mel_bins)
            self.samples = 2 * int(network.config.max_source_positions) * self.mel.hop

    def forward(self, waveforms: Tensor) -> Mapping[str, Tensor]:
        """The network's arguments.

        Args:
            waveforms: Shape (batch, samples).
        """
        if self.mel is None:
            deviation, mean = torch.std_mean(waveforms, dim=1, keepdim=True)
            return {self.argument: (waveforms - mean) / (deviation + 1e-7)}
        missing = max(0, self.samples - waveforms.shape[1])
        fitted = nn.functional.pad(waveforms, (0, missing))[:, : self.samples]
        return {self.argument: self.mel(fitted)}
