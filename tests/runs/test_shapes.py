"""The same responses in the shapes of many tools, and what is in none of them."""

import gzip
import json
import re

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lm_eval_overton.errors import DataError
from lm_eval_overton.runs.entries import Entry
from lm_eval_overton.runs.responses import read_responses
from tests.containers import lines, parquet

USER = {"role": "user", "content": "Why?"}
SYSTEM = {"role": "system", "content": "Be brief."}


def answer(content, **more):
    return {"role": "assistant", "content": content, **more}


def choice(content, reason="stop", **more):
    return {"index": 0, "message": answer(content, **more), "finish_reason": reason}


def batch(*choices, **more):
    body = {"id": "chatcmpl-1", "object": "chat.completion", "choices": list(choices)}
    return {
        "id": "batch_req_1",
        "custom_id": "p1",
        "response": {"status_code": 200, "body": body},
        "error": None,
        **more,
    }


CONTAINERS = {
    "lines": lines,
    "array": lambda rows: json.dumps(rows, indent=2).encode(),
    "object": lambda rows: json.dumps({"data": rows}).encode(),
    "gzip": lambda rows: gzip.compress(lines(rows), mtime=0),
    "parquet": parquet,
}


def read(folder, *rows, container="lines"):
    path = folder / "in.jsonl"
    path.write_bytes(CONTAINERS[container](rows))
    return read_responses(path).entries


SHAPES = {
    "our list": ({"prompt": "Why?", "responses": ["a", None]}, ["a", None], None),
    "reasons beside our list": (
        {"responses": ["a", "b", "c"], "finish_reasons": ["stop", None, "max_tokens"]},
        ["a", "b", "c"],
        ["stop", None, "length"],
    ),
    "novelty bench": (
        {"prompt": "Why?", "model": "m", "generations": ["a", "b"]},
        ["a", "b"],
        None,
    ),
    "one response": ({"prompt": "Why?", "response": "a"}, ["a"], None),
    "a failed one": ({"prompt": "Why?", "completion": None}, [None], None),
    "its reason": ({"prompt": "Why?", "text": "a", "finish_reason": "length"}, ["a"], ["length"]),
    "alpaca_eval": (
        {"instruction": "Why?", "output": "a", "generator": "m", "dataset": "d"},
        ["a"],
        None,
    ),
    "messages": ({"messages": [SYSTEM, USER, answer("a")]}, ["a"], None),
    "messages beside responses": ({"messages": [USER], "responses": ["a", "b"]}, ["a", "b"], None),
    "sharegpt": (
        {"conversations": [{"from": "human", "value": "Why?"}, {"from": "gpt", "value": "a"}]},
        ["a"],
        None,
    ),
    "chat": (
        {"choices": [choice("a"), choice("b", "length"), choice(None, "content_filter")]},
        ["a", "b", None],
        ["stop", "length", "content_filter"],
    ),
    "completions": ({"choices": [{"text": "a", "finish_reason": "stop"}]}, ["a"], ["stop"]),
    "a body beside a prompt": (
        {"prompt": "Why?", "response": {"choices": [choice("a")]}},
        ["a"],
        ["stop"],
    ),
    "thoughts beside the content": (
        {"choices": [choice("a", reasoning_content="t"), choice("b", reasoning="t")]},
        ["a", "b"],
        ["stop", "stop"],
    ),
    "parts": (
        {
            "choices": [
                choice([{"type": "thinking", "thinking": "t"}, {"type": "text", "text": "a"}])
            ]
        },
        ["a"],
        ["stop"],
    ),
    "a refusal": ({"choices": [choice(None, refusal="No.")]}, ["No."], ["stop"]),
    "anthropic": (
        {
            "id": "msg_1",
            "role": "assistant",
            "content": [{"type": "text", "text": "a"}],
            "stop_reason": "max_tokens",
        },
        ["a"],
        ["length"],
    ),
    "responses api": (
        {
            "id": "resp_1",
            "object": "response",
            "status": "completed",
            "output": [
                {"type": "reasoning", "summary": []},
                {"type": "message", "content": [{"type": "output_text", "text": "a"}]},
            ],
        },
        ["a"],
        ["stop"],
    ),
    "batch": (batch(choice("a"), choice("b")), ["a", "b"], ["stop", "stop"]),
    "a failed batch line": (batch(error={"code": "x"}, response=None), [], None),
    "ollama": (
        {"model": "m", "message": answer("a"), "done": True, "done_reason": "length"},
        ["a"],
        ["length"],
    ),
    "ollama's completion": (
        {"prompt": "Why?", "response": "a", "done_reason": "stop"},
        ["a"],
        ["stop"],
    ),
    "sglang": (
        {"text": "a", "meta_info": {"id": "1", "finish_reason": {"type": "length", "length": 5}}},
        ["a"],
        ["length"],
    ),
    "mt-bench": (
        {
            "question_id": 81,
            "choices": [{"index": 0, "turns": ["a"]}, {"index": 1, "turns": ["b"]}],
        },
        ["a", "b"],
        None,
    ),
    "tgi": (
        {
            "generated_text": "a",
            "details": {
                "finish_reason": "eos_token",
                "best_of_sequences": [{"generated_text": "b", "finish_reason": "length"}],
            },
        },
        ["a", "b"],
        ["stop", "length"],
    ),
    "a chat pipeline": ({"generated_text": [USER, answer("a")]}, ["a"], None),
}
# A table has one type for the parts of a message.
ODD_IN_TABLES = {"parts", "responses api", "a refusal"}


