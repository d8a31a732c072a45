import torch
from hypothesis import given
from hypothesis import strategies as st

from hone.tasks.text.batches import EncodedTexts, LengthGroupedSampler


def test_a_batch_is_padded_to_its_own_longest():
    texts = EncodedTexts([[5], [6, 7, 8], [9, 9], [4] * 50], [0, 1, 0, 1], pad_id=3)

    inputs, labels = texts.__getitems__([2, 0, 1])

    assert inputs["input_ids"].tolist() == [[9, 9, 3], [5, 3, 3], [6, 7, 8]]
    assert inputs["attention_mask"].tolist() == [[1, 1, 0], [1, 0, 0], [1, 1, 1]]
    assert labels.tolist() == [0, 0, 1]


def test_one_row_is_a_batch_without_its_first_dimension():
    inputs, label = EncodedTexts([[5, 6]], [1], pad_id=0)[0]

    assert inputs["input_ids"].tolist() == [5, 6]
    assert label == 1


@given(st.lists(st.integers(1, 60), min_size=1, max_size=300), st.integers(1, 33))
def test_every_row_comes_once_an_epoch_whatever_the_batch_size(lengths, batch_size):
    assert sorted(LengthGroupedSampler(lengths, batch_size)) == list(range(len(lengths)))


def test_batches_are_of_like_length_and_in_no_order():
    lengths = torch.randint(1, 100, (640,)).tolist()

    batches = torch.tensor([lengths[row] for row in LengthGroupedSampler(lengths, 32)]).view(20, 32)

    assert (batches.amax(1) - batches.amin(1)).float().mean() < 10
    longest = batches.amax(1).tolist()
    assert longest != sorted(longest)
    assert longest != sorted(longest, reverse=True)


def test_the_global_seed_decides_the_order():
    sampler = LengthGroupedSampler(torch.randint(1, 100, (200,)).tolist(), 16)

    def epoch(seed):
        torch.manual_seed(seed)
        return list(sampler)

    assert epoch(1) == epoch(1)
    assert epoch(1) != epoch(2)
