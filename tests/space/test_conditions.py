"""Conditional parts of a space, and constraints."""

import math

import optuna
import pytest

from hone.errors import SpaceError, SweepFileError
from hone.space import parse_constraints, parse_space

ALWAYS = {"model": "choice(bert, cnn)", "lr": "interval(0, 1)"}
WHEN = {
    "model=bert": {"freeze": "range(0, 3)", "dropout": "interval(0.1, 0.2)"},
    "model=cnn": {"kernel": "choice(3, 5)", "dropout": "interval(0.5, 0.6)"},
    "model=bert,freeze=2": {"warm": "choice(a, b)"},
}


@pytest.fixture
def space():
    return parse_space(ALWAYS, "a.yaml: space", when=WHEN)


def opened(space, values):
    values = dict(values)
    keys = []
    for one in space.opened(values):
        keys.append(one.key)
        points = one.points()
        values[one.key] = points[-1] if points else 0.15
    return keys


def test_what_is_searched_follows_from_what_was_drawn(space):
    assert opened(space, {"model": "bert", "lr": 0.5}) == ["freeze", "dropout", "warm"]
    assert opened(space, {"model": "cnn", "lr": 0.5}) == ["kernel", "dropout"]


def test_one_key_under_two_conditions_has_a_name_for_each(space):
    names = [space.name(one) for one in space.all if one.key == "dropout"]

    assert names == ["dropout | model=bert", "dropout | model=cnn"]
    assert space.values({"model": "cnn", "dropout | model=cnn": 0.55}) == {"model": "cnn", "dropout": 0.55}


def test_known_values_are_checked_against_the_space(space):
    good = space.drawn({"model": "bert", "freeze": 1, "lr": 1}, "enqueue[0]")
    assert good == {"model": "bert", "freeze": 1, "lr": 1.0}
    with pytest.raises(SpaceError, match=r"enqueue\[0\]\.freeze: is not searched under these values"):
        space.drawn({"model": "cnn", "freeze": 1}, "enqueue[0]")
    with pytest.raises(SpaceError, match=r"enqueue\[0\]\.lrr: is not searched\. Did you mean lr\?"):
        space.drawn({"lrr": 1}, "enqueue[0]")
    with pytest.raises(SpaceError, match=r"enqueue\[0\]\.lr: 2 is not in the space: interval\(0, 1\)"):
        space.drawn({"lr": 2}, "enqueue[0]")


def test_points_are_counted_along_the_conditions():
    counted = parse_space({"model": "choice(bert, cnn)"}, "s", when={"model=bert": {"freeze": "range(0, 3)"}})

    assert counted.size() == 4
    assert parse_space(ALWAYS, "s", when=WHEN).size() == math.inf


def test_a_condition_on_what_is_not_searched_is_decided_once():
    when = {"data=sst2": {"length": "choice(1, 2)"}, "data=digits": {"pixels": "choice(8, 16)"}}
    made = parse_space({"lr": "interval(0, 1)"}, "s", when=when).under(lambda key, condition: "sst2")

    assert made.keys == ("lr", "length")
    assert opened(made, {"lr": 0.1}) == ["length"]


@pytest.mark.parametrize(
    ("when", "message"),
    [
        ({"bert": {"x": "choice(1, 2)"}}, r"a\.yaml: when\.bert: 'bert' is no condition; write KEY=VALUE"),
        ({"model=choice(a,b)": {"x": "choice(1, 2)"}}, r"a condition names one value"),
        ({"model=bert": {}}, r"a\.yaml: when\.model=bert: is empty"),
        ({"model=bert": {"lr": "choice(1, 2)"}}, r"when\.model=bert\.lr: is always searched as well"),
        ({"model=[": {"x": "choice(1, 2)"}}, r"a\.yaml: when\.model=\[: "),
        (
            {"x=1": {"y": "choice(1, 2)"}, "model=bert": {"x": "choice(1, 2)"}},
            r"a\.yaml: when\.x=1: stands on x, which is searched under model=bert; put it below that",
        ),
    ],
)
def test_a_condition_that_is_none_is_refused(when, message):
    with pytest.raises(SpaceError, match=message):
        parse_space(ALWAYS, "a.yaml: space", when=when)


def test_a_constraint_says_by_how_much_it_is_broken():
    most, least = parse_constraints({"latency_ms": "<= 20", "val/recall": ">=0.9"}, "a.yaml: constraints")

    assert most.violation(25.0) == 5.0
    assert most.violation(20.0) == 0.0
    assert least.violation(0.5) == pytest.approx(0.4)
    assert most.violation(math.nan) > 1e9
    with pytest.raises(SweepFileError, match=r"constraints\.a: write '<= NUMBER' or '>= NUMBER', not '< 3'"):
        parse_constraints({"a": "< 3"}, "a.yaml: constraints")


def test_a_sampler_draws_only_what_is_open(space, tmp_path):
    from hone.study import open_study

    study = open_study(
        "a",
        space,
        metrics=["m"],
        directions=["minimize"],
        storage=None,
        directory=tmp_path,
        sampler=optuna.samplers.TPESampler(seed=0),
        pruner=optuna.pruners.NopPruner(),
    )
    for number in range(30):
        values = study.ask().values
        assert ("freeze" in values) == (values["model"] == "bert")
        assert ("warm" in values) == (values.get("freeze") == 2)
        study.complete(number, [values["lr"]])
