"""What a record asks, under whatever name; where it may be one of several, one line says so."""

import json
import re

import pytest

from lm_eval_overton.data import load_prompts
from lm_eval_overton.data.asked import content_text, identifier, prompt_of
from lm_eval_overton.errors import DataError

USER = {"role": "user", "content": "Why?"}


@pytest.mark.parametrize(
    "record",
    [
        {"prompt": "Why?", "messages": "of another kind", "question": 7},
        {"messages": [USER]},
        {"messages": [{"role": "user", "content": [{"type": "text", "text": "Why?"}]}]},
        {"messages": [USER, {"role": "assistant", "content": "So."}], "question": "How?"},
        {"conversations": [{"from": "human", "value": "Why?"}, {"from": "gpt", "value": "So."}]},
        {"turns": ["Why?"], "question_id": 81},
        {"instruction": "Why?", "input": "", "output": "So."},
        {"question": "Why?"},
        {"query": "Why?"},
        {"input": "Why?"},
        {"custom_id": "a", "body": {"messages": [{"role": "system", "content": "B"}, USER]}},
        {"request": {"messages": [USER]}, "response": {}},
    ],
)
def test_a_prompt_is_found_where_its_meaning_is_plain(record):
    assert prompt_of(record, "f:1") == "Why?"


@pytest.mark.parametrize("record", [{}, {"text": "Why?"}, {"prompt": None}, {"messages": "Why?"}])
def test_there_may_be_no_prompt(record):
    assert prompt_of(record, "f:1") is None


@pytest.mark.parametrize(
    ("record", "message"),
    [
        ({"prompt": 7}, 'expected "prompt" to be a string, got 7'),
        ({"prompt": True}, 'expected "prompt" to be a string, got True'),
        ({"prompt": [USER]}, "content': 'Why?'}]; messages belong under \"messages\""),
        ({"turns": ["a", "b"]}, 'expected a prompt of one turn, got 2 in "turns"; give the one'),
        ({"instruction": "Sum up.", "input": "A"}, "got instruction and input; join them as"),
        ({"question": {"text": "A"}}, "expected \"question\" to be a string, got {'text': 'A'}"),
        ({"messages": [USER, USER]}, "exactly one user message, got 2 (user, user); give the"),
        (
            {"messages": [{"role": "user", "content": [{"type": "image_url"}]}]},
            "expected a message of text, got a part {'type': 'image_url'}; only texts are scored",
        ),
    ],
)
def test_what_may_be_one_of_several_is_refused(record, message):
    with pytest.raises(
        DataError, match=f"^f:1: expected.*{re.escape(message.removeprefix('expected'))}"
    ):
        prompt_of(record, "f:1")


@pytest.mark.parametrize(
    ("content", "text"),
    [
        (None, None),
        ("a", "a"),
        ([{"type": "thinking", "thinking": "t"}, {"type": "text", "text": "a"}, "b"], "ab"),
        ([{"type": "output_text", "text": "a"}, {"type": "tool_use", "name": "f"}], "a"),
        ([{"type": "refusal", "refusal": "No."}], "No."),
        ([{"type": "reasoning", "text": "t"}], None),
        ([], None),
    ],
)
def test_of_a_message_of_parts_the_texts_count(content, text):
    assert content_text(content, "f:1") == text


@pytest.mark.parametrize(
    ("record", "found"),
    [
        ({"id": 7}, "7"),
        ({"id": 7.0}, "7"),
        ({"id": "a", "custom_id": "b"}, "b"),
        ({"question_id": 81}, "81"),
        ({"id": None}, None),
        ({"id": ""}, None),
        ({"id": "chatcmpl-1", "choices": []}, None),
    ],
)
def test_an_id_is_a_text_or_a_whole_number(record, found):
    assert identifier(record, "f:1") == found


@pytest.mark.parametrize("value", [1.5, float("nan"), float("inf"), True, ["a"], {"a": 1}])
def test_other_ids_are_refused(value):
    with pytest.raises(DataError, match=r'^f:1: expected "id" to be a string or an integer, got'):
        identifier({"id": value}, "f:1")


# ------------------------------------------------------------------------------- files of prompts


def loaded(folder, *rows, name="p.jsonl"):
    path = folder / name
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    return load_prompts(str(path)).docs


def test_what_else_a_line_holds_is_kept_whatever_its_type(tmp_path):
    rows = [{"id": 1, "prompt": "a?", "meta": own, "resps": [7]} for own in (1, "x", ["y"])]
    rows = [{**row, "id": f"p{i}"} for i, row in enumerate(rows)]
    assert loaded(tmp_path, *rows) == rows


def test_an_array_of_prompts_is_numbered_by_its_items(tmp_path):
    (tmp_path / "p.json").write_text(json.dumps([{"prompt": "a?"}, {"prompt": "b?"}], indent=2))
    docs = load_prompts(str(tmp_path / "p.json")).docs
    assert [doc["id"] for doc in docs] == ["line-0001", "line-0002"]


@pytest.mark.parametrize(
    ("row", "message"),
    [
        (
            {"messages": [{"role": "system", "content": "Be brief."}, USER]},
            "got a system message beside it; take it out of the file and give it to lm_eval as "
            "--system_instruction",
        ),
        (
            {"messages": [USER, {"role": "assistant", "content": "So."}]},
            'got user, assistant; give the text that is to be asked as "prompt"',
        ),
        ({"prompt": "\u3000\n"}, 'expected "prompt" to be a non-empty string, got'),
        ({"turns": ["a?", "b?"]}, "expected a prompt of one turn, got 2"),
    ],
)
def test_a_line_that_cannot_be_asked_is_named_with_the_remedy(tmp_path, row, message):
    with pytest.raises(DataError, match=re.escape(message)) as caught:
        loaded(tmp_path, {"prompt": "a?"}, row)
    assert str(caught.value).startswith(f"{tmp_path / 'p.jsonl'}:2: ")
