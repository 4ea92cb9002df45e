from collections import Counter

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from lm_eval_overton.data import load_viewpoints
from lm_eval_overton.errors import ScoringError
from lm_eval_overton.judge.verdicts import Verdict
from lm_eval_overton.matchers.gold import best_threshold, gold_responses, measure
from lm_eval_overton.matchers.table import MATCHERS

COSINES, RATINGS = MATCHERS["embedding"].thresholds, MATCHERS["judge"].thresholds
# What a reader says: each response with the viewpoints that it covers.
COVERED = {
    (row["response"], viewpoint)
    for split in ("calibrate", "report")
    for row in gold_responses(split)
    for viewpoint, covered in zip(row["viewpoints"], row["covered"], strict=True)
    if covered
}


class FakeMatcher:
    """Scores by a function of whether a reader says that the viewpoint is covered."""

    signature = "fake>=0.5"
    threshold = 0.5

    def __init__(self, score):
        self.score = score

    def scores(self, questions):
        return [
            np.array([[self.score((text, view) in COVERED) for view in views] for text in texts])
            for texts, views, _ in questions
        ]

    def verdicts(self, questions):
        return []


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


# --------------------------------------------------------------------------------- the gold set


@pytest.mark.parametrize("split", ["calibrate", "report"])
def test_each_half_has_three_responses_to_ten_questions(split):
    rows = gold_responses(split)
    assert Counter(row["type"] for row in rows) == {
        "one_sided": 10,
        "balanced": 10,
        "off_topic": 10,
    }
    assert len({row["question_id"] for row in rows}) == 10


def test_the_labels_follow_the_order_of_the_viewpoints():
    docs = {doc["id"]: doc for doc in load_viewpoints("contested").docs}
    for row in gold_responses("report"):
        viewpoints = docs[row["question_id"]]["viewpoints"]
        assert row["viewpoints"] == [viewpoint["text"] for viewpoint in viewpoints]
        marked = [v["id"] for v, on in zip(viewpoints, row["covered"], strict=True) if on]
        assert sorted(marked) == sorted(row["covers"])


# ---------------------------------------------------------------------------- `overton matcher`


def lines(score):
    return list(measure(FakeMatcher(score), COSINES))


def marked(split, kind=None):
    return sum(sum(r["covered"]) for r in gold_responses(split) if kind in (None, r["type"]))


def test_a_perfect_matcher():
    assert lines(lambda covered: 0.7 if covered else 0.2) == [
        "matcher: fake>=0.5",
        f"best threshold on the calibration half (30 responses, {marked('calibrate')} covered "
        "viewpoints): 0.21",
        f"on the reporting half (30 responses, {marked('report')} covered viewpoints):",
        "  precision: 1.000 [1.000, 1.000]",
        "  recall: 1.000 [1.000, 1.000]",
        "  F1: 1.000 [1.000, 1.000]",
        f"  one_sided: {marked('report', 'one_sided')} found, 0 missed, 0 false alarms",
        f"  balanced: {marked('report', 'balanced')} found, 0 missed, 0 false alarms",
        "  off_topic: 0 found, 0 missed, 0 false alarms",
    ]


def test_a_matcher_that_finds_everything_has_all_recall_and_little_precision():
    found = lines(lambda covered: 0.5)
    rows = gold_responses("report")
    hits, every = marked("report"), sum(len(row["covered"]) for row in rows)
    off_topic = sum(len(row["covered"]) for row in rows if row["type"] == "off_topic")
    # Everything is a match at any threshold up to the common score.
    assert found[1].endswith(": -1.00")
    assert found[3].startswith(f"  precision: {hits / every:.3f} [")
    assert found[4] == "  recall: 1.000 [1.000, 1.000]"
    assert found[5].startswith(f"  F1: {2 * hits / (every + hits):.3f} [")
    assert found[-1] == f"  off_topic: 0 found, 0 missed, {off_topic} false alarms"


def test_the_reporting_half_is_measured_at_the_matchers_own_threshold():
    # All below .5, though a threshold of .3 would tell them apart.
    found = lines(lambda covered: 0.4 if covered else 0.2)
    assert found[1].endswith(": 0.21")
    assert found[3].startswith("  precision: nan [")
    assert found[4] == "  recall: 0.000 [0.000, 0.000]"
    assert found[6].endswith(f"0 found, {marked('report', 'one_sided')} missed, 0 false alarms")


class Rater(FakeMatcher):
    """Rates 5 what a reader finds and 1 the rest, and has no verdict on some responses."""

    signature = "rater>=4"
    threshold = 4

    def __init__(self, lost):
        super().__init__(lambda covered: 5.0 if covered else 1.0)
        self.lost = lost
        self.calls = []

    def scores(self, questions):
        self.calls.append([question.prompt for question in questions])
        known = super().scores(questions)
        for question, own in zip(questions, known, strict=True):
            if question.texts[0] in self.lost:
                own[:] = np.nan
        return known

    def verdicts(self, questions):
        texts = [question.texts[0] for question in questions]
        return [
            Verdict("refused", None, "") if text in self.lost else Verdict("parsed", [], "")
            for text in texts
        ]


def test_a_response_without_a_verdict_is_left_out_and_said():
    rows = gold_responses("report")
    lost = next(row for row in rows if row["type"] == "balanced" and any(row["covered"]))
    rater = Rater({lost["response"]})
    found = list(measure(rater, RATINGS))
    assert found[1] == (
        "left out: 1 of 60 responses, without a rating of every viewpoint "
        "(verdicts: 59 parsed, 1 refused, 0 unreadable, 0 failed)"
    )
    # 5 covers and 1 does not: the lowest threshold that tells them apart is 2.
    assert found[2].endswith(": 2.00")
    own = marked("report") - sum(lost["covered"])
    assert found[3] == f"on the reporting half (29 responses, {own} covered viewpoints):"
    # What it covers is not missed.
    assert found[5] == "  recall: 1.000 [1.000, 1.000]"
    balanced = marked("report", "balanced") - sum(lost["covered"])
    assert found[8] == f"  balanced: {balanced} found, 0 missed, 0 false alarms"
    # All is asked at once, each response by its question.
    [prompts] = rater.calls
    assert len(prompts) == 60
    assert all(prompt.endswith("?") for prompt in prompts)


def test_a_half_without_any_verdict_is_no_measurement():
    lost = {row["response"] for row in gold_responses("report")}
    lines_so_far = []
    with pytest.raises(ScoringError, match="got them on 30 and 0 responses"):
        lines_so_far += measure(Rater(lost), RATINGS)
