import optuna
import pytest
from hypothesis import given
from hypothesis import strategies as st

from hone.errors import SpaceError
from hone.space import parse_space


def drawn(text, key="x", options=None, seed=0):
    """What a sampler draws from one entry, as the config value."""
    space = parse_space({key: text}, "a.yaml: space", options)
    study = optuna.create_study(sampler=optuna.samplers.RandomSampler(seed=seed))
    return [space.values(study.ask(space.distributions).params)[key] for _ in range(20)]


@given(st.floats(-1e6, 1e6), st.floats(1e-3, 1e6), st.integers(0, 99))
def test_an_interval_gives_numbers_between_its_ends(low, width, seed):
    high = low + width

    assert all(low <= one <= high for one in drawn(f"interval({low}, {high})", seed=seed))


@given(st.integers(-50, 50), st.integers(1, 60), st.integers(1, 7))
def test_a_range_excludes_its_stop_and_keeps_its_steps(start, length, step):
    values = drawn(f"range({start}, {start + length}, {step})")

    assert set(values) <= set(range(start, start + length, step))


@given(st.floats(1e-9, 1.0), st.floats(1.1, 1e6))
def test_a_logarithmic_interval_stays_between_its_ends(low, ratio):
    values = drawn(f"tag(log, interval({low}, {low * ratio}))")

    assert all(low <= one <= low * ratio for one in values)


def test_an_interval_is_of_integers_only_when_it_says_so():
    assert all(isinstance(one, int) for one in drawn("int(interval(1, 9))"))
    assert all(isinstance(one, float) for one in drawn("interval(1, 9)"))


def test_a_choice_may_be_of_lists_and_dicts():
    values = drawn("choice([64], [64,32], {a: 1}, 'a b', true)")

    assert all(one in ([64], [64, 32], {"a": 1}, "a b", True) for one in values)
    assert len({repr(one) for one in values}) > 3


def test_a_glob_picks_from_a_groups_options():
    values = drawn("glob(*, exclude=b*)", key="model", options=lambda _: ["mlp", "cnn", "bert", "bilstm"])

    assert set(values) == {"mlp", "cnn"}


def test_a_falling_range_is_a_range():
    assert set(drawn("range(10, 0, -3)")) <= {10, 7, 4, 1}
    assert parse_space({"x": "range(1.0, 0.0, -0.3)"}, "s").parameters[0].points() == [0.1, 0.4, 0.7, 1.0]


def test_steps_of_a_tenth_are_tenths():
    assert set(drawn("range(0.0, 0.5, 0.1)")) == {0.0, 0.1, 0.2, 0.3, 0.4}
    assert parse_space({"x": "range(0.0, 0.5, 0.1)"}, "s").parameters[0].points() == [0.0, 0.1, 0.2, 0.3, 0.4]


def test_a_range_of_billions_is_not_written_out():
    assert parse_space({"x": "range(0, 9000000000000)"}, "s").size() == float("inf")
    assert parse_space({"x": "range(0, 900)", "y": "choice(1, 2)"}, "s").size() == 1800


@pytest.mark.parametrize("text", ["interval(nan, 1)", "interval(0.1, inf)"])
def test_an_interval_has_finite_ends(text):
    with pytest.raises(SpaceError, match=r"a\.yaml: space\.x: needs two finite ends"):
        drawn(text)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("interval(1, 0)", r"a\.yaml: space\.x: starts above its end; write interval\(0, 1\)"),
        ("tag(log, interval(0, 1))", r"space\.x: tag\(log, \.\.\.\) needs a positive start"),
        ("range(5, 5)", r"space\.x: is empty"),
        ("range(0, 5, 0)", r"space\.x: "),
        ("tag(log, range(1, 9, 2))", r"space\.x: tag\(log, range"),
        ("choice(1, 2, 1)", r"space\.x: names a value twice"),
        ("0.1", r"space\.x: 0\.1 is one value"),
        ("intervall(0, 1)", r"space\.x: no such function: intervall\. Did you mean interval\?"),
        ("interval(0", r"space\.x: "),
        ("glob(z*)", r"space\.x: offers nothing"),
    ],
)
def test_what_cannot_be_sampled_is_refused_by_file_and_key(text, message):
    with pytest.raises(SpaceError, match=message):
        parse_space({"x": text}, "a.yaml: space")


def test_an_empty_space_is_refused():
    with pytest.raises(SpaceError, match=r"a\.yaml: space: is empty"):
        parse_space({}, "a.yaml: space")
