"""Distributions over options: worked by hand, against SciPy, and as others publish them."""

import json
import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from scipy.spatial.distance import jensenshannon
from scipy.stats import entropy, wasserstein_distance

from lm_eval_overton.metrics.formulas import survey
from tests.conftest import SHARED

GOLDEN = SHARED / "golden"
golden = pytest.mark.skipif(not GOLDEN.is_dir(), reason="needs the published values")


def read(name):
    return json.loads((GOLDEN / name).read_text())


@st.composite
def pairs(draw):
    n = draw(st.integers(2, 8))
    weights = arrays(np.float64, n, elements=st.sampled_from([0, 0.1, 1, 2, 7.5]))
    found = [draw(weights.filter(lambda own: own.sum() > 0)) for _ in range(2)]
    return [own / own.sum() for own in found]


# ------------------------------------------------------------------------ from logs to an opinion


def test_shares_are_normalised_within_an_order_and_put_back_to_their_options():
    # Order 1 shows options 0 1 2, order 2 shows 1 2 0.
    logs = np.log([[0.4, 0.1, 0.1], [0.02, 0.03, 0.05]])
    shares = survey.label_shares(logs)
    assert shares == pytest.approx(np.array([[4, 1, 1], [1.2, 1.8, 3]]) / 6)
    own = survey.averaged(shares, [[0, 1, 2], [1, 2, 0]])
    assert own == pytest.approx(np.array([[4, 1, 1], [3, 1.2, 1.8]]) / 6)
    assert survey.answer_mass(logs) == pytest.approx((0.6 + 0.1) / 2)
    # (4 + 1.2) / 2 / 6 - 1 / 3
    assert survey.first_label_bias(shares) == pytest.approx(2.6 / 6 - 1 / 3)
    # Half the differences 1, .2 and .8 of sixths.
    assert survey.order_spread(own) == pytest.approx((0.5 + 0.1 + 0.4) / 6 / 3)
    assert survey.agreement(own) == 1


def test_labels_of_no_probability_that_a_float_can_hold_have_shares_all_the_same():
    assert survey.label_shares([[-2000, -2000 + math.log(3)]]) == pytest.approx(
        np.array([[0.25, 0.75]])
    )
    assert survey.answer_mass([[-2000, -2001]]) == 0
    assert np.isnan(survey.label_shares([[-math.inf, -math.inf]])).all()


def test_the_mass_of_what_rounds_to_more_than_all_is_all():
    assert survey.answer_mass([[math.log(0.6), math.log(0.5)]]) == 1


def test_refusals_are_split_off():
    assert survey.without([0.2, 0.2, 0.6], [2]) == pytest.approx([0.5, 0.5])
    assert survey.without([[0.1, 0.3, 0.6]], [0]) == pytest.approx(np.array([[1, 2]]) / 3)
    assert np.isnan(survey.without([0, 0, 1], [2])).all()


def test_one_order_has_no_spread_and_no_agreement():
    assert math.isnan(survey.order_spread([[0.5, 0.5]]))
    assert math.isnan(survey.agreement([[0.5, 0.5]]))


def test_orders_agree_as_far_as_one_option_wins():
    assert survey.agreement([[0.6, 0.4], [0.3, 0.7], [0.9, 0.1]]) == pytest.approx(2 / 3)
    # Both win in the second order, so that each has one and a half of two.
    assert survey.agreement([[0.6, 0.4], [0.5, 0.5]]) == 0.75


# ------------------------------------------------------------------------- between distributions


@given(pairs())
def test_distances_are_those_of_scipy(pair):
    p, q = pair
    js = jensenshannon(p, q, base=2)
    assert survey.js_distance(p, q) == pytest.approx(0 if math.isnan(js) else js, abs=1e-7)
    places = np.arange(len(p))
    expected = wasserstein_distance(places, places, p, q) / (len(p) - 1)
    assert survey.transport(p, q, places) == pytest.approx(expected, abs=1e-12)
    expected = entropy(p) / math.log(len(p))
    assert survey.normalised_entropy(p) == pytest.approx(expected, abs=1e-12)


