"""What follows from studies whose truth is known."""

import math

import pytest
import yaml
from known_studies import Known, bowl

from hone.loop import numeric
from hone.loop.feedback import Learnt
from hone.loop.mistakes import Lagging
from hone.loop.roundfile import round_text
from hone.space import parse_space
from hone.space.ranges import Range
from hone.study import Importance
from hone.sweep.file import SweepFile

LR = "tag(log, interval(1e-5, 1e-1))"
DROPOUT = "interval(0.0, 0.5)"


def decisions(following, kind, key=None):
    return [one for one in following.decisions if one.kind == kind and key in (None, one.key)]


def range_of(text):
    return Range.of(parse_space({"x": text}, "space").parameters[0])


def searched(following):
    """The space, its ``when:`` included, as a sweep reads it from the round's file."""
    content = yaml.safe_load(round_text(following.content, following.decisions))
    sweep = SweepFile.model_validate(content)
    return parse_space(sweep.space, "space", None, sweep.when)


# What is chance


def test_nothing_follows_from_a_round_whose_best_are_no_better_on_other_seeds():
    known = Known({"model.lr": LR, "model.dropout": DROPOUT}, bowl, 40)
    values = [one.value for one in known.evidence.ranked]

    following = known.next(learnt=Learnt([known.evidence.ranked[0].values], again=values[15:19]))

    [note] = decisions(following, "note")
    assert note.figures["p"] > 0.2
    assert note.figures["median"] == values[20], "of its other trials"
    assert "nothing follows" in note.reason
    assert following.content["space"] == {"model.lr": LR, "model.dropout": DROPOUT}
    assert following.content["enqueue"] == [known.evidence.ranked[0].values], "what was confirmed may be the best still"


def test_a_round_that_came_to_nothing_is_followed_by_one_of_as_many_trials():
    known = Known({"model.lr": LR}, bowl, 40)
    values = [one.value for one in known.evidence.ranked]
    best = [known.evidence.ranked[0].values]

    by_chance = known.next(learnt=Learnt(best, again=values[15:19]), trials=[40, 10])
    learnt = known.next(learnt=Learnt(best, again=values[1:5]), trials=[40, 10])

    assert by_chance.content["trials"] == 40
    [decision] = decisions(by_chance, "trials")
    assert "came to nothing; feedback.trials says 10" in decision.reason
    assert learnt.content["trials"] == 10


def test_nothing_follows_where_none_of_those_that_were_trained_again_ran_to_its_end():
    known = Known({"model.lr": LR, "model.dropout": DROPOUT}, bowl, 40)
    best = [one.values for one in known.evidence.ranked[:2]]

    following = known.next(learnt=Learnt(unreliable=best))

    [note] = decisions(following, "note")
    assert "none of the 2 that were trained again ran to its end on each seed" in note.reason
    assert following.content["space"] == {"model.lr": LR, "model.dropout": DROPOUT}
    assert "enqueue" not in following.content


def test_what_failed_on_another_seed_is_not_tried_again_in_the_next_round():
    known = Known({"model.lr": LR, "model.dropout": DROPOUT}, bowl, 40)
    best, second = (one.values for one in known.evidence.ranked[:2])
    values = [one.value for one in known.evidence.ranked]

    following = known.next(learnt=Learnt([second], again=values[2:4], unreliable=[best]), freeze=0)

    tried = [one["model.lr"] for one in following.content["enqueue"]]
    assert tried[0] == second["model.lr"]
    assert best["model.lr"] not in tried


def test_what_is_as_good_on_other_seeds_is_no_chance():
    known = Known({"model.lr": LR, "model.dropout": DROPOUT}, bowl, 40)
    values = [one.value for one in known.evidence.ranked]

    following = known.next(learnt=Learnt([known.evidence.ranked[0].values], again=values[1:5]))

    assert not decisions(following, "note")
    assert decisions(following, "shrink", "model.lr")
    assert following.content["enqueue"]


def luck_of_shapes(values):
    """What networks that have learnt nothing come to on one seed: a score of their shape's."""
    return {"narrow": 0.83, "wide": 0.95, "deep": 0.91}[values["shape"]]


