import copy
import json
import math

import numpy as np
import pytest

from lm_eval_overton.errors import DataError
from lm_eval_overton.replicate import as_json, as_markdown, replicate
from lm_eval_overton.replicate.study import stops_of
from lm_eval_overton.text.encoder import Encoder
from lm_eval_overton.text.encoder_source import EncoderSource
from tests.replicate.trees import CONTENT, original, reshaped, write_lines
from tests.test_imports import loaded_after

BASE, CHAT = "llama-2-base", "llama-2-chat"
FIVE = "llama-2-icl-chat-5nn-prompt_similar"


@pytest.fixture(scope="module")
def tables(tmp_path_factory):
    """The tables of the small tree, of words only."""
    return replicate(reshaped(tmp_path_factory.mktemp("released"), CONTENT), encoder_name="")


def table_of(tables, title, dataset="LIMA-OE"):
    """The first table whose title begins so."""
    return next(t for t in tables if t.title.startswith(title) and t.dataset == dataset)


def cells(tables, title, row, dataset="LIMA-OE"):
    """The row of a table: values of its numbers, and what else it holds."""
    (found,) = [r.cells for r in table_of(tables, title, dataset).rows if r.name == row]
    return {column: getattr(cell, "value", cell) for column, cell in found.items()}


def test_what_came_is_counted(tables):
    assert cells(tables, "What came", FIVE) == {
        "samples": 10,
        "failed": 5,
        "unparsed": 0,
        "empty": 3,
        "prompts with duplicates": 0,
        "cut at the limit": 0,
    }
    # Four of the five answers to the first prompt are one word.
    assert cells(tables, "What came", BASE)["prompts with duplicates"] == 1


def test_diversity_by_hand(tables):
    # First prompt: of 10 pairs 6 are equal and 4 share nothing, 1 - 6/10 = .4; one word in 1
    # sample, 2 in 5, index 1/2. Second: nothing is shared, 1; 1 and 5 words, index 1/5.
    found = cells(tables, "Diversity", BASE)
    assert found["lexical diversity"] == pytest.approx((0.4 + 1) / 2)
    assert found["Overton index"] == pytest.approx((1 / 2 + 1 / 5) / 2)
    assert (found["words"], found["words in 1"], found["words in 5"]) == (1, 1, 3.5)
    assert (found["lists"], found["prompts"]) == (0, 2)


def test_metrics_of_five_samples_are_undefined_for_two(tables):
    # Two valid samples on one prompt: their diversity is defined, what five hold is not.
    found = cells(tables, "Diversity", FIVE)
    assert (found["lexical diversity"], found["prompts"]) == (1, 1)
    assert math.isnan(found["words in 5"])
    row = f"| {FIVE} | 1.000 | 1.0 | 0.000 | 1.0 |  |  | 1 |"
    assert row in as_markdown(tables)


def test_coverage_of_the_base_model_by_hand(tables):
    # One chat answer holds both base words of the first prompt and 2 of 5 of the second: .7. Of
    # two base samples it misses nothing, and 3/5 on average: .3. No word is on both prompts.
    chat = cells(tables, "What others cover", CHAT)
    assert chat["covered by 1"] == pytest.approx(0.7)
    assert chat["missing"] == pytest.approx(0.3)
    assert (chat["covered by chance"], chat["prompts"]) == (0, 2)
    # Of its own: in 4 of 10 splits `rest` is in the pool and half of it missing, .2; then all.
    base = cells(tables, "What others cover", BASE)
    assert base["missing"] == pytest.approx((0.2 + 1) / 2)


def test_quality_by_hand(tables):
    # (4 + 4 + 4 + 1 + 5) / 5 = 3.6 and (5 + 1 + 1 + 1) / 4 = 2, one N/A left out.
    found = cells(tables, "Quality", BASE)
    assert found["helpfulness"] == pytest.approx(2.8)
    assert (found["clarity"], found["N/A"]) == (3, "helpfulness 1")
    assert (found["judged per prompt"], found["not read"], found["prompts"]) == (5, 0, 2)
    assert cells(tables, "Quality", "llama-2-icl-chat")["helpfulness"] == 4.5
    (line,) = table_of(tables, "Quality").left_out
    assert line == f"Not judged: {FIVE}."


def test_missing_information_by_hand(tables):
    # (1 + 1 + 2 + 2 + 4) / 5 = 2 and 3 / 1 = 3. Ten verdicts, six read with the sum 13: with the
    # other four at 1 it is 17 / 10, at 5 it is 33 / 10.
    found = cells(tables, "Missing", BASE)
    assert found["new information"] == 2.5
    assert (found["from"], found["to"]) == (pytest.approx(1.7), pytest.approx(3.3))
    assert (found["not read"], found["prompts"]) == (4, 2)


