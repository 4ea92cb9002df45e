import hashlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lm_eval_overton.settings.signature import differing, fields, short_hash, sign

FIELDS = {"data": "open_ended-1:0123abcd", "frame": "query-answer", "n": 5, "stop": ["```"]}
GENERATION = {"temperature": 0.5, "top_p": 1.0, "repetition_penalty": 1.1, "max_gen_toks": 700}

# Signs with a meaning in a signature, all that end a line, and letters of one to four bytes: to
# choose among these costs little, and each comes up in every run.
SIGNS = "a1|:+@`#\n\r\v\f\x1c\x85\u2028é模😀"
texts = st.text(SIGNS, max_size=5)
# None is left out.
values = st.integers() | st.booleans() | texts | st.lists(texts, max_size=4)


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


@given(st.dictionaries(texts, values), st.randoms())
def test_the_hash_does_not_depend_on_the_order_of_keys(mapping, random):
    keys = list(mapping)
    random.shuffle(keys)
    assert short_hash({key: mapping[key] for key in keys}) == short_hash(mapping)


def test_the_hash_is_the_beginning_of_the_sha256_of_the_json():
    digest = hashlib.sha256('{"a": "é", "b": 1}'.encode()).hexdigest()
    assert short_hash({"b": 1, "a": "é"}) == digest[:8]


def test_what_json_does_not_know_is_hashed_as_text():
    assert short_hash({"dtype": complex(1, 2)}) == short_hash({"dtype": "(1+2j)"})


# ------------------------------------------------------------------------------- read and compared


def test_the_words_of_a_signature_are_its_fields():
    assert fields("overton_diversity@1|data:open_ended-1:0123abcd|stop:fence|emb:mini@r:256") == {
        "task": "overton_diversity@1",
        "data": "open_ended-1:0123abcd",
        "stop": "fence",
        "emb": "mini@r:256",
    }
    assert fields("t@2") == {"task": "t@2"}


def test_two_words_of_one_name_do_not_hide_each_other():
    assert fields("t@1|seed:1234|seed:7") == {"task": "t@1", "seed": "1234|7"}
    assert differing("t@1|seed:1|seed:7", "t@1|seed:2|seed:7") == {"seed": ("1|7", "2|7")}


@given(st.dictionaries(st.sampled_from("abcd"), values), st.dictionaries(st.just("e"), values))
def test_every_setting_can_be_read_back(settings, generation):
    found = fields(sign("t", 1, settings, generation))
    assert list(found) == ["task", *settings, *generation]


def test_differing_fields_come_with_both_values():
    a, b = sign("t", 1, FIELDS, GENERATION), sign("t", 2, {"n": 9, "system": "ab"}, GENERATION)
    assert differing(a, b) == {
        "task": ("t@1", "t@2"),
        "data": ("open_ended-1:0123abcd", "unset"),
        "frame": ("query-answer", "unset"),
        "n": ("5", "9"),
        "stop": ("fence", "unset"),
        "system": ("unset", "ab"),
    }


@pytest.mark.parametrize("key", {**FIELDS, **GENERATION})
def test_every_setting_that_changes_is_found(key):
    changed = {**GENERATION, **FIELDS, key: "7"}
    own, other = (
        sign("t", 1, {name: of[name] for name in FIELDS}, {name: of[name] for name in GENERATION})
        for of in ({**GENERATION, **FIELDS}, changed)
    )
    short = {"temperature": "temp", "repetition_penalty": "rep", "max_gen_toks": "max"}
    assert list(differing(own, other)) == [short.get(key, key)]


@pytest.mark.parametrize(
    ("a", "b"),
    [
        # Recorded prompts are named after their file; names may hold the sign themselves.
        ("t@1|data:open_ended-1:0123abcd", "t@1|data:chat:0123abcd"),
        ("t@1|data:a:b:0123abcd", "t@1|data:c:0123abcd"),
        # What is switched off is not sent to an API.
        ("t@1|top_k:0", "t@1"),
        ("t@1|rep:1", "t@1"),
        ("t@1|rep:1|top_k:0|n:5", "t@1|n:5"),
        ("t@1|api_seeds:auto", "t@1"),
        ("t@1|api_seeds:on", "t@1|api_seeds:off"),
        ("t@1|n:5|temp:1", "t@1|temp:1|n:5"),
    ],
)
def test_what_means_the_same_does_not_differ(a, b):
    assert differing(a, b) == differing(b, a) == {}


@pytest.mark.parametrize(
    ("a", "b", "key"),
    [
        ("t@1|data:open_ended-1:0123abcd", "t@1|data:open_ended-1:4567abcd", "data"),
        ("t@1|data:open_ended-1:0123abcd", "t@1", "data"),
        ("t@1|top_k:50", "t@1|top_k:0", "top_k"),
        ("t@1|top_k:50", "t@1", "top_k"),
        ("t@1|top_k:1", "t@1", "top_k"),
        ("t@1|rep:1.1", "t@1", "rep"),
        ("t@1|rep:0", "t@1", "rep"),
        # Off for one setting is a value of another; an empty list is a value too.
        ("t@1|temp:0", "t@1", "temp"),
        ("t@1|top_p:1", "t@1", "top_p"),
        ("t@1|stop:none", "t@1", "stop"),
    ],
)
def test_what_means_something_else_differs(a, b, key):
    assert list(differing(a, b)) == list(differing(b, a)) == [key]


def test_what_means_the_same_still_changes_the_signature():
    for key, off in {"top_k": 0, "repetition_penalty": 1.0}.items():
        assert sign("t", 1, FIELDS, {key: off}) != sign("t", 1, FIELDS, {})
    seeds = {sign("t", 1, {"api_seeds": value}, {}) for value in ("auto", "on", "off", None)}
    assert len(seeds) == 4


words = st.dictionaries(
    st.sampled_from(["data", "n", "rep", "top_k", "api_seeds"]), st.sampled_from("012")
)


@given(words, words)
def test_differing_turns_with_its_arguments(own, other):
    a, b = sign("t", 1, own, {}), sign("t", 1, other, {})
    assert differing(a, a) == {}
    assert {key: two[::-1] for key, two in differing(a, b).items()} == differing(b, a)


def test_the_seed_of_a_local_model_counts_where_both_name_it():
    without, one, other = "t@1|n:5", "t@1|n:5|model_seed:1", "t@1|n:5|model_seed:2"
    assert differing(one, other) == {"model_seed": ("1", "2")}
    # Older signatures and those of models behind an API do not say it.
    assert differing(without, one) == differing(one, without) == {}
