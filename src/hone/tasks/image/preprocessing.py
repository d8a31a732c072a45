"""Mean and deviation of colour channels: those of the data, or those that a pretrained model is used to."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from hone.errors import DataError
from hone.tasks.pretrained import load_pretrained

BRIGHTEST = 255.0


@dataclass(frozen=True)
class Statistics:
    """Mean and deviation by channel, of pixels in [0, 1].

    Attributes:
        mean: Shape (3, 1, 1).
        deviation: Shape (3, 1, 1).
    """

    mean: Tensor
    deviation: Tensor

    @classmethod
    def of(cls, images: Tensor) -> Statistics:
        """Measure pictures of shape (pictures, 3, height, width), uint8."""
        # Picture by picture, so that no float copy of all of them is made.
        means = torch.stack([one.float().mean(dim=(1, 2)) for one in images]) / BRIGHTEST
        squares = torch.stack([one.float().square().mean(dim=(1, 2)) for one in images]) / BRIGHTEST**2
        mean = means.mean(dim=0)
        deviation = (squares.mean(dim=0) - mean.square()).clamp(min=1e-8).sqrt()
        return cls(mean[:, None, None], deviation[:, None, None])

    def standardise(self, images: Tensor) -> Tensor:
        """Pictures of shape (batch, 3, height, width), uint8, as float32 of mean 0 and deviation 1."""
        return (images.float() / BRIGHTEST - self.mean) / self.deviation


def pretrained_statistics(name: str) -> Statistics | None:
    """Those that a model was trained with.

    Args:
        name: A hub name or a local folder.

    Returns:
        Mean and deviation; None where it does not say.

    Raises:
        DataError: There is no such model.
    """
    settings = load_pretrained(_processor_settings, name, DataError, "data.pretrained", "image")
    mean, deviation = settings.get("image_mean"), settings.get("image_std")
    if mean is None or deviation is None or not settings.get("do_normalize", True):
        return None
    return Statistics(torch.tensor(mean)[:, None, None], torch.tensor(deviation)[:, None, None])


def _processor_settings(place: str) -> dict[str, Any]:
    # Its file alone: the processors themselves need torchvision.
    from pathlib import Path

    from transformers.image_processing_base import ImageProcessingMixin

    folder = Path(place)
    if folder.is_dir() and not (folder / "preprocessor_config.json").is_file():
        return {}
    settings, _ = ImageProcessingMixin.get_image_processor_dict(place)
    return dict(settings)
