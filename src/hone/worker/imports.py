"""What is to happen to a module once it is imported, for libraries that a program may or may not use."""

from __future__ import annotations

import sys
from collections.abc import Callable, Sequence
from importlib.abc import Loader, MetaPathFinder
from importlib.machinery import ModuleSpec
from types import ModuleType
from typing import Any

Action = Callable[[ModuleType], None]


def when_imported(name: str, action: Action) -> None:
    """Do something with a module: now if it is imported already, else as soon as it is.

    Args:
        name: Its dotted name.
        action: Is given the module.
    """
    module = sys.modules.get(name)
    if module is not None:
        action(module)
        return
    finder = next((one for one in sys.meta_path if isinstance(one, _Finder)), None)
    if finder is None:
        finder = _Finder()
        sys.meta_path.insert(0, finder)
    finder.actions.setdefault(name, []).append(action)


class _Finder(MetaPathFinder):
    """Finds nothing by itself: it stands before the others and looks at what they find."""

    def __init__(self) -> None:
        self.actions: dict[str, list[Action]] = {}

    def find_spec(
        self, fullname: str, path: Sequence[str] | None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        """Let the others find it."""
        if fullname not in self.actions:
            return None
        others = (one for one in sys.meta_path if one is not self and hasattr(one, "find_spec"))
        spec = next((found for one in others if (found := one.find_spec(fullname, path, target))), None)
        if spec is not None and spec.loader is not None:
            # Many look for a library without importing it.
            spec.loader = _Then(spec.loader, lambda: self.actions.pop(fullname, []))
        return spec


class _Then(Loader):
    """Loads as another loader does, and then acts."""

    def __init__(self, loader: Loader, actions: Callable[[], Sequence[Action]]) -> None:
        self._loader = loader
        self._actions = actions

    def create_module(self, spec: ModuleSpec) -> ModuleType | None:
        """As the other."""
        return self._loader.create_module(spec)

    def exec_module(self, module: ModuleType) -> None:
        """As the other, and then act."""
        self._loader.exec_module(module)
        for action in self._actions():
            action(module)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._loader, name)