def test_nothing_follows_where_many_trials_have_the_best_value_and_other_seeds_another():
    space = {"model.lr": LR, "shape": "choice(narrow, wide, deep)"}
    known = Known(space, luck_of_shapes, 24, sampler="tpe")
    best = [one.number for one in known.evidence.trials if one.value == 0.83]

    # The other seeds favour that shape still more, by luck again.
    following = known.next(learnt=Learnt([known.evidence.ranked[0].values], again=[0.81, 0.8]))

    [note] = decisions(following, "note")
    assert sorted(note.figures["trials"]) == best
    assert "came to the very best value" in note.reason
    assert following.content["space"] == space


def test_many_trials_with_the_best_value_that_is_theirs_on_other_seeds_as_well_are_learnt_from():
    known = Known({"model.lr": LR, "shape": "choice(narrow, wide, deep)"}, luck_of_shapes, 40)

    following = known.next(learnt=Learnt([known.evidence.ranked[0].values], again=[0.83, 0.83]))

    assert not decisions(following, "note")
    assert decisions(following, "drop", "shape")


# Ranges


def test_what_one_good_trial_has_is_nothing_to_go_by():
    """All the others have learnt nothing, and give one constant answer or the other, as their shapes have it."""

    def truth(values):
        best = max(known.evidence.ranked, key=lambda one: one.values["model.lr"]) if known else None
        if best and values == best.values:
            return 0.36
        return 0.49 if values["optimizer"] == "adam" else 0.51

    space = {
        "model.lr": "tag(log, interval(1e-6, 1e-3))",
        "optimizer": "choice(adam, sgd)",
        "size": "choice(8, 16, 32)",
    }
    for seed in (1, 4, 6, 7):
        # Drawn once to see which trial has the highest rate, and again with that one good.
        known = None
        known = Known(space, truth, 24, seed=seed)
        known = Known(space, truth, 24, seed=seed)
        best = known.evidence.ranked[0]
        assert best.value == 0.36

        following = known.next(learnt=Learnt([best.values], again=[0.37, 0.38]))

        assert following.content["space"] == space, f"seed {seed}"


def test_trials_that_came_to_one_score_with_all_that_learnt_nothing_are_not_good_ones():
    """A quarter of forty trials is more than have learnt anything."""

    def truth(values):
        lost = abs(math.log10(values["model.lr"] / 3e-3))
        return 9.0 if lost > 0.5 else lost

    known = Known({"model.lr": "tag(log, interval(1e-7, 1e-1))", "x": "interval(0.0, 1.0)"}, truth, 40)
    better = [one.number for one in known.evidence.ranked if one.value < 9.0]
    assert 4 <= len(better) < 10

    [decision] = decisions(known.next(), "shrink", "model.lr")

    assert decision.figures["good trials"] == better
    assert decision.figures["width after"] < 3


def test_a_range_shrinks_to_where_good_trials_are_in_powers_where_it_is_measured_in_powers():
    known = Known({"model.lr": LR, "model.dropout": DROPOUT}, bowl, 40)

    following = known.next()

    [decision] = decisions(following, "shrink", "model.lr")
    new = range_of(following.content["space"]["model.lr"])
    assert new.low > 1e-4
    assert new.low < 0.01 < new.high
    good = [known.evidence.trials[number].values["model.lr"] for number in decision.figures["good trials"]]
    assert (min(good), max(good)) == pytest.approx((decision.figures["lowest good"], decision.figures["highest good"]))
    assert new.low < min(good)
    assert max(good) < new.high
    assert decision.figures["width before"] == pytest.approx(4)
    assert decision.figures["width after"] == pytest.approx(math.log10(new.high / new.low))


def test_what_was_not_tried_beside_the_good_trials_stays_in_the_range():
    known = Known({"model.lr": LR}, bowl, 12, seed=3)

    following = known.next()

    new = range_of(following.content["space"]["model.lr"])
    for decision in decisions(following, "shrink"):
        assert new.low <= decision.figures["next worse below"] * 1.0001
        assert new.high >= decision.figures["next worse above"] * 0.9999


def test_a_part_of_a_range_that_was_tried_with_bad_partners_alone_is_not_cut_off():
    space = {"x": "interval(0.0, 1.0)", "follower": "interval(0.0, 1.0)"}
    known = Known(space, lambda values: abs(values["x"] - 0.8), 40, sampler="together")

    following = known.next(freeze=0, grow=False)

    [decision] = decisions(following, "shrink")
    assert decision.key == "x"
    assert decision.figures["p below"] < 0.1
    low = [one.values["follower"] for one in known.evidence.ranked[:10]]
    assert min(low) > 0.2


