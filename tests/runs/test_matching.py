"""The lines of one prompt are joined, those of several stay apart, and nothing goes in silence."""

import re
import time
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lm_eval_overton.data import PromptSet
from lm_eval_overton.errors import DataError
from lm_eval_overton.runs.entries import Entry
from lm_eval_overton.runs.matching import match_prompts
from lm_eval_overton.runs.responses import Responses

PROMPTS = PromptSet("two", 1, "0", [{"id": "p1", "prompt": "Why?"}, {"id": "p2", "prompt": "How?"}])
TWINS = PromptSet("twins", 1, "0", [{"id": "a", "prompt": "Why?"}, {"id": "b", "prompt": "Why?"}])


def found(*entries, **more):
    return Responses(Path("r.jsonl"), list(entries), **more)


def test_lines_of_one_prompt_without_an_id_are_joined_and_it_is_said(caplog):
    entries = [Entry(None, prompt, [text]) for prompt, text in zip("ABAB", "wxyz", strict=True)]
    recorded = match_prompts(found(*entries), None)
    assert recorded.responses == {"line-0001": ["w", "y"], "line-0002": ["x", "z"]}
    assert caplog.messages == [
        "r.jsonl: 4 records are 2 prompts: the responses to one prompt are joined"
    ]


def test_finish_reasons_are_joined_beside_their_responses():
    one, other = Entry("i", "A", ["x", "y"]), Entry("i", None, ["z"], finish_reasons=["length"])
    recorded = match_prompts(found(one, other), None)
    assert recorded.responses == {"i": ["x", "y", "z"]}
    assert recorded.finish_reasons == {"i": [None, None, "length"]}


def test_one_prompt_with_several_ids_stays_apart_and_it_is_said(caplog):
    recorded = match_prompts(found(Entry("x", "A", ["a"]), Entry("y", "A", ["b"])), None)
    assert recorded.responses == {"x": ["a"], "y": ["b"]}
    assert caplog.messages == [
        "r.jsonl: 2 prompts have 1 different texts: those with ids of their own stay apart; give "
        "them one id, or none, to join their responses"
    ]


def test_prompts_of_one_text_are_told_apart_by_their_ids():
    entries = [Entry("b", "Why?", ["y"]), Entry("a", "Why?", ["x"])]
    assert match_prompts(found(*entries), TWINS).responses == {"b": ["y"], "a": ["x"]}


def test_prompts_of_the_file_that_were_not_asked_are_counted():
    recorded = match_prompts(found(Entry("p1", "Why?", ["a"]), Entry("q", "Who?", ["b"])), PROMPTS)
    assert (recorded.responses, recorded.left_out) == ({"p1": ["a"]}, 1)


@pytest.mark.parametrize(("n_samples", "n"), [(None, 3), (4, 4)])
def test_an_empty_list_is_as_many_failures_as_others_have_samples(caplog, n_samples, n):
    entries = [Entry(None, "A", []), Entry(None, "B", ["x"] * 3)]
    recorded = match_prompts(found(*entries, n_samples=n_samples), None)
    assert recorded.responses["line-0001"] == [None] * n
    told, *uneven = caplog.messages
    assert told == (
        f"r.jsonl: 1 of 2 prompts have an empty list of responses: each counts as {n} that failed"
    )
    assert len(uneven) == (n != 3)


@pytest.mark.parametrize(
    ("entries", "prompts", "message"),
    [
        ([Entry(None, "A", [])], None, "expected a response to at least one prompt, got empty"),
        (
            [Entry("x", "A", ["a"]), Entry("x", "B", ["b"])],
            None,
            "got 'x' more than once, for 'A' and 'B'; give each prompt an id of its own",
        ),
        (
            [Entry("x", "Why?", ["a"]), Entry("y", "why?", ["b"])],
            PROMPTS,
            "expected one id for the prompt p1 of two, got 'x' and 'y'; give lines of one prompt",
        ),
        (
            [Entry(None, "Why?", ["a"])],
            TWINS,
            "expected the id of one of the prompts a, b, which have one text, got None",
        ),
        (
            [Entry("p1", None, ["a"]), Entry(None, None, ["b"])],
            PROMPTS,
            'expected "id" or "prompt" in every line or in none, got some without',
        ),
        (
            [Entry(None, "A", ["a"]), Entry("line-0001", "B", ["b"])],
            None,
            "expected every id once, got 'line-0001' more than once",
        ),
    ],
)
def test_what_may_answer_two_prompts_is_refused(entries, prompts, message):
    with pytest.raises(DataError, match=re.escape(message)):
        match_prompts(found(*entries), prompts)


@given(st.lists(st.tuples(st.sampled_from("ABC"), st.none() | st.text()), min_size=1))
def test_no_response_is_lost_or_moved_by_joining(rows):
    entries = [Entry(None, prompt, [text]) for prompt, text in rows]
    recorded = match_prompts(found(*entries), None)
    by_prompt = {doc["prompt"]: recorded.responses[doc["id"]] for doc in recorded.prompts.docs}
    assert by_prompt == {
        prompt: [text for other, text in rows if other == prompt] for prompt, _ in rows
    }


@pytest.mark.parametrize("prompts", [None, PROMPTS])
def test_an_id_that_is_repeated_at_the_end_is_found_in_time(prompts):
    entries = [Entry(f"p{min(i, 49_998)}", f"{i}?", ["a"]) for i in range(50_000)]
    begin = time.process_time()
    with pytest.raises(DataError, match="got 'p49998' more than once"):
        match_prompts(found(*entries), prompts)
    assert time.process_time() - begin < 10


def test_prompts_with_unequal_numbers_of_responses_are_told(caplog):
    match_prompts(found(Entry("i", "A", ["x", "y"]), Entry("j", "B", ["x", None, "z"])), None)
    [message] = caplog.messages
    assert message.startswith("r.jsonl: from 2 to 3 responses to a prompt")


def test_equal_numbers_of_responses_are_nothing_to_tell(caplog):
    match_prompts(found(Entry("i", "A", ["x", "y"]), Entry("j", "B", ["x", None])), None)
    assert not caplog.messages
