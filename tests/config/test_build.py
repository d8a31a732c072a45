from collections.abc import Sequence
from dataclasses import dataclass

import pytest

from hone.config.build import build
from hone.config.secrets import hide_password
from hone.config.targets import target_modules
from hone.errors import ConfigError, DataError

HERE = __name__


@dataclass(frozen=True)
class Given:
    number: int


class Part:
    def __init__(self, width: int, rate: float = 0.5, names: Sequence[str] = (), given: Given | None = None):
        if width == 13:
            raise ValueError("thirteen is\nno width")
        if width == 0:
            raise DataError("must be at least 1, not 0", where="data.width")
        self.width, self.rate, self.names, self.given = width, rate, names, given


class Open:
    def __init__(self, **options):
        self.options = options


def node(**values):
    return {"_target_": f"{HERE}.Part", **values}


def test_a_node_becomes_an_object_with_plain_arguments():
    part = build(node(width=3, names=["a", "b"]), "model")

    assert (part.width, part.rate, part.names) == (3, 0.5, ["a", "b"])


def test_what_is_passed_beside_the_node_arrives_as_it_is():
    given = Given(7)

    assert build(node(width=3), "model", given=given).given is given


def test_a_partial_waits_for_the_rest():
    make = build(node(_partial_=True, rate=0.1), "optimizer")

    assert make(4).rate == 0.1


@pytest.mark.parametrize("empty", [None, {"_target_": None}])
def test_nothing_is_built_from_nothing(empty):
    assert build(empty, "scheduler") is None


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"widht": 3}, r"^model\.widht: .*\.Part takes no such argument\. Did you mean width\?$"),
        ({"width": "wide"}, r"^model\.width: input should be a valid integer, .*not 'wide'$"),
        ({"width": 2.5}, r"^model\.width: input should be a valid integer"),
        ({"width": 1, "names": "ab"}, r"^model\.names: "),
        ({"width": 13}, r"^model: .*\.Part could not be built: ValueError: thirteen is$"),
        ({}, r"^model: .*\.Part could not be built: TypeError: .*width"),
    ],
)
def test_a_wrong_argument_is_named_by_its_key(values, message):
    with pytest.raises(ConfigError, match=message):
        build(node(**values), "model")


def test_an_error_of_hones_own_comes_as_it_is():
    with pytest.raises(DataError, match=r"^data\.width: must be at least 1, not 0$"):
        build(node(width=0), "model")


def test_open_ended_arguments_are_let_through():
    assert build({"_target_": f"{HERE}.Open", "anything": 1}, "model").options == {"anything": 1}


@pytest.mark.parametrize("target", ["no.such.Thing", f"{HERE}.Nothing", "Thing"])
def test_a_class_that_cannot_be_imported_is_named(target, capfd):
    with pytest.raises(ConfigError, match=rf"^model\._target_: cannot import '{target}'"):
        build({"_target_": target}, "model")
    assert capfd.readouterr().err == ""


def test_the_modules_of_a_config_are_found_wherever_they_stand():
    config = {"model": {"_target_": "a.b.C", "metrics": [{"_target_": "d.E"}]}, "none": {"_target_": None}, "x": 1}

    assert target_modules(config) == ["a.b", "d"]


@pytest.mark.parametrize(
    ("uri", "shown"),
    [
        ("postgresql://me:secret@host/db", "postgresql://me:***@host/db"),
        ("https://host:5000/path", "https://host:5000/path"),
        ("sqlite:////a/b.db", "sqlite:////a/b.db"),
    ],
)
def test_a_password_is_never_shown(uri, shown):
    assert hide_password(uri) == shown
