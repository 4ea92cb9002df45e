from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from lm_eval_overton.text.blocks import in_blocks


def test_a_block_is_as_long_as_the_sizes_allow():
    assert [*in_blocks([3, 1, 2, 0, 9, 1], lambda own: own, 4)] == [[3, 1], [2, 0], [9], [1]]


@given(st.lists(st.integers(0, 9)), st.integers(1, 12))
def test_nothing_is_lost_and_no_two_neighbours_would_fit_together(sizes, most):
    blocks = [*in_blocks(sizes, lambda own: own, most)]
    assert [own for block in blocks for own in block] == sizes
    assert all(sum(block) <= most or len(block) == 1 for block in blocks)
    assert all(sum(a) + b[0] > most for a, b in pairwise(blocks))
