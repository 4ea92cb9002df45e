import math

import pytest

from lm_eval_overton.judge.ask import GuardedJudge
from lm_eval_overton.judge.verdicts import Verdict
from lm_eval_overton.matchers.judge import JudgeMatcher
from lm_eval_overton.matchers.question import Matcher, ViewpointQuestion
from lm_eval_overton.metrics.score import Bench, Prompt, PromptView, details, score_prompts
from lm_eval_overton.metrics.verdicts import COUNTS
from lm_eval_overton.text.samples import clean
from tests.released import MATCHED, NoEncoder

VIEWS = [
    {"id": "y", "text": "Yes, it should.", "side": "yes"},
    {"id": "n", "text": "No, it should not.", "side": "no"},
]
TEXTS = [view["text"] for view in VIEWS]
FAILED = Verdict("failed", None, None)
STATUSES = ("parsed", "refused", "unreadable", "failed")


class Rater:
    """Rates the first viewpoint 5 and the second 1, and fails where the response says so."""

    signature = "rater"

    def __init__(self):
        self.asked = []

    def ask(self, questions):
        self.asked += [(q.texts["prompt"], q.texts["response"]) for q in questions]
        return [
            FAILED if "lost" in q.texts["response"] else Verdict("parsed", [5, 1], "{}")
            for q in questions
        ]


class Broken:
    signature = "broken"

    def ask(self, questions):
        raise OSError("disk full")


def prompt(name, *responses, reference=()):
    doc = {"id": name, "prompt": f"Should {name} be?", "viewpoints": VIEWS}
    return Prompt(doc, [clean(r) for r in responses], [clean(r) for r in reference])


def bench(judge):
    return Bench(2, (), NoEncoder(), 1, JudgeMatcher(judge))


def test_prompts_with_the_same_viewpoints_are_asked_by_their_own_question():
    judge = Rater()
    matcher = JudgeMatcher(judge)
    asked = [
        ViewpointQuestion(["a"], TEXTS, "Should voting?"),
        ViewpointQuestion(["a", "b"], TEXTS, "Should zoos?"),
    ]
    first, second = matcher.scores(asked)
    assert judge.asked == [("Should voting?", "a"), ("Should zoos?", "a"), ("Should zoos?", "b")]
    assert first.tolist() == [[5, 1]]
    assert second.tolist() == [[5, 1]] * 2


def test_nothing_is_asked_twice_and_verdicts_are_those_that_came():
    judge = Rater()
    matcher = JudgeMatcher(judge)
    asked = ViewpointQuestion(["a", "lost", "a"], TEXTS, "?")
    assert matcher.verdicts([asked]) == []
    for _ in range(2):
        [scores] = matcher.scores([asked])
    assert scores[0].tolist() == scores[2].tolist() == [5, 1]
    assert all(map(math.isnan, scores[1]))
    assert judge.asked == [("?", "a"), ("?", "lost")]
    assert [v.status for v in matcher.verdicts([asked])] == ["parsed", "failed", "parsed"]


def counted(prompts, judge, *names):
    names = [*names, *(f"viewpoints_{status}" for status in STATUSES)]
    return score_prompts(prompts, names, bench(judge), MATCHED)


def test_the_verdicts_that_matching_took_are_counted():
    row, other = counted(
        [prompt("a", "x", "lost", "x"), prompt("b", "lost too")], Rater(), "coverage_at_1"
    )
    # A missing verdict is no coverage of 0: what is known covers one of two viewpoints.
    assert row["coverage_at_1"] == 0.5
    assert [row[f"viewpoints_{s}"] for s in STATUSES] == [2, 0, 0, 1]
    assert other["coverage_at_1"] is None
    assert (other["coverage_at_1_worst"], other["coverage_at_1_best"]) == (0, 1)
    assert [other[f"viewpoints_{s}"] for s in STATUSES] == [0, 0, 0, 1]


def test_verdicts_on_the_reference_and_for_chance_are_counted_where_they_are_asked_for():
    prompts = [
        prompt("a", "x", "y", reference=["r", "lost"]),
        prompt("b", "z", reference=["s"]),
    ]
    judge = Rater()
    row, _ = counted(prompts, judge, "coverage_at_1")
    assert [row[f"viewpoints_{s}"] for s in STATUSES] == [2, 0, 0, 0]
    assert len(judge.asked) == 3
    row, _ = counted(prompts, Rater(), "coverage_at_1", "reference_coverage_at_1")
    # x and y, r and the lost one.
    assert [row[f"viewpoints_{s}"] for s in STATUSES] == [3, 0, 0, 1]
    row, _ = counted(prompts, Rater(), "coverage_at_1", "reference_coverage_at_1_chance")
    # Also z, which answers the other question.
    assert [row[f"viewpoints_{s}"] for s in STATUSES] == [4, 0, 0, 1]


def test_all_that_matching_takes_is_asked_at_once():
    calls = []

    class Counting(Rater):
        def ask(self, questions):
            calls.append(len(questions))
            return super().ask(questions)

    prompts = [prompt("a", "x", reference=["r"]), prompt("b", "y", reference=["s"])]
    names = ["coverage_at_1", "reference_coverage_at_1_chance"]
    own = bench(Counting())
    score_prompts(prompts, names, own, MATCHED)
    details(PromptView(prompts[0], own), names)
    # Each sample and reference sample for its own question, and each sample for the other one.
    assert [size for size in calls if size] == [6]


def test_another_matcher_has_no_verdicts():
    class Said(Matcher):
        threshold = 0.5
        signature = "said"
        asks = True

        def scores(self, questions):
            return JudgeMatcher(Rater()).scores(questions)

        def verdicts(self, questions):
            return []

    own = Bench(2, (), NoEncoder(), 1, Said())
    [row] = score_prompts([prompt("a", "x")], ["coverage_at_1", *COUNTS], own)
    assert row["coverage_at_1"] == 1
    assert row["viewpoints_parsed"] == 0


def test_a_judge_that_breaks_costs_its_matches_alone(caplog):
    [row] = counted([prompt("a", "x", "y")], GuardedJudge(Broken()), "coverage_at_1")
    assert row["coverage_at_1"] is None
    assert row["viewpoints_failed"] == 2
    assert "disk full" in caplog.text
    with pytest.raises(OSError, match="disk full"):
        counted([prompt("a", "x", "y")], Broken(), "coverage_at_1")
