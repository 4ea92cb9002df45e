from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from lm_eval_overton.text.forward import SLACK, batches

LENGTHS = st.lists(st.integers(2, 256), max_size=60)


def test_windows_of_like_length_share_a_batch_up_to_its_tokens():
    # 19 is within a tenth of 20, 17 is not; 4 x 5 tokens fill a batch of 20.
    assert batches([19, 5, 20, 17, 5, 5, 5, 5], 40) == [[2, 0], [3], [1, 4, 5, 6, 7]]
    assert batches([19, 5, 20, 17, 5, 5, 5, 5], 20) == [[2], [0], [3], [1, 4, 5, 6], [7]]


def test_a_batch_may_be_limited_to_some_windows():
    assert batches([5, 5, 5, 5, 5], 20, 2) == [[0, 1], [2, 3], [4]]
    assert batches([5, 5, 5, 5, 5], 20, 9) == [[0, 1, 2, 3], [4]]


def test_no_window_makes_no_batch():
    assert batches([], 40) == []


@given(LENGTHS, st.integers(1, 600))
def test_each_window_is_in_one_batch_with_little_padding(lengths, most):
    found = batches(lengths, most)
    assert sorted(i for batch in found for i in batch) == [*range(len(lengths))]
    for batch in found:
        longest, shortest = lengths[batch[0]], lengths[batch[-1]]
        assert longest == max(lengths[i] for i in batch)
        assert len(batch) == 1 or longest * len(batch) <= most
        assert shortest >= longest * (1 - SLACK)


@given(LENGTHS, st.integers(1, 600))
def test_a_batch_takes_all_that_it_can_hold(lengths, most):
    found = batches(lengths, most)
    for batch, following in pairwise(found):
        longest, first = lengths[batch[0]], lengths[following[0]]
        assert first < longest * (1 - SLACK) or longest * (len(batch) + 1) > most