def test_topics_by_hand(tables):
    # First prompt: shares (1/2, 1/4, 1/4) and (1, 0, 0), lists without a topic have none; the
    # numbers of topics are 4, 1, 0, 0, 0. Second prompt: one topic of both, helpfulness N/A.
    found = cells(tables, "Topics", BASE)
    assert found["topics"] == pytest.approx((1 + 1) / 2)
    assert found["only reference"] == pytest.approx((0.75 + 0) / 2)
    assert found["only model"] == pytest.approx((0.125 + 0) / 2)
    assert found["both"] == pytest.approx((0.125 + 1) / 2)
    # Of the reference's topics: (5 + 3 + 4) / 3, on the first prompt alone.
    assert found["helpfulness, only reference"] == pytest.approx(4)
    assert found["helpfulness, both"] == 4


def test_stance_by_hand(tables):
    # Both: 2/5 and 5/5. Bits: 2 * .4 * log2(2.5) + .2 * log2(5) = 1.5219 and 0.
    found = cells(tables, "Stance", "gpt-3.5-turbo", "ConflictingQA")
    assert found["both"] == pytest.approx(0.7)
    assert (found["yes"], found["no"], found["other"]) == (0.2, 0.1, 0)
    assert found["entropy"] == pytest.approx(1.5219 / 2, abs=1e-4)
    assert found["coverage"] == 1


def test_verdicts_are_counted_over_everything(tables):
    assert cells(tables, "What the judge said", "all", "") == {
        # 22 on quality, 10 each on missing information, topics and stance.
        "replies": 52,
        "parsed": 48,
        "refused": 4,
        "unreadable": 0,
        "failed": 0,
        # One helpfulness of a sample and five of topics.
        "N/A": 6,
    }


def test_quality_control_by_hand(tables):
    # First prompt: tea, tea, tea and rest pass, 3 of 6 pairs are equal: .5. Second: one passes.
    found = cells(tables, "Quality-controlled", BASE)
    assert found["samples passing"] == pytest.approx((0.8 + 0.2) / 2)
    assert (found["raw"], found["quality-controlled"]) == (pytest.approx(0.4), pytest.approx(0.5))
    assert found["prompts"] == 1
    # One judgement per prompt says nothing of the other samples.
    (line,) = table_of(tables, "Quality-controlled").left_out
    assert "llama-2-icl-chat" in line


def test_the_change_is_split_on_the_common_prompts(tables):
    # Chat's samples are all equal: 0 - .4 raw, 0 - .5 controlled, so that +.1 is explained.
    found = cells(tables, "Change", CHAT)
    assert found["raw change"] == pytest.approx(-0.4)
    assert found["explained by quality"] == pytest.approx(0.1)
    assert found["remaining"] == pytest.approx(-0.5)
    assert found["prompts"] == 1


def test_similarity_by_hand(tables):
    # One word of the chat answer's two: 1/2 on the first prompt; on the second 2 of 5 samples
    # hold one of its words, 2/5 * 1/2. The chat samples are all equal.
    base, chat = (cells(tables, "Similarity", model) for model in (BASE, CHAT))
    assert base["jaccard"] == pytest.approx((1 / 2 + 1 / 5) / 2)
    assert (chat["jaccard"], chat["prompts"]) == (1, 2)
    assert "cosine" not in base


def test_bertscores_with_and_without_self_pairs(tables):
    # With: (1 + .8 + .6) / 3 = .8 and 1.9 / 2 = .95; without: 1.4 / 2 = .7 and .9.
    found = cells(tables, "BERTScore", f"{CHAT} to {CHAT}")
    assert found["F1"] == pytest.approx(0.875)
    assert found["F1 without self"] == pytest.approx(0.8)
    assert found["prompts"] == 2


def test_what_is_not_there_is_said_in_a_line(tables):
    text = as_markdown(tables)
    for line in (
        "- No samples of llama-2-chat.",
        "- No replies in eval-quality.",
        "- No BERTScores.",
        "- No samples of gpt-3.5-turbo.",
        "- Cosine: no encoder was asked for.",
        "- LIMA-OE, llama-2-icl, Overton index: 0.329",
    ):
        assert f"\n{line}\n" in text, line


def test_a_dataset_that_is_not_there_is_said(tmp_path):
    only = {"ConflictingQA": CONTENT["ConflictingQA"]}
    text = as_markdown(replicate(reshaped(tmp_path, only), encoder_name=""))
    assert "## No data: LIMA-OE\n" in text
    assert "## Stance: ConflictingQA\n" in text


def test_both_layouts_give_the_same_tables(tmp_path, tables):
    found = replicate(original(tmp_path, CONTENT), encoder_name="")
    assert as_json(found) == as_json(tables)


def test_an_altered_answer_alters_the_tables(tmp_path, tables):
    content = copy.deepcopy(CONTENT)
    content["LIMA-OE"]["outputs"][BASE][0][0] = "soup\n```"
    assert as_json(replicate(original(tmp_path, content), encoder_name="")) != as_json(tables)


