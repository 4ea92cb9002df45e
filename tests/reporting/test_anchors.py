import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from lm_eval_overton.metrics.formulas.shared_spans import DECILES
from lm_eval_overton.reporting import anchors
from lm_eval_overton.reporting.anchors import anchor_curve, anchor_spans, utf16_length
from lm_eval_overton.runs.answers import Answers
from lm_eval_overton.runs.finished import TaskResult
from lm_eval_overton.settings.signature import short_hash
from lm_eval_overton.text.english import ENGLISH
from lm_eval_overton.text.samples import Cleaning
from lm_eval_overton.text.tokenizers import tokenizer_for
from tests.conftest import PAPER
from tests.released import FENCE, samples

COMMON = "All of us begin with the same ten words here,"
ENDS = ("then " + "one " * 10, "but " + "two " * 10, "and " + "six " * 10)


def result(n: int, prompts: int = 1, signature: str = "") -> TaskResult:
    return TaskResult(
        "task", "m", signature or f"task@1|n:{n}|tok:en", tuple(f"p{i}" for i in range(prompts)),
        {}, {}, ({},) * prompts, Path("r.json"),
    )  # fmt: skip


def answered(*sets: list[str | None]) -> Answers:
    keys = [f"p{i}" for i in range(len(sets))]
    return Answers(Path("a"), dict.fromkeys(keys, "?"), dict(zip(keys, sets, strict=True)))


# -------------------------------------------------------------------------------------- spans


def test_spans_are_what_half_of_the_others_say_too():
    texts = [f"{COMMON} {end}" for end in ENDS]
    # The comma after the last word in common is not a word.
    assert anchor_spans(texts, ENGLISH) == [[(0, len(COMMON) - 1)]] * 3


def test_what_one_of_four_others_says_is_no_anchor():
    assert anchor_spans([COMMON, COMMON, *ENDS], ENGLISH) == [[]] * 5


@pytest.mark.parametrize("texts", [[], [COMMON], ["Yes.", "Yes."]])
def test_one_text_has_no_anchors_and_neither_have_short_ones(texts):
    assert anchor_spans(texts, ENGLISH) == [[] for _ in texts]


def test_positions_count_as_browsers_do():
    texts = [f"😀 {COMMON} 😀 {COMMON} one", f"{COMMON} two"]
    end = len(COMMON) - 1
    # Two signs before the first, one sign and an emoji of two between the runs.
    assert anchor_spans(texts, ENGLISH)[0] == [(3, 2 * len(COMMON) + 6)]
    assert anchor_spans(texts, ENGLISH)[1] == [(0, end)]


@given(st.text(st.characters(), max_size=20))
def test_the_length_in_a_browser_is_that_in_utf_16(text):
    assert utf16_length(text) == len(text.encode("utf-16-le", "surrogatepass")) // 2


def test_a_script_without_spaces_has_anchors_too():
    texts = ["我们应该保护环境和动物的家园。", "我们应该保护环境和动物的家园吗?"]
    [[(first, last)], _] = anchor_spans(texts, tokenizer_for(["zh"]))
    assert first == 0
    assert last >= 10


# -------------------------------------------------------------------------------------- curve


def test_a_curve_is_the_mean_over_samples_of_their_tenths():
    # Ten of 21 words in common: of a first tenth of three words, then of two, all; 10 = 3 + 7 is
    # half of the fifth's. The fourth sample is too short to have tenths.
    raws = [f"{COMMON} {end}" for end in ENDS]
    curve = anchor_curve(result(4), answered([*raws, "Short."]), seed=1)
    assert curve.deciles.tolist() == [1, 1, 1, 1, 0.5, 0, 0, 0, 0, 0]
    assert curve.prompts == 1


def test_more_samples_than_n_give_the_chance_of_a_word_to_be_an_anchor():
    own = " ".join(str(i) for i in range(20))
    # Two of four share all; of n = 2 samples, one other is drawn of three.
    raws = [own, own, " ".join("a" * 20), " ".join("b" * 20)]
    curve = anchor_curve(result(2), answered(raws), seed=1)
    assert curve.deciles.tolist() == pytest.approx([1 / 3 / 2] * DECILES)


def test_prompts_with_too_few_samples_and_other_responses_do_not_count():
    raws = [f"{COMMON} {end}" for end in ENDS]
    few, other = [*raws[:2], None], ["elsewhere"] * 3
    found = answered(raws, few, raws)
    known = result(3, 3)
    known = replace(known, details=({"sha": short_hash(raws)}, {}, {"sha": short_hash(other)}))
    assert anchor_curve(known, found, seed=1).prompts == 1
    assert anchor_curve(known, answered(few, few, few), seed=1) is None


def test_a_signature_without_n_takes_the_samples_that_there_are():
    raws = [f"{COMMON} {end}" for end in ENDS]
    with_n, without = (
        anchor_curve(result(3, signature=signed), answered(raws), seed=1)
        for signed in ("task@1|n:3", "task@1")
    )
    assert with_n.deciles.tolist() == without.deciles.tolist()


def test_of_very_many_prompts_a_draw_is_enough(monkeypatch):
    monkeypatch.setattr(anchors, "MOST_PROMPTS", 3)
    raws = [f"{COMMON} {end}" for end in ENDS]
    assert anchor_curve(result(3, 9), answered(*[raws] * 9), seed=1).prompts == 3


GOLDEN = PAPER.parent / "golden" / "lima_oe_lexical_additions.json"


@pytest.mark.paper_data
@pytest.mark.skipif(not GOLDEN.is_file(), reason="no values of the released outputs")
@pytest.mark.parametrize(("model", "stops"), [("llama-2-base", FENCE), ("llama-2-chat", ())])
def test_the_curves_of_the_released_outputs(model, stops):
    raws = [[sample.raw for sample in own] for own in samples(model, stops)]
    answers = replace(answered(*raws), cleaning=Cleaning(stops))
    curve = anchor_curve(result(5, len(raws)), answers, seed=1)
    golden = json.loads(GOLDEN.read_text("utf-8"))[model]
    assert curve.deciles.tolist() == pytest.approx(golden["anchor_by_decile"], abs=1e-9)
    assert np.argmax(curve.deciles) == 0
