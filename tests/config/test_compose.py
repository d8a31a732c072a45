import pytest
from hydra import compose, initialize
from hydra.core.global_hydra import GlobalHydra

from hone.config.completion import complete_override
from hone.config.compose import Composer, flat_keys, resolve
from hone.errors import ConfigError


@pytest.fixture
def own(tmp_path):
    """A user's conf/ with one new option and one that replaces a shipped one."""
    model, optimizer = tmp_path / "conf" / "model", tmp_path / "conf" / "optimizer"
    model.mkdir(parents=True)
    optimizer.mkdir()
    (model / "mine.yaml").write_text("_target_: mine.Model\nwidth: 3\n")
    (optimizer / "adam.yaml").write_text("_target_: torch.optim.Adam\n_partial_: true\nlr: 0.125\n")
    return tmp_path / "conf"


def test_a_users_conf_adds_to_the_shipped_one_and_comes_before_it(own):
    config = Composer(own).compose(["model=mine"]).config

    assert config.model.width == 3
    assert config.optimizer.lr == 0.125
    assert config.data._target_.endswith("DigitsData")
    assert {"mine", "mlp"} <= set(Composer(own).groups()["model"])


def test_a_conf_in_the_working_directory_is_found(own, monkeypatch):
    monkeypatch.chdir(own.parent)

    assert Composer().compose(["model=mine"]).config.model.width == 3


def test_a_config_dir_that_is_not_there_is_named(tmp_path):
    with pytest.raises(ConfigError, match=r"--config-dir: no such directory"):
        Composer(tmp_path / "nothing")


@pytest.mark.parametrize(
    ("override", "key", "value"),
    [
        ("optimizer.lr=3e-4", "optimizer.lr", 3e-4),
        ("+trainer.min_epochs=2", "trainer.min_epochs", 2),
        ("++model.dropout=0.5", "model.dropout", 0.5),
        ("model.hidden=[64,32]", "model.hidden", [64, 32]),
        ("monitor='val/loss'", "monitor", "val/loss"),
        ("+extra={a: 1, b: [x]}", "extra", {"a": 1, "b": ["x"]}),
        ("+model@second=cnn", "second.dropout", 0.0),
        ("scheduler=cosine", "scheduler.warmup", 0.1),
    ],
)
def test_the_override_grammar_is_hydras(override, key, value):
    if override.startswith("+trainer.min_epochs"):
        override = override.replace("min_epochs", "max_time")
        key = "trainer.max_time"
    config = resolve(Composer().compose([override]).config)

    for part in key.split("."):
        config = config[part]
    assert config == value


def test_a_key_is_deleted():
    assert "dropout" not in Composer().compose(["~model.dropout"]).config.model


@pytest.mark.parametrize(
    ("override", "message"),
    [
        ("optimizr.lr=1", r"^optimizr\.lr: no such key in the composed config\. Did you mean optimizer\.lr\?"),
        ("optimizer=adm", r"^optimizer: no option 'adm'\. Did you mean adam"),
        ("modle=cnn", r"^modle: .*Did you mean model\?"),
        ("lr=0.1", r"^lr: no such key in the composed config\. Did you mean optimizer\.lr\?"),
        ("~model.drop", r"^model\.drop"),
        ("model.hidden=[", r"^model\.hidden=\[: not a valid override"),
        ("model", r"^model"),
    ],
)
def test_a_misspelt_name_is_answered_with_the_nearest(override, message):
    with pytest.raises(ConfigError, match=message):
        Composer().compose([override])


def test_an_unknown_primary_config_is_named():
    with pytest.raises(ConfigError, match=r"--config-name: no config named 'nothing'"):
        Composer(config_name="nothing").compose()


def test_a_missing_value_is_named_by_its_key(own):
    (own / "model" / "open.yaml").write_text("_target_: mine.Model\nwidth: ???\n")
    config = Composer(own).compose(["model=open"]).config

    with pytest.raises(ConfigError, match=r"model\.width: "):
        resolve(config)
    assert resolve(config, complete=False)["model"]["width"] == "???"


def test_hone_composes_inside_another_hydra_application(own):
    with initialize(version_base="1.3", config_path=None):
        held = GlobalHydra.instance().hydra
        Composer(own).compose(["model=mine"])
        assert GlobalHydra.instance().hydra is held
        assert compose(overrides=["+x=1"]).x == 1


def test_keys_are_listed_branch_before_leaf():
    keys = flat_keys(Composer().compose().config)

    assert keys.index("optimizer") < keys.index("optimizer.lr")
    assert "hydra" not in keys


@pytest.mark.parametrize(
    ("before", "word", "expected"),
    [
        ([], "mod", "model="),
        ([], "model=b", "model=bert"),
        (["model=cnn"], "model.ch", "model.channels."),
        ([], "optimizer.l", "optimizer.lr="),
    ],
)
def test_a_word_is_completed(before, word, expected):
    assert expected in complete_override(Composer(), before, word)
