"""Where a mean changes along checkpoints: hand-worked splits, least squares by brute force."""

from __future__ import annotations

import itertools
import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lm_eval_overton.stats import change_point, change_points
from lm_eval_overton.stats.change_point import NO_CHANGE

NAN = math.nan
seeds = st.integers(0, 2**32 - 1)


def generator(seed: int = 1234) -> np.random.Generator:
    return np.random.default_rng(seed)


def residual(values, levels):
    """Sum of squares left by a level per prompt and what is given per checkpoint, by regression."""
    n_checkpoints, n_prompts = values.shape
    rows, found = [], []
    for t, i in itertools.product(range(n_checkpoints), range(n_prompts)):
        if not math.isnan(values[t, i]):
            rows.append([*(float(i == j) for j in range(n_prompts)), *levels[t]])
            found.append(values[t, i])
    design, target = np.array(rows), np.array(found)
    fitted = design @ np.linalg.lstsq(design, target, rcond=None)[0]
    return float(((target - fitted) ** 2).sum())


def by_brute_force(values, steps):
    """The best split, and which shares a step and a line explain."""
    n = len(values)
    none = residual(values, [[] for _ in range(n)])
    full = residual(values, np.eye(n).tolist())
    by_split = {s: residual(values, [[float(t >= s)] for t in range(n)]) for s in range(1, n)}
    line = residual(values, [[step] for step in steps])
    best = min(by_split, key=by_split.get)
    explained = none - full
    return best, by_split, (none - by_split[best]) / explained, (none - line) / explained


def p_by_brute_force(values):
    """The share of all signs of whole prompts, of complete values, with a gain as large."""
    apart = values - values.mean(axis=0)

    def gain(signs):
        means = (apart * signs).mean(axis=1)
        n = len(means)
        return max(
            s * (n - s) / n * (means[s:].mean() - means[:s].mean()) ** 2 for s in range(1, n)
        )

    flips = [gain(signs) for signs in itertools.product((1, -1), repeat=values.shape[1])]
    return np.mean(np.array(flips) >= gain(np.ones(values.shape[1])) * (1 - 1e-9))


def step(n_checkpoints, split, n_prompts, by=1.0):
    """Prompts of different levels that all change by the same behind a split."""
    levels = np.arange(n_prompts, dtype=float)
    return levels + by * (np.arange(n_checkpoints)[:, np.newaxis] >= split)


def test_one_step_of_all_prompts():
    found = change_point(step(5, 2, 6, by=-0.5), generator())
    assert (found.split, found.low, found.high, found.n) == (2, 2, 2, 6)
    assert found.difference == pytest.approx(-0.5)
    # All signs alike, and none of the other 64.
    assert found.p_value == found.p_holm == 2 / 64
    # Means 0, 0, -.5, -.5, -.5 about -.3: squares .18 + .12 = .3. The line over 0 to 4 has the
    # slope (-2 * 0 - 1 * 0 + 1 * -.5 + 2 * -.5) / 10 = -.15 and explains .15**2 * 10 = .225.
    assert found.by_step == pytest.approx(1)
    assert found.by_line == pytest.approx(0.75)
    assert not found.is_drift
    assert found.why == ""


def test_a_drift_is_told_from_a_step():
    values = np.arange(6.0) + 0.1 * np.arange(5)[:, np.newaxis]
    found = change_point(values, generator())
    # Means -2, -1, 0, 1, 2 (tenths): squares 10; a step behind two or three explains
    # 2 * 3 / 5 * 2.5**2 = 7.5.
    assert found.split in (2, 3)
    assert found.by_step == pytest.approx(0.75)
    assert found.by_line == pytest.approx(1)
    assert found.is_drift


def test_a_line_runs_over_steps_and_not_over_checkpoints():
    steps = [0, 1, 2, 50, 100]
    values = np.arange(6.0) + np.array(steps)[:, np.newaxis]
    assert change_point(values, generator(), steps).by_line == pytest.approx(1)
    assert change_point(values, generator()).by_line < 0.9


def test_no_change_has_a_reason():
    rng = generator(3)
    found = change_point(rng.normal(size=(6, 20)), generator())
    assert (found.split, found.low, found.high, found.why) == (None, None, None, NO_CHANGE)
    assert found.p_value > 0.05
    assert math.isnan(found.difference)
    few = change_point(step(4, 2, 5), generator())
    assert few.why == "5 prompts vary, and fewer than 6 cannot show a change"
    assert few.p_value == 2 / 32
    same = change_point(np.ones((4, 9)) * 0.3, generator())
    assert same.why == "0 prompts vary, and fewer than 6 cannot show a change"
    assert math.isnan(same.p_value)
    alone = change_point(np.ones((1, 9)), generator())
    assert (alone.why, alone.split) == ("one checkpoint alone", None)


