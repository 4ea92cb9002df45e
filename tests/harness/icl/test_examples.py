"""Examples that stand before a prompt: files, reserved prompts, near-duplicates, choices."""

import json

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from lm_eval_overton.data import PromptSet, load_prompts
from lm_eval_overton.errors import DataError
from lm_eval_overton.harness.frames import Example
from lm_eval_overton.harness.icl.examples import (
    PACKAGED_RESERVED,
    draw,
    first_valid,
    forbidden_pairs,
    load_examples,
    load_hints,
    nearest,
    reserve,
)
from lm_eval_overton.text.samples import clean
from tests.conftest import PAPER

LIMA = PAPER / "LIMA-OE"


def write(path, *rows):
    path.write_text("".join(json.dumps(row) + "\n" for row in rows), "utf-8")
    return str(path)


# ----------------------------------------------------------------------------------------- files


def test_the_packaged_examples_are_a_refusal_a_role_and_a_list():
    refusal, role, listing = load_examples(None)
    assert refusal.response.startswith("I won't help")
    assert role.prompt.startswith("You are the caretaker")
    assert "\n1. " in listing.response
    assert all(example.summary for example in (refusal, role, listing))


def test_own_examples_with_either_name_of_the_question(tmp_path):
    path = write(
        tmp_path / "own.jsonl",
        {"query": "Why?", "response": "So."},
        {"prompt": "How?", "response": "Thus.", "hint": "Thus it is."},
    )
    assert load_examples(path) == [Example("Why?", "So."), Example("How?", "Thus.", "Thus it is.")]


@pytest.mark.parametrize(
    ("row", "message"),
    [
        ({"response": "a"}, r':2: expected "prompt" to be a non-empty string, got None'),
        ({"prompt": " ", "response": "a"}, r':2: expected "prompt" to be a non-empty'),
        ({"prompt": "Why?"}, r':2: expected "response" to be a non-empty string, got None'),
        ({"prompt": "Why?", "response": ["a"]}, r':2: expected "response" to be a non-empty'),
        ({"prompt": "Why?", "response": "a", "hint": 3}, r':2: expected "hint" to be a string'),
    ],
)
def test_an_example_without_question_or_answer(tmp_path, row, message):
    path = write(tmp_path / "own.jsonl", {"prompt": "p", "response": "r"}, row)
    with pytest.raises(DataError, match=r"own\.jsonl" + message):
        load_examples(path)


def test_a_file_of_examples_that_is_not_there():
    with pytest.raises(DataError, match=r"no\.jsonl: expected a readable JSON-lines file"):
        load_examples("no.jsonl")


def test_hints_with_and_without_a_source(tmp_path):
    path = write(
        tmp_path / "h.jsonl", {"id": "a", "hint": " One. "}, {"id": 2, "hint": "Two.", "source": 3}
    )
    assert load_hints(path) == {"a": ("One.", 0), "2": ("Two.", 3)}


def test_a_hint_belongs_to_its_prompt_whatever_the_ids(tmp_path):
    docs = [{"id": "a", "prompt": "Why?"}, {"id": "line-0001", "prompt": "How?"}]
    path = write(
        tmp_path / "h.jsonl",
        {"id": "line-0001", "prompt": "why? ", "hint": "One."},
        {"prompt": "How?", "hint": "Two."},
        {"id": "c", "prompt": "Who?", "hint": "Three."},
    )
    found = load_hints(path, docs)
    assert found == {"a": ("One.", 0), "line-0001": ("Two.", 0), "c": ("Three.", 0)}


@pytest.mark.parametrize(
    ("row", "message"),
    [
        ({"hint": "One."}, 'expected "id" and a non-empty "hint"'),
        ({"id": "a", "hint": " "}, 'expected "id" and a non-empty "hint"'),
        ({"id": "a"}, 'expected "id" and a non-empty "hint"'),
        ({"id": "a", "hint": "One.", "source": "0"}, 'expected "source" to be an index'),
    ],
)
def test_a_hint_that_cannot_be_used(tmp_path, row, message):
    path = write(tmp_path / "h.jsonl", {"id": "b", "hint": "b"}, row)
    with pytest.raises(DataError, match=rf"h\.jsonl:2: {message}"):
        load_hints(path)


# -------------------------------------------------------------------------------------- reserved


def prompts(*ids):
    return PromptSet("own", None, "0", [{"id": i, "prompt": f"{i}?"} for i in ids])


def test_the_packaged_prompts_keep_the_packaged_three():
    packaged = load_prompts("open_ended")
    answered = [doc["id"] for doc in packaged.docs]
    assert reserve(packaged, answered, None) == list(PACKAGED_RESERVED)


def test_of_own_prompts_the_first_three_with_a_reference_are_kept():
    assert reserve(prompts(*"abcde"), ["b", "c", "d", "e"], None) == ["b", "c", "d"]
    # One of the packaged three has no reference, so that none of them is special.
    answered = ["x", PACKAGED_RESERVED[0], PACKAGED_RESERVED[1], "y"]
    assert reserve(prompts(*answered), answered, None) == answered[:3]


