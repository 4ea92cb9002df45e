"""What hybrid is sure of stays; the rest a second matcher decides, or nobody."""

import logging
import math

import numpy as np
import pytest

from lm_eval_overton.errors import SettingsError
from lm_eval_overton.judge.verdicts import Verdict
from lm_eval_overton.matchers.hybrid import HybridMatcher
from lm_eval_overton.matchers.judge import JudgeMatcher
from lm_eval_overton.matchers.nli import NliMatcher
from lm_eval_overton.matchers.question import Matcher, ViewpointQuestion
from lm_eval_overton.matchers.staged import UNSURE, StagedMatcher
from lm_eval_overton.matchers.table import asks_judge, check_matcher, make_matcher
from lm_eval_overton.metrics.score import Bench, PromptView, details, score_prompts
from lm_eval_overton.settings.task import read_settings
from lm_eval_overton.text.words import Words
from tests.matchers.test_judge import FAILED, STATUSES, prompt
from tests.matchers.test_matchers import FakeEncoder, write_nli_model
from tests.released import MATCHED

LOW, HIGH = UNSURE
# By what a response says: how likely each of two viewpoints is.
CHANCES = {
    "sure": (0.95, 0.05),
    "half": (0.95, 0.5),
    "open": (0.6, 0.4),
    "lost": (0.95, 0.5),
    "edge": (HIGH, LOW),
    "none": (-math.inf, -math.inf),
}


class Proposer(Matcher):
    """Stands for hybrid: each response is a key of CHANCES."""

    signature = "proposer"
    threshold = 0.54
    tokenizer = None

    def scores(self, questions):
        return [np.array([CHANCES[text] for text in own.texts]) for own in questions]

    def split_with(self, tokenizer):
        self.tokenizer = tokenizer


class Rater:
    """Rates each viewpoint that it is asked of as `rating`, and fails on what is lost."""

    signature = "rater"

    def __init__(self, rating=4):
        self.rating = rating
        self.asked = []

    def ask(self, questions):
        self.asked += [(own.texts["response"], own.texts["viewpoints"]) for own in questions]
        return [
            FAILED
            if own.texts["response"] == "lost"
            else Verdict("parsed", [self.rating] * len(own.texts["viewpoints"]), "{}")
            for own in questions
        ]


def staged(rating=4):
    judge = Rater(rating)
    return StagedMatcher(Proposer(), JudgeMatcher(judge)), judge


def asked(*texts):
    return ViewpointQuestion(texts, ["for", "against"], "Should it be?")


def test_only_what_hybrid_is_unsure_of_is_asked_in_one_request_a_response():
    matcher, judge = staged()
    [scores] = matcher.scores([asked("sure", "half", "open", "edge", "none")])
    assert judge.asked == [
        ("half", ["against"]),
        ("open", ["for", "against"]),
        ("edge", ["against"]),
    ]
    assert scores.tolist() == [[0.95, 0.05], [0.95, 1], [1, 1], [HIGH, 1], [-math.inf] * 2]


@pytest.mark.parametrize(("rating", "decided"), [(1, 0), (3, 0), (4, 1), (5, 1)])
def test_the_second_matcher_decides_by_its_own_threshold(rating, decided):
    matcher, _ = staged(rating)
    [scores] = matcher.scores([asked("half")])
    assert scores.tolist() == [[0.95, decided]]


def test_nothing_is_asked_where_hybrid_is_sure_and_nothing_twice():
    matcher, judge = staged()
    for _ in range(2):
        matcher.scores([asked("sure", "half"), asked("half")])
    assert len(judge.asked) == 1
    assert matcher.verdicts([asked("sure")]) == []
    assert [own.status for own in matcher.verdicts([asked("half", "sure", "half")])] == [
        "parsed",
        "parsed",
    ]


def test_without_a_verdict_a_sample_is_unknown_and_bounds_say_so():
    matcher, _ = staged()
    [scores] = matcher.scores([asked("lost")])
    assert scores[0][0] == 0.95
    assert math.isnan(scores[0][1])
    bench = Bench(2, (), FakeEncoder(), 1, matcher)
    names = ["coverage_at_1", *(f"viewpoints_{status}" for status in STATUSES)]
    own = [prompt("a", "sure", "lost"), prompt("b", "lost")]
    row, other = score_prompts(own, names, bench, MATCHED)
    assert row["coverage_at_1"] == 0.5
    assert (row["coverage_at_1_worst"], row["coverage_at_1_best"]) == (0.25, 0.75)
    # One request: the other sample has no open viewpoint.
    assert [row[f"viewpoints_{status}"] for status in STATUSES] == [0, 0, 0, 1]
    assert other["coverage_at_1"] is None
    assert details(PromptView(own[0], bench), names)["covered"] == [[0], None]


def test_how_many_requests_it_takes_is_said_before_they_are_sent(caplog):
    said = []

    class Listening(Rater):
        def ask(self, questions):
            said.append([record.message for record in caplog.records])
            return super().ask(questions)

    matcher = StagedMatcher(Proposer(), JudgeMatcher(Listening()))
    with caplog.at_level(logging.INFO, "lm_eval.overton"):
        matcher.scores([asked("sure", "half"), asked("open", "half")])
        matcher.scores([asked("half")])
    first, again = said
    assert first == again
    assert first == [
        "staged: hybrid is unsure of 4 of 8 viewpoints; the second matcher decides: "
        "2 responses, a request each"
    ]


def test_its_settings_are_in_its_signature_and_its_language_reaches_both():
    matcher, _ = staged()
    assert matcher.signature == "staged:0.2..0.8:proposer:judge>=4.0:rater"
    assert (matcher.asks, matcher.encodes, matcher.threshold) == (True, True, 0.54)
    matcher.split_with(Words(("de",)))
    assert matcher.first.tokenizer == Words(("de",))


def settings(**metadata):
    own = read_settings({"matcher": "staged", **metadata}, "t")
    check_matcher(own, "t")
    return own


def test_a_judge_goes_before_an_nli_model(tmp_path):
    nli_model = write_nli_model(tmp_path / "tiny-nli")
    judge = {"model": "m"}
    by_judge = settings(judge=judge, nli_model=nli_model)
    assert asks_judge(by_judge)
    made = make_matcher("staged", FakeEncoder(), nli_model, 0.6, judge=Rater())
    assert isinstance(made.first, HybridMatcher)
    assert isinstance(made.second, JudgeMatcher)
    assert (made.threshold, made.second.threshold) == (0.6, 4)
    labels = {"model": "m", "mode": "loglikelihood"}
    assert not asks_judge(settings(judge=labels, nli_model=nli_model))
    made = make_matcher("staged", FakeEncoder(), nli_model)
    assert isinstance(made.second, NliMatcher)
    assert not made.asks
    [scores] = made.scores([ViewpointQuestion(["ab. ac."], ["ab", "cc", "bc"], "?")])
    assert np.all((scores <= LOW) | (scores >= HIGH))


def test_without_either_it_is_refused():
    with pytest.raises(SettingsError, match="expected a judge that writes or an nli_model"):
        settings()
    with pytest.raises(SettingsError, match="expected an nli_model, got none"):
        make_matcher("staged", FakeEncoder())
