"""What a first trial imported as it ran, for those after it to be forked with it.

Libraries import much of themselves only when it is used, which costs each process seconds.
"""

from __future__ import annotations

import contextlib
import json
import os
import sys
from pathlib import Path

LESSONS_FILE = "modules.json"
# Whose imports take long and do nothing else.
LIBRARIES = (
    "torch",
    "pytorch_lightning",
    "lightning_fabric",
    "lightning",
    "torchmetrics",
    "mlflow",
    "sqlalchemy",
    "alembic",
)


def teach(directory: Path) -> None:
    """Write down what this process has imported, unless another has.

    Args:
        directory: The study's.
    """
    path = directory / LESSONS_FILE
    if path.exists():
        return
    names = [name for name in sys.modules if name.partition(".")[0] in LIBRARIES]
    temporary = path.with_name(f".{path.name}.{os.getpid()}")
    with contextlib.suppress(OSError):
        temporary.write_text(json.dumps(names))
        temporary.replace(path)


def lessons(directory: Path) -> tuple[str, ...] | None:
    """What there is to import beforehand; None where no trial has said so yet.

    Args:
        directory: The study's.
    """
    try:
        names = json.loads((directory / LESSONS_FILE).read_text())
    except (OSError, ValueError):
        return None
    return tuple(
        str(name) for name in names if str(name).partition(".")[0] in LIBRARIES and str(name) not in sys.modules
    )
