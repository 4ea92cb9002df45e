import json
import math
from itertools import combinations
from statistics import mean

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from lm_eval_overton.metrics.formulas.against_reference import (
    chance_coverage,
    held_out_coverage,
    held_out_curve,
    missing_from_reference,
    reference_coverage_at_1,
    reference_coverage_at_n,
    reference_samples_worth,
    repeated_coverage,
    split_coverage,
)
from lm_eval_overton.metrics.formulas.coverage import (
    coverage_at_1,
    coverage_at_1_weighted,
    coverage_at_n,
    covered_units,
    overton_index,
    pool,
    stance_balance,
    units_at_1,
    units_at_n,
)
from lm_eval_overton.text.english import ENGLISH
from lm_eval_overton.text.forms import cut_at_stop
from tests.conftest import PAPER

SEED = 1234

unit_sets = st.lists(st.frozensets(st.integers(0, 7), max_size=6), max_size=6)


def matrix(*rows):
    return np.array([[c == "x" for c in row] for row in rows], dtype=bool)


def sets(*words):
    return [frozenset(word) for word in words]


def by_hand(sample_sets, units, n):
    """Coverage at n, by taking every subset."""
    return mean(
        len(units & frozenset().union(*chosen)) / len(units)
        for chosen in combinations(sample_sets, n)
    )


# Given units


def test_coverage_of_three_samples():
    covered = matrix("xx..", "x...", "..x.")
    # (2/4 + 1/4 + 1/4) / 3
    assert coverage_at_1(covered) == pytest.approx(1 / 3)
    # The last unit is covered by none.
    assert coverage_at_n(covered, 3) == 0.75
    # Pairs: {0,1} 2/4, {0,2} 3/4, {1,2} 2/4.
    assert coverage_at_n(covered, 2) == pytest.approx(7 / 12)
    # (1/3) / (3/4)
    assert overton_index(covered, 3) == pytest.approx(4 / 9)


def test_weighted_coverage_of_two_samples():
    # Of a weight of 8: 1 + 5, and 2.
    assert coverage_at_1_weighted(matrix("x.x", ".x."), [1, 2, 5]) == pytest.approx((6 + 2) / 8 / 2)
    assert coverage_at_1_weighted(matrix("...", "..."), [1, 2, 5]) == 0
    assert coverage_at_1_weighted(matrix("xxx"), [0.1, 0.2, 1e308]) == 1


@pytest.mark.parametrize("covered", [np.zeros((0, 3), bool), np.zeros((2, 0), bool)])
def test_weighted_coverage_of_no_sample_or_no_unit_is_undefined(covered):
    assert math.isnan(coverage_at_1_weighted(covered, [1.0] * covered.shape[1]))


@pytest.mark.parametrize(
    "weights", [[1, 2], [1, 2, 0], [1, 2, -1], [1, 2, math.inf], [1, 1, math.nan]]
)
def test_what_is_no_weight_for_each_unit_is_refused(weights):
    with pytest.raises(ValueError, match="expected a positive weight for each of the 3 units"):
        coverage_at_1_weighted(matrix("x.x"), weights)


tables = st.integers(1, 6).flatmap(
    lambda width: st.lists(
        st.lists(st.booleans(), min_size=width, max_size=width), min_size=1, max_size=5
    )
)


@given(tables, st.data())
def test_only_the_ratios_of_weights_matter_and_equal_ones_do_not(rows, data):
    covered = np.array(rows, dtype=bool)
    width = covered.shape[1]
    factor = data.draw(st.floats(1e-3, 1e3))
    assert coverage_at_1_weighted(covered, [factor] * width) == pytest.approx(
        coverage_at_1(covered)
    )
    weights = data.draw(st.lists(st.floats(1e-3, 1e3), min_size=width, max_size=width))
    found = coverage_at_1_weighted(covered, weights)
    assert found == pytest.approx(np.average(covered, axis=1, weights=weights).mean())
    assert coverage_at_1_weighted(covered, [factor * own for own in weights]) == pytest.approx(
        found
    )
    assert 0 <= found <= 1


def test_index_ends():
    assert overton_index(matrix("xx.", "xx.", "xx."), 3) == 1
    assert overton_index(matrix("x...", ".x..", "..x."), 3) == pytest.approx(1 / 3)


