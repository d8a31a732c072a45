"""Recordings in a folder, told apart by their names, and read into memory once."""

from __future__ import annotations

import math
import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from hone.errors import DataError, did_you_mean
from hone.tasks.extras import import_extra

SUFFIXES = (".wav", ".flac", ".ogg", ".mp3", ".aiff")


@dataclass(frozen=True)
class Recording:
    """A file and what its name says.

    Attributes:
        path: The file.
        label: What the pattern's group ``label`` found.
        is_test: The file belongs to the test split.
    """

    path: Path
    label: str
    is_test: bool


def find_recordings(folder: str | None, pattern: str, test_pattern: str | None) -> list[Recording]:
    """Find the recordings below a folder.

    Args:
        folder: Where.
        pattern: Regular expression with a group ``label``, found in each path below the folder.
        test_pattern: Regular expression that is found in the paths of the test split alone; None for no such split.

    Returns:
        In the order of their paths.

    Raises:
        DataError: There are none, a name does not match, or a pattern is no regular expression.
    """
    if folder is None:
        raise DataError("name a folder of recordings", where="data.folder")
    root = Path(folder).expanduser()
    if not root.is_dir():
        beside = [one.name for one in root.parent.glob("*")] if root.parent.is_dir() else []
        raise DataError(f"no such folder: {root}.{did_you_mean(root.name, beside)}", where="data.folder")
    named, tested = _compiled(pattern, "pattern"), _compiled(test_pattern or "(?!)", "test_pattern")
    if "label" not in named.groupindex:
        raise DataError("needs a group that says what was spoken: (?P<label>...)", where="data.pattern")
    names = sorted(str(one.relative_to(root)) for one in root.rglob("*") if one.suffix.lower() in SUFFIXES)
    if not names:
        raise DataError(f"{root} holds no recordings ({', '.join(SUFFIXES)})", where="data.folder")
    found = [(name, named.search(name)) for name in names]
    strange = next((name for name, match in found if match is None), None)
    if strange is not None:
        raise DataError(f"does not match {strange}", where="data.pattern")
    return [Recording(root / name, match["label"], bool(tested.search(name))) for name, match in found if match]


def read_recordings(paths: Sequence[Path], sample_rate: int, samples: int) -> Tensor:
    """Read recordings, mixed to one channel, brought to one rate and one length.

    Args:
        paths: Files.
        sample_rate: Samples a second.
        samples: Samples of each; shorter ones are followed by silence, longer ones cut.

    Returns:
        Shape (files, samples), int16.

    Raises:
        DataError: A file cannot be read, or ``soundfile`` is not installed.
    """
    soundfile = import_extra("soundfile", "speech", "data")
    waveforms = torch.zeros(len(paths), samples, dtype=torch.int16)
    for place, path in enumerate(paths):
        try:
            sound, rate = soundfile.read(path, dtype="int16", always_2d=True)
        except (OSError, RuntimeError) as error:
            raise DataError(f"{path} cannot be read: {error}", where="data.folder") from error
        mono = _resampled(sound.mean(axis=1), rate, sample_rate)[:samples]
        waveforms[place, : len(mono)] = torch.from_numpy(mono.round().clip(-32768, 32767).astype(np.int16))
    return waveforms


def _resampled(sound: Any, rate: int, wanted: int) -> Any:
    if rate == wanted:
        return sound
    from scipy.signal import resample_poly

    common = math.gcd(rate, wanted)
    return resample_poly(sound, wanted // common, rate // common)


def _compiled(pattern: str, key: str) -> re.Pattern[str]:
    try:
        return re.compile(pattern)
    except re.error as error:
        raise DataError(f"no regular expression: {error}", where=f"data.{key}") from error
