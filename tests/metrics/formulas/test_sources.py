import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from lm_eval_overton.metrics.formulas.similarity import jaccard_matrix
from lm_eval_overton.metrics.formulas.sources import shared_shares, source_mixing

NAN = math.nan

bags = st.lists(st.frozensets(st.sampled_from("abcde"), max_size=4), min_size=1, max_size=9)


def mixing(similarities, sources):
    found = source_mixing(np.array(similarities, dtype=float), np.array(sources))
    return [own.tolist() for own in found]


def apart(n, m):
    """m sources of n texts each: 1 within, 0 across."""
    sources = np.repeat(np.arange(m), n)
    return np.equal.outer(sources, sources).astype(float), sources


def test_sources_that_lie_apart_do_not_mix():
    shares, chances = mixing(*apart(5, 4))
    assert shares == [0.0] * 20
    # (M - 1) n / (M n - 1) = 15 / 19.
    assert chances == pytest.approx([15 / 19] * 20)


def test_the_nearest_of_another_source_count():
    similarities = [[1, 0.1, 0.9, 0.2], [0.1, 1, 0.3, 0.3], [0.9, 0.3, 1, 0.5], [0.2, 0.3, 0.5, 1]]
    # One nearest each: text 2 for 0; 2 or 3 for 1; 0 for 2; 2 for 3.
    shares, chances = mixing(similarities, [0, 0, 1, 1])
    assert shares == [1.0, 1.0, 1.0, 0.0]
    assert chances == pytest.approx([2 / 3] * 4)


def test_where_all_are_equally_near_the_share_is_that_of_chance():
    shares, chances = mixing(np.ones((6, 6)), [0, 1, 0, 1, 0, 1])
    assert shares == pytest.approx(chances)
    assert chances == pytest.approx([3 / 5] * 6)


def test_of_equals_the_last_places_are_shared_whatever_rounding_makes_of_them():
    # Text 0 has two places: one for text 3, and one for 1, 2, 4, 5, of which 4 and 5 are others.
    row = [1, 0.5, 0.5 + 1e-15, 0.8, 0.5 - 1e-15, 0.5]
    similarities = np.full((6, 6), 0.1)
    similarities[0], similarities[:, 0] = row, row
    np.fill_diagonal(similarities, 1)
    shares, _ = mixing(similarities, [0, 0, 0, 1, 1, 1])
    assert shares[0] == pytest.approx((1 + 2 / 4) / 2)


def test_of_sources_of_unequal_size_each_text_has_as_many_nearest_as_fellows():
    # The three of source 0 have two nearest, the two of source 1 one.
    shares, chances = mixing(np.ones((5, 5)), [0, 0, 0, 1, 1])
    assert shares == pytest.approx([2 / 4] * 3 + [3 / 4] * 2)
    assert chances == pytest.approx([2 / 4] * 3 + [3 / 4] * 2)


def test_a_text_alone_in_its_source_is_undefined():
    shares, chances = mixing(np.ones((3, 3)), [0, 0, 1])
    assert np.isnan([shares[2], chances[2]]).all()
    assert shares[:2] == pytest.approx([1 / 2] * 2)


def test_a_text_that_is_not_like_itself_is_no_neighbour():
    # Two of the four have no words: those that are left are one of each source.
    similarities = jaccard_matrix([{"a"}, set(), {"a"}, set()], [{"a"}, set(), {"a"}, set()])
    for found in mixing(similarities, [0, 0, 1, 1]):
        assert np.isnan(found).all()
    bags = [{"a"}, {"b"}, set(), {"a"}, {"b"}, set()]
    shares, chances = mixing(jaccard_matrix(bags, bags), [0, 0, 0, 1, 1, 1])
    # Each has one fellow with words; its copy in the other source is nearer.
    assert shares == pytest.approx([1, 1, NAN, 1, 1, NAN], nan_ok=True)
    assert chances == pytest.approx([2 / 3, 2 / 3, NAN] * 2, nan_ok=True)


def test_no_text_has_no_mixing():
    assert mixing(np.zeros((0, 0)), np.zeros(0, dtype=int)) == [[], []]


def by_drawing(similarities, sources, rng, times=400):
    """The mixing where equals are put in a drawn order, time after time."""
    n = len(sources)
    total = np.zeros(n)
    for _ in range(times):
        noisy = similarities + rng.random((n, n)) * 1e-6
        np.fill_diagonal(noisy, -1)
        for i in range(n):
            k = np.count_nonzero(sources == sources[i]) - 1
            nearest = np.argsort(-noisy[i])[:k]
            total[i] += np.mean(sources[nearest] != sources[i]) / times
    return total


def test_mixing_is_what_drawn_orders_of_equals_give_on_average():
    rng = np.random.default_rng(3)
    values = np.round(rng.random((8, 8)), 1)
    similarities = (values + values.T) / 2
    np.fill_diagonal(similarities, 1)
    sources = np.array([0, 0, 0, 1, 1, 1, 2, 2])
    shares, _ = source_mixing(similarities, sources)
    assert shares == pytest.approx(by_drawing(similarities, sources, rng), abs=0.06)


@given(bags, st.randoms(use_true_random=False))
def test_the_order_of_texts_and_the_numbers_of_sources_do_not_matter(words, random):
    sources = np.array([random.randrange(3) for _ in words])
    similarities = jaccard_matrix(words, words)
    shares, chances = source_mixing(similarities, sources)
    order = random.sample(range(len(words)), len(words))
    renamed = np.array([2, 0, 1])[sources]
    again = source_mixing(similarities[np.ix_(order, order)], renamed[order])
    np.testing.assert_allclose(again, np.array([shares, chances])[:, order], atol=1e-12)
    known = ~np.isnan(shares)
    assert np.array_equal(known, ~np.isnan(chances))
    assert ((shares[known] >= 0) & (shares[known] <= 1)).all()


# ------------------------------------------------------------------------------------ parts


def test_a_texts_parts_are_sought_in_every_other_text():
    parts = [{"a", "b"}, {"b", "c"}, {"a", "b", "d"}, set()]
    found = shared_shares(parts, np.array([0, 0, 1, 1]), 2)
    # Text 0: b in text 1; a and b in text 2. Text 1: b; b. Text 2: a and b of three; none.
    assert found.tolist()[:3] == [[0.5, 1.0], [0.5, 0.5], [pytest.approx(2 / 3), 0.0]]
    assert np.isnan(found[3]).all()


@given(bags, st.randoms(use_true_random=False))
def test_parts_are_found_as_one_by_one(words, random):
    sources = np.array([random.randrange(3) for _ in words])
    found = shared_shares(words, sources, 3)
    for i, own in enumerate(words):
        for j in range(3):
            others = [t for k, t in enumerate(words) if sources[k] == j and k != i]
            held = [part for part in own if any(part in other for other in others)]
            expected = len(held) / len(own) if own else NAN
            assert found[i, j] == pytest.approx(expected, nan_ok=True)
