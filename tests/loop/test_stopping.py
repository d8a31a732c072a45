import pytest

from hone.loop.state import Asked, Candidate, LoopState, RoundRecord
from hone.loop.stopping import why_stop


def loop_of(*scores, rounds=9, fidelity=None, budget=None, maximize=True):
    """A loop whose rounds' winners came to these scores."""
    fidelity = fidelity or [{}] * len(scores)
    records = [
        RoundRecord(
            number,
            "",
            "",
            fidelity=given,
            metric="acc",
            maximize=maximize,
            candidates=(Candidate({}, 0, own[0], tuple(own)),),
        )
        for number, (own, given) in enumerate(zip(scores, fidelity, strict=True), start=1)
    ]
    return LoopState("toy", Asked("toy.yaml", rounds, budget=budget), tuple(records))


LOW, HIGH, ALIKE = (0.80, 0.81, 0.82), (0.90, 0.91, 0.92), (0.805, 0.815, 0.82)


@pytest.mark.parametrize(
    ("state", "said"),
    [
        (loop_of(LOW, HIGH), ""),
        (loop_of(LOW, ALIKE), "within the noise of"),
        (loop_of(HIGH, LOW), "a gain of -0.1"),
        (loop_of(HIGH, LOW, maximize=False), ""),
        (loop_of(LOW, HIGH, ALIKE), "round 3 came to acc 0.8133, round 2 to 0.91"),
        (loop_of(LOW, ALIKE, fidelity=[{"epochs": 1}, {"epochs": 2}]), ""),
        (loop_of(LOW, HIGH, rounds=2), "it has had its 2 rounds"),
        (loop_of(LOW, budget=60.0), "its budget of 1m 00s is spent"),
    ],
)
def test_a_loop_ends_when_it_does_not_pay_any_more(state, said):
    why = why_stop(state, 1, spent=60.0, searched=True)

    assert said in why if said else not why


def test_while_fidelity_still_grows_rounds_are_not_held_against_each_other():
    state = loop_of(LOW, ALIKE)

    assert not why_stop(state, 3, spent=0.0, searched=True)
    assert why_stop(state, 3, spent=0.0, searched=False) == "nothing is left to search: every parameter is fixed"


def test_the_best_round_is_the_best_of_those_that_can_be_compared_with_the_last():
    assert loop_of(LOW, HIGH, ALIKE).best.number == 2
    assert loop_of(HIGH, LOW, fidelity=[{"epochs": 1}, {"epochs": 2}]).best.number == 2
