"""Values are written so that Hydra reads the same."""

import pytest
from hydra.core.override_parser.overrides_parser import OverridesParser
from hydra.core.override_parser.types import QuotedString

from hone.config.sweeps import parse_override
from hone.config.written import choice, override_text, written

VALUES = [
    None,
    True,
    -3,
    1e-05,
    "adam",
    "group/option",
    "true",
    "1e3",
    "",
    "two words",
    "it's",
    "a\\b",
    "ends\\",
    "x,y",
    "${data_root}/a",
    "a@b",
    [1, "two words", None, False],
    {"width": [8, 16], "name": "it's"},
]


def read(text):
    return plain(OverridesParser.create().parse_override(text).value())


def plain(value):
    if isinstance(value, QuotedString):
        return value.text
    if isinstance(value, dict):
        return {plain(key): plain(one) for key, one in value.items()}
    return [plain(one) for one in value] if isinstance(value, list) else value


@pytest.mark.parametrize("value", VALUES, ids=repr)
def test_a_value_is_read_back_as_it_was(value):
    assert read(f"key={written(value)}") == value
    assert read(override_text("+key", value)) == value


def test_a_choice_between_any_values_is_read_back_as_they_were():
    # Hydra's choice takes no null.
    offered = VALUES[1:]

    entry = parse_override(f"key={choice(offered)}")

    assert list(entry.sweep.values) == offered