@given(pairs(), st.randoms(use_true_random=False))
def test_the_order_of_options_changes_nothing(pair, rng):
    p, q = pair
    places = np.array([0.0, 1.0, 1.5, 4.0, 4.0, 7.0, 8.0, 9.0])[: len(p)]
    turn = list(range(len(p)))
    rng.shuffle(turn)
    for distance in (survey.js_distance, survey.total_variation):
        assert distance(p[turn], q[turn]) == pytest.approx(distance(p, q), abs=1e-12)
    again = survey.transport(p[turn], q[turn], places[turn])
    assert again == pytest.approx(survey.transport(p, q, places), abs=1e-12)
    assert survey.noise_floor(p[turn], 40, 1) == survey.noise_floor(p, 40, 1)
    assert survey.mode_match(p[turn], q[turn]) == pytest.approx(
        survey.mode_match(p, q), nan_ok=True
    )


@given(pairs())
def test_distances_lie_between_0_and_1_and_are_the_same_both_ways(pair):
    p, q = pair
    places = np.arange(len(p))
    for own in (
        survey.js_distance,
        survey.total_variation,
        lambda a, b: survey.transport(a, b, places),
    ):
        assert 0 <= own(p, q) <= 1 + 1e-12
        assert own(p, q) == pytest.approx(own(q, p), abs=1e-12)
        assert own(p, p) == pytest.approx(0, abs=1e-7)


def test_the_ends_of_a_scale_are_1_apart_however_its_steps_lie():
    for places in ([1, 2, 4], [4, 1, 2], [-1, 0, 0.5]):
        low, high = np.argmin(places), np.argmax(places)
        assert survey.transport(np.eye(3)[low], np.eye(3)[high], places) == 1
    # From 1 to 2 on a scale of 1 to 4.
    assert survey.transport([1, 0, 0], [0, 1, 0], [1, 2, 4]) == pytest.approx(1 / 3)


def test_many_distributions_are_compared_at_once():
    p, q = np.eye(3), np.full((3, 3), 1 / 3)
    assert survey.total_variation(p, q).shape == (3,)
    assert survey.js_distance(p, q[0]) == pytest.approx([jensenshannon(p[0], q[0], base=2)] * 3)


def test_gain_is_of_sums_and_undefined_where_all_are_uniform():
    # 1 - (.1 + .5) / (.2 + .8)
    assert survey.gain([0.1, 0.5], [0.2, 0.8]) == pytest.approx(0.4)
    assert survey.gain([0.2, 0.8], [0.2, 0.8]) == 0
    assert math.isnan(survey.gain([0.1], [0.0]))


# --------------------------------------------------------------------------- of a distribution


def test_the_people_s_mode_has_to_be_one():
    assert survey.mode_match([0.6, 0.4], [0.9, 0.1]) == 1
    assert survey.mode_match([0.4, 0.6], [0.9, 0.1]) == 0
    assert survey.mode_match([0.5, 0.5], [0.9, 0.1]) == 0.5
    assert math.isnan(survey.mode_match([0.4, 0.6], [0.5, 0.5]))
    assert math.isnan(survey.mode_match([math.nan, math.nan], [0.9, 0.1]))


def test_a_majority_takes_all():
    assert survey.one_hot([[0.2, 0.5, 0.3], [0.5, 0.5, 0]]).tolist() == [[0, 1, 0], [1, 0, 0]]


def test_samples_are_nearer_to_the_people_the_more_are_asked():
    people = [0.5, 0.3, 0.2]
    few, many = (survey.noise_floor(people, n, 1) for n in (20, 2000))
    assert 0 < many < few / 5 < 1
    assert survey.noise_floor(people, 20, 1) == few
    assert survey.noise_floor(people, 20, 2) != few
    assert survey.noise_floor([1, 0, 0], 20, 1) == 0


