"""``hone init``: a new project that runs at once."""

from __future__ import annotations

from pathlib import Path

import hone
from hone.errors import ConfigError

# What a file is called that a package could not hold by its name.
NAMES = {"gitignore": ".gitignore"}
PLACEHOLDER = "PROJECT"
MOST_NAMED = 3


def start_project(directory: Path, *, force: bool = False) -> list[Path]:
    """Write a project with its own ``conf/``, a sweep, a model, data and a test.

    Args:
        directory: Where to; it need not exist.
        force: Write over files that are there.

    Returns:
        The files.

    Raises:
        ConfigError: Files of these names are there, or the directory cannot be written.
    """
    template = _template()
    sources = sorted(one for one in template.rglob("*") if one.is_file() and "__pycache__" not in one.parts)
    targets = {one: directory / one.relative_to(template).with_name(NAMES.get(one.name, one.name)) for one in sources}
    there = [str(one) for one in targets.values() if one.exists()]
    if there and not force:
        more = f" and {len(there) - MOST_NAMED} more" if len(there) > MOST_NAMED else ""
        raise ConfigError(
            f"{', '.join(there[:MOST_NAMED])}{more} would be overwritten; choose another directory, or add --force",
            where="hone init",
        )
    try:
        for source, target in targets.items():
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_text(source.read_text("utf-8").replace(PLACEHOLDER, directory.resolve().name), "utf-8")
    except OSError as error:
        raise ConfigError(f"cannot be written: {error}", where=str(directory)) from error
    return list(targets.values())


def _template() -> Path:
    """The template of an installed wheel, or that of the checkout that an editable install points at."""
    package = Path(hone.__file__).parent
    for candidate in (package / "template", package.parents[1] / "template"):
        if (candidate / "sweeps").is_dir():
            return candidate
    raise ConfigError(f"the project template is missing beside {package}; install hone-ml again")