def test_rounding_is_no_change():
    values = np.full((4, 8), 0.3)
    values[2:] = 0.1 + 0.2
    assert change_point(values, generator()).split is None


def test_undefined_values_move_nothing():
    values = step(6, 3, 8)
    # A prompt of another level that is there only before the change, and one with one value.
    values[3:, 7] = NAN
    values[1:, 6] = NAN
    values[0, 5] = NAN
    found = change_point(values, generator())
    assert (found.split, found.low, found.high) == (3, 3, 3)
    assert found.difference == pytest.approx(1)
    # 6 prompts vary: the last two never do.
    assert (found.n, found.p_value) == (6, 2 / 64)


def test_p_values_are_corrected_for_the_metrics_beside():
    weak = step(4, 2, 6)
    alone = change_point(weak, generator())
    first, second = change_points([weak, weak[:, ::-1]], generator())
    assert alone.split == 2
    assert (first.p_value, first.p_holm, first.why) == (2 / 64, 4 / 64, NO_CHANGE)
    assert second.p_holm == first.p_holm


def test_the_interval_widens_with_noise():
    noise = generator(5).normal(size=(8, 40))
    sharp, blurred = (change_point(step(8, 4, 40) + by * noise, generator()) for by in (0.3, 1.5))
    assert (sharp.low, sharp.split, sharp.high) == (4, 4, 4)
    assert blurred.low <= blurred.split <= blurred.high
    assert blurred.high - blurred.low > 0


@pytest.mark.parametrize(
    ("values", "steps", "said"),
    [
        ([[1.0, 2.0], [NAN, NAN]], None, "a defined value at every checkpoint"),
        ([[1.0, 2.0], [1.0, 2.0]], [1], "2 rising steps"),
        ([[1.0, 2.0], [1.0, 2.0]], [5, 5], "2 rising steps"),
        ([1.0, 2.0], None, "change_points"),
    ],
)
def test_what_cannot_be_read_is_refused(values, steps, said):
    with pytest.raises(ValueError, match=said):
        change_point(values, generator(), steps)


@settings(max_examples=30, deadline=None)
@given(st.integers(2, 6), st.integers(6, 9), st.floats(0, 0.3), seeds)
def test_it_is_least_squares(n_checkpoints, n_prompts, undefined, seed):
    rng = generator(seed)
    values = step(n_checkpoints, 1 + seed % (n_checkpoints - 1), n_prompts, by=4.0)
    values += rng.normal(size=values.shape)
    values[rng.random(values.shape) < undefined] = NAN
    # What is undefined altogether is left out beforehand.
    values[np.isnan(values).all(axis=1), 0] = 0.0
    steps = np.cumsum(rng.integers(1, 9, size=n_checkpoints)).tolist()
    found = change_point(values, generator(), steps)
    if found.split is not None:
        best, by_split, by_step, by_line = by_brute_force(values, steps)
        assert by_split[found.split] == pytest.approx(by_split[best])
        assert found.by_step == pytest.approx(by_step, abs=1e-6)
        assert found.by_line == pytest.approx(by_line, abs=1e-6)
        assert 1 <= found.low <= found.split <= found.high < n_checkpoints


@settings(max_examples=20, deadline=None)
@given(st.integers(2, 5), st.integers(1, 7), seeds)
def test_p_is_the_share_of_all_signs(n_checkpoints, n_prompts, seed):
    values = generator(seed).normal(size=(n_checkpoints, n_prompts))
    found = change_point(values, generator())
    assert found.p_value == pytest.approx(p_by_brute_force(values))


@settings(max_examples=10, deadline=None)
@given(st.floats(-5, 5), st.floats(0.1, 9), seeds)
def test_neither_levels_nor_units_nor_order_of_prompts_matter(shift, scale, seed):
    rng = generator(seed)
    values = step(5, 3, 20) + rng.normal(size=(5, 20))
    own = change_point(values, generator())
    other = change_point(scale * values + shift + rng.normal(size=20), generator())
    turned = change_point(values[::-1], generator())
    assert (own.split, own.low, own.high, own.p_value) == (
        other.split, other.low, other.high, other.p_value,
    )  # fmt: skip
    # Backwards the same change lies at the mirrored place.
    assert turned.split == (None if own.split is None else 5 - own.split)
    assert turned.p_value == own.p_value
