"""The metrics of closed answers on samples as they come, and on probabilities."""

import math
from dataclasses import replace

import pytest

from lm_eval_overton.metrics.measures import reported_by
from lm_eval_overton.metrics.measures.closed_answers import (
    ANSWER_COLLISION,
    ANSWER_COVERAGE,
    ANSWER_ENTROPY,
    ANSWER_KL,
    ANSWER_MATCH,
    ANSWER_SET_MASS,
    ANSWER_VALIDITY,
    METRICS,
    TOP_ANSWER_SHARE,
    USABLE_UNIQUE,
)
from lm_eval_overton.metrics.metric import CLOSED, ENUMERABLE, EXACT
from lm_eval_overton.metrics.prompt import Prompt
from lm_eval_overton.metrics.score import score_prompts
from lm_eval_overton.text.samples import clean
from tests.metrics.test_registry import BENCH

DAYS = [["Monday", "Mon"], ["Tuesday"], ["Wednesday"], ["Thursday"]]
NAMES = [metric.name for metric in METRICS]


def scored(raws, n=4, **changes):
    doc = {
        "id": "q",
        "prompt": "Which day?",
        "answers": DAYS,
        "weights": changes.pop("weights", None),
    }
    prompt = replace(Prompt(doc, [clean(raw) for raw in raws]), **changes)
    return score_prompts([prompt], NAMES, replace(BENCH, n=n, matcher=None))[0]


def test_replies_are_matched_and_a_failed_request_is_no_reply():
    row = scored(["**Monday**.", "I'd pick Mon!", "Tuesday", "No idea", None])
    assert row[ANSWER_VALIDITY.name] == 3 / 4
    assert row[ANSWER_COVERAGE.name] == 2 / 4
    assert row[USABLE_UNIQUE.name] == 2 / 4
    assert row[TOP_ANSWER_SHARE.name] == pytest.approx(2 / 3)
    assert row[ANSWER_COLLISION.name] == pytest.approx(1 / 3)
    kl = 2 / 3 * math.log(8 / 3) + 1 / 3 * math.log(4 / 3)
    assert row[ANSWER_KL.name] == pytest.approx(kl)


def test_an_empty_reply_is_one_that_gives_no_answer():
    row = scored(["Monday", "", "<think>Monday or Tuesday", "Tuesday"])
    assert row[ANSWER_VALIDITY.name] == 2 / 4
    assert row[ANSWER_COVERAGE.name] == 2 / 4


def test_with_fewer_replies_what_depends_on_their_number_is_undefined():
    row = scored(["Monday", "Tuesday", None, None])
    assert row[ANSWER_VALIDITY.name] == 1
    assert row[ANSWER_COLLISION.name] == 0
    assert {name for name, value in row.items() if value is None} == {
        metric.name for metric in METRICS if metric.grows_with_n or EXACT in metric.tasks
    }


def test_with_more_replies_it_is_the_mean_over_draws_of_n():
    # Of the three pairs of Monday, Monday, Tuesday two hold both.
    row = scored(["Monday", "Monday", "Tuesday"], n=2)
    assert row[ANSWER_COVERAGE.name] == pytest.approx((1 / 4 + 2 / 4 + 2 / 4) / 3)


def test_without_a_valid_reply_all_but_validity_is_undefined():
    row = scored(["What?"] * 4)
    assert {name for name, value in row.items() if value is not None} == {ANSWER_VALIDITY.name}
    assert row[ANSWER_VALIDITY.name] == 0


def test_weights_say_what_is_to_be_matched():
    raws = ["Monday", "Monday", "Tuesday", "Wednesday"]
    assert scored(raws)[ANSWER_MATCH.name] < 0.8
    nearly = scored(raws, weights=[2, 1, 1, 1e-9])[ANSWER_MATCH.name]
    assert nearly == pytest.approx(1, abs=1e-4)


def test_probabilities_take_the_place_of_shares():
    row = scored([], answer_masses=[0.25, 0.25, 0, 0])
    assert row[ANSWER_SET_MASS.name] == 0.5
    assert row[ANSWER_ENTROPY.name] == pytest.approx(math.log(2) / math.log(4))
    assert row[ANSWER_KL.name] == pytest.approx(math.log(2))
    assert row[TOP_ANSWER_SHARE.name] == 0.5
    same = scored(["Monday", "Tuesday"], n=2)
    assert row[ANSWER_MATCH.name] == pytest.approx(same[ANSWER_MATCH.name])
    assert row[ANSWER_VALIDITY.name] is None


def test_where_no_answer_has_any_probability_only_their_mass_is_defined():
    row = scored([], answer_masses=[0.0, 0, 0, 0])
    assert {name: value for name, value in row.items() if value is not None} == {
        ANSWER_SET_MASS.name: 0
    }


def test_both_kinds_of_the_task_report_their_own():
    of_samples = [m.name for m in reported_by(ENUMERABLE) if m.family == CLOSED]
    exact = [m.name for m in reported_by(EXACT)]
    assert set(of_samples) | set(exact) == set(NAMES)
    assert set(of_samples) & set(exact) == {"answer_match", "answer_kl", "top_answer_share"}
    # One word is what is asked for.
    about = {m.name for m in reported_by(ENUMERABLE)} - set(NAMES)
    assert {"refusal_share", "cut_share", "failed_rate"} <= about
    assert not {"degenerate_share", "list_share", "unended_share"} & about
