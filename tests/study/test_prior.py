"""What a sampler learns from trials of earlier studies."""

import math
import statistics

import optuna
import pytest

from hone.space import parse_space
from hone.study import PriorTrial, in_memory_study, open_study, prior_trials, read_study, seed_of

SPACE = {"model.lr": "tag(log, interval(1e-6, 1e-1))", "model.dropout": "interval(0.0, 0.8)"}
BEST = 1e-3


def loss(values):
    return abs(math.log10(values["model.lr"] / BEST)) + values["model.dropout"]


def open_one(directory, name, entries=SPACE, resume=False, seed=1, when=None):
    return open_study(
        name,
        parse_space(entries, "space", None, when),
        metrics=("val/loss",),
        directions=("minimize",),
        storage=None,
        directory=directory,
        sampler=optuna.samplers.TPESampler(seed=seed),
        pruner=optuna.pruners.NopPruner(),
        resume=resume,
    )


def run(study, trials, truth=loss):
    """Run trials and give their values."""
    found = []
    for _ in range(trials):
        one = study.ask()
        study.complete(one.number, [truth(one.values)])
        found.append(one.values)
    return found


def prior_of(directory, name="earlier"):
    return prior_trials(read_study(name, None, directory))


@pytest.fixture
def earlier(tmp_path):
    """Forty trials of a study that has found where good ones are."""
    run(open_one(tmp_path, "earlier"), 40)
    return prior_of(tmp_path)


def test_a_sampler_goes_on_from_what_earlier_trials_came_to(tmp_path, earlier):
    anew, learnt = open_one(tmp_path, "anew"), open_one(tmp_path, "learnt")
    learnt.learn_from(earlier)

    without, with_earlier = run(anew, 8), run(learnt, 8)

    assert learnt.learnt == 40
    assert statistics.mean(map(loss, with_earlier)) < statistics.mean(map(loss, without)) / 2


def test_earlier_trials_are_none_of_the_studys_own(tmp_path, earlier):
    study = open_one(tmp_path, "later")
    study.learn_from(earlier)

    run(study, 3, truth=lambda values: 100 + loss(values))

    assert [one.number for one in study.finished()] == [0, 1, 2]
    assert study.best().value > 100
    assert len(read_study("later", None, tmp_path).study.trials) == 3


def test_what_is_enqueued_comes_first_and_the_rest_is_learnt(tmp_path, earlier):
    study = open_one(tmp_path, "later")
    study.learn_from(earlier)
    study.enqueue({"model.lr": 0.05, "model.dropout": 0.7})

    first, *others = run(study, 6)

    assert first == {"model.lr": 0.05, "model.dropout": 0.7}
    assert statistics.median(map(loss, others)) < 1


def test_trials_outside_the_space_are_passed_over_and_keys_that_it_lacks_left_out(tmp_path, earlier):
    narrow = open_one(tmp_path, "narrow", {"model.lr": "tag(log, interval(1e-4, 1e-2))"})

    narrow.learn_from(earlier)

    assert narrow.learnt == sum(1e-4 <= one.values["model.lr"] <= 1e-2 for one in earlier)
    assert 0 < narrow.learnt < 40
    assert set(narrow.ask().values) == {"model.lr"}


def test_a_trial_that_lacks_what_is_searched_is_passed_over(tmp_path):
    when = {"model=deep": {"model.depth": "range(1, 9)"}}
    space = {"model": "choice(deep, flat)", "model.lr": SPACE["model.lr"]}
    run(open_one(tmp_path, "earlier", space, when=when), 12, truth=lambda values: values["model.lr"])
    prior = prior_of(tmp_path)

    both, deep = (
        open_one(tmp_path, "both", space, when=when),
        open_one(tmp_path, "deep", {"model.depth": "range(1, 9)"}),
    )
    both.learn_from(prior)
    deep.learn_from(prior)

    assert both.learnt == 12
    assert deep.learnt == sum("model.depth" in one.values for one in prior)
    assert 0 < deep.learnt < 12


def test_what_was_pruned_or_broke_a_constraint_is_learnt_as_that(tmp_path):
    study = open_one(tmp_path, "earlier")
    for number in range(12):
        one = study.ask()
        if number % 2:
            study.report(one.number, 1, 9.0)
            study.prune(one.number)
        else:
            # All that looks good breaks a constraint.
            study.complete(one.number, [-loss(one.values)], {"latency": 1.0 if one.values["model.lr"] > 1e-3 else 0.0})
    prior = prior_of(tmp_path)

    pruned = [one for one in prior if not one.objectives]

    assert len(pruned) == 6
    assert all(one.reports == {1: 9.0} for one in pruned)
    assert {one.violations["latency"] for one in prior if one.objectives} == {0.0, 1.0}
    later = open_one(tmp_path, "later")
    later.learn_from(prior)
    assert statistics.median(one["model.lr"] for one in run(later, 10)) < 1e-3, "where the constraint is kept"


def test_several_trials_at_once_are_not_given_the_same(tmp_path, earlier):
    study = open_one(tmp_path, "later")
    study.learn_from(earlier)

    running = [study.ask().values for _ in range(4)]

    assert len({one["model.lr"] for one in running}) == 4


def test_a_study_that_was_killed_between_two_trials_asks_for_what_it_would_have_asked_for(tmp_path, earlier):
    def ask_on(study, numbers):
        found = []
        for number in numbers:
            study.go_on_with(optuna.samplers.TPESampler(seed=seed_of(1, number)))
            one = study.ask()
            study.complete(one.number, [loss(one.values)])
            found.append(one.values)
        return found

    whole, cut = open_one(tmp_path, "whole"), open_one(tmp_path, "cut")
    whole.learn_from(earlier)
    cut.learn_from(earlier)
    expected, before = ask_on(whole, range(6)), ask_on(cut, range(3))
    again = open_one(tmp_path, "cut", resume=True)
    again.learn_from(earlier)

    assert before + ask_on(again, range(3, 6)) == expected


def test_a_trial_may_be_written_down_by_hand():
    study = in_memory_study(
        "memory",
        parse_space(SPACE, "space"),
        directions=["minimize"],
        sampler=optuna.samplers.TPESampler(seed=0),
        pruner=optuna.pruners.NopPruner(),
    )
    study.learn_from([PriorTrial({"model.lr": 0.01, "model.dropout": 0.1, "model.gone": "x"}, (1.0,))])
    assert study.learnt == 1


def test_neighbouring_seeds_share_nothing():
    seeds = [seed_of(seed, place) for seed in range(20) for place in range(1, 50)]
    assert len(set(seeds)) == len(seeds)
    assert seed_of(3, 4) == seed_of(3, 4)
