"""Ranks of rows against the comparisons of all their pairs."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lm_eval_overton.stats import paired_comparison, rank_ranges

NAN = math.nan
seeds = st.integers(0, 2**32 - 1)


def generator(seed: int = 1234) -> np.random.Generator:
    return np.random.default_rng(seed)


class TestRankRanges:
    def test_competition_ranks(self) -> None:
        # Rows 1 and 2 are equal on every prompt, row 0 is lower on every one: 1, 1, 3.
        values = [[0.5] * 6, [0.9] * 6, [0.9] * 6]
        assert rank_ranges(values, generator()) == [(1, 1, 2), (2, 1, 2), (0, 3, 3)]

    def test_noise_is_shared_and_a_gap_is_not(self) -> None:
        prompts = generator(1).random(200)
        noise = generator(2).normal(0, 0.2, size=(2, 200))
        noise -= noise.mean(axis=1, keepdims=True)
        values = np.stack([prompts - 0.5, prompts + noise[0], prompts + noise[1] + 1e-3])
        assert rank_ranges(values, generator()) == [(2, 1, 2), (1, 1, 2), (0, 3, 3)]

    def test_pairing_separates_what_prompts_hide(self) -> None:
        # The spread over prompts is 100 times the difference, which is the same on each.
        prompts = generator(1).random(50)
        assert rank_ranges([prompts, prompts + 0.01], generator()) == [(1, 1, 1), (0, 2, 2)]

    def test_a_chain_of_neighbours_does_not_hide_its_ends(self) -> None:
        # Each differs from the next by less than can be told, the first from the last by more.
        noise = generator(5).normal(0, 1, size=(3, 100))
        noise -= noise.mean(axis=1, keepdims=True)
        values = noise + np.array([[0.4], [0.2], [0.0]])
        ranked = rank_ranges(values, generator())
        assert ranked == [(0, 1, 2), (1, 1, 3), (2, 2, 3)]

    def test_five_prompts_tell_nothing_apart(self) -> None:
        # All signs alike have p = 2/32.
        assert rank_ranges([[0.5] * 5, [0.9] * 5], generator()) == [(1, 1, 2), (0, 1, 2)]

    def test_without_shared_prompts_a_rank_is_shared(self) -> None:
        values = [[0.1, 0.1, NAN, NAN], [NAN, NAN, 0.9, 0.9]]
        assert rank_ranges(values, generator()) == [(1, 1, 2), (0, 1, 2)]

    def test_no_rows(self) -> None:
        assert rank_ranges(np.empty((0, 5)), generator()) == []

    @settings(max_examples=25, deadline=None)
    @given(st.integers(1, 6), st.integers(1, 24), st.sampled_from([1, 2, 100]), seeds)
    def test_a_range_counts_the_rows_that_differ_for_sure(
        self, rows: int, prompts: int, steps: int, seed: int
    ) -> None:
        rng = generator(seed)
        # Few steps give ties, and prompts on which two rows do not differ.
        values = np.round(rng.random((rows, prompts)) + rng.random((rows, 1)) / 2, 1 + steps // 50)
        values[:, 1:][rng.random((rows, prompts - 1)) < 0.1] = NAN
        ranked = rank_ranges(values, generator(seed))
        means = [np.nanmean(values[own.row]) for own in ranked]
        assert sorted(own.row for own in ranked) == list(range(rows))
        assert means == sorted(means, reverse=True)
        for row, first, last in ranked:
            pairs = [paired_comparison(own, values[row], generator(seed)) for own in values]
            assert first == 1 + sum(one.is_rise for one in pairs)
            assert last == rows - sum(one.is_clear and one.difference < 0 for one in pairs)

    def test_row_without_a_score(self) -> None:
        with pytest.raises(ValueError, match=r"at least 1 defined prompt per row, got none.*\[1\]"):
            rank_ranges([[0.1, 0.2], [NAN, NAN]], generator())

    def test_wrong_shape(self) -> None:
        with pytest.raises(ValueError, match="rank_ranges: expected an array of 2 dimension"):
            rank_ranges([0.1, 0.2], generator())
