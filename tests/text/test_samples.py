import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lm_eval_overton.text.elicited import Eliciting
from lm_eval_overton.text.reasoning import Reasoning
from lm_eval_overton.text.samples import (
    STATUSES,
    Cleaning,
    Sample,
    clean,
    cut_share,
    status_share,
)

FENCE = ("```",)
ANSWER_ALONE = Cleaning(FENCE, summary_first=True)


@pytest.mark.parametrize(
    ("raw", "text", "status"),
    [
        ("An answer.\n```", "An answer.", "valid"),
        ("An answer.\r\n", "An answer.", "valid"),
        ("\n```\nmore", "", "empty"),
        ("", "", "empty"),
        (" \u00a0\r\n", "", "empty"),
        ("\0\0", "", "empty"),
        ("\u200b\u2060 \ufeff", "", "empty"),
        ("\0a", "\0a", "valid"),
        ("…", "…", "valid"),
        (None, "", "failed"),
        # A model may say this word; only null is a failure.
        ("None", "None", "valid"),
    ],
)
def test_a_response_gets_its_text_and_status(raw, text, status):
    assert clean(raw, FENCE) == Sample(raw, text, status)


def test_extraction_comes_before_the_cut():
    raw = "```summary```\n# Answer\n```yes ``` more"
    assert ANSWER_ALONE.sample(raw) == Sample(raw, "yes", "valid")


def test_a_response_without_its_answer_part_is_unparsed():
    assert ANSWER_ALONE.sample("no marker") == Sample("no marker", "", "unparsed")


def test_an_empty_answer_part_is_empty_not_unparsed():
    assert ANSWER_ALONE.sample("# Answer:\n```\n```").status == "empty"


def test_a_failed_response_is_not_extracted():
    assert ANSWER_ALONE.sample(None).status == "failed"


raws = st.none() | st.lists(st.sampled_from([*"a` \n", "# Answer"])).map("".join)


@given(raws, st.booleans())
def test_text_is_empty_unless_valid(raw, structured):
    sample = Cleaning(FENCE, structured).sample(raw)
    assert (sample.text != "") == (sample.status == "valid")
    assert sample.raw == raw


@pytest.mark.parametrize(
    "names",
    [
        ("query-summary-answer",),
        ("chat-summary-answer",),
        ("recorded", "overton_icl_summary_cot"),
        ("llama-2-icl-chat-summary-cot", "query-answer"),
    ],
)
def test_what_asks_for_a_summary_first_has_its_answer_scored_up_to_the_fence(names):
    assert Cleaning.of(["# Query"], *names) == ANSWER_ALONE


@pytest.mark.parametrize("names", [(), ("query-answer", "overton_icl_summary"), ("recorded", "")])
def test_of_any_other_response_all_is_scored_up_to_a_stop(names):
    assert Cleaning.of(["END", "```"], *names) == Cleaning(("END", "```"))


def test_share_of_one_status():
    # One of four failed.
    samples = [clean(raw, FENCE) for raw in ("a", None, "b", "```")]
    assert status_share(samples, "failed") == 0.25


def test_no_sample_has_no_status_share():
    assert math.isnan(status_share([], "valid"))


@given(st.lists(raws, min_size=1))
def test_status_shares_sum_to_one(responses):
    samples = [clean(raw, FENCE) for raw in responses]
    assert math.fsum(status_share(samples, s) for s in STATUSES) == pytest.approx(1.0)


def test_cut_share_counts_responses_that_lack_the_stop():
    # Four came, three of them end with the fence: one of four was cut.
    samples = [clean(raw, FENCE) for raw in ("a\n```", "b\n```", "c", None, "```")]
    assert cut_share(samples, FENCE) == 0.25


@pytest.mark.parametrize(
    ("raws", "stops"),
    [(["a", "b"], FENCE), (["a\n```"], ()), ([None], FENCE), ([], FENCE)],
)
def test_cut_share_is_unknown_where_no_response_holds_a_stop(raws, stops):
    assert math.isnan(cut_share([clean(raw, stops) for raw in raws], stops))


# ------------------------------------------------------------------------------- as it was written


@pytest.mark.parametrize(
    ("raw", "stops", "said"),
    [
        (" So it is.\n```\nmore", ("```",), " So it is.\n"),
        ("\n\nYes", (), "\n\nYes"),
        # What metrics compare is composed; what a tokenizer sees is what came.
        ("cafe\u0301\u200b ", (), "cafe\u0301\u200b "),
        # White space behind a thought is none of the answer's.
        ("<think>Why?</think>\n\nSince.\n", (), "Since.\n"),
    ],
)
def test_an_answer_is_kept_as_it_was_written(raw, stops, said):
    rule = Cleaning(stops)
    sample = rule.sample(raw)
    assert sample.is_valid
    assert rule.verbatim(sample) == said


def test_the_answer_behind_a_summary_begins_with_its_text():
    rule = Cleaning.of((), "query-summary-answer")
    raw = "# Summary:\n```\nIn short.\n```\n\n# Answer:\n```\nAt length.\n```\n"
    assert rule.verbatim(rule.sample(raw)) == "At length.\n"


def test_a_thought_that_was_opened_and_trimmed_is_as_the_sample_was_read():
    rule = Cleaning(reasoning=Reasoning(opened=True, trimmed=True))
    assert rule.verbatim(rule.sample("Since.", "stop")) == "Since."


def test_of_a_reply_with_several_answers_each_is_as_it_is_scored():
    rule = Cleaning(eliciting=Eliciting("list", 2))
    found = rule.samples(["1. One\n2. Two"])
    assert [rule.verbatim(sample) for sample in found] == [sample.text for sample in found]
    assert len(found) == 2
