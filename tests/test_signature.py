import hashlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lm_eval_overton.signature import short_hash, sign

FIELDS = {"data": "open_ended-1:0123abcd", "frame": "query-answer", "n": 5, "stop": ["```"]}
GENERATION = {"temperature": 0.5, "top_p": 1.0, "repetition_penalty": 1.1, "max_gen_toks": 700}

# None is left out; a line break or a bar is hashed and tested on its own.
values = st.integers() | st.booleans() | st.text(max_size=5) | st.lists(st.text(max_size=3))


def test_fields_keep_their_order_and_generation_settings_are_sorted():
    assert sign("overton_diversity", 1, FIELDS, GENERATION) == (
        "overton_diversity@1|data:open_ended-1:0123abcd|frame:query-answer|n:5|stop:fence"
        "|max:700|rep:1.1|temp:0.5|top_p:1"
    )


def test_nothing_but_a_task_has_only_its_name_and_version():
    assert sign("t", 2, {}, {}) == "t@2"


def test_a_field_of_none_is_left_out():
    assert sign("t", 1, {"system": None, "n": 5}, {}) == "t@1|n:5"


@pytest.mark.parametrize(
    ("value", "word"),
    [
        ([], "none"),
        (["```", "###"], "fence+###"),
        (0.5, "0.5"),
        (1.0, "1"),
        (1e-05, "1e-05"),
        (False, "False"),
        ("été", "été"),
        ("", ""),
    ],
)
def test_a_value_is_one_word(value, word):
    assert sign("t", 1, {"key": value}, {}) == f"t@1|key:{word}"


@pytest.mark.parametrize("value", ["a|b", "\n\n", "a\r\nb", "|"])
def test_a_value_that_would_break_the_line_is_hashed(value):
    assert sign("t", 1, {"stop": [value]}, {}) == f"t@1|stop:{short_hash(value)}"


@pytest.mark.parametrize("key", FIELDS)
def test_every_field_changes_the_signature(key):
    changed = {**FIELDS, key: "other"}
    assert sign("t", 1, changed, GENERATION) != sign("t", 1, FIELDS, GENERATION)


@pytest.mark.parametrize("key", GENERATION)
def test_every_generation_setting_changes_the_signature(key):
    changed = {**GENERATION, key: GENERATION[key] + 1}
    assert sign("t", 1, FIELDS, changed) != sign("t", 1, FIELDS, GENERATION)


def test_task_and_version_change_the_signature():
    assert len({sign(task, version, {}, {}) for task in "tu" for version in (1, 2)}) == 4


@given(st.dictionaries(st.sampled_from("abcd"), values), st.dictionaries(st.just("e"), values))
def test_a_signature_is_one_line_with_one_part_per_setting(fields, generation):
    line = sign("t", 1, fields, generation)
    assert line.count("|") == len(fields) + len(generation)
    assert "\n" not in line


@given(st.dictionaries(st.text(), values), st.randoms())
def test_the_hash_does_not_depend_on_the_order_of_keys(mapping, random):
    keys = list(mapping)
    random.shuffle(keys)
    assert short_hash({key: mapping[key] for key in keys}) == short_hash(mapping)


def test_the_hash_is_the_beginning_of_the_sha256_of_the_json():
    digest = hashlib.sha256('{"a": "é", "b": 1}'.encode()).hexdigest()
    assert short_hash({"b": 1, "a": "é"}) == digest[:8]


def test_what_json_does_not_know_is_hashed_as_text():
    assert short_hash({"dtype": complex(1, 2)}) == short_hash({"dtype": "(1+2j)"})
