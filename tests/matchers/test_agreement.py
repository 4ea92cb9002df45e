"""How well a matcher agrees with readers, by hand and against independent implementations."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats as scipy_stats
from sklearn.metrics import f1_score, precision_score, recall_score, roc_auc_score

from lm_eval_overton.matchers.agreement import (
    MEASURES,
    Judged,
    best_threshold,
    rank_agreement,
)
from lm_eval_overton.matchers.table import MATCHERS

COSINES, RATINGS = MATCHERS["embedding"].thresholds, MATCHERS["judge"].thresholds
BY_NAME = {measure.name: measure for measure in MEASURES}


def judged(scores, covered, threshold=0.5, group=""):
    scores = np.array(scores, dtype=float)
    return Judged(scores, scores >= threshold, np.array(covered, dtype=bool), group)


def random_questions(seed, n_answers=4):
    rng = np.random.default_rng(seed)
    return [
        [judged(rng.random(6), rng.random(6) < 0.5) for _ in range(n_answers)] for _ in range(8)
    ]


def flat(questions, name):
    return np.concatenate([getattr(own, name) for answers in questions for own in answers])


@pytest.mark.parametrize(
    ("name", "theirs"),
    [("precision", precision_score), ("recall", recall_score), ("F1", f1_score)],
)
def test_counts_over_all_questions_equal_scikit_learn(name, theirs):
    questions = random_questions(1)
    expected = theirs(flat(questions, "covered"), flat(questions, "found"))
    interval = BY_NAME[name].over(questions)
    assert interval.estimate == pytest.approx(expected)
    assert interval.low < expected < interval.high
    assert interval.n == 8


def test_auc_of_one_question_equals_scikit_learn():
    question = random_questions(2)[:1]
    expected = roc_auc_score(flat(question, "covered"), flat(question, "scores"))
    assert BY_NAME["AUC within questions"].over(question).estimate == pytest.approx(expected)


def test_auc_compares_within_questions_alone():
    # Within each question right; the second question's scores are all lower.
    questions = [[judged([0.9, 0.8], [True, False])], [judged([0.2, 0.1], [True, False])]]
    assert BY_NAME["AUC within questions"].over(questions).estimate == 1.0


def test_answers_without_a_sentence_score_alike():
    question = [[judged([-np.inf, -np.inf], [True, False])]]
    assert BY_NAME["AUC within questions"].over(question).estimate == 0.5


def test_shares_per_answer_by_hand():
    # The matcher finds 1, 1/2, 0; readers find 1/2, 1/2, 0.
    answers = [
        judged([1, 1], [True, False]),
        judged([1, 0], [True, False]),
        judged([0, 0], [False, False]),
    ]
    assert BY_NAME["coverage less that of readers"].over([answers]).estimate == pytest.approx(1 / 6)
    # Readers tell the third from the first and from the second, and so does the matcher.
    assert BY_NAME["pairs of answers in the right order"].over([answers]).estimate == 1.0
    # A tie where readers see a difference is half right.
    tied = [answers[0], judged([1, 1], [True, True])]
    assert BY_NAME["pairs of answers in the right order"].over([tied]).estimate == 0.5


@given(st.integers(0, 2**32 - 1))
def test_the_correlation_equals_scipy(seed):
    questions = random_questions(seed)
    found = [own.found.mean() for answers in questions for own in answers]
    covered = [own.covered.mean() for answers in questions for own in answers]
    expected = scipy_stats.pearsonr(found, covered).statistic
    actual = BY_NAME["correlation over answers"].over(questions).estimate
    assert actual == pytest.approx(expected, abs=1e-9)


def test_rank_agreement_equals_scipy_on_the_means_of_groups():
    groups = ("a", "b", "c", "d")
    rng = np.random.default_rng(5)
    questions = [
        # In any order.
        [judged(rng.random(6), rng.random(6) < 0.5, group=groups[i]) for i in rng.permutation(4)]
        for _ in range(8)
    ]
    means = {
        name: [
            np.mean([getattr(own, name).mean() for q in questions for own in q if own.group == g])
            for g in groups
        ]
        for name in ("found", "covered")
    }
    found, covered = (np.round(own, 9) for own in means.values())
    expected = scipy_stats.spearmanr(found, covered).statistic
    assert rank_agreement(groups).over(questions).estimate == pytest.approx(expected)


# ---------------------------------------------------------------------------- the best threshold


@pytest.mark.parametrize(
    ("scores", "covered", "best"),
    [
        # From .31 on the false alarm is gone: F1 is 1 up to .60.
        ([0.8, 0.6, 0.3], [True, True, False], 0.31),
        # A score equal to the threshold is a match: at .30 there is one, at .31 no more.
        ([0.3, 0.29], [True, False], 0.3),
        # Up to .20: 2 hits, 2 alarms, 4/6. From .21: 2 hits, 1 alarm, 4/5. From .41: 1 hit,
        # 1 alarm, 1 miss, 2/4. From .61: 1 hit, 1 miss, 2/3.
        ([0.7, 0.4, 0.6, 0.2], [True, True, False, False], 0.21),
        # Equal scores cannot be told apart: all are a match.
        ([0.5, 0.5], [True, False], -1.0),
        # -inf is no match at any threshold.
        ([-np.inf, 0.0], [False, True], -1.0),
        ([1.0, 0.99], [True, False], 1.0),
        ([-1.0, -1.0], [True, True], -1.0),
    ],
)
def test_the_best_threshold(scores, covered, best):
    assert best_threshold(scores, covered, COSINES) == pytest.approx(best)


def f1(scores, covered, threshold):
    hits = sum(c for s, c in zip(scores, covered, strict=True) if s >= threshold)
    found = sum(s >= threshold for s in scores)
    return 2 * hits / (found + sum(covered)) if found + sum(covered) else 0.0


@given(st.lists(st.tuples(st.floats(-1, 1), st.booleans()), min_size=1, max_size=8))
def test_no_lower_step_is_as_good_and_none_is_better(rows):
    scores, covered = zip(*[*rows, (0.5, True)], strict=True)
    best = best_threshold(scores, covered, COSINES)
    steps = [step / 100 for step in range(-100, 101)]
    values = {step: f1(scores, covered, step) for step in steps}
    assert values[best] == max(values.values())
    assert all(value < values[best] for step, value in values.items() if step < best)


@pytest.mark.parametrize(
    ("scores", "covered", "best"),
    [
        # All from 4 on are hits; at 3 there is an alarm.
        ([5, 4, 3, 1], [True, True, False, False], 4),
        # No rating lies below 1.
        ([1, 1], [True, True], 1),
        ([5, 4], [True, False], 5),
    ],
)
def test_the_best_of_the_ratings_is_a_rating(scores, covered, best):
    assert best_threshold(scores, covered, RATINGS) == best
