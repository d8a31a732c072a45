import pytest
from hypothesis import given
from hypothesis import strategies as st

from hone.space import parse_space
from hone.space.ranges import Ladder, Range


def range_of(text):
    return Range.of(parse_space({"x": text}, "space").parameters[0])


@pytest.mark.parametrize(
    "text",
    [
        "tag(log, interval(1e-05, 0.1))",
        "interval(0.0, 0.5)",
        "int(interval(2, 8))",
        "int(tag(log, interval(16, 512)))",
        "range(0, 6)",
        "range(2, 12, 3)",
        "range(0.0, 1.0, 0.1)",
        "tag(log, range(1, 9))",
    ],
)
def test_a_range_is_written_as_it_is_read(text):
    own = range_of(text)

    assert range_of(own.text) == own


@pytest.mark.parametrize(
    "text", ["tag(log, interval(1e-5, 1e-1))", "interval(-3, 0.5)", "int(interval(2, 80))", "range(0, 60, 4)"]
)
@given(first=st.floats(0, 1), second=st.floats(0, 1))
def test_a_narrower_range_still_holds_what_it_was_narrowed_to_and_stays_inside(text, first, second):
    own = range_of(text)
    low, high = (own.place(own.low) + share * own.width for share in sorted((first, second)))

    new = own.to(low, high)

    assert own.low <= new.low
    assert new.high <= own.high
    # Whole numbers and steps that are a millionth away are taken for reached.
    near = 1e-6 * own.width
    assert new.place(new.low) <= low + near
    assert new.place(new.high) >= high - near
    if new.low < new.high:
        assert range_of(new.text) == new


@pytest.mark.parametrize(
    ("options", "above", "below"),
    [((16, 32, 64), 128, 8), ((64, 16, 32), 128, 8), ((0.1, 0.2, 0.3), 0.4, 0.0), ((1, 10), 100, 0.1)],
)
def test_a_ladder_goes_on_as_it_began(options, above, below):
    ladder = Ladder.of(options)

    assert ladder.beyond(above=True) == pytest.approx(above)
    assert ladder.beyond(above=False) == pytest.approx(below)


@pytest.mark.parametrize("options", [("a", "b"), (1, 2, 5), (True, False), (3,), ([8], [16])])
def test_what_is_no_ladder_is_none(options):
    assert Ladder.of(options) is None