def test_a_side_that_never_had_good_partners_is_not_judged(monkeypatch):
    space = {"x": "interval(0.0, 1.0)", "y": "interval(0.0, 1.0)", "z": "interval(0.0, 1.0)"}

    def steps(values):
        """Two cliffs that a forest of few trials smooths over; ``y`` does nothing."""
        return (values["x"] < 0.6) + (values["z"] < 0.4) + 0.1 * abs(values["x"] - 0.9)

    def cuts():
        known = [Known(space, steps, 30, sampler="together", seed=seed) for seed in range(3)]
        return [bool(decisions(one.next(freeze=0, grow=False), "shrink", "y")) for one in known]

    assert not any(cuts())
    monkeypatch.setattr(numeric, "fair_trials", lambda draft, slot, slots: {one.number for one in slot.trials})
    assert any(cuts())


def test_a_range_grows_past_the_edge_at_which_the_best_trials_lie():
    known = Known({"model.lr": "tag(log, interval(1e-6, 1e-3))", "model.dropout": DROPOUT}, bowl, 40)

    following = known.next()

    [decision] = decisions(following, "grow", "model.lr")
    assert range_of(following.content["space"]["model.lr"]).high > 5e-3
    assert "edge" in decision.reason
    values = [known.evidence.trials[number].values["model.lr"] for number in decision.figures["best trials"]]
    assert values == decision.figures["best values"]
    assert min(values[0], 1e-3) > 2e-4


@pytest.mark.parametrize(("limits", "most"), [({}, 0.95), ({"model.dropout": [0.0, 0.6]}, 0.6)])
def test_a_range_never_grows_past_what_it_can_be_or_what_the_file_allows(limits, most):
    known = Known({"model.dropout": DROPOUT, "x": "interval(0.0, 1.0)"}, lambda values: -values["model.dropout"], 40)

    following = known.next(limits=limits)

    assert decisions(following, "grow", "model.dropout")
    new = range_of(following.content["space"]["model.dropout"])
    assert 0.5 < new.high <= most


def test_steps_that_somebody_listed_do_not_grow_unless_the_file_says_how_far():
    space = {"model.freeze_layers": "range(0, 6)", "x": "interval(0.0, 1.0)"}
    known = Known(space, lambda values: -values["model.freeze_layers"], 40)

    assert not decisions(known.next(), "grow", "model.freeze_layers")
    following = known.next(limits={"model.freeze_layers": [0, 7]})
    assert range_of(following.content["space"]["model.freeze_layers"]).high == 7


def test_a_choice_between_numbers_gets_a_rung_where_its_end_is_the_best():
    known = Known({"data.batch_size": "choice(16, 32, 64)", "model.lr": LR},
                  lambda values: bowl(values) / 10 - math.log2(values["data.batch_size"]), 40)  # fmt: skip

    following = known.next(drop=0)

    assert following.content["space"]["data.batch_size"] == "choice(16, 32, 64, 128)"
    [decision] = decisions(following, "add")
    assert set(decision.figures["good values"]) == {64}
    assert decision.figures["p"] < 0.05


def test_a_range_does_not_grow_where_trials_at_its_edge_diverged():
    def truth(values):
        return "diverged" if values["model.lr"] > 8e-4 else bowl(values)

    known = Known({"model.lr": "tag(log, interval(1e-6, 1e-3))"}, truth, 60)

    assert max(one.values["model.lr"] for one in known.evidence.ranked[:3]) > 5e-4, "the best lie at the edge"
    for bound in (True, False):
        assert range_of(known.next(bound=bound).content["space"]["model.lr"]).high <= 1e-3


def test_whole_numbers_in_powers_do_not_grow_below_one():
    space = {"units": "int(tag(log, interval(2, 64)))", "x": "interval(0.0, 1.0)"}
    known = Known(space, lambda values: math.log(values["units"]) + 0.01 * values["x"], 40)

    following = known.next()

    assert decisions(following, "grow", "units")
    assert range_of(following.content["space"]["units"]).low == 1


# Importance


