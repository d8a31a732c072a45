"""Shell completion of config groups, their options and keys, by Hydra's own completion."""

from __future__ import annotations

from collections.abc import Sequence

from hydra._internal.core_plugins.bash_completion import BashCompletion

from hone.config.compose import Composer


def complete_override(composer: Composer, before: Sequence[str], incomplete: str) -> list[str]:
    """Complete one override of a command line.

    Args:
        composer: Where configs are looked for.
        before: The overrides already typed; their group choices decide which keys there are.
        incomplete: The word under the cursor, possibly empty.

    Returns:
        What it may become, such as ``model=bert`` for ``model=b``.
    """
    line = " ".join([*before, incomplete])
    with composer.loader() as loader:
        found = BashCompletion(loader)._query(config_name=composer.config_name, line=line)
    return sorted(one for one in found if not one.startswith("hydra"))
