"""Files that get into a run's artifacts without a second copy, where that can be."""

from __future__ import annotations

from pathlib import Path

from mlflow.utils.file_utils import local_file_uri_to_path
from mlflow.utils.uri import is_local_uri


def link(root: str, path: Path, name: str) -> bool:
    """Link a file that does not change any more into a folder of artifacts.

    Args:
        root: The folder's URI.
        path: The file.
        name: Where in the folder; what is there already stays.

    Returns:
        Whether it is there now; False where the folder is elsewhere, on another file system or on one without links.
    """
    if not is_local_uri(root):
        return False
    place = Path(local_file_uri_to_path(root), name)
    try:
        place.parent.mkdir(parents=True, exist_ok=True)
        place.hardlink_to(path)
    except FileExistsError:
        return True
    except OSError:
        return False
    return True
