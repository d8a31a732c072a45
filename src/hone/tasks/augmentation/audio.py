"""Noise and shifts of waveforms, masks in spectrograms."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from hone.errors import DataError, ModelError


class AudioAugmentation:
    """Changes a batch of waveforms.

    Args:
        noise: Most noise that is added, as a share of each recording's own deviation.
        shift: Most by which a recording is moved, as a share of its length, in [0, 1); silence comes in.

    Raises:
        DataError: A number is out of its range.
    """

    def __init__(self, noise: float = 0.0, shift: float = 0.0) -> None:
        if noise < 0:
            raise DataError(f"must not be negative, not {noise}", where="data.augment.noise")
        if not 0 <= shift < 1:
            raise DataError(f"must be in [0, 1), not {shift}", where="data.augment.shift")
        self.noise, self.shift = noise, shift

    def __call__(self, waveforms: Tensor) -> Tensor:
        """Change waveforms of shape (batch, samples)."""
        if self.shift:
            waveforms = shifted(waveforms, round(self.shift * waveforms.shape[1]))
        if self.noise:
            strength = self.noise * torch.rand(len(waveforms), 1, device=waveforms.device)
            deviation = waveforms.std(dim=1, keepdim=True)
            waveforms = waveforms + strength * deviation * torch.randn_like(waveforms)
        return waveforms


def shifted(waveforms: Tensor, most: int) -> Tensor:
    """Move each waveform by up to so many samples either way, silence coming in."""
    count, samples = waveforms.shape
    offsets = torch.randint(-most, most + 1, (count, 1), device=waveforms.device)
    places = torch.arange(samples, device=waveforms.device) - offsets
    inside = (places >= 0) & (places < samples)
    return waveforms.gather(1, places.clamp(0, samples - 1)) * inside


class SpecAugment(nn.Module):
    """Hides stretches of time and bands of spectrograms while training.

    Args:
        time_mask: Most of a spectrogram's length that a mask hides, in [0, 1).
        band_mask: Most of its bands that a mask hides, in [0, 1).
        masks: Masks of each kind.

    Raises:
        ModelError: A number is out of its range.

    Source: Park et al., "SpecAugment: A Simple Data Augmentation Method for Automatic Speech Recognition", 2019.
    """

    def __init__(self, time_mask: float = 0.0, band_mask: float = 0.0, masks: int = 1) -> None:
        super().__init__()
        for name, share in (("time_mask", time_mask), ("band_mask", band_mask)):
            if not 0 <= share < 1:
                raise ModelError(f"must be in [0, 1), not {share}", where=f"model.{name}")
        self.time_mask, self.band_mask, self.masks = time_mask, band_mask, masks

    def forward(self, spectrograms: Tensor) -> Tensor:
        """Hide parts of spectrograms of shape (batch, bands, frames) under each one's mean."""
        if not self.training:
            return spectrograms
        hidden = torch.zeros_like(spectrograms, dtype=torch.bool)
        for _ in range(self.masks):
            hidden |= self._mask(spectrograms, self.time_mask, dim=2)
            hidden |= self._mask(spectrograms, self.band_mask, dim=1)
        return torch.where(hidden, spectrograms.mean(dim=(1, 2), keepdim=True), spectrograms)

    def _mask(self, spectrograms: Tensor, share: float, dim: int) -> Tensor:
        length, device = spectrograms.shape[dim], spectrograms.device
        shape = [len(spectrograms), 1, 1]
        wide = (torch.rand(shape, device=device) * share * length).floor()
        start = torch.rand(shape, device=device) * (length - wide)
        places = torch.arange(length, device=device).reshape([1, -1, 1] if dim == 1 else [1, 1, -1])
        return (places >= start.floor()) & (places < start.floor() + wide)
