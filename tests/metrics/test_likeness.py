"""How near samples are to a reference's, worked by hand on content words."""

import math

import numpy as np
import pytest

from lm_eval_overton.metrics.likeness import KINDS, Likeness, shortened
from lm_eval_overton.metrics.score import Bench, Prompt, score_prompts
from lm_eval_overton.runs.responses import read_responses
from lm_eval_overton.text.samples import Cleaning, clean
from lm_eval_overton.text.token_match import PairScores
from tests.conftest import PAPER

LIMA = PAPER / "LIMA-OE" / "outputs"
SUMMARY_FIRST = Cleaning.of((), "query-summary-answer")


class Axes:
    """Encodes a text as the axis of its first letter: a or b."""

    def encode(self, texts):
        return np.array([[text[0] == "a", text[0] == "b"] for text in texts], float).reshape(-1, 2)


def likeness(own, references, **options):
    return Likeness(own, references, Axes(), **options)


# To "ant bee" and "ant cow dog": {ant} 1/2 and 1/3; {ant, bee} 1 and 1/4.
OWN, REFERENCES = ["ant", "ant bee"], ["ant bee", "ant cow dog"]


def test_a_mean_over_all_pairs():
    assert likeness(OWN, REFERENCES).of("jaccard") == pytest.approx((1 / 2 + 1 / 3 + 1 + 1 / 4) / 4)


def test_the_source_of_a_hint_does_not_count():
    assert likeness(OWN, REFERENCES, hint_source=0).of("jaccard") == pytest.approx(7 / 24)
    assert likeness(OWN, REFERENCES, hint_source=1).of("jaccard") == pytest.approx(3 / 4)
    assert math.isnan(likeness(OWN, ["ant bee"], hint_source=0).of("jaccard"))


def test_a_run_against_itself_leaves_out_self_pairs():
    texts = ["ant bee", "ant cow", "elk"]
    # 1/3 between the first two, both ways, and 0 in the four pairs with the third.
    same = likeness(texts, texts, same_run=True)
    assert same.of("jaccard") == pytest.approx(2 * (1 / 3) / 6)
    assert same.of("jaccard") == same.ceiling("jaccard")
    assert likeness(texts, texts).of("jaccard") == pytest.approx((2 / 3 + 3) / 9)


def test_the_ceiling_is_the_references_against_each_other():
    # {ant, bee} and {ant, cow, dog}: 1/4, and with {ant}: 1/2 and 1/3.
    three = [*REFERENCES, "ant"]
    assert likeness(["fox"], three).ceiling("jaccard") == pytest.approx((1 / 4 + 1 / 2 + 1 / 3) / 3)
    # Without the third as a column: each of the pairs (0,1), (1,0), (2,0), (2,1).
    reduced = likeness(["fox"], three, hint_source=2).ceiling("jaccard")
    assert reduced == pytest.approx((1 / 4 + 1 / 4 + 1 / 2 + 1 / 3) / 4)
    assert math.isnan(likeness(["fox"], ["ant"]).ceiling("jaccard"))


def test_the_other_kinds():
    own = likeness(["ant bee cow", "bee"], ["ant cow", "bee elk"])
    # Lengths 3 and 1 over 2 and 2.
    assert own.of("length_ratio") == pytest.approx((3 / 2 + 3 / 2 + 1 / 2 + 1 / 2) / 4)
    # LCS 2 of 3 and 2 words: 4/5; 1 of 3 and 2: 2/5; none; 1 of 1 and 2: 2/3.
    assert own.of("rouge_l") == pytest.approx((4 / 5 + 2 / 5 + 0 + 2 / 3) / 4)
    # On the axes a and b: 1, 0, 0 and 1.
    assert own.of("cosine") == pytest.approx(1 / 2)
    assert own.ceiling("cosine") == 0.0


@pytest.mark.parametrize("kind", KINDS)
def test_no_sample_is_undefined(kind):
    assert math.isnan(likeness([], ["ant"]).of(kind))
    assert math.isnan(likeness(["ant"], []).of(kind))
    assert math.isnan(likeness(["ant"], []).ceiling(kind))