def test_a_summary_before_the_answer_is_cut_off(tmp_path):
    answer = "short\n```\n\n# Answer:\n```\nlong words\n```\n\n# Query:\n```\nmore\n```"
    content = copy.deepcopy(CONTENT)
    content["LIMA-OE"]["outputs"]["llama-2-icl-chat-summary-cot"] = [[answer] * 5, ["a"] * 5]
    tables = replicate(reshaped(tmp_path, content), encoder_name="")
    own = cells(tables, "What came", "llama-2-icl-chat-summary-cot")
    assert own["unparsed"] == 5
    # Its fences do not tell where the response ended.
    assert math.isnan(own["cut at the limit"])
    # `long words` against all of it, on the one prompt with an answer.
    assert cells(tables, "Diversity", "llama-2-icl-chat-summary-cot")["words"] == 2
    whole = cells(tables, "Diversity", "llama-2-icl-chat-summary-cot, summary left in")
    # 14 words and fences on the first prompt, 1 word on the second.
    assert whole["words"] == pytest.approx((len(answer.split()) + 1) / 2)


def test_the_hint_source_is_left_out_in_a_row_of_its_own(tmp_path):
    content = copy.deepcopy(CONTENT)
    content["LIMA-OE"]["outputs"][CHAT] = [["tea", "rest", "rest", "rest", "rest"]] * 2
    content["LIMA-OE"]["outputs"]["llama-2-icl-chat-summary"] = [fenced_rest()] * 2
    tables = replicate(reshaped(tmp_path, content), encoder_name="")
    # `rest` against one `tea` and four `rest`: 4/5, and 1 without sample 0.
    name = "llama-2-icl-chat-summary"
    assert cells(tables, "Similarity", name)["jaccard"] == pytest.approx(0.8)
    assert cells(tables, "Similarity", f"{name}, without the hint's source")["jaccard"] == 1


def fenced_rest():
    return ["rest\n```"] * 5


def test_a_model_whose_requests_all_failed_is_undefined(tmp_path):
    content = copy.deepcopy(CONTENT)
    content["LIMA-OE"]["outputs"]["llama-2-icl"] = [[None] * 5] * 2
    tables = replicate(original(tmp_path, content), encoder_name="")
    assert cells(tables, "What came", "llama-2-icl")["failed"] == 10
    assert math.isnan(cells(tables, "Diversity", "llama-2-icl")["lexical diversity"])
    assert math.isnan(cells(tables, "Similarity", "llama-2-icl")["jaccard"])
    assert math.isnan(cells(tables, "What others cover", "llama-2-icl")["covered by 1"])


@pytest.mark.parametrize(
    ("model", "stops"),
    [
        (BASE, ("```",)),
        ("llama-2-icl-gpt-3.5-rand", ("```",)),
        ("mistral-base", ("```",)),
        ("mistral", ("```",)),
        (CHAT, ()),
        ("gpt-3.5-turbo-summary-llama-2-chat", ()),
        ("mistral-instruct", ()),
        ("zephyr", ()),
    ],
)
def test_only_fenced_frames_are_cut(model, stops):
    assert stops_of(model) == stops


def test_a_malformed_file_is_named(tmp_path):
    reshaped(tmp_path, CONTENT)
    write_lines(tmp_path / "LIMA-OE/outputs/llama-2-base.jsonl", [{"responses": ["a"]}, ["b"]])
    with pytest.raises(DataError, match=r"llama-2-base.jsonl:2: expected a JSON object, got list"):
        replicate(tmp_path, encoder_name="")


def test_words_load_neither_the_harness_nor_a_model_library(tmp_path):
    reshaped(tmp_path, CONTENT)
    code = (
        "from pathlib import Path\n"
        "from lm_eval_overton.replicate import replicate\n"
        f"replicate(Path({str(tmp_path)!r}), '')"
    )
    assert loaded_after(code, "lm_eval", "torch", "transformers", "sentence_transformers") == []


def test_all_texts_are_encoded_in_one_call(tmp_path, monkeypatch):
    calls = []

    class Drawn(Encoder):
        def _encode_new(self, texts):
            calls.append(sorted(texts))
            return np.ones((len(texts), 1), dtype=np.float32)

    encoder = Drawn(EncoderSource("drawn", None, "test"))
    monkeypatch.setattr("lm_eval_overton.replicate._encoder", lambda name: encoder)
    content = copy.deepcopy(CONTENT)
    answer = "short\n```\n\n# Answer:\n```\nlong\n```"
    content["LIMA-OE"]["outputs"]["llama-2-icl-chat-summary-cot"] = [[answer] * 5, [None] * 5]
    replicate(reshaped(tmp_path, content))
    own = ["tea", "rest", "air", "cork", "hull", "wood", "water", "tea rest", "wood water"]
    assert calls == [sorted([*own, "oak", "fir", "long", answer, "yes", "no"])]


def test_with_an_encoder_meanings_are_measured_too(tmp_path):
    tables = replicate(reshaped(tmp_path, {"LIMA-OE": CONTENT["LIMA-OE"]}))
    chat, base = (cells(tables, "Diversity", model) for model in (CHAT, BASE))
    # Equal samples differ in nothing.
    assert chat["semantic diversity"] == pytest.approx(0, abs=1e-6)
    assert base["semantic diversity"] > 0.1
    assert cells(tables, "Similarity", CHAT)["cosine"] == pytest.approx(1)
    assert cells(tables, "Similarity", BASE)["gap, cosine"] == pytest.approx(0, abs=1e-9)
    assert "semantic diversity" in json.loads(as_json(tables))["tables"][2]["columns"]