@pytest.mark.parametrize("covered", [np.zeros((0, 3), bool), np.zeros((3, 0), bool)])
def test_no_sample_or_no_unit_is_undefined(covered):
    assert math.isnan(coverage_at_1(covered))
    assert math.isnan(coverage_at_n(covered, 2))
    assert math.isnan(overton_index(covered, 2))


def test_fewer_than_n_samples_is_undefined_although_coverage_at_1_is_not():
    covered = matrix("x.", ".x")
    assert coverage_at_1(covered) == 0.5
    assert math.isnan(coverage_at_n(covered, 3))
    assert math.isnan(overton_index(covered, 3))


def test_nothing_covered_has_coverage_0_and_no_index():
    covered = matrix("..", "..")
    assert coverage_at_1(covered) == coverage_at_n(covered, 2) == 0
    assert math.isnan(overton_index(covered, 2))


def test_many_samples_stay_exact():
    # A unit held by one of N is met with chance n/N, one held by all but one with chance 1 if
    # n >= 2, and one held by half with chance 1 - C(N/2, n) / C(N, n).
    n_samples = 10_000
    covered = np.zeros((n_samples, 3), dtype=bool)
    covered[0, 0] = True
    covered[1:, 1] = True
    covered[: n_samples // 2, 2] = True
    for n in (2, 5, 300, 5_000):
        half = 1 - math.comb(n_samples // 2, n) / math.comb(n_samples, n)
        expected = (n / n_samples + 1 + half) / 3
        assert coverage_at_n(covered, n) == pytest.approx(expected, rel=1e-12)
    assert coverage_at_n(covered, n_samples) == 1


@pytest.mark.parametrize("covered", [np.ones((2, 2)), np.ones(2, dtype=bool)])
def test_only_boolean_matrices_are_taken(covered):
    with pytest.raises(ValueError, match="expected a boolean array of shape"):
        coverage_at_1(covered)
    with pytest.raises(ValueError, match="expected a boolean array of shape"):
        coverage_at_n(covered, 1)


def test_n_below_1_is_an_error():
    with pytest.raises(ValueError, match="expected at least 1 sample, got 0"):
        coverage_at_n(matrix("x"), 0)


# Sides


def test_balance_of_two_sides():
    # Union: 2 of 2 "yes" units, 1 of 4 "no" units; the "depends" unit is no side.
    covered = matrix("x.x....", ".x.....")
    sides = ["yes", "yes", "no", "no", "no", "no", "depends"]
    assert stance_balance(covered, sides) == 0.25
    # As a third side, "depends" would be the least covered: 0/1 against 2/2.
    assert stance_balance(covered, sides, neutral=()) == 0


def test_balance_compares_the_least_with_the_most_covered_side():
    # a 2/2, b 1/2, c 0/1.
    assert stance_balance(matrix("xxx.."), ["a", "a", "b", "b", "c"]) == 0
    assert stance_balance(matrix("xxx.x"), ["a", "a", "b", "b", "c"]) == 0.5


def test_balance_is_undefined():
    assert math.isnan(stance_balance(matrix("..x"), ["yes", "no", "depends"]))
    assert math.isnan(stance_balance(matrix("xx"), ["yes", "yes"]))
    assert math.isnan(stance_balance(np.zeros((0, 2), bool), ["yes", "no"]))


def test_balance_needs_a_side_for_each_unit():
    with pytest.raises(ValueError, match="expected one side for each of the 2 units, got 1"):
        stance_balance(matrix("xx"), ["yes"])


# Pooled units


def test_pool_holds_every_unit_once():
    covered = pool(sets("ab", "b", ""))
    assert covered.shape == (3, 2)
    assert sorted(covered.sum(axis=0)) == [1, 2]
    assert pool([]).shape == (0, 0)


def test_unit_counts():
    samples = pool(sets("ab", "b", ""))
    # (2 + 1 + 0) / 3 and the pairs {a,b}, {a,b}, {b}: (2 + 2 + 1) / 3.
    assert units_at_1(samples) == 1
    assert units_at_n(samples, 2) == pytest.approx(5 / 3)
    assert units_at_n(samples, 3) == 2


def test_no_sample_has_no_count_and_an_empty_response_has_no_unit():
    assert math.isnan(units_at_1(pool([])))
    assert math.isnan(units_at_n(pool([]), 1))
    without = pool(sets("", ""))
    assert units_at_1(without) == units_at_n(without, 2) == 0
    assert math.isnan(overton_index(without, 2))


# Against a reference run


def test_reference_of_four_units():
    reference = sets("ab", "bcd")
    samples = sets("ax", "by", "")
    # W = abcd: (1/4 + 1/4 + 0) / 3; pairs {a,b} 2/4, {a} 1/4, {b} 1/4.
    assert reference_coverage_at_1(samples, reference) == pytest.approx(1 / 6)
    assert reference_coverage_at_n(samples, reference, 2) == pytest.approx(1 / 3)
    assert reference_coverage_at_n(samples, reference, 3) == 0.5
    assert missing_from_reference(samples, reference, 3) == 0.5


def test_reference_is_undefined():
    assert math.isnan(reference_coverage_at_1([], sets("a")))
    assert math.isnan(reference_coverage_at_1(sets("a"), []))
    assert math.isnan(reference_coverage_at_1(sets("a"), sets("", "")))
    assert math.isnan(missing_from_reference(sets("a"), sets("a"), 2))


def test_baselines_of_three_reference_samples():
    reference = sets("ab", "bc", "c")
    at_1 = {"n_pool": 1, "n": 1, "seed": SEED}
    # Pools ab: b of "bc" 1/2, none of "c" 0 -> 1/4; bc: 1/2, 1/2 -> 1/2; c: 0, 1 -> 1/2.
    assert held_out_coverage(reference, **at_1) == pytest.approx(5 / 12)
    # The candidate "a", "bc" on the same pools: (1/2 + 1/2)/2, (0 + 1)/2, (0 + 1)/2.
    assert split_coverage(sets("a", "bc"), reference, **at_1) == pytest.approx(1 / 2)
    # Other prompts: "c" 0, 1/2, 1 -> 1/2; "x" 0; no sample: left out.
    others = [sets("c"), sets("x"), []]
    assert chance_coverage(others, reference, **at_1) == pytest.approx(1 / 4)
    # Two of the two remaining: ab 1/2, bc 1, c 1.
    curve = held_out_curve(reference, n_pool=1, seed=SEED)
    assert curve == pytest.approx([5 / 12, 5 / 6])
    assert held_out_curve(reference, n_pool=3, seed=SEED).shape == (0,)
    # "ab" alone covers 1, 1/2 and 0 of the three, "bc" 1/2, 1 and 1, "c" 0, 1/2 and 1. "abx"
    # repeats "ab", "abc" all three, of which "bc" covers most; "ac" repeats "c", and "a" none.
    for sample, covered in (("abx", 1 / 2), ("abc", 5 / 6), ("ac", 1 / 2), ("a", 5 / 12)):
        assert repeated_coverage(sets(sample), reference, n_pool=1, seed=SEED) == pytest.approx(
            covered
        )
    both = repeated_coverage(sets("abx", "a"), reference, n_pool=1, seed=SEED)
    assert both == pytest.approx((1 / 2 + 5 / 12) / 2)


def test_baselines_are_undefined():
    reference = sets("ab", "bc", "c")
    assert math.isnan(held_out_coverage(reference, n_pool=2, n=2, seed=SEED))
    assert math.isnan(split_coverage(sets("a"), reference, n_pool=2, n=2, seed=SEED))
    assert math.isnan(split_coverage(sets("a"), reference, n_pool=4, n=1, seed=SEED))
    assert math.isnan(split_coverage(sets("a"), sets("a", ""), n_pool=1, n=1, seed=SEED))
    assert math.isnan(chance_coverage([], reference, n_pool=1, n=1, seed=SEED))
    assert math.isnan(repeated_coverage([], reference, n_pool=1, seed=SEED))
    assert math.isnan(repeated_coverage(sets("ab"), reference, n_pool=3, seed=SEED))


def test_drawn_pools_follow_the_seed_and_come_near_all_pools():
    # C(12, 4) = 495 pools, more than are enumerated.
    rng = np.random.default_rng(SEED)
    reference = [frozenset(rng.choice(40, size=12).tolist()) for _ in range(12)]
    split = {"n_pool": 4, "n": 3}
    values = [held_out_coverage(reference, **split, seed=seed) for seed in (1, 1, 2)]
    assert values[0] == values[1] != values[2]
    every = mean(
        by_hand([reference[i] for i in range(12) if i not in chosen], pooled, 3)
        for chosen in combinations(range(12), 4)
        for pooled in [frozenset().union(*(reference[i] for i in chosen))]
    )
    assert values == pytest.approx([every] * 3, abs=0.01)


@pytest.mark.parametrize(
    ("answer", "worth"), [(0.0, 0), (0.1, 1), (0.3, 1), (0.31, 2), (0.5, 2), (0.51, math.nan)]
)
def test_worth_is_the_first_number_of_samples_that_reaches_the_answer(answer, worth):
    assert reference_samples_worth(answer, [0.3, 0.5]) == pytest.approx(worth, nan_ok=True)


def test_worth_is_undefined():
    assert math.isnan(reference_samples_worth(math.nan, [0.3]))
    assert math.isnan(reference_samples_worth(0.1, [math.nan]))
    assert math.isnan(reference_samples_worth(0.1, []))


# Properties


@given(unit_sets, st.integers(1, 6))
def test_closed_forms_equal_every_subset(samples, n):
    units = frozenset().union(*samples)
    defined = len(samples) >= n and bool(units)
    assert defined == (not math.isnan(coverage_at_n(pool(samples), n)))
    if defined:
        assert coverage_at_n(pool(samples), n) == pytest.approx(by_hand(samples, units, n))
        assert units_at_n(pool(samples), n) == pytest.approx(
            by_hand(samples, units, n) * len(units)
        )


@given(unit_sets, unit_sets, st.integers(1, 3), st.integers(1, 3))
def test_splits_equal_every_pair_of_disjoint_subsets(samples, reference, n_pool, n):
    own, candidate = [], []
    for chosen in combinations(range(len(reference)), n_pool):
        units = frozenset().union(*(reference[i] for i in chosen))
        remaining = [reference[i] for i in range(len(reference)) if i not in chosen]
        own.append(by_hand(remaining, units, n) if units and len(remaining) >= n else math.nan)
        candidate.append(by_hand(samples, units, n) if units and len(samples) >= n else math.nan)
    split = {"n_pool": n_pool, "n": n, "seed": SEED}
    assert held_out_coverage(reference, **split) == pytest.approx(
        np.mean(own) if own else math.nan, nan_ok=True
    )
    assert split_coverage(samples, reference, **split) == pytest.approx(
        np.mean(candidate) if candidate else math.nan, nan_ok=True
    )


@given(unit_sets, st.frozensets(st.integers(0, 9), min_size=1), st.frozensets(st.integers(0, 9)))
def test_a_further_sample_never_lowers_the_union(samples, units, further):
    covered = covered_units(samples, units)
    more = covered_units([*samples, further], units)
    if samples:
        assert coverage_at_n(more, len(more)) >= coverage_at_n(covered, len(covered))
    assert len(pool([*samples, further]).T) >= len(pool(samples).T)


@given(unit_sets)
def test_duplicating_every_sample_changes_neither_coverage(samples):
    units = range(8)
    once, twice = covered_units(samples, units), covered_units(samples * 2, units)
    assert coverage_at_1(twice) == pytest.approx(coverage_at_1(once), nan_ok=True)
    if samples:
        assert coverage_at_n(twice, len(twice)) == coverage_at_n(once, len(once))


@given(unit_sets, st.integers(1, 6), st.randoms())
def test_the_order_of_samples_and_units_does_not_matter(samples, n, random):
    shuffled = random.sample(samples, len(samples))
    units = random.sample(range(8), 8)
    once, other = covered_units(samples, range(8)), covered_units(shuffled, units)
    for function in (coverage_at_n, overton_index):
        assert str(function(once, n)) == str(function(other, n))
    assert str(coverage_at_1(once)) == str(coverage_at_1(other))


@given(unit_sets, st.integers(1, 6))
def test_index_range(samples, n):
    index = overton_index(pool(samples), n)
    assert math.isnan(index) or 1 / n - 1e-12 <= index <= 1 + 1e-12


@given(unit_sets, st.integers(1, 6))
def test_an_empty_response_covers_nothing(samples, n):
    units = range(8)
    covered = covered_units(samples, units)
    more = covered_units([*samples, frozenset()], units)
    assert coverage_at_1(more) == pytest.approx(
        covered.sum() / len(units) / (len(samples) + 1), nan_ok=True
    )
    if samples:
        assert coverage_at_n(more, len(more)) == coverage_at_n(covered, len(covered))


@given(unit_sets, st.integers(1, 3))
def test_curve_never_falls(reference, n_pool):
    curve = held_out_curve(reference, n_pool=n_pool, seed=SEED)
    assert np.isnan(curve).all() or (np.diff(curve) >= -1e-12).all()


@given(unit_sets, st.integers(1, 3), unit_sets)
def test_what_repeats_a_sample_and_adds_to_it_gains_by_what_it_adds_alone(
    reference, n_pool, further
):
    sizes = {"n_pool": n_pool, "seed": SEED}
    repeated = repeated_coverage(reference, reference, **sizes)
    # A run that is the reference has no advantage of being it, nor has one with other units more.
    assert not split_coverage(reference, reference, n=1, **sizes) > repeated + 1e-12
    padded = [own | {"x", "y"} for own in reference]
    assert repeated_coverage(padded, reference, **sizes) == pytest.approx(repeated, nan_ok=True)
    held_out = held_out_coverage(reference, n=1, **sizes)
    assert not repeated_coverage(further, reference, **sizes) < held_out - 1e-12


# The released outputs

needs_paper = pytest.mark.skipif(not PAPER.is_dir(), reason=f"{PAPER} is absent")


def released_words(model, stops=("```",)):
    lines = (PAPER / "LIMA-OE" / "outputs" / f"{model}.jsonl").read_text("utf-8").splitlines()
    cleaned = [[cut_at_stop(r, stops) for r in json.loads(line)["responses"]] for line in lines]
    return [[ENGLISH.content_words(text) for text in texts if text] for texts in cleaned]


@pytest.mark.paper_data
@needs_paper
@pytest.mark.parametrize(
    ("model", "stops", "index"),
    [
        ("llama-2-base", ("```",), 0.258),
        ("llama-2-icl", ("```",), 0.329),
        ("llama-2-icl-chat-summary", ("```",), 0.366),
        ("llama-2-chat", (), 0.378),
    ],
)
def test_index_of_released_outputs(model, stops, index):
    values = [overton_index(pool(words), 5) for words in released_words(model, stops)]
    assert np.nanmean(values) == pytest.approx(index, abs=1e-3)


@pytest.mark.paper_data
@needs_paper
def test_reference_numbers_of_released_outputs():
    base, chat = released_words("llama-2-base"), released_words("llama-2-chat", ())
    # One base response is empty, so 3 samples against 2 is defined for 49 of the 50 prompts.
    prompts = [i for i, words in enumerate(base) if len(words) == 5]
    assert len(prompts) == 49
    three_against_two = {"n_pool": 2, "n": 3, "seed": SEED}
    own = [held_out_coverage(base[i], **three_against_two) for i in prompts]
    of_chat = [split_coverage(chat[i], base[i], **three_against_two) for i in prompts]
    assert 1 - mean(own) == pytest.approx(0.665, abs=5e-4)
    assert 1 - mean(of_chat) == pytest.approx(0.506, abs=5e-4)

    one_answer = [reference_coverage_at_1(chat[i], base[i]) for i in prompts]
    assert mean(one_answer) == pytest.approx(0.289, abs=5e-4)
    # The mean over all other prompts. Taking one other prompt for each, at a fixed distance in
    # the list, gives .096 to .115 (spread .004) by the distance; .109 has been quoted.
    other = [
        chance_coverage(chat[:i] + chat[i + 1 :], base[i], n_pool=5, n=1, seed=SEED)
        for i in prompts
    ]
    assert mean(other) == pytest.approx(0.1047, abs=5e-4)