@settings(max_examples=30)
@given(st.integers(2, 9), st.floats(-20, -0.1), st.floats(0.1, 30))
def test_who_always_prefers_the_first_label_has_no_opinion(k, log, excess):
    orders = [[(label + turn) % k for label in range(k)] for turn in range(k)]
    logs = np.full((k, k), log - excess)
    logs[:, 0] = log
    shares = survey.label_shares(logs)
    own = survey.averaged(shares, orders)
    p = own.mean(axis=0)
    assert p == pytest.approx(survey.uniform(k))
    people = survey.one_hot(np.arange(k))
    of_uniform = survey.total_variation(survey.uniform(k), people)
    assert survey.gain(survey.total_variation(p, people), of_uniform) == pytest.approx(0, abs=1e-12)
    assert 0 < survey.first_label_bias(shares) <= 1 - 1 / k
    assert survey.order_spread(own) > 0
    assert survey.agreement(own) == pytest.approx(1 / k)


# --------------------------------------------------------------------------------- as published


@golden
def test_popfidelity_s_values():
    known = read("popfidelity_crosscheck.json")
    human, model = np.array(known["human"]), np.array(known["model"])
    close = {"abs": 1e-12}
    match = 1 - survey.js_distance(model, human)
    assert match == pytest.approx(known["globalopinionqa_similarity"], **close)
    scale = 1 - survey.transport(model, human, range(4))
    assert scale == pytest.approx(known["opinionqa_alignment"], **close)
    own = survey.total_variation(model, human)
    floor = survey.total_variation(survey.uniform(4), human)
    majority = survey.total_variation(survey.one_hot(human), human)
    means = {
        "total_variation": own.mean(),
        "uniform_baseline": floor.mean(),
        "majority_baseline": majority.mean(),
    }
    assert means == pytest.approx(known["meister_alignment"], **close)
    assert 100 * survey.gain(own, floor) == pytest.approx(known["simbench_score"], abs=1e-10)
    entropies = survey.normalised_entropy(model)
    assert entropies == pytest.approx(known["normalised_entropy"], **close)


@golden
def test_moral_choice_s_example():
    known = read("moralchoice_mp_example.json")
    for row in known["first5"]:
        distance = float(survey.js_distance(row["pred"], row["gold"]))
        assert distance == pytest.approx(row["js_base2"], abs=1e-12)
        natural = distance * math.sqrt(math.log(2))
        assert natural == pytest.approx(row["js_natural"], abs=1e-12)
    # The whole is of its halves, weighted by their rows, and its base is but a factor.
    halves = known["by"].values()
    whole = sum(half["n"] * half["js_distance_base2"] for half in halves) / known["n"]
    assert whole == pytest.approx(known["js_distance_base2"], abs=1e-12)
    assert known["js_distance_natural"] == pytest.approx(0.1932905, abs=1e-7)
    scale = math.sqrt(math.log(2))
    assert known["js_distance_base2"] * scale == pytest.approx(known["js_distance_natural"])


@golden
def test_floors_of_global_opinion_qa():
    known = read("globalopinionqa_small_baselines.json")
    rows = json.loads((SHARED / "peers" / "globalopinionqa_small.json").read_text())
    people = {}
    for row in rows:
        people.setdefault(row["question"], []).append(row["gold_distribution"])
    found = {"uniform": [], "majority": [], "others": [], "ceiling": []}
    for own in map(np.array, people.values()):
        found["uniform"].extend(1 - survey.js_distance(survey.uniform(own.shape[1]), own))
        found["majority"].extend(1 - survey.js_distance(survey.one_hot(own), own))
        found["ceiling"].extend(1 - survey.js_distance(own.mean(axis=0), own))
        others = (own.sum(axis=0) - own) / max(len(own) - 1, 1)
        found["others"].extend(1 - survey.js_distance(others, own) if len(own) > 1 else [])
    assert [len(people), len(found["uniform"])] == [known["questions"], known["rows"]]
    assert np.mean(found["uniform"]) == pytest.approx(known["match_uniform"], abs=1e-6)
    assert np.mean(found["majority"]) == pytest.approx(known["match_majority_onehot"], abs=1e-6)
    assert np.mean(found["ceiling"]) == pytest.approx(known["match_ceiling_unsteered"], abs=1e-6)
    assert len(found["others"]) == known["n_other"]
    assert np.mean(found["others"]) == pytest.approx(known["match_other_countries_mean"], abs=1e-6)
