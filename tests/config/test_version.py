import pytest

from hone.config.version import KEY, VERSION, migrated
from hone.errors import ConfigError


def test_a_config_of_this_version_stays_as_it_is():
    config = {"seed": 1, KEY: VERSION}

    assert migrated(config, "a.yaml") == (config, ())


def test_a_config_without_a_version_is_brought_up_with_a_word_of_what_changed():
    config, notes = migrated({"seed": 1, "executor": {"workers": 2}, "tracking": {"uri": None}}, "a.yaml")

    assert config == {"seed": 1, KEY: VERSION}
    assert "executor, tracking left out" in notes[-1]


def test_a_config_of_a_newer_hone_is_refused_with_what_to_do():
    with pytest.raises(ConfigError, match=r"a\.yaml: hone: a newer hone made this config .*pip install --upgrade"):
        migrated({KEY: VERSION + 1}, "a.yaml")


@pytest.mark.parametrize("version", ["one", -1, True, 0.5])
def test_a_version_that_is_none_is_refused(version):
    with pytest.raises(ConfigError, match="number of a config's version"):
        migrated({KEY: version}, "a.yaml")
