import pytest
import torch

from hone.errors import DataError
from hone.tasks.augmentation.images import ImageAugmentation, cropped

LABELS = torch.arange(16) % 4


def pictures():
    return torch.randn(16, 3, 8, 8)


@pytest.mark.parametrize("strength", [{"mixup": 0.4}, {"cutmix": 1.0}, {"mixup": 0.2, "cutmix": 1.0}])
def test_mixed_labels_sum_to_one_and_stay_with_their_pictures(strength):
    images = torch.nn.functional.one_hot(LABELS, 4).float()[:, :, None, None].expand(-1, -1, 8, 8)

    for _ in range(20):
        mixed, labels = ImageAugmentation(**strength)((images, LABELS), 4)

        assert torch.allclose(labels.sum(1), torch.ones(16))
        # Each channel says of which class its pixels are, so that a picture's means are its label.
        assert torch.allclose(mixed.mean(dim=(2, 3)), labels, atol=1e-6)


def test_flips_mirror_whole_pictures():
    images = pictures()

    always, _ = ImageAugmentation(flip=1.0)((images, LABELS), 4)
    half, _ = ImageAugmentation(flip=0.5)((images, LABELS), 4)

    assert torch.equal(always, images.flip(-1))
    same = [torch.equal(one, other) for one, other in zip(half, images, strict=True)]
    turned = [torch.equal(one, other.flip(-1)) for one, other in zip(half, images, strict=True)]
    assert 0 < sum(same) < 16
    assert all(a or b for a, b in zip(same, turned, strict=True))


def test_crops_move_each_picture_by_no_more_than_the_padding():
    images = pictures()
    padded = torch.nn.functional.pad(images, (2, 2, 2, 2))
    windows = [padded[:, :, top : top + 8, left : left + 8] for top in range(5) for left in range(5)]

    moved = cropped(images, 2)

    found = [{n for n, window in enumerate(windows) if torch.equal(window[row], moved[row])} for row in range(16)]
    assert all(found)
    assert len(set.union(*found)) > 3


def test_colour_changes_by_no_more_than_it_may_and_nothing_changes_where_nothing_is_asked():
    images = pictures()

    coloured, labels = ImageAugmentation(colour=0.2)((images, LABELS), 4)
    untouched, _ = ImageAugmentation()((images, LABELS), 4)

    assert torch.equal(untouched, images)
    assert torch.equal(labels, LABELS)
    assert 0 < (coloured - images).abs().mean() < 0.5


@pytest.mark.parametrize(
    ("strength", "message"),
    [
        ({"flip": 1.5}, r"^data\.augment\.flip: must be in \[0, 1\], not 1\.5$"),
        ({"colour": 1.0}, r"^data\.augment\.colour: must be in \[0, 1\), not 1\.0$"),
        ({"mixup": -1.0}, r"^data\.augment\.mixup: must not be negative, not -1\.0$"),
    ],
)
def test_strengths_out_of_range_are_refused_by_key(strength, message):
    with pytest.raises(DataError, match=message):
        ImageAugmentation(**strength)
