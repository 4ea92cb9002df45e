"""How a model chooses among known answers: by hand, by released numbers, and what always holds."""

import json
import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.spatial.distance import jensenshannon
from scipy.stats import entropy

from lm_eval_overton.metrics.formulas import closed_answers as closed
from lm_eval_overton.metrics.formulas.classes import collision
from tests.conftest import SHARED

GOLDEN = SHARED / "golden" / "coverageqa_gpt41_vs.json"
SIZE = 6
LABELS = st.lists(st.one_of(st.none(), st.integers(0, SIZE - 1)), max_size=30)
UNIFORM = closed.target(None, SIZE)


def released():
    return json.loads(GOLDEN.read_text())["rows"] if GOLDEN.exists() else []


@pytest.mark.skipif(not GOLDEN.exists(), reason="needs the golden values of CoverageQA")
@pytest.mark.parametrize("row", released(), ids=lambda row: row["question"])
def test_released_numbers_of_coverageqa(row):
    size, counts = row["answers"], row["correct_counts"]
    labels = [i for i, count in enumerate(counts) for _ in range(count)]
    labels += [None] * (row["responses"] - len(labels))
    wanted, own = row["recomputed"], closed.shares(labels, size)
    uniform = closed.target(None, size)
    assert closed.kl(own, uniform) == pytest.approx(row["released"]["kl"], abs=3e-10)
    assert closed.kl(own, uniform) == pytest.approx(wanted["kl"], abs=1e-12)
    assert closed.validity(labels) == pytest.approx(row["released"]["precision"], abs=1e-12)
    assert closed.coverage(labels, size) == pytest.approx(row["released"]["coverage_n"], abs=1e-12)
    distance = wanted["js_distance_base2_full_support"]
    assert closed.match(own, uniform) == pytest.approx(1 - distance, abs=1e-12)
    assert closed.top_share(own) == pytest.approx(wanted["top_answer_share"], abs=1e-12)
    assert collision(closed.valid(labels)) == pytest.approx(wanted["collision"], abs=1e-12)


def test_by_hand():
    # Four samples of three answers: twice the first, once the second, and what is none of them.
    labels = [0, None, 0, 1]
    assert closed.validity(labels) == 3 / 4
    assert closed.coverage(labels, 3) == 2 / 3
    assert closed.unique(labels) == 2 / 4
    # Four draws of three are expected to miss a third of (2/3)^3.
    assert closed.coverage_vs_uniform(labels, 3) == pytest.approx((2 / 3) / (1 - (2 / 3) ** 4))
    assert closed.shares(labels, 3).tolist() == [2 / 3, 1 / 3, 0]
    kl = 2 / 3 * math.log(2) + 1 / 3 * math.log(1)
    assert closed.kl(closed.shares(labels, 3), closed.target(None, 3)) == pytest.approx(kl)
    # What is wanted in these shares is had.
    weighted = closed.target([4, 2, 1e-9], 3)
    assert closed.match(closed.shares(labels, 3), weighted) == pytest.approx(1, abs=1e-4)


def test_one_answer_alone_matches_least():
    # 1 - JS distance of (1, 0, ..., 0) to uniform over 10.
    always = closed.shares([6] * 20, 10)
    by_scipy = 1 - jensenshannon(always, np.full(10, 0.1), base=2)
    assert closed.match(always, closed.target(None, 10)) == pytest.approx(by_scipy)
    assert closed.kl(always, closed.target(None, 10)) == pytest.approx(math.log(10))
    assert closed.top_share(always) == 1


def test_without_a_valid_sample_only_validity_is_defined():
    for labels in ([], [None, None]):
        own = closed.shares(labels, SIZE)
        undefined = [
            closed.coverage(labels, SIZE),
            closed.coverage_vs_uniform(labels or [None], SIZE),
            closed.unique(labels),
            closed.match(own, UNIFORM),
            closed.kl(own, UNIFORM),
            closed.top_share(own),
        ]
        assert all(map(math.isnan, undefined))
    assert closed.validity([None, None]) == 0
    assert math.isnan(closed.validity([]))


