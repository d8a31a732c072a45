"""What a trial writes to disk beside its log, and how a disk says that it is full."""

from __future__ import annotations

import errno

# A trial's whole state, to go on from; its name while it is written begins with a dot.
RESUME_FILE = "resume.ckpt"
# What a running trial writes at most, in sizes of its model: its best checkpoint, and its state, new and old, with an
# optimizer's two moments.
SIZES_OF_A_TRIAL = 1 + 2 * 3
# What it predicted: the folder, and the files in it.
EVALUATION = "evaluation"
SUMMARY, CLASSES, PREDICTIONS = "evaluation.json", "per_class.csv", "predictions.parquet"
MISTAKES, IMAGES = "mistakes.json", "mistakes.npz"


def is_full(error: OSError) -> bool:
    """Whether an error says that the disk is full."""
    return error.errno in (errno.ENOSPC, errno.EDQUOT)
