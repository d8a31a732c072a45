"""Pictures in a folder for each class, decoded into memory once."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from hone.errors import DataError, did_you_mean
from hone.tasks.extras import import_extra

SUFFIXES = (".jpg", ".jpeg", ".png", ".webp", ".bmp", ".gif", ".tif", ".tiff")
DECODERS = 4


def class_folders(folder: Path, key: str) -> list[str]:
    """Names of the classes: the folders inside.

    Raises:
        DataError: There is no such folder, or it holds fewer than two.
    """
    if not folder.is_dir():
        beside = [one.name for one in folder.parent.glob("*") if one.is_dir()] if folder.parent.is_dir() else []
        raise DataError(f"no such folder: {folder}.{did_you_mean(folder.name, beside)}", where=key)
    names = sorted(one.name for one in folder.iterdir() if one.is_dir())
    if len(names) < 2:
        raise DataError(f"{folder} holds {len(names)} folders, and needs one for each class", where=key)
    return names


def pictures(folder: Path, classes: Sequence[str], key: str) -> tuple[list[Path], list[int]]:
    """Files and class numbers of a split.

    Args:
        folder: Holds a folder for each class.
        classes: Names of the classes in their order.
        key: The config key that named the folder, for messages.

    Raises:
        DataError: A folder is none of the classes, or there are no pictures.
    """
    strange = next((one for one in class_folders(folder, key) if one not in classes), None)
    if strange is not None:
        near = did_you_mean(strange, classes)
        raise DataError(f"{folder / strange} is no class of train.{near}", where=key)
    found = [(path, number) for number, name in enumerate(classes) for path in _files(folder / name)]
    if not found:
        raise DataError(f"{folder} holds no pictures ({', '.join(SUFFIXES)})", where=key)
    return [path for path, _ in found], [number for _, number in found]


def decode(paths: Sequence[Path], size: int, key: str) -> Tensor:
    """Decode pictures, each scaled and cut in the middle to a square.

    Args:
        paths: Files.
        size: Pixels of a side.
        key: The config key that named their folder, for messages.

    Returns:
        Shape (files, 3, size, size), uint8.

    Raises:
        DataError: A file is no picture, or Pillow is not installed.
    """
    ops = import_extra("PIL.ImageOps", "image", "data")
    image = import_extra("PIL.Image", "image", "data")
    decoded = torch.empty(len(paths), 3, size, size, dtype=torch.uint8)

    def put(place: int) -> None:
        try:
            with image.open(paths[place]) as opened:
                fitted = ops.fit(ops.exif_transpose(opened).convert("RGB"), (size, size), image.Resampling.BILINEAR)
        except (OSError, ValueError) as error:
            raise DataError(f"{paths[place]} cannot be read: {error}", where=key) from error
        decoded[place] = torch.from_numpy(np.array(fitted)).permute(2, 0, 1)

    # Decoding leaves Python's lock; the threads are gone before anything is forked.
    with ThreadPoolExecutor(DECODERS) as pool:
        list(pool.map(put, range(len(paths))))
    return decoded


def folder_digest(paths: Mapping[str, Sequence[Path]]) -> dict[str, str]:
    """SHA-256 over names and contents of the files of each split."""
    digests = {}
    for split, files in paths.items():
        digest = hashlib.sha256()
        for path in files:
            digest.update(f"{path.parent.name}/{path.name}".encode())
            digest.update(path.read_bytes())
        digests[split] = digest.hexdigest()
    return digests


def _files(folder: Path) -> list[Path]:
    return sorted(one for one in folder.glob("**/*") if one.suffix.lower() in SUFFIXES) if folder.is_dir() else []
