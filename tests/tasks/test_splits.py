import torch
from hypothesis import given
from hypothesis import strategies as st

from hone.tasks.splits import stratified_parts

LABELS = st.lists(st.integers(0, 3), min_size=1, max_size=80).map(torch.tensor)


@given(LABELS, st.integers(0, 9))
def test_parts_are_disjoint_and_together_all_rows(labels, seed):
    parts = stratified_parts(labels, [0.6, 0.2, 0.2], seed)

    assert sorted(torch.cat(parts).tolist()) == list(range(len(labels)))


@given(LABELS, st.integers(0, 9))
def test_each_part_has_its_share_of_each_class_to_within_a_row(labels, seed):
    fractions = [0.5, 0.3, 0.2]

    for part, fraction in zip(stratified_parts(labels, fractions, seed), fractions, strict=True):
        for label in labels.unique():
            there, all_rows = int((labels[part] == label).sum()), int((labels == label).sum())
            assert abs(there - fraction * all_rows) <= 1


def test_the_seed_alone_decides_the_parts():
    labels = torch.arange(40) % 4
    first = stratified_parts(labels, [0.5, 0.5], seed=1)
    torch.manual_seed(99)

    assert all(map(torch.equal, first, stratified_parts(labels, [0.5, 0.5], seed=1)))
    assert not all(map(torch.equal, first, stratified_parts(labels, [0.5, 0.5], seed=2)))
