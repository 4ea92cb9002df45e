import hashlib
import json
import math
import re

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lm_eval_overton.data import (
    PACKAGED_VERSIONS,
    load_prompts,
    load_viewpoints,
    packaged_path,
    read_jsonl,
    weight_of,
)
from lm_eval_overton.errors import DataError


@pytest.fixture
def write(tmp_path):
    def to_file(content):
        path = tmp_path / "mine.jsonl"
        path.write_bytes(content if isinstance(content, bytes) else content.encode())
        return path

    return to_file


@pytest.mark.parametrize("name", PACKAGED_VERSIONS)
def test_packaged_prompts_are_distinct_and_signed_with_version_and_hash(name):
    loaded = load_prompts(name)
    rows = [row for _, row in read_jsonl(packaged_path(name))]
    untagged = [{key: row[key] for key in row if key != "tags"} for row in rows]
    lines = "".join(json.dumps(row, ensure_ascii=False) + "\n" for row in untagged)
    sha = hashlib.sha256(lines.encode()).hexdigest()
    assert loaded.signature == f"{name}-{PACKAGED_VERSIONS[name]}:{sha[:8]}"
    assert len({doc["id"] for doc in loaded.docs}) == len(loaded.docs) > 0
    assert len({doc["prompt"] for doc in loaded.docs}) == len(loaded.docs)


def test_there_are_one_hundred_open_ended_prompts():
    assert len(load_prompts("open_ended").docs) == 100


def test_a_file_of_the_user_has_no_version(write):
    content = '{"prompt": "Why?"}\n'
    sha = hashlib.sha256(content.encode()).hexdigest()
    assert load_prompts(str(write(content))).signature == f"mine:{sha[:8]}"


def test_ids_default_to_line_numbers_and_blank_lines_count(write):
    path = write('{"prompt": "A"}\n\n \r\n{"prompt": "B"}\r\n{"prompt": "C", "id": 7}')
    assert [doc["id"] for doc in load_prompts(str(path)).docs] == ["line-0001", "line-0004", "7"]


def test_one_user_message_is_a_prompt(write):
    path = write('{"messages": [{"role": "user", "content": "Why?"}]}')
    assert load_prompts(str(path)).docs == [{"id": "line-0001", "prompt": "Why?"}]


def test_further_keys_are_kept_and_the_prompt_is_not_altered(write):
    row = {"prompt": " ’Où’\r\n1. x ", "id": "a", "side": None, "viewpoints": [{"text": "y"}]}
    assert load_prompts(str(write(json.dumps(row)))).docs == [row]


def test_a_byte_order_mark_is_skipped(write):
    path = write(b'\xef\xbb\xbf{"prompt": "A"}')
    assert load_prompts(str(path)).docs[0]["prompt"] == "A"


@pytest.mark.parametrize(
    ("content", "where", "message"),
    [
        ("", "", "expected at least one line of JSON, got an empty file"),
        (" \n\r\n", "", "expected at least one line of JSON, got an empty file"),
        (
            b"\xff\xfe{",
            "",
            "expected JSON lines, a JSON array or parquet, plain or in gzip, got text in UTF-16",
        ),
        (
            b'{"prompt": "caf\xe9"}',
            "",
            "expected JSON lines, a JSON array or parquet, got text that is not UTF-8 (byte 0xe9 ",
        ),
        ('{"prompt": "A"}\n{"prompt"', ":2", "expected a JSON object, got '{\"prompt\"' ("),
        ("Why?", ":1", "expected a JSON object, got 'Why?' ("),
        ('["A"]', ": item 1", 'expected a JSON object, got str \'A\'; write {"prompt": "..."}'),
        ('\n"A"', ":2", "expected a JSON object, got str"),
        ("{}", ":1", 'expected "prompt" or "messages" with exactly one user message, got no key'),
        (
            '{"text": "A", "id": 1}',
            ":1",
            'expected "prompt" or "messages" with exactly one user message, got id, text',
        ),
        ('{"prompt": " "}', ":1", "expected \"prompt\" to be a non-empty string, got ' '"),
        ('{"prompt": "\\u200b\\ufeff "}', ":1", 'expected "prompt" to be a non-empty string, got'),
        (
            '{"prompt": null}',
            ":1",
            'expected "prompt" or "messages" with exactly one user message, got prompt',
        ),
        (
            '{"messages": [{"role": "user"}]}',
            ":1",
            'expected "prompt" or "messages" with exactly one user message, got messages',
        ),
        (
            '{"prompt": "A", "id": true}',
            ":1",
            'expected "id" to be a string or an integer, got True',
        ),
        (
            '{"prompt": "A", "id": 1.5}',
            ":1",
            'expected "id" to be a string or an integer, got 1.5',
        ),
        (
            '{"prompt": "A", "id": 1}\n{"prompt": "B"}\n{"prompt": "C", "id": "1"}',
            "",
            "expected every id once, got '1' for prompts 1 and 3",
        ),
    ],
)
def test_a_file_that_cannot_be_used_is_named(write, content, where, message):
    path = write(content)
    with pytest.raises(DataError, match=f"^{re.escape(f'{path}{where}: {message}')}"):
        load_prompts(str(path))