def test_an_unimportant_parameter_is_frozen_at_the_best_value_once_the_evidence_suffices_and_not_before():
    space = {"model.lr": LR, "x": "interval(0.0, 1.0)"}
    early, late = Known(space, bowl, 12, seed=1), Known(space, bowl, 100, seed=1)

    assert not decisions(early.next(), "freeze")
    following = late.next()

    [decision] = decisions(following, "freeze")
    assert decision.key == "x"
    assert "x" not in following.content["space"]
    best = late.evidence.best.values["x"]
    assert f"x={best!r}" in following.content["base"]
    importance = late.evidence.importances["x"]
    assert (decision.figures["importance"], decision.figures["trials"]) == (importance.share, 100)
    assert "model.lr" in following.content["space"]


def test_a_parameter_is_not_frozen_where_another_was_rarely_good_beside_it():
    """What matters where the learning rate is good shows nothing among trials that fail by their learning rate."""

    def truth(values):
        lost = abs(math.log10(values["model.lr"] / 0.05))
        return 9.0 if lost > 1 else lost + values["x"]

    space = {"model.lr": "tag(log, interval(1e-7, 1e-1))", "x": "interval(0.0, 1.0)"}
    studies = [Known(space, truth, 30, seed=seed) for seed in range(6)]

    unseen = [one for one in studies if (found := one.evidence.importances["x"]).share < 0.1 and found.chance >= 0.2]
    assert unseen, "x does not seem to matter there"
    for one in studies:
        assert one.evidence.importances["model.lr"].share > 0.7
        assert not decisions(one.next(), "freeze", "model.lr")
    assert not any(decisions(one.next(), "freeze", "x") for one in studies)


def test_what_earlier_studies_say_of_a_parameter_counts_by_their_trials():
    space = {"model.lr": LR, "x": "interval(0.0, 1.0)"}
    known = Known(space, bowl, 12, seed=4)
    assert not decisions(known.next(), "freeze")

    following = known.next(
        learnt=Learnt(known={"x": Importance(0.001, 0.9, 400), "model.lr": Importance(0.9, 0.0, 400)})
    )

    assert [one.key for one in decisions(following, "freeze")] == ["x"]
    assert decisions(following, "freeze")[0].figures["trials"] == 412


def test_a_study_with_one_parameter_keeps_it():
    following = Known({"model.lr": LR}, bowl, 60).next()

    assert list(following.content["space"]) == ["model.lr"]
    assert following.searched


def test_a_key_under_two_conditions_is_fixed_at_the_best_of_each():
    when = {"model=a": {"width": "interval(10.0, 20.0)"}, "model=b": {"width": "interval(0.0, 1.0)"}}

    def truth(values):
        return bowl(values) + 0.001 * (values["model"] == "b")

    known = [
        Known({"model": "choice(a, b)", "model.lr": LR}, truth, 120, when=when, seed=seed).next(drop=0, min_trials=5)
        for seed in range(4)
    ]

    frozen = [one for following in known for one in decisions(following, "freeze") if one.key.startswith("width")]
    assert frozen
    for one in frozen:
        assert (one.figures["best value"] > 5) == (one.key == "width (model=a)")
    assert all(searched(one) for one in known)


def test_what_is_searched_under_a_condition_is_told_apart_from_the_same_key_under_another():
    when = {"opt=adamw": {"wd": "tag(log, interval(1e-5, 1e-1))"}, "opt=sgd": {"wd": "choice(0.0, none, 1e-4)"}}

    def truth(values):
        return (values["opt"] == "sgd") + bowl(values)

    following = Known({"opt": "choice(adamw, sgd)", "model.lr": LR}, truth, 60, when=when).next()

    assert decisions(following, "drop", "opt")
    assert searched(following).keys in (("model.lr",), ("model.lr", "wd"))


def test_a_condition_that_can_never_hold_is_no_part_of_what_is_searched():
    when = {"model=a": {"width": "interval(0.0, 20.0)"}, "model=b": {"width": "interval(0.0, 1.0)"}}
    known = Known({"model.lr": LR, "width": "interval(0.0, 20.0)"}, lambda values: bowl(values) - values["width"], 40)
    # As the command line leaves them: model=a.
    known.content |= {"base": ["model=a"], "space": {"model.lr": LR}, "when": when}

    following = known.next()

    assert decisions(following, "grow", "width (model=a)")
    assert not [one for one in following.decisions if "model=b" in one.key]


