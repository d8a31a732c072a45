"""Each sampler and pruner that ships."""

from pathlib import Path

import pytest

from hone.config.build import build
from hone.config.compose import Composer, resolve
from hone.space import parse_space
from hone.study import open_study

CONF = Path(__file__).parents[2] / "conf"
SPACE = {"optimizer.lr": "tag(log, interval(1e-4, 1e-1))", "model.width": "range(1, 9)"}


def options(group):
    return sorted(one.stem for one in (CONF / group).glob("*.yaml"))


# What an option cannot do without.
NEEDS = {"threshold": ["pruner.lower=0"]}


def run_trials(tmp_path, sampler="tpe", pruner="none", space=SPACE):
    overrides = [f"sampler={sampler}", f"pruner={pruner}", *NEEDS.get(pruner, ())]
    config = resolve(Composer().compose(overrides).config)
    study = open_study(
        "a-1",
        parse_space(space, "space"),
        metrics=("m",),
        directions=("maximize",),
        storage=None,
        directory=tmp_path,
        sampler=build(config["sampler"], "sampler"),
        pruner=build(config["pruner"], "pruner"),
    )
    suggested = []
    for number in range(12):
        suggested.append(study.ask().values)
        for step in range(1, 4):
            study.report(number, step, float(step))
        study.complete(number, [suggested[-1]["optimizer.lr"]])
    return suggested


@pytest.mark.parametrize("sampler", sorted({*options("sampler")} - {"grid"}))
def test_each_sampler_suggests_and_its_seed_decides_what(sampler, tmp_path):
    first = run_trials(tmp_path / "1", sampler)

    assert all(1e-4 <= one["optimizer.lr"] <= 1e-1 for one in first)
    assert len({one["optimizer.lr"] for one in first}) > 6
    assert run_trials(tmp_path / "2", sampler) == first


@pytest.mark.parametrize("pruner", options("pruner"))
def test_each_pruner_judges(pruner, tmp_path):
    assert len(run_trials(tmp_path, "random", pruner)) == 12


def test_a_grid_has_each_point_once_and_knows_when_it_is_done(tmp_path):
    space = {"optimizer.lr": "choice(0.1, 0.2, 0.3, 0.4)", "model.width": "range(1, 4)"}

    suggested = run_trials(tmp_path, "grid", space=space)

    assert len({tuple(one.values()) for one in suggested}) == 12 == parse_space(space, "space").size()