@pytest.mark.parametrize(
    "messages",
    [
        [],
        "Why?",
        ["Why?"],
        [{"role": "system", "content": "A"}],
        [{"role": "user", "content": "A"}, {"role": "assistant", "content": "B"}],
    ],
)
def test_messages_other_than_one_of_the_user_are_refused(write, messages):
    path = write(json.dumps({"messages": messages}))
    with pytest.raises(DataError, match=r"exactly one user message, got \w+"):
        load_prompts(str(path))


def test_a_missing_file_is_named(tmp_path):
    with pytest.raises(DataError, match=r"no\.jsonl: expected a readable .* got No such file"):
        load_prompts(str(tmp_path / "no.jsonl"))


def test_a_folder_is_no_file(tmp_path):
    with pytest.raises(DataError, match="expected a file, got a folder; name the file within"):
        load_prompts(str(tmp_path))


rows = st.dictionaries(st.text(max_size=3), st.none() | st.text() | st.integers(), max_size=3)


# Writing files can take long on a busy machine.
@settings(deadline=None)
@given(st.lists(rows, min_size=1, max_size=4))
def test_objects_are_read_as_they_were_written(tmp_path_factory, objects):
    path = tmp_path_factory.mktemp("rows") / "rows.jsonl"
    path.write_text("\n".join(map(json.dumps, objects)))
    assert list(read_jsonl(path)) == list(enumerate(objects, start=1))


def test_a_viewpoint_that_stands_twice_is_refused(tmp_path):
    path = tmp_path / "v.jsonl"
    twice = [{"id": "a", "side": "yes", "text": "Tea calms."}] * 2
    path.write_text(json.dumps({"id": "q", "prompt": "Tea?", "viewpoints": twice}))
    with pytest.raises(DataError, match=r"every viewpoint of 'q' once, got 'a' more than once"):
        load_viewpoints(str(path))


def weighted(tmp_path, *weights):
    """A file of one question, a viewpoint for each weight; none for an Ellipsis."""
    path = tmp_path / "w.jsonl"
    views = [
        {"id": f"v{i}", "side": "yes", "text": f"T {i}."} | ({} if own is ... else {"weight": own})
        for i, own in enumerate(weights)
    ]
    path.write_text(json.dumps({"id": "q", "prompt": "Tea?", "viewpoints": views}))
    return str(path)


@pytest.mark.parametrize("weights", [(1, 0.5), (..., ...), (None, ...), (1e-300, 1e300)])
def test_all_viewpoints_of_a_question_may_have_a_weight_or_none(tmp_path, weights):
    [doc] = load_viewpoints(weighted(tmp_path, *weights)).docs
    given = [None if own is ... else own for own in weights]
    assert [weight_of(own) for own in doc["viewpoints"]] == given


@pytest.mark.parametrize(
    "weight", [0, -1, True, "2", "", math.nan, math.inf, [1], {}, 10**400, -(10**400)]
)
def test_a_weight_that_is_no_positive_number_is_refused_in_one_line(tmp_path, weight):
    with pytest.raises(DataError, match=r"'v1' to be a positive number|JSON") as caught:
        load_viewpoints(weighted(tmp_path, 1, weight))
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("other", [..., None])
def test_a_question_with_some_weights_is_refused(tmp_path, other):
    with pytest.raises(DataError, match=r"'q': expected \"weight\" for all .* none for 'v1'; give"):
        load_viewpoints(weighted(tmp_path, 1, other))