def test_what_is_fixed_under_a_condition_is_fixed_in_the_elites_as_well():
    when = {"model=deep": {"layers": "choice(1, 2, 3)"}}

    def truth(values):
        return bowl(values) + 5.0 * (values["model"] == "flat")

    known = Known({"model": "choice(deep, flat)", "model.lr": LR}, truth, 150, when=when, seed=4)
    following = known.next(learnt=Learnt([known.evidence.ranked[0].values]))

    [decision] = decisions(following, "freeze", "layers (model=deep)")
    assert len({one.values["layers"] for one in known.evidence.ranked[:4]}) > 1
    assert len(following.content["enqueue"]) == 4
    assert {one["layers"] for one in following.content["enqueue"]} == {decision.figures["best value"]}


# Options


def dominated(values):
    return bowl(values) + {"good": 0.0, "alike": 0.01, "bad": 3.0}[values["model"]]


MODELS = {"model": "choice(good, alike, bad)", "model.lr": LR}


def test_a_dominated_option_is_dropped_once_the_evidence_suffices_and_not_before():
    early, late = Known(MODELS, dominated, 12), Known(MODELS, dominated, 60)

    assert not decisions(early.next(), "drop")
    following = late.next()

    [decision] = decisions(following, "drop")
    assert following.content["space"]["model"] == "choice(good, alike)"
    assert decision.figures["option"] == "bad"
    assert decision.figures["p"] < 0.025
    own = [one for one in late.evidence.trials if one.values["model"] == "bad"]
    assert decision.figures["trials"] == len(own)
    lacks = decision.figures["median of the better half"] - late.evidence.best.value
    gains = decision.figures["median of the better half"] - decision.figures["leader's median"]
    assert decision.figures["of what it lacks"] == pytest.approx(gains / lacks)
    assert decision.before == MODELS["model"]


def test_options_of_several_choices_are_dropped_in_one_round():
    def truth(values):
        return bowl(values) + 2.0 * (values["model"] == "bad") + 2.0 * (values["optimizer"] == "bad")

    space = {"model": "choice(good, bad)", "optimizer": "choice(good, alike, bad)", "model.lr": LR}
    following = Known(space, truth, 80).next(freeze=0)

    assert [one.key for one in decisions(following, "drop")] == ["model", "optimizer"]
    assert following.content["space"]["optimizer"] == "choice(good, alike)"


def test_with_an_option_goes_what_is_searched_under_it_and_a_single_one_that_is_left_is_fixed():
    when = {"model=bad": {"layers": "choice(1, 2)"}}
    known = Known({"model": "choice(good, bad)", "model.lr": LR}, dominated, 60, when=when)

    following = known.next()

    assert "model=good" in following.content["base"]
    assert "model" not in following.content["space"]
    assert searched(following).keys == ("model.lr",)
    assert "model=bad" in decisions(following, "drop")[0].reason


def test_what_stands_on_an_option_that_went_with_another_goes_as_well():
    when = {"model=bad": {"layers": "choice(1, 2)"}, "layers=2": {"width": "interval(1.0, 2.0)"}}

    def truth(values):
        return dominated(values) + 0.8 * (values.get("layers") == 2)

    following = Known({"model": "choice(good, bad)", "model.lr": LR}, truth, 100, when=when, seed=3).next(freeze=0)

    assert searched(following).keys == ("model.lr",)
    assert [one.key for one in decisions(following, "drop")] == ["model"]
    assert "model=bad, layers=2" in decisions(following, "drop")[0].reason


@pytest.mark.parametrize("when", [None, {"model=bad": {"layers": "choice(1, 2)"}}])
def test_a_dominated_option_is_dropped_whether_or_not_something_is_searched_under_it(when):
    """What is searched under one option alone must not account for what the option does."""

    def truth(values):
        return abs(math.log10(values["model.lr"]) + 2) / 10 + 3.0 * (values["model"] == "bad")

    known = [Known({"model": "choice(good, bad)", "model.lr": LR}, truth, 60, when=when, seed=seed) for seed in (0, 1)]

    assert all(decisions(one.next(), "drop", "model") for one in known)