def test_the_user_chooses():
    assert reserve(prompts(*"abcd"), list("abcd"), ("d", "a")) == ["d", "a"]


def test_a_chosen_prompt_without_reference():
    with pytest.raises(DataError, match="example_ids: expected prompts of own with a reference"):
        reserve(prompts(*"abc"), ["a", "c"], ("a", "b"))


def test_the_first_valid_sample():
    assert first_valid([clean(None), clean(" "), clean("x"), clean("y")]) == (2, "x")
    assert first_valid([clean(None)]) is None


# -------------------------------------------------------------------------------- near-duplicates


def test_near_duplicates_are_forbidden():
    texts = [
        "Why paint walls?",
        "why  paint\nWALLS?",
        # Content words {ant, bee, cow, dog} of {ant, bee, cow, dog, elk}: 4/5.
        "ant bee cow dog",
        "ant bee cow dog elk",
        # {ant, bee, cow} of {ant, bee, cow, dog}: 3/4; of all five: 3/5.
        "ant bee cow",
    ]
    expected = np.eye(5, dtype=bool)
    expected[0, 1] = expected[1, 0] = expected[2, 3] = expected[3, 2] = True
    np.testing.assert_array_equal(forbidden_pairs(texts), expected)


def test_prompts_of_stop_words_alone_are_compared_as_texts():
    expected = [[True, False, True], [False, True, False], [True, False, True]]
    assert forbidden_pairs(["What is it?", "Who was he?", "what is it?"]).tolist() == expected


@given(st.lists(st.sampled_from(["Why?", "why ?", "ant bee", "ant", "", "Bee ant"]), max_size=6))
def test_the_pairs_are_symmetric_with_every_prompt_itself(texts):
    pairs = forbidden_pairs(texts)
    assert pairs.shape == (len(texts), len(texts))
    assert pairs.diagonal().all()
    np.testing.assert_array_equal(pairs, pairs.T)


# ----------------------------------------------------------------------------------------- choices

# Unit vectors at 0, 10, 30 and 90 degrees: the nearer in angle the nearer by cosine.
ANGLES = np.deg2rad([0, 10, 30, 90])
FAN = np.column_stack([np.cos(ANGLES), np.sin(ANGLES)])
ITSELF = np.eye(4, dtype=bool)


def test_the_nearest_first_and_never_the_prompt_itself():
    assert nearest(FAN, 2, ITSELF) == [[1, 2], [0, 2], [1, 0], [2, 1]]


def test_a_near_duplicate_is_passed_over():
    forbidden = ITSELF.copy()
    forbidden[0, 1] = forbidden[1, 0] = True
    assert nearest(FAN, 2, forbidden) == [[2, 3], [2, 3], [1, 0], [2, 1]]


def test_ties_fall_to_the_lower_index():
    same = np.tile([[1.0, 0.0]], (4, 1))
    assert nearest(same, 2, ITSELF) == [[1, 2], [0, 2], [0, 1], [0, 1]]


def test_more_than_there_are():
    forbidden = ITSELF.copy()
    forbidden[0, 1] = forbidden[1, 0] = True
    assert [len(own) for own in nearest(FAN, 9, forbidden)] == [2, 2, 3, 3]
    assert [len(own) for own in draw(4, 9, forbidden, 1)] == [2, 2, 3, 3]


def test_the_embeddings_stay_as_they_are():
    before = FAN.copy()
    nearest(FAN, 2, ITSELF)
    np.testing.assert_array_equal(FAN, before)


@given(st.integers(2, 8), st.integers(1, 4), st.integers(0, 2**32))
def test_a_draw_is_seeded_and_never_forbidden(n, k, seed):
    forbidden = np.eye(n, dtype=bool)
    forbidden[0, 1] = forbidden[1, 0] = True
    drawn = draw(n, k, forbidden, seed)
    assert drawn == draw(n, k, forbidden, seed)
    for i, own in enumerate(drawn):
        assert len(set(own)) == len(own) == min(k, int((~forbidden[i]).sum()))
        assert not any(forbidden[i, j] for j in own)


def test_another_seed_draws_others():
    forbidden = np.eye(20, dtype=bool)
    assert draw(20, 3, forbidden, 1) != draw(20, 3, forbidden, 2)


@pytest.mark.paper_data
def test_nearest_on_the_paper_s_own_embeddings_is_brute_force():
    file = np.load(LIMA / "embeddings-prompt_similar.npz")
    vectors = file["embeddings"].astype(np.float64)
    vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
    forbidden = forbidden_pairs([str(text) for text in file["strings"]])
    # No two of its prompts are near-duplicates: leaving one out leaves 49.
    assert forbidden.sum() == 50
    for i, own in enumerate(nearest(vectors, 3, forbidden)):
        others = [(float(np.dot(vectors[i], vectors[j])), -j) for j in range(50) if j != i]
        assert own == [-j for _, j in sorted(others, reverse=True)[:3]]