@pytest.mark.parametrize("name", SHAPES)
@pytest.mark.parametrize("container", CONTAINERS)
def test_the_samples_of_each_shape_in_each_container(tmp_path, name, container):
    row, responses, reasons = SHAPES[name]
    if container == "parquet" and name in ODD_IN_TABLES:
        pytest.skip("no table holds it")
    [entry] = read(tmp_path, row, container=container)
    assert (entry.responses, entry.finish_reasons) == (responses, reasons)


@pytest.mark.parametrize("name", [name for name in SHAPES if "Why?" in str(SHAPES[name][0])])
def test_the_prompt_is_found_beside_the_samples(tmp_path, name):
    row = SHAPES[name][0]
    [entry] = read(tmp_path, row)
    assert entry.prompt == (None if "generated_text" in row else "Why?")


def test_a_batch_is_known_by_its_own_ids_and_a_reply_has_none(tmp_path):
    reply = {"id": "chatcmpl-1", "choices": [choice("a")]}
    entries = read(tmp_path, batch(choice("a")), reply, SHAPES["anthropic"][0])
    assert [entry.id for entry in entries] == ["p1", None, None]


@pytest.mark.parametrize(
    ("row", "message"),
    [
        (
            {"prompt": "Why?"},
            "strings and nulls, got the keys prompt; where a line has one, call it",
        ),
        ({"output": "a", "response": "b"}, "got response and output; name the one that is meant"),
        ({"response": 7}, 'expected "response" to be a string or null, got int 7; write the'),
        ({"response": {"x": 1}}, "got dict {'x': 1}; write the text itself"),
        ({"generations": ["a", 7]}, "got int 7 at index 1; write the text itself"),
        ({"generations": [["a"]]}, "got list ['a'] at index 0"),
        (
            {"messages": [USER]},
            "messages that end with the assistant's, got one of user at the end",
        ),
        (
            {"messages": [USER, answer("a"), USER, answer("b")]},
            "exactly one user message, got 2 (user, assistant, user, assistant)",
        ),
        ({"choices": ["a"]}, 'to hold a "message", a "text" or one turn, got \'a\'; give the'),
        ({"choices": [{"turns": ["a", "b"]}]}, "or one turn, got {'turns': ['a', 'b']}; give the"),
        ({"choices": [{"turns": [7]}]}, 'expected "turns" to be a list of strings and nulls, got'),
        ({"role": "prompter", "text": "a"}, "the response of a model, got a message of 'prompter'"),
        ({"role": "system", "text": "a"}, "the response of a model, got a message of 'system'; wr"),
        (
            {"message": answer("a"), "response": 7},
            'expected "response" to be a string or null, got',
        ),
        ({"choices": [choice(7)]}, 'expected "content" to be a string, got 7'),
        ({"choices": [choice([{"type": "image_url"}])]}, "got a part {'type': 'image_url'}; only"),
        ({"responses": ["a"], "finish_reasons": []}, "one for each of 1 responses, got 0 of them"),
        ({"responses": ["a"], "finish_reasons": "stop"}, "of 1 responses, got 'stop'"),
        ({"id": 1.5, "response": "a"}, 'expected "id" to be a string or an integer, got 1.5'),
        (batch(response={"body": {"x": 1}}), 'expected a reply with "choices", got one with x'),
    ],
)
def test_what_holds_no_responses_is_named_in_one_line(tmp_path, row, message):
    with pytest.raises(DataError, match=re.escape(message)) as caught:
        read(tmp_path, {"prompt": "How?", "responses": ["a"]}, row)
    assert str(caught.value).startswith(f"{tmp_path / 'in.jsonl'}:2: expected ")
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("key", ["generator", "model"])
def test_answers_of_several_models_are_no_samples_of_one(tmp_path, key):
    rows = [{"instruction": "Why?", "output": "a", key: name} for name in "xyx"]
    with pytest.raises(DataError, match=f"of one model, got 2 under \"{key}\": 'x, y'; put each"):
        read(tmp_path, *rows)


texts = st.none() | st.text()


@settings(deadline=None, max_examples=50)
@given(
    rows=st.lists(
        st.builds(
            lambda i, prompt, own: {"id": i, "prompt": prompt, "responses": own},
            st.integers(-9, 9),
            st.text(),
            st.lists(texts),
        ),
        min_size=1,
        max_size=4,
    )
)
def test_the_entries_are_the_same_in_every_container(tmp_path_factory, rows):
    folder = tmp_path_factory.mktemp("shapes")
    expected = [Entry(str(row["id"]), row["prompt"], row["responses"]) for row in rows]
    for container in CONTAINERS:
        assert read(folder, *rows, container=container) == expected