def test_an_option_is_not_given_credit_for_what_it_was_tried_with():
    """The sampler liked ``late`` when it knew the learning rate; the option itself decides nothing."""

    def truth(values):
        return bowl(values)

    known = Known({"model": "choice(early, late)", "model.lr": LR}, truth, 60)
    trials = []
    for one in known.evidence.trials:
        good = abs(math.log10(one.values["model.lr"]) + 2) < 0.7
        trials.append(type(one)(**{**vars(one), "values": {**one.values, "model": "late" if good else "early"}}))
    evidence = type(known.evidence)("known", "val/loss", False, tuple(trials))

    from hone.loop.feedback import feed_back

    assert not decisions(feed_back(evidence, known.content, 1), "drop")


def test_a_study_with_only_choices_is_fed_back():
    space = {"model": "choice(good, alike, bad)", "depth": "choice(one, two)"}
    known = Known(space, lambda values: dominated({**values, "model.lr": 0.01}), 40)

    following = known.next()

    assert "bad" not in str(following.content["space"].get("model", following.content["base"]))


def test_a_loop_whose_every_parameter_is_fixed_has_nothing_left_to_search():
    known = Known({"model": "choice(good, bad)"}, dominated_by_number(), 30)

    following = known.next()

    assert not following.searched
    assert "model=good" in following.content["base"]


def dominated_by_number():
    """No two trials alike, so that ranks tell them apart."""
    count = iter(range(1_000))
    return lambda values: (3.0 if values["model"] == "bad" else 0.0) + 0.001 * next(count)


# Failures


def test_trials_that_ran_out_of_memory_bound_the_batch_size_of_each_model():
    def truth(values):
        limit = {"small": 1_000, "large": 48}[values["model"]]
        return "oom" if values["data.batch_size"] > limit else bowl(values)

    space = {"model": "choice(small, large)", "data.batch_size": "choice(16, 32, 64, 128)", "model.lr": LR}
    known = Known(space, truth, 60)

    following = known.next(drop=0, freeze=0)

    assert following.content["when"]["model=large"]["data.batch_size"] == "choice(16, 32)"
    assert following.content["when"]["model=small"]["data.batch_size"] == "choice(16, 32, 64, 128)"
    assert "data.batch_size" not in following.content["space"]
    [decision] = decisions(following, "bound")
    failed = [known.evidence.trials[number] for number in decision.figures["failed trials"]]
    assert {one.failure for one in failed} == {"oom"}
    assert {one.values["model"] for one in failed} == {"large"}
    searched(following)


def test_trials_that_diverged_bound_the_learning_rate_of_each_optimizer_for_good():
    def truth(values):
        limit = {"adam": 0.003, "sgd": 1.0}[values["optimizer"]]
        return "diverged" if values["optimizer.lr"] > limit else -values["optimizer.lr"]

    known = Known({"optimizer": "choice(adam, sgd)", "optimizer.lr": LR}, truth, 80)

    following = known.next(drop=0, freeze=0)

    [decision] = decisions(following, "bound")
    assert decision.key == "optimizer.lr (optimizer=adam)"
    high = range_of(following.content["when"]["optimizer=adam"]["optimizer.lr"]).high
    assert 0.001 < high < 0.01
    assert following.content["feedback"]["limits"][decision.key] == [None, high]
    searched(following)


@pytest.mark.parametrize("sweep", ["range(16, 144, 16)", "int(interval(16, 128))", "int(tag(log, interval(16, 128)))"])
def test_a_value_that_failed_is_no_part_of_what_is_bounded(sweep):
    known = Known(
        {"data.batch_size": sweep, "model.lr": LR},
        lambda values: "oom" if values["data.batch_size"] >= 80 else bowl(values),
        60,
    )

    following = known.next(freeze=0)

    [decision] = decisions(following, "bound")
    assert decision.figures["most that did not"] <= range_of(following.content["space"]["data.batch_size"]).high < 80


def test_a_bound_of_all_options_counts_the_trials_of_all():
    space = {"model": "choice(small, large)", "data.batch_size": "choice(16, 32, 64, 128)", "model.lr": LR}
    known = Known(space, lambda values: "oom" if values["data.batch_size"] >= 64 else bowl(values), 40)

    following = known.next(drop=0, freeze=0)

    [decision] = decisions(following, "bound")
    assert following.content["space"]["data.batch_size"] == "choice(16, 32)"
    assert len(decision.figures["failed trials"]) == sum(one.failure == "oom" for one in known.evidence.trials)


