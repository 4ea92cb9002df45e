"""The stances by words as metrics of a prompt."""

import pytest

from lm_eval_overton.metrics.formulas.stance import STANCES
from lm_eval_overton.metrics.measures import REGISTRY
from lm_eval_overton.metrics.metric import COVERAGE
from lm_eval_overton.metrics.score import Bench, Prompt, score_prompts
from lm_eval_overton.text.english import ENGLISH
from lm_eval_overton.text.samples import clean
from lm_eval_overton.text.words import Words
from tests.released import NoEncoder

NAMES = [f"p_{stance}_words" for stance in STANCES]


def scored(raws, kind="yes_no", tokenizer=ENGLISH):
    doc = {"prompt": "Should cities ban cars from their centres?", "kind": kind}
    bench = Bench(5, (), NoEncoder(), 1, tokenizer=tokenizer)
    [row] = score_prompts([Prompt(doc, [clean(raw) for raw in raws])], NAMES, bench)
    return [row[name] for name in NAMES]


def test_shares_of_the_valid_samples_by_hand():
    both = "Supporters say that it makes the air cleaner. Critics answer that shops lose customers."
    # Two yes, one no, one both; the failed and the empty request count nowhere.
    assert scored(["Yes.", "Yes, they should.", "No.", both, None, " "]) == [0.5, 0.25, 0.25, 0.0]


@pytest.mark.parametrize("raws", [[], [None], [""]])
def test_without_a_valid_sample_they_are_undefined(raws):
    assert scored(raws) == [None] * 4


def test_they_are_undefined_where_yes_and_no_answer_nothing():
    assert scored(["Yes."], kind="open") == [None] * 4


@pytest.mark.parametrize("languages", [("de",), ("de", "en")])
def test_they_are_undefined_in_another_language(languages):
    assert scored(["Yes."], tokenizer=Words(languages)) == [None] * 4


def test_they_say_that_they_are_a_proxy_and_ask_no_judge():
    for name in NAMES:
        metric = REGISTRY[name]
        assert "proxy" in metric.says
        assert not metric.judgement
        assert metric.tasks == (COVERAGE,)
        assert metric.family == REGISTRY[name.removesuffix("_words")].family
