"""What users keep beside their prompts does not stop the harness's table."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lm_eval_overton.data import load_prompts, load_viewpoints
from lm_eval_overton.harness.prompt_table import as_table


def docs(*values):
    return [{"id": str(i), "prompt": f"{i}?", "meta": own} for i, own in enumerate(values)]


@pytest.mark.parametrize(
    ("values", "kept"),
    [
        (["a", "b"], ["a", "b"]),
        ([1, 2.5], [1.0, 2.5]),
        ([1, "x", ["y"]], [None, "x", None]),
        ([{"a": 1}, {"a": "b"}], [None, None]),
        ([[1], ["x"]], [None, None]),
        ([10**30, 1], [None, None]),
        ([None, None], [None, None]),
    ],
)
def test_of_a_key_whose_values_have_no_common_type_the_texts_are_kept(values, kept):
    assert list(as_table(docs(*values))["meta"]) == kept


def test_viewpoints_keep_what_is_read_of_them():
    own = [{"id": "a", "side": "yes", "text": "T", "n": n} for n in (1, "x")]
    [row] = as_table([{"id": "q", "prompt": "Q?", "viewpoints": own}])
    assert row["viewpoints"] == [{"id": "a", "side": "yes", "text": "T"}] * 2


@pytest.mark.parametrize(
    ("weights", "kept"),
    [((1, 2.5), [1.0, 2.5]), ((1, 10**30), [1.0, 1e30]), ((1, "x"), [None] * 2), ((), [])],
)
def test_weights_are_kept_where_all_viewpoints_have_one(weights, kept):
    own = [{"id": "a", "side": "yes", "text": "T", "weight": weight} for weight in weights]
    plain = [{"id": "a", "side": "yes", "text": "T"}]
    [row, _] = as_table([{"id": q, "viewpoints": v} for q, v in (("q", own), ("r", plain))])
    assert [one.get("weight") for one in row["viewpoints"]] == kept


@pytest.mark.parametrize("found", [load_prompts("open_ended"), load_viewpoints("contested")])
def test_packaged_prompts_are_handed_on_as_they_are(found):
    assert list(as_table(found.docs)) == found.docs


values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=3), inner),
    max_leaves=5,
)


@settings(deadline=None, max_examples=50)
@given(st.lists(values, min_size=1, max_size=4))
def test_prompts_are_whole_beside_whatever_there_is(own):
    table = as_table(docs(*own))
    assert list(table["prompt"]) == [f"{i}?" for i in range(len(own))]
