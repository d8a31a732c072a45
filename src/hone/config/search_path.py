"""Where config files are looked for: the user's own ``conf/`` first, the one that ships with hone after it."""

from __future__ import annotations

from pathlib import Path

import hone
from hone.errors import ConfigError


def shipped_conf() -> Path:
    """Find the ``conf/`` that ships with hone.

    Returns:
        ``hone/conf`` of an installed wheel, or ``conf/`` of the checkout that an editable install points at.

    Raises:
        ConfigError: Neither is there: the installation is broken.
    """
    package = Path(hone.__file__).parent
    for candidate in (package / "conf", package.parents[1] / "conf"):
        if (candidate / "config.yaml").is_file():
            return candidate
    raise ConfigError(f"hone's own config files are missing beside {package}; install hone-ml again")


def user_conf(config_dir: Path | None) -> Path | None:
    """Find the user's own config directory.

    Args:
        config_dir: What ``--config-dir`` names, or None for ``conf/`` in the working directory where there is one.

    Returns:
        The directory, or None where there is none or where it is the shipped one.

    Raises:
        ConfigError: ``--config-dir`` names something that is no directory.
    """
    if config_dir is not None and not config_dir.is_dir():
        raise ConfigError(f"no such directory: {config_dir}", where="--config-dir")
    found = config_dir or Path("conf")
    if not found.is_dir() or found.resolve() == shipped_conf().resolve():
        return None
    return found.resolve()
