"""What `overton matcher` prints of matchers whose quality is known."""

import numpy as np
import pytest

from lm_eval_overton.errors import ScoringError
from lm_eval_overton.judge.verdicts import Verdict
from lm_eval_overton.matchers.gold import gold_responses
from lm_eval_overton.matchers.measuring import item_table, measure
from lm_eval_overton.matchers.table import MATCHERS

COSINES, RATINGS = MATCHERS["embedding"].thresholds, MATCHERS["judge"].thresholds
EVERY = gold_responses()
ANSWERS = [row for row in EVERY if row.kind != "probe"]
COVERED = {
    (row.response, viewpoint)
    for row in EVERY
    for viewpoint, covered in zip(row.viewpoints, row.covered, strict=True)
    if covered
}


class FakeMatcher:
    """Scores by a function of whether readers say that the viewpoint is covered."""

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


def lines(score):
    return list(measure(FakeMatcher(score), COSINES))


def sizes(rows):
    return f"{len(rows)} responses, {sum(sum(row.covered) for row in rows)} covered viewpoints"


def of(kind=("real", "planted"), split="report"):
    return [row for row in ANSWERS if row.kind in kind and row.split == split]


def values(found, name):
    """The numbers behind a name, for real and for planted answers."""
    return [line.partition(": ")[2] for line in found if line.startswith(f"  {name}: ")]


def test_a_perfect_matcher():
    found = lines(lambda covered: 0.7 if covered else 0.2)
    assert found[0] == "matcher: fake>=0.5"
    assert found[1].startswith("gold: 348 answers to 48 questions; kappa of the two annotators 0.9")
    assert found[2] == (
        f"best threshold on the calibration half ({sizes(of(split='calibrate'))}): 0.21"
    )
    assert f"real answers of the reporting half ({sizes(of(('real',)))}):" in found
    assert f"planted answers of the reporting half ({sizes(of(('planted',)))}):" in found
    for name in ("precision", "recall", "F1", "AUC within questions", "correlation over answers"):
        assert [own[:5] for own in values(found, name)] == ["1.000", "1.000"], name
    assert values(found, "rank agreement over 6 manners")[0].startswith("1.000")
    assert values(found, "counted as covered")[0] == (
        "expressed with its reason 1.000, position only 0.000, mentioned to be rejected 0.000, "
        "absent 0.000"
    )
    assert values(found, "coverage less that of readers") == ["0.000 [0.000, 0.000]"] * 2
    assert [line.partition(": ")[2] for line in found[-6:]] == [
        "coverage 0.000",
        "coverage 0.000",
        "coverage 0.000",
        found[-3].partition(": ")[2],
        "coverage moves by +0.000",
        "coverage moves by +0.000",
    ]
    [one, share] = [word.split()[-1] for word in found[-3].split(", ")]
    assert one == share


def test_a_matcher_that_finds_everything_has_all_recall_and_little_precision():
    found = lines(lambda covered: 0.5)
    # Everything is a match at any threshold up to the common score.
    assert found[2].endswith(": -1.00")
    real = of(("real",))
    hits = sum(sum(row.covered) for row in real)
    every = sum(len(row.covered) for row in real)
    assert values(found, "precision")[0].startswith(f"{hits / every:.3f} [")
    assert values(found, "recall")[0] == "1.000 [1.000, 1.000]"
    assert values(found, "AUC within questions")[0] == "0.500 [0.500, 0.500]"
    assert values(found, "echo") == values(found, "rejected") == ["coverage 1.000"]


def test_the_reporting_half_is_measured_at_the_matchers_own_threshold():
    # All below .5, though a threshold of .3 would tell them apart.
    found = lines(lambda covered: 0.4 if covered else 0.2)
    assert found[2].endswith(": 0.21")
    assert values(found, "precision")[0].startswith("nan [")
    assert values(found, "recall")[0] == "0.000 [0.000, 0.000]"


def test_the_table_of_items_has_a_line_for_each_viewpoint_of_a_real_answer():
    real = {(row.question_id, view) for row in EVERY if row.kind == "real"
            for view in row.viewpoints}  # fmt: skip
    head, rule, *rows = item_table()
    assert head.count("|") == rule.count("|") == 5
    assert {tuple(line.strip("| ").split(" | ")[:2]) for line in rows} == real
    assert len(rows) == len(real)


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
    lost = next(row for row in of(("real",)) if row.type == "long" and any(row.covered))
    rater = Rater({lost.response})
    found = list(measure(rater, RATINGS))
    assert found[2] == (
        f"left out: 1 of {len(EVERY)} responses, without a rating of every viewpoint "
        f"(verdicts: {len(EVERY) - 1} parsed, 1 refused, 0 unreadable, 0 failed)"
    )
    # 5 covers and 1 does not: the lowest threshold that tells them apart is 2.
    assert found[3].endswith(": 2.00")
    rest = [row for row in of(("real",)) if row != lost]
    assert f"real answers of the reporting half ({sizes(rest)}):" in found
    # What it covers is not missed.
    assert values(found, "recall")[0] == "1.000 [1.000, 1.000]"
    # All is asked at once, each response by its question.
    [prompts] = rater.calls
    assert len(prompts) == len(EVERY)
    assert all(prompt.endswith("?") for prompt in prompts)


def test_a_half_without_any_verdict_is_no_measurement():
    lost = {row.response for row in of()}
    with pytest.raises(ScoringError, match="got them on 174 and 0 responses"):
        list(measure(Rater(lost), RATINGS))
