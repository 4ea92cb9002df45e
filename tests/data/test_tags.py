"""Tags of prompts: what is one, and that they leave a file's hash as it was."""

import json
import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lm_eval_overton.data import load_prompts, load_viewpoints, packaged_tags
from lm_eval_overton.data.tags import ONE_ANSWER, read_tags, without_tags
from lm_eval_overton.errors import DataError
from lm_eval_overton.settings.signature import differing

# What a prompt may ask for.
KINDS = {"one_answer", "pick_one", "problem", "knowledge", "creative", "plan", "advice", "opinion"}
# As the results of version 0.1.0 have them, of before there were tags.
SIGNED_BEFORE = {"open_ended": "open_ended-1:87e50a36", "contested": "contested-2:952d3a12"}


def written(tmp_path, *rows, name="mine.jsonl"):
    path = tmp_path / name
    path.write_text(
        "".join(row if isinstance(row, str) else json.dumps(row) + "\n" for row in rows)
    )
    return str(path)


# ------------------------------------------------------------------------------ packaged prompts


@pytest.mark.parametrize("name", SIGNED_BEFORE)
def test_packaged_prompts_have_the_hash_that_they_had_without_tags(name):
    assert load_prompts(name).signature == SIGNED_BEFORE[name]
    before = f"t@1|data:{SIGNED_BEFORE[name]}|n:5"
    assert differing(before, f"t@1|data:{load_prompts(name).signature}|n:5") == {}


def test_every_packaged_prompt_has_one_tag_that_says_what_it_asks_for():
    tags = load_prompts("open_ended").tags
    assert all(len(own) == 1 and set(own) < KINDS for own in tags.values())
    # The two that the readers tagged differently.
    assert (tags["oe-080"], tags["oe-100"]) == (("advice",), ("opinion",))
    for doc in load_viewpoints("contested").docs:
        assert doc["tags"] == ["opinion", doc["domain"]]


def test_no_packaged_prompt_has_one_right_answer():
    assert ONE_ANSWER in KINDS
    for name in SIGNED_BEFORE:
        assert not any(ONE_ANSWER in own for own in load_prompts(name).tags.values())


def test_the_data_card_counts_the_tags():
    tags = [tag for own in load_prompts("open_ended").tags.values() for tag in own]
    counts = {tag: tags.count(tag) for tag in tags}
    expected = {"advice": 27, "knowledge": 21, "creative": 20, "plan": 20, "opinion": 12}
    assert counts == expected


def test_tags_of_packaged_prompts_are_found_by_their_signature():
    assert packaged_tags("open_ended-1:87e50a36") == load_prompts("open_ended").tags
    for other in ("open_ended-1:abc", "open_ended-2:87e50a36", "mine:87e50a36", "", "open_ended"):
        assert packaged_tags(other) == {}


# ------------------------------------------------------------------------------- the user's own


@pytest.mark.parametrize(
    ("value", "tags"),
    [
        (["a", "b"], ("a", "b")),
        ([" a ", "a", "two\n words"], ("a", "two words")),
        ("advice", ("advice",)),
        ([], ()),
        (None, ()),
        ("", None),
        ([""], None),
        (["a", " \t"], None),
        (["a", None], None),
        ([1], None),
        ([["a"]], None),
        (3, None),
        (True, None),
        ({"a": 1}, None),
    ],
)
def test_what_is_a_tag(tmp_path, value, tags):
    assert read_tags(value) == tags
    path = written(tmp_path, {"prompt": "Tea?"}, {"prompt": "Milk?", "id": "m", "tags": value})
    if tags is not None:
        assert load_prompts(path).tags == {"line-0001": (), "m": tags}
        return
    expected = (
        f'{path}:2: expected "tags" to be a list of non-empty strings, got {value!r}; correct'
    )
    with pytest.raises(DataError, match=f"^{re.escape(expected)}") as caught:
        load_prompts(path)
    assert "\n" not in str(caught.value)


ROWS = [
    {"id": "a", "prompt": 'Say "tags": ["x"], please, or \\', "note": "tags"},
    {"prompt": "Où?", "list": ["tags", "a"], "views": [{"text": ', "tags": "b"'}]},
]
# Python's way, that of jq, with other letters as they are, and over several lines.
STYLES = [
    {},
    {"separators": (",", ":")},
    {"ensure_ascii": False},
    {"indent": 1},
    {"separators": (" , ", " : ")},
]


@pytest.mark.parametrize("style", STYLES)
@pytest.mark.parametrize("place", [0, 1, 2, 99])
@pytest.mark.parametrize("tags", [["a", 'say "b", [c]\\'], [], "a]", None])
def test_a_file_has_one_hash_with_tags_and_without(tmp_path, style, place, tags):
    plain = written(tmp_path, json.dumps(ROWS, **style))
    rows = []
    for row in ROWS:
        items = list(row.items())
        rows.append(dict([*items[:place], ("tags", tags), *items[place:]]))
    tagged = written(tmp_path, json.dumps(rows, **style), name="tagged.jsonl")
    assert load_prompts(tagged).sha == load_prompts(plain).sha
    assert all(doc["prompt"] for doc in load_prompts(tagged).docs)


def test_other_prompts_have_another_hash_whatever_their_tags(tmp_path):
    one = load_prompts(written(tmp_path, {"prompt": "Tea?", "tags": ["a"]}))
    other = load_prompts(written(tmp_path, {"prompt": "Tea!", "tags": ["a"]}))
    assert one.sha != other.sha


def test_tags_within_something_else_are_part_of_a_file_without_tags(tmp_path):
    rows = [{"prompt": "Tea?", "about": {"n": 1, "tags": [name]}} for name in "ab"]
    first, second = (load_prompts(written(tmp_path, row)).sha for row in rows)
    assert first != second


texts = st.text(max_size=6) | st.sampled_from(['"tags": ["a"]', ', "tags": "', "\\", '"', "tags"])
values = st.recursive(texts | st.none() | st.integers(), lambda v: st.lists(v, max_size=3))


@given(st.dictionaries(texts.filter(lambda key: key != "tags"), values, min_size=1, max_size=4))
def test_nothing_but_tags_is_taken_out(record):
    content = json.dumps(record, ensure_ascii=False).encode("utf-8", "backslashreplace")
    assert without_tags(content) == content
    tagged = json.dumps({**record, "tags": ["a"]}, ensure_ascii=False)
    assert without_tags(tagged.encode("utf-8", "backslashreplace")) == content