def test_an_optimizer_that_always_diverges_moves_no_range():
    known = Known(
        {"optimizer": "choice(adam, sgd)", "optimizer.lr": LR},
        lambda values: "diverged" if values["optimizer"] == "adam" else bowl({"model.lr": values["optimizer.lr"]}),
        40,
    )

    following = known.next(drop=0, freeze=0, shrink=False, grow=False)

    assert following.content["space"] == known.content["space"]
    assert "when" not in following.content


def test_one_failure_bounds_nothing():
    count = iter(range(1_000))
    known = Known({"model.lr": LR}, lambda values: "diverged" if next(count) == 7 else bowl(values), 30)

    assert not decisions(known.next(), "bound")


# What there is nothing to learn from


def test_a_constant_objective_leaves_the_space_alone_and_says_so():
    known = Known({"model.lr": LR, "model": "choice(good, bad)"}, lambda values: 0.5, 40)

    following = known.next()

    assert following.content["space"] == known.content["space"]
    assert "all 40 complete trials came to val/loss 0.5" in decisions(following, "note")[0].reason


def test_values_that_are_not_finite_are_those_of_trials_that_diverged():
    known = Known({"model.lr": LR}, lambda values: math.inf if values["model.lr"] > 0.05 else bowl(values), 30)

    states = {one.failure for one in known.evidence.trials if one.values["model.lr"] > 0.05}
    assert states == {"diverged"}
    following = known.next()
    assert "diverged" in decisions(following, "note")[0].reason
    assert math.isfinite(range_of(following.content["space"]["model.lr"]).high)


def test_a_study_none_of_whose_trials_ended_well_changes_nothing():
    known = Known({"model.lr": LR}, lambda values: "error", 12)

    following = known.next()

    assert following.content["space"] == known.content["space"]
    assert "12 error" in decisions(following, "note")[0].reason
    assert "enqueue" not in following.content


def test_few_trials_are_said_to_be_few():
    following = Known({"model.lr": LR}, bowl, 5).next()

    assert "5 complete trials are too few" in decisions(following, "note")[0].reason
    assert following.content["space"] == {"model.lr": LR}


# What else follows


def test_the_best_of_earlier_studies_are_tried_in_one_round():
    known = Known({"model.lr": LR}, bowl, 12)
    known.content["warm_start"] = ["earlier"]

    assert "warm_start" not in known.next().content


def test_the_elites_are_tried_first_as_far_as_they_are_still_searched():
    known = Known(MODELS, dominated, 60)
    best = known.evidence.ranked[0].values

    following = known.next(learnt=Learnt(confirmed=[known.evidence.ranked[1].values]), elites=3)

    space = searched(following)
    assert len(following.content["enqueue"]) == 3
    for values in following.content["enqueue"]:
        space.drawn(values, "enqueue")
    assert following.content["enqueue"][0]["model.lr"] == known.evidence.ranked[1].values["model.lr"]
    assert best["model.lr"] in [one["model.lr"] for one in following.content["enqueue"]]


def test_the_elites_of_a_model_that_is_left_alone_bring_what_is_searched_under_it():
    def truth(values):
        return abs(math.log10(values["model.deep"]) + 2) if values["model"] == "deep" else 5.0

    known = Known(
        {"model": "choice(deep, flat)", "model.lr": LR},
        truth,
        80,
        when={"model=deep": {"model.deep": LR}},
    )
    best = [one.values for one in known.evidence.ranked[:2]]

    following = known.next(learnt=Learnt(confirmed=best))

    assert "model=deep" in following.content["base"], "flat is dominated"
    own = [one for one in following.content["enqueue"] if one["model.deep"] in [each["model.deep"] for each in best]]
    assert len(own) == 2
    assert all("model.deep" in one for one in following.content["enqueue"]), "none is of the other model"