@given(LABELS, st.permutations(range(SIZE)))
def test_the_order_of_answers_and_samples_does_not_matter(labels, order):
    other = [None if label is None else order[label] for label in reversed(labels)]
    first, second = closed.shares(labels, SIZE), closed.shares(other, SIZE)
    for formula in (closed.match, closed.kl, lambda own, _: closed.top_share(own)):
        assert formula(first, UNIFORM) == pytest.approx(formula(second, UNIFORM), nan_ok=True)


@given(LABELS.filter(lambda own: any(label is not None for label in own)))
def test_divergences_are_those_of_scipy(labels):
    own = closed.shares(labels, SIZE)
    assert closed.kl(own, UNIFORM) == pytest.approx(entropy(own, UNIFORM), abs=1e-12)
    distance = np.nan_to_num(jensenshannon(own, UNIFORM, base=2))
    assert closed.match(own, UNIFORM) == pytest.approx(1 - distance, abs=1e-6)
    assert 0 < closed.coverage_vs_uniform(labels, SIZE) <= math.e / (math.e - 1)


@given(st.integers(2, 200), st.integers(1, 200))
def test_as_many_draws_as_can_be_all_different_are_at_most_158_percent_of_chance(size, n):
    labels = [i % size for i in range(n)]
    assert closed.coverage_vs_uniform(labels, size) < math.e / (math.e - 1)


# --------------------------------------------------------------------------- by their probabilities


def test_what_begins_with_another_name_is_taken_from_it():
    names = ["1", "10", "100", "2", "Niger", "Nigeria"]
    prefixes = closed.longest_prefixes(names)
    assert prefixes == [None, 0, 1, None, None, 4]
    masses = [0.5, 0.2, 0.125, 0.25, 0.0625, 0.0625]
    own = closed.own_masses(masses, prefixes)
    assert own == pytest.approx([0.3, 0.075, 0.125, 0.25, 0, 0.0625])
    assert math.fsum(own) == pytest.approx(0.8125)


def test_names_that_a_model_reads_alike_count_once():
    # Heads and heads are one to a model that reads small letters.
    prefixes = closed.longest_prefixes(["heads", "heads", "heads up", "tails"])
    assert prefixes == [None, 0, 1, None]
    assert closed.own_masses([0.5, 0.5, 0.25, 0.5], prefixes) == [0, 0.25, 0.25, 0.5]


@st.composite
def machines(draw):
    """A model of texts over two signs of at most four, and some of its texts."""
    texts = st.text("ab", min_size=1, max_size=4)
    names = draw(st.lists(texts, min_size=1, max_size=8, unique=True))
    steps = draw(st.lists(st.floats(0, 1), min_size=15, max_size=15))
    return names, steps


def probability(text, steps):
    """That a text begins so: at each node of the tree of texts one chance of an a."""
    node, mass = 0, 1.0
    for sign in text:
        mass *= steps[node] if sign == "a" else 1 - steps[node]
        node = 2 * node + (1 if sign == "a" else 2)
    return mass


@given(machines())
def test_masses_are_those_of_the_texts_of_which_a_name_is_the_longest_beginning(machine):
    names, steps = machine
    prefixes = closed.longest_prefixes(names)
    own = closed.own_masses([probability(name, steps) for name in names], prefixes)
    assert math.fsum(own) <= 1 + 1e-9
    # Every text of four signs belongs to the longest name with which it begins.
    every = [format(i, "04b").replace("0", "a").replace("1", "b") for i in range(16)]
    sums = dict.fromkeys(names, 0.0)
    for text in every:
        begun = [name for name in names if text.startswith(name)]
        if begun:
            sums[max(begun, key=len)] += probability(text, steps)
    assert own == pytest.approx(list(sums.values()), abs=1e-9)


def test_what_replies_state_is_averaged_over_the_replies_that_state_something():
    labels, said = [0, 1, 0, None, 1, None], [0.2, 0.2, 0.1, 0.9, None, None]
    assert closed.stated(labels, said, 2, 3) == pytest.approx([0.75, 0.25, 0])
    # An answer that is listed twice has both of its probabilities.
    assert closed.stated([1, 1], [0.2, 0.2], 2, 2) == pytest.approx([0, 1])
    assert np.isnan(closed.stated([0, None], [None, 0.5], 2, 2)).all()
    assert np.isnan(closed.stated([], [], 2, 2)).all()
