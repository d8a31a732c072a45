import pytest

from hone.config.files import apply_overrides, read_yaml, write_yaml
from hone.errors import ConfigError, HoneError

CONFIG = {"seed": 1, "optimizer": {"lr": 1e-05, "betas": [0.9, 0.999]}, "name": "1e3", "none": None}


def test_what_is_written_reads_back_as_it_was(tmp_path):
    write_yaml(CONFIG, tmp_path / "a.yaml")

    assert read_yaml(tmp_path / "a.yaml") == CONFIG
    assert [one.name for one in tmp_path.iterdir()] == ["a.yaml"]


@pytest.mark.parametrize(
    ("override", "path", "value"),
    [
        ("optimizer.lr=0.5", ("optimizer", "lr"), 0.5),
        ("+optimizer.extra=[1]", ("optimizer", "extra"), [1]),
        ("++new.key=x", ("new", "key"), "x"),
    ],
)
def test_a_resolved_config_takes_overrides(override, path, value):
    edited = apply_overrides(CONFIG, [override], ["model"])

    assert edited[path[0]][path[1]] == value
    assert CONFIG["optimizer"]["lr"] == 1e-05


def test_a_key_of_a_resolved_config_is_deleted():
    edited = apply_overrides(CONFIG, ["~optimizer.betas"], [])

    assert edited["optimizer"] == {"lr": 1e-05}


@pytest.mark.parametrize(
    ("override", "message"),
    [
        ("optimizer.lrr=1", r"optimizer\.lrr: no such key\. Did you mean optimizer\.lr"),
        ("model=cnn", r"model: a group cannot be chosen in a config that is already resolved"),
        ("seed=choice(1,2)", r"seed: sweeps over values"),
    ],
)
def test_an_override_that_does_not_fit_is_refused(override, message):
    with pytest.raises(HoneError, match=message):
        apply_overrides(CONFIG, [override], ["model"])


@pytest.mark.parametrize(
    ("content", "message"),
    [("a: [1", r"bad\.yaml: not valid YAML"), ("- 1\n- 2\n", r"bad\.yaml: must hold keys"), (b"\xff\xfe\xff", "bad")],
)
def test_a_file_that_is_no_config_is_refused(tmp_path, content, message):
    path = tmp_path / "bad.yaml"
    path.write_bytes(content if isinstance(content, bytes) else content.encode())

    with pytest.raises(ConfigError, match=message):
        read_yaml(path)


def test_a_folder_is_no_file(tmp_path):
    with pytest.raises(ConfigError, match="cannot be read"):
        read_yaml(tmp_path)