def test_on_the_first_100_words_of_both():
    long = "ant " * 100
    own = likeness([long + "bee"], [long + "cow", "ant elk"])
    # {ant, bee} to {ant, cow} and {ant, elk}: 1/3 twice; shortened {ant} to {ant} and {ant, elk}.
    assert own.of("jaccard") == pytest.approx(1 / 3)
    assert own.of("jaccard", short=True) == pytest.approx((1 + 1 / 2) / 2)
    assert own.ceiling("jaccard", short=True) == pytest.approx(1 / 2)
    assert own.of("length_ratio", short=True) == pytest.approx((1 + 100 / 2) / 2)
    assert shortened([long + "bee", "ant"]) == [long.strip(), "ant"]


def test_bertscores_follow_the_same_rule_of_pairs():
    def scores(values):
        table = np.array(values, dtype=float)
        return PairScores(table, table / 2, table / 4)

    both = scores([[0.8, 0.4]]), scores([[1, 0.6], [0.6, 1]])
    bert = likeness(["ant"], REFERENCES, bert=both)
    assert bert.bertscore("precision") == pytest.approx(0.6)
    assert bert.bertscore("recall") == pytest.approx(0.3)
    assert bert.bertscore("f1") == pytest.approx(0.15)
    assert bert.bertscore_ceiling() == pytest.approx(0.15)
    hinted = likeness(["ant"], REFERENCES, bert=both, hint_source=0)
    assert hinted.bertscore("f1") == pytest.approx(0.1)


# --------------------------------------------------------------------------- through the scoring

BENCH = Bench(2, (), Axes(), 1234)


def scored(own, reference, *names, source=None):
    prompt = Prompt({}, [clean(t) for t in own], [clean(t) for t in reference], source)
    return score_prompts([prompt], names, BENCH)[0]


def test_an_index_among_all_reference_samples_becomes_one_among_the_valid():
    # The failed sample before it moves "ant bee" from 1 to 0.
    reference = [None, *REFERENCES]
    own = scored(OWN, reference, "jaccard", "jaccard_ceiling", source=1)
    assert own["jaccard"] == pytest.approx(7 / 24)
    # A source that is not valid, or not there, is in no pair anyway.
    every = scored(OWN, reference, "jaccard")["jaccard"]
    assert scored(OWN, reference, "jaccard", source=0)["jaccard"] == every
    assert scored(OWN, reference, "jaccard", source=9)["jaccard"] == every


def test_the_same_raw_responses_are_the_same_run():
    texts = ["ant bee", None, "ant cow"]
    row = scored(texts, texts, "jaccard", "jaccard_ceiling")
    assert row["jaccard"] == row["jaccard_ceiling"] == pytest.approx(1 / 3)
    # In another order they are another run.
    other = scored(["ant cow", "ant bee"], ["ant bee", "ant cow"], "jaccard")
    assert other["jaccard"] == pytest.approx((1 / 3 + 1 + 1 + 1 / 3) / 4)


def test_undefined_is_none():
    row = scored([None], ["ant"], "jaccard", "jaccard_ceiling", "jaccard_100w")
    assert row == {"jaccard": None, "jaccard_ceiling": None, "jaccard_100w": None}


# ----------------------------------------------------------------------- a summary, then an answer


@pytest.mark.parametrize(
    ("raw", "status", "text"),
    [
        ("Sum.\n```\n\n# Answer:\n```\nYes.\n```\n\n# Query:\n```\nWhy?", "valid", "Yes."),
        ("Sum.\n```\n\n# Answer:\n```\nYes. Cut at the lim", "valid", "Yes. Cut at the lim"),
        ("Sum.\n\n# Answer: Yes.", "valid", "Yes."),
        ("Sum.\n```\n\n# Answer:\n```\n\n```", "empty", ""),
        # Another query first: what it answers is not what was asked.
        ("Sum.\n```\n\n# Query:\n```\nB?\n```\n\n# Answer:\n```\nB.\n```", "empty", ""),
        ("Sum. The answer is yes.", "unparsed", ""),
        ("", "unparsed", ""),
    ],
)
def test_the_answer_after_a_summary(raw, status, text):
    sample = SUMMARY_FIRST.sample(raw)
    assert (sample.status, sample.text) == (status, text)


@pytest.mark.paper_data
def test_the_released_summaries_first():
    entries = read_responses(LIMA / "llama-2-icl-chat-summary-cot.jsonl").entries
    raws = [raw for entry in entries for raw in entry.responses]
    statuses = [SUMMARY_FIRST.sample(raw).status for raw in raws]
    counts = {status: statuses.count(status) for status in set(statuses)}
    # 24 hold no "# Answer" at all, 8 began another "# Query" before it.
    assert counts == {"valid": 218, "unparsed": 24, "empty": 8}
