"""Signs of very many differences against the comparison of each."""

from __future__ import annotations

import sys
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
import threadpoolctl
from hypothesis import given, settings
from hypothesis import strategies as st

from lm_eval_overton.stats import Array, clear, draws, paired_comparison
from lm_eval_overton.stats.bootstrap import times_drawn
from lm_eval_overton.stats.clear import Pairs, clear_signs
from lm_eval_overton.stats.sign_flips import are_below, sign_flip_ps
from lm_eval_overton.stats.sums import at_or_below, rounding_of

ROWS = 9


def generator(seed: int = 1234) -> np.random.Generator:
    return np.random.default_rng(seed)


def shares(n: int) -> Array:
    """Rows of random shares, each somewhat higher than the one before."""
    return generator(n).random((ROWS, n)) + np.arange(ROWS)[:, np.newaxis] / (2 * ROWS)


TABLES: dict[str, Callable[[int], Array]] = {
    "shares": shares,
    # On a grid the resampled means tie with 0 and with the estimate.
    "tenths": lambda n: np.round(shares(n), 1),
    "halves": lambda n: np.round(shares(n)),
    # Skewed differences have bounds far from the percentiles'.
    "skewed": lambda n: np.exp(3 * shares(n)),
    # Differences far smaller than the values lose digits.
    "close": lambda n: 1000 + shares(n) * 1e-6,
    "equal": lambda n: np.repeat(shares(n)[:1], ROWS, axis=0) + np.arange(ROWS)[:, np.newaxis] // 4,
    # Neither their squares nor 32 bits hold them.
    "tiny": lambda n: shares(n) * 1e-300,
    "huge": lambda n: shares(n) * 1e100,
}


def expected(first: Array, second: Array) -> int:
    compared = paired_comparison(first, second, generator())
    return int(np.sign(compared.difference)) if compared.is_clear else 0


@pytest.mark.parametrize("name", TABLES)
@pytest.mark.parametrize("n", [6, 13, 40, 90])
def test_a_sign_is_that_of_the_comparison(name: str, n: int) -> None:
    table = TABLES[name](n)
    pairs = Pairs(table, *np.triu_indices(ROWS, 1), n)
    signs = clear_signs(pairs, generator(), 0.95)
    wanted = [expected(table[i], table[j]) for i, j in zip(pairs.first, pairs.second, strict=True)]
    assert signs.tolist() == wanted


def test_signs_do_not_depend_on_how_many_pairs_are_looked_at_together(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    pairs = Pairs(shares(20), *np.triu_indices(ROWS, 1), 20)
    whole = clear_signs(pairs, generator(), 0.95)
    monkeypatch.setattr(clear, "_PAIRS_AT_A_TIME", 5)
    monkeypatch.setattr(clear, "_HELD", 60)
    assert np.array_equal(clear_signs(pairs, generator(), 0.95), whole)


def test_the_generator_stays_as_it_was() -> None:
    rng = generator()
    before = rng.bit_generator.state
    clear_signs(Pairs(shares(20), *np.triu_indices(ROWS, 1), 20), rng, 0.95)
    assert rng.bit_generator.state == before


def test_what_was_drawn_before_is_drawn_again() -> None:
    first, second = generator(7), generator(7)
    drawn = [[*times_drawn(30, rng, 50)] for rng in (first, second)]
    assert all(np.array_equal(a, b) for a, b in zip(*drawn, strict=True))
    assert (
        first.bit_generator.state == second.bit_generator.state != generator(7).bit_generator.state
    )
    # Another state draws anew.
    assert not np.array_equal(next(iter(times_drawn(30, first, 50))), drawn[0][0])


@settings(max_examples=30, deadline=None)
@given(st.integers(1, 60), st.sampled_from([1, 16]), st.integers(0, 2**32 - 1))
def test_a_row_is_below_where_its_p_value_is(n: int, digits: int, seed: int) -> None:
    table = np.round(generator(seed).normal(0.3, 1, (20, n)), digits)
    table = table[table.any(axis=1)]
    below = are_below(table, 0.05, generator())
    wanted = [sign_flip_ps([own], generator())[0] < 0.05 for own in table]
    assert below.tolist() == wanted


def test_threads_draw_what_each_alone_would(monkeypatch: pytest.MonkeyPatch) -> None:
    # What is kept pushes out what was kept before, all the time.
    monkeypatch.setattr(draws, "_MOST_KEPT", 2**14)
    before = sys.getswitchinterval()
    sizes = [*range(5, 30)] * 8

    def first(n: int) -> list[int]:
        return [int(own) for own in next(iter(times_drawn(n, generator(), 50)))[0]]

    try:
        sys.setswitchinterval(1e-6)
        with ThreadPoolExecutor(8) as pool:
            found = [*pool.map(first, sizes)]
    finally:
        sys.setswitchinterval(before)
    assert found == [first(n) for n in sizes]


def test_boards_ranked_at_once_leave_the_threads_of_products_as_they_were() -> None:
    pairs = Pairs(shares(30), *np.triu_indices(ROWS, 1), 30)

    def counts() -> list[int]:
        return [own["num_threads"] for own in threadpoolctl.threadpool_info()]

    with threadpoolctl.threadpool_limits(2), ThreadPoolExecutor(4) as pool:
        before = counts()
        for found in [pool.submit(clear_signs, pairs, generator(), 0.95) for _ in range(12)]:
            found.result()
        after = counts()
    assert after == before


def test_draws_that_are_all_counted_do_not_overflow() -> None:
    [count] = at_or_below(np.zeros((3, 2)), np.ones((4_999, 2), dtype=np.uint8), [np.zeros(3)])
    assert count.tolist() == [4_999] * 3


def test_counts_of_sums() -> None:
    # The draws of the first row sum to 3, 1 and 4, those of the second to -1, -1 and 1.
    table = np.array([[1.0, 2.0, 4.0], [-1.0, 0.0, 1.0]])
    times = np.array([[1, 1, 0], [1, 0, 0], [0, 0, 1]], dtype=np.uint8)
    low, high = np.array([2.0, -1.0]), np.array([4.0, 0.0])
    assert [own.tolist() for own in at_or_below(table, times, (low, high))] == [[1, 2], [3, 2]]


@pytest.mark.parametrize("kind", [np.float32, np.float64])
def test_rounding_stays_below_what_is_allowed_for_it(kind: type) -> None:
    table, times = generator().normal(0, 1, (50, 300)), generator().integers(0, 4, (200, 300))
    exact = table.astype(np.longdouble) @ times.T.astype(np.longdouble)
    found = table.astype(kind) @ times.T.astype(kind)
    allowed = rounding_of(table, kind, int(times.sum(axis=1).max()))
    assert (np.abs(found - exact).max(axis=1) < allowed).all()