def test_the_sampler_goes_on_from_every_round_that_came_to_more_than_chance():
    known = Known(MODELS, dominated, 60)
    values = [one.value for one in known.evidence.ranked]
    best = known.evidence.ranked[0].values

    following = known.next(learnt=Learnt([best], again=values[1:3], sampler_learns=True))
    by_chance = known.next(learnt=Learnt([best], again=values[25:29], sampler_learns=True))

    [decision] = decisions(following, "learn")
    assert decision.figures == {"study": "known", "complete trials": len(values)}
    assert set(following.content["learn_from"]) == {"known"}
    assert "learn_from" not in by_chance.content
    assert "learn_from" not in known.next(learnt=Learnt([best], again=values[1:3])).content, "random learns nothing"
    assert "# the sampler goes on from the" in round_text(following.content, following.decisions)


def test_trials_of_an_option_that_was_dropped_say_nothing_of_the_one_that_is_left():
    known = Known({"model": "choice(good, bad)", "model.lr": LR}, dominated, 80)
    known.content["learn_from"] = {"before": "", "long-before": "optimizer=adamw"}

    following = known.next(learnt=Learnt(sampler_learns=True))

    assert "model=good" in following.content["base"]
    assert following.content["learn_from"] == {
        "before": "model=good",
        "long-before": "optimizer=adamw, model=good",
        "known": "model=good",
    }


def test_of_options_that_are_dropped_one_after_another_only_the_one_that_is_left_is_a_condition():
    def truth(values):
        return bowl(values) + {"good": 0.0, "bad": 3.0, "worse": 4.0}[values["model"]]

    known = Known({"model": "choice(good, bad, worse)", "model.lr": LR}, truth, 80)

    following = known.next(learnt=Learnt(sampler_learns=True))

    assert len(decisions(following, "drop", "model")) == 2
    assert following.content["learn_from"] == {"known": "model=good"}


def test_what_was_judged_by_another_metric_is_learnt_from_no_more():
    known = Known({"model.lr": LR}, bowl, 12)
    known.content["learn_from"] = {"before": ""}
    lagging = [Lagging("class 3", "recall", 0.4, 0.9, 40)]

    answer = {"metric": "val/f1", "direction": "maximize"}
    following = known.next(learnt=Learnt(lagging=lagging, sampler_learns=True), lagging=answer)

    assert (following.content["metric"], following.content["direction"]) == ("val/f1", "maximize")
    assert "learn_from" not in following.content


def test_fidelity_and_trials_are_what_the_file_says_of_each_round():
    known = Known({"model.lr": LR}, bowl, 12)
    feedback = {"fidelity": {"trainer.max_epochs": [2, 6]}, "trials": [12, 8]}

    second, fourth = known.next(1, **feedback), known.next(3, **feedback)

    assert "trainer.max_epochs=6" in second.content["base"]
    assert second.content["trials"] == 8
    assert decisions(second, "fidelity")[0].figures == {"round": 2, "before": 2, "after": 6}
    assert not decisions(fourth, "fidelity")


def test_a_class_that_lags_is_reported_and_answered_only_where_the_file_allows_it():
    known = Known({"model.lr": LR}, bowl, 12)
    learnt = Learnt(lagging=[Lagging("class 8", "accuracy", 0.7, 0.95, 35)])

    silent = known.next(learnt=learnt)
    answer = {"apply": {"model.class_weights": "balanced"}, "metric": "val/f1", "direction": "maximize"}
    allowed = known.next(learnt=learnt, lagging=answer)

    assert "class 8 lags" in decisions(silent, "note", "class 8")[0].reason
    assert not decisions(silent, "switch")
    assert "model.class_weights=balanced" in allowed.content["base"]
    assert (known.content["direction"], allowed.content["direction"]) == ("minimize", "maximize")
    assert allowed.content["metric"] == "val/f1"
    assert decisions(allowed, "switch")[0].figures == {"part": "class 8", "value": 0.7, "whole": 0.95, "rows": 35}


def test_each_decision_stands_as_a_comment_above_what_it_changed():
    following = Known(MODELS, dominated, 60).next()

    lines = round_text(following.content, following.decisions).splitlines()

    above = lines[: next(place for place, line in enumerate(lines) if line.startswith("  model:"))]
    assert any("bad is dominated by" in line for line in above)
    said = " ".join(line.strip().lstrip("# ") for line in lines)
    for one in following.decisions:
        assert one.reason in said


def test_the_same_evidence_gives_the_same_round():
    one, other = Known(MODELS, dominated, 60).next(), Known(MODELS, dominated, 60).next()

    assert one == other
