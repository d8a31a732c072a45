from pathlib import Path

import pytest
import yaml

from hone.errors import HoneError, SpaceError, SweepFileError
from hone.sweep.plan import make_plan

FILE = Path("toy_sweep.yaml")


def plan(*overrides):
    return make_plan(FILE, overrides, config_name="toy")


def test_a_trials_config_holds_its_values_and_nothing_of_the_controllers(project):
    trial = plan("tracking.uri=sqlite:///a.db").configs.trial({"model.lr": 0.25, "data.batch_size": 8})

    assert trial.config["model"]["lr"] == 0.25
    assert trial.config["data"]["batch_size"] == 8
    assert trial.config["monitor"] == "val/loss"
    assert trial.config["mode"] == "min"
    assert not {"sampler", "pruner", "executor", "tracking", "hydra"} & set(trial.config)
    assert "model.lr=0.25" in trial.overrides
    assert not [one for one in trial.overrides if "a.db" in one]


def test_one_trials_values_do_not_leak_into_the_next(project):
    configs = plan().configs

    first = configs.trial({"model.lr": 0.25, "data.batch_size": 8})
    second = configs.trial({"data.batch_size": 16})

    assert first.config["model"]["lr"] == 0.25
    assert second.config["model"]["lr"] == 0.05


def test_an_interpolation_follows_the_suggested_value(project):
    (project / "conf" / "model" / "toy.yaml").write_text(
        (project / "conf" / "model" / "toy.yaml").read_text().replace("pause: 0.0", "pause: ${model.lr}")
    )

    assert plan().configs.trial({"model.lr": 0.125}).config["model"]["pause"] == 0.125


@pytest.mark.parametrize("written", ["${oc.select:model.lr,null}", "${model.${.misbehave}}"])
def test_a_resolver_and_a_key_that_is_put_together_follow_it_as_well(project, written):
    model = project / "conf" / "model" / "toy.yaml"
    model.write_text(
        model.read_text().replace("pause: 0.0", f"pause: {written}").replace("misbehave: null", "misbehave: lr")
    )

    assert plan().configs.trial({"model.lr": 0.125}).config["model"]["pause"] == 0.125


def test_a_group_that_is_searched_under_a_condition_is_composed_where_that_holds(project):
    conf = project / "conf"
    (conf / "schedule").mkdir()
    (conf / "schedule" / "slow.yaml").write_text("lag: 1\n")
    (conf / "schedule" / "fast.yaml").write_text("lag: 2\nextra: 1\n")
    (conf / "model" / "plain.yaml").write_text("_target_: toy.ToyModel\nlr: 0.1\n")
    toy = conf / "model" / "toy.yaml"
    toy.write_text("defaults:\n- /schedule@schedule: slow\n" + toy.read_text())
    file = yaml.safe_load(FILE.read_text())
    file["space"] = {"model": "choice(plain, toy)"}
    group = "schedule@model.schedule"
    file["when"] = {
        "model=toy": {group: "choice(slow, fast)"},
        f"{group}=fast": {"model.schedule.extra": "choice(1, 2)"},
    }
    FILE.write_text(yaml.safe_dump(file))

    assert plan().space.keys == ("model", group, "model.schedule.extra")
    file["when"][f"{group}=fast"] = {"model.schedule.extr": "choice(1, 2)"}
    FILE.write_text(yaml.safe_dump(file))
    with pytest.raises(SpaceError, match=rf"model\.schedule\.extr: no such key in the composed .*{group}=fast"):
        plan()


def test_the_command_lines_sweep_replaces_the_files_and_adds_to_it(project):
    made = plan("model.lr=interval(1,2)", "+data.extra=choice(1,2)")

    assert made.space.texts == {
        "model.lr": "interval(1,2)",
        "data.batch_size": "choice(8, 16, 32)",
        "data.extra": "choice(1,2)",
    }
    assert made.configs.trial({"data.extra": 2}).config["data"]["extra"] == 2


def test_each_option_of_a_searched_group_is_composed_before_anything_starts(project):
    (project / "conf" / "model" / "plain.yaml").write_text("_target_: toy.ToyModel\nwidth: null\n")

    with pytest.raises(SpaceError, match=r"space\.model\.lr: no such key in the composed config with model=plain"):
        plan("model=choice(toy,plain)")


def test_a_searched_group_is_part_of_the_trials_config(project):
    (project / "conf" / "data" / "small.yaml").write_text("defaults: [toy]\nrows: 32\n")

    trial = plan("data=glob(*)").configs.trial({"data": "small", "model.lr": 0.1})

    assert trial.config["data"]["rows"] == 32


def test_the_whole_space_may_be_fixed_but_one_key_must_be_left(project):
    with pytest.raises(HoneError, match="space: is empty"):
        plan("model.lr=1", "data.batch_size=8")
    content = yaml.safe_load(FILE.read_text()) | {"when": {"data=other": {"data.rows": "choice(8, 16)"}}}
    FILE.write_text(yaml.safe_dump(content))
    with pytest.raises(HoneError, match="space: is empty"):
        plan("model.lr=1", "data.batch_size=8")


def test_a_sweep_in_base_belongs_into_space(project):
    FILE.write_text(FILE.read_text().replace("base: [", "base: ['model.lr=choice(1,2)', "))

    with pytest.raises(SweepFileError, match=r"base\[0\]: sweeps over values; move it to space"):
        plan()


def test_a_value_that_only_the_space_gives_may_be_missing_from_the_config(project):
    conf = project / "conf" / "model" / "toy.yaml"
    conf.write_text(conf.read_text().replace("lr: 0.05", "lr: ???"))

    made = plan()

    assert made.configs.trial({"model.lr": 0.5, "data.batch_size": 8}).config["model"]["lr"] == 0.5
    with pytest.raises(HoneError, match=r"model\.lr"):
        made.configs.trial({"data.batch_size": 8})


def test_the_workers_are_told_what_trials_import(project):
    assert "toy" in plan().modules()
    assert not [one for one in plan().modules() if one.startswith("optuna")]
