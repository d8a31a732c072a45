"""What is done to a module once it is imported, and what an application's first trial teaches those after it."""

import importlib
import importlib.util
import sys

import pytest

from hone.worker.imports import when_imported
from hone.worker.lessons import lessons, teach


@pytest.fixture
def module(tmp_path, monkeypatch):
    monkeypatch.setattr(sys, "meta_path", list(sys.meta_path))
    monkeypatch.syspath_prepend(tmp_path)
    (tmp_path / "some_library.py").write_text("value = 1\n")
    yield "some_library"
    sys.modules.pop("some_library", None)


def test_a_module_is_changed_as_soon_as_it_is_imported_and_not_by_who_looks_for_it(module):
    when_imported(module, lambda found: vars(found).update(value=found.value + 1))
    assert importlib.util.find_spec(module)

    assert importlib.import_module(module).value == 2


def test_one_that_is_imported_already_is_changed_at_once(module):
    found = importlib.import_module(module)

    when_imported(module, lambda one: vars(one).update(value=5))

    assert found.value == 5


def test_only_libraries_are_imported_beforehand(tmp_path, monkeypatch):
    assert lessons(tmp_path) is None
    monkeypatch.setitem(sys.modules, "torch.made_up", sys)
    monkeypatch.setitem(sys.modules, "users_own", sys)
    teach(tmp_path)
    monkeypatch.delitem(sys.modules, "torch.made_up")
    monkeypatch.delitem(sys.modules, "users_own")

    assert lessons(tmp_path) == ("torch.made_up",)
