"""Flips, crops, colour, mixup and cutmix, on whole batches and on the device they are on."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from hone.errors import DataError

Batch = tuple[Tensor, Tensor]
# Parts of red, green and blue in brightness: ITU-R BT.601.
LUMA = (0.299, 0.587, 0.114)


class ImageAugmentation:
    """Changes a batch of standardised pictures.

    Args:
        flip: Chance that a picture is mirrored, in [0, 1].
        crop: Pixels that are added at each side, of which a picture's size is then cut at random.
        colour: Most by which brightness, contrast and saturation are scaled up or down, in [0, 1).
        mixup: Alpha of the beta distribution by which two pictures are blended; 0 for none.
        cutmix: Alpha of the beta distribution by which a part of one is put into another; 0 for none. With both, each
            batch is mixed by one of them.

    Raises:
        DataError: A number is out of its range.

    Sources: Zhang et al., "mixup: Beyond Empirical Risk Minimization", 2018; Yun et al., "CutMix: Regularization
        Strategy to Train Strong Classifiers with Localizable Features", 2019.
    """

    def __init__(
        self, flip: float = 0.0, crop: int = 0, colour: float = 0.0, mixup: float = 0.0, cutmix: float = 0.0
    ) -> None:
        for name, number, most in (("flip", flip, 1.0), ("colour", colour, 0.999)):
            if not 0 <= number <= most:
                raise DataError(f"must be in [0, 1{']' if most == 1 else ')'}, not {number}", f"data.augment.{name}")
        for name, number in (("crop", crop), ("mixup", mixup), ("cutmix", cutmix)):
            if number < 0:
                raise DataError(f"must not be negative, not {number}", where=f"data.augment.{name}")
        self.flip, self.crop, self.colour = flip, crop, colour
        self.mixup, self.cutmix = mixup, cutmix

    def __call__(self, batch: Batch, num_classes: int) -> Batch:
        """Change a batch.

        Args:
            batch: Pictures of shape (batch, channels, height, width) and labels of shape (batch,).
            num_classes: How many classes there are.

        Returns:
            Pictures, and labels: probabilities of shape (batch, num_classes) where pictures are mixed.
        """
        images, labels = batch
        if self.flip:
            images = flipped(images, self.flip)
        if self.crop:
            images = cropped(images, self.crop)
        if self.colour:
            images = coloured(images, self.colour)
        alphas = [(mix, alpha) for mix, alpha in ((mixup, self.mixup), (cutmix, self.cutmix)) if alpha > 0]
        if not alphas:
            return images, labels
        mix, alpha = alphas[int(torch.randint(len(alphas), ()))]
        return mix(images, labels, alpha, num_classes)


def flipped(images: Tensor, chance: float) -> Tensor:
    """Mirror some of the pictures."""
    mirrored = torch.rand(len(images), device=images.device) < chance
    return torch.where(mirrored[:, None, None, None], images.flip(-1), images)


def cropped(images: Tensor, padding: int) -> Tensor:
    """Move each picture by up to so many pixels, grey coming in at its edge."""
    count, _, height, width = images.shape
    padded = nn.functional.pad(images, (padding,) * 4)
    tops, lefts = torch.randint(2 * padding + 1, (2, count, 1), device=images.device)
    rows = tops + torch.arange(height, device=images.device)
    columns = lefts + torch.arange(width, device=images.device)
    places = torch.arange(count, device=images.device)[:, None, None]
    # Indices beside a slice put its dimension last.
    return padded[places, :, rows[:, :, None], columns[:, None, :]].permute(0, 3, 1, 2)


def coloured(images: Tensor, most: float) -> Tensor:
    """Scale brightness, contrast and saturation of each picture, by between 1 - most and 1 + most each."""
    low, span = 1 - most, 2 * most
    brightness, contrast, saturation = low + span * torch.rand(3, len(images), 1, 1, 1, device=images.device)
    luma = torch.tensor(LUMA, device=images.device, dtype=images.dtype)[:, None, None]
    # Standardised pixels have grey at 0, so that brightness moves them and contrast scales them about their mean.
    images = images + (brightness - 1)
    mean = images.mean(dim=(1, 2, 3), keepdim=True)
    images = mean + contrast * (images - mean)
    grey = (images * luma).sum(dim=1, keepdim=True)
    return grey + saturation * (images - grey)


def mixup(images: Tensor, labels: Tensor, alpha: float, num_classes: int) -> Batch:
    """Blend each picture with another of the batch, and its label likewise."""
    share = _beta(alpha)
    others = torch.randperm(len(images), device=images.device)
    return share * images + (1 - share) * images[others], _mixed(labels, others, share, num_classes)


def cutmix(images: Tensor, labels: Tensor, alpha: float, num_classes: int) -> Batch:
    """Put a rectangle of another picture of the batch into each, and mix its label by area."""
    height, width = images.shape[-2:]
    side = (1 - _beta(alpha)) ** 0.5
    rows, columns = _within(height, side), _within(width, side)
    others = torch.randperm(len(images), device=images.device)
    mixed = images.clone()
    mixed[:, :, rows, columns] = images[others][:, :, rows, columns]
    replaced = (rows.stop - rows.start) * (columns.stop - columns.start) / (height * width)
    return mixed, _mixed(labels, others, 1 - replaced, num_classes)


def _mixed(labels: Tensor, others: Tensor, share: float, num_classes: int) -> Tensor:
    sure = nn.functional.one_hot(labels, num_classes).float()
    return share * sure + (1 - share) * sure[others]


def _within(length: int, share: float) -> slice:
    """A stretch about a random centre, cut at the ends."""
    half = round(length * share / 2)
    centre = int(torch.randint(length, ()))
    return slice(max(0, centre - half), min(length, centre + half))


def _beta(alpha: float) -> float:
    # torch's own generator, so that a resumed trial draws the same.
    return float(torch.distributions.Beta(alpha, alpha).sample())
