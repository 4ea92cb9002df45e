"""Classes by a judge: what is asked, what its replies come to, what it leaves open."""

import json
from dataclasses import replace

import pytest

from lm_eval_overton.judge.judgements.classes import classes
from lm_eval_overton.judge.parse import parse
from lm_eval_overton.judge.verdicts import Verdict
from lm_eval_overton.matchers.equivalence.equivalence import Answers
from lm_eval_overton.matchers.equivalence.judged import JudgeEquivalence
from lm_eval_overton.metrics.measures import CLASSED, RATED, REGISTRY, bounded
from lm_eval_overton.metrics.metric import Need
from lm_eval_overton.metrics.ratings import HELPFULNESS_SOURCE, RATING_SOURCE
from lm_eval_overton.metrics.score import Bench, Prompt, score_prompts
from lm_eval_overton.metrics.verdicts import COUNTS
from lm_eval_overton.text.samples import clean
from tests.released import NoEncoder


def read(reply, count=4):
    return parse(classes(count), json.dumps(reply) if isinstance(reply, dict) else reply)


@pytest.mark.parametrize(
    ("groups", "expected"),
    [
        ([[1, 3], [2], [4]], [0, 1, 0, 2]),
        # In whatever order; the numbers are those of first appearance.
        ([[4], [2, 3], [1]], [0, 1, 1, 2]),
        # A number that is left out is a group by itself, one that is repeated is of the first.
        ([[1, 2]], [0, 0, 1, 2]),
        ([[1, 2], [2, 3], [4]], [0, 0, 1, 2]),
        ([[1, 2, 3, 4], []], [0, 0, 0, 0]),
    ],
)
def test_groups_become_labels(groups, expected):
    assert read({"reason": "r", "groups": groups}).value == expected


@pytest.mark.parametrize(
    "reply",
    [
        {"groups": []},
        {"groups": [[1, 2, 3, 4, 5]]},
        {"groups": [[0, 1]]},
        {"groups": [["a"]]},
        {"groups": [1, 2, 3, 4]},
        {"group": [[1]]},
        "They are all alike.",
    ],
)
def test_what_names_no_groups_is_unreadable(reply):
    assert read(reply).status == "unreadable"


class Grouper:
    """Puts together texts with the same first letter; fails where one says so."""

    signature = "grouper|text"

    def __init__(self):
        self.asked = []

    def ask(self, questions):
        self.asked += [tuple(question.texts["responses"]) for question in questions]
        return [self._verdict(question.texts["responses"]) for question in questions]

    def _verdict(self, texts):
        if any("lost" in text for text in texts):
            return Verdict("failed", None, None)
        order = {letter: i for i, letter in enumerate(dict.fromkeys(t[0] for t in texts))}
        return Verdict("parsed", [order[text[0]] for text in texts], "{}")


def test_equal_texts_are_shown_once_and_all_equal_ones_not_at_all():
    judge = Grouper()
    equivalence = JudgeEquivalence(judge)
    sets = [Answers(("ab", "b", "ab", "ac"), "p"), Answers(("x", "x"), "q"), Answers(("y",), "r")]
    equivalence.prepare([*sets, *sets])
    assert judge.asked == [("ab", "b", "ac")]
    assert [equivalence.labels(own) for own in sets] == [[0, 1, 0, 0], [0, 0], [0]]
    assert [len(equivalence.verdicts(own)) for own in sets] == [1, 0, 0]
    assert len(judge.asked) == 1
    assert equivalence.signature == "judge-1:grouper+text"


def scored(*raws, **changes):
    bench = Bench(3, (), NoEncoder(), 1, equivalence=JudgeEquivalence(Grouper()))
    bench = replace(bench, ratings=RATING_SOURCE, m=2, **changes)
    ratings = [Verdict("parsed", 4, "{}") for _ in raws]
    prompt = Prompt({"prompt": "p"}, [clean(raw) for raw in raws], verdicts={"rating": ratings})
    counts = [name for name in COUNTS if name.startswith("classes_") and "hill" not in name]
    names = [name for name in sorted(CLASSED | RATED) if not REGISTRY[name].judgement]
    bounds = bounded(names, {Need.CLASSES, Need.RATINGS})
    return score_prompts([prompt], [*names, *counts], bench, bounds)[0]


def test_a_verdict_decides():
    row = scored("aa", "b", "ac")
    assert row["distinct_k"] == row["distinct_k_worst"] == row["distinct_k_best"] == 2
    assert row["classes_parsed"] == 1
    assert row["utility_k"] == pytest.approx(4 * 1.8 / 2.44)


def test_a_lost_verdict_is_never_different():
    row = scored("aa", "b", "lost")
    assert row["distinct_k"] is row["utility_k"] is row["class_collision"] is None
    assert (row["distinct_k_worst"], row["distinct_k_best"]) == (1, 3)
    assert (row["top_class_share_worst"], row["top_class_share_best"]) == (1, pytest.approx(1 / 3))
    assert (row["class_collision_worst"], row["class_collision_best"]) == (1, 0)
    assert row["utility_k_worst"] == pytest.approx(4 / 2.44)
    assert row["utility_k_best"] == pytest.approx(4)
    assert row["classes_failed"] == 1


def test_a_scale_of_five_is_no_scale_of_ten():
    verdicts = [Verdict("parsed", {"helpfulness": 5}, "{}")] * 3
    prompt = Prompt({}, [clean("a"), clean("b"), clean("c")], verdicts={"quality": verdicts})
    bench = Bench(3, (), NoEncoder(), 1, ratings=HELPFULNESS_SOURCE)
    [row] = score_prompts([prompt], ["utility_k", "utility_share", "quality_mean"], bench)
    assert row == {"utility_k": None, "utility_share": 1, "quality_mean": 5}
