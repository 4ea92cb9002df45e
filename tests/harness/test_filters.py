import pytest
from hypothesis import given
from hypothesis import strategies as st
from lm_eval.api.registry import get_filter

from lm_eval_overton.harness.filters import CleanFilter
from lm_eval_overton.text.samples import clean

responses = st.lists(st.lists(st.none() | st.text(st.sampled_from("a` \r\n")), max_size=4))


@pytest.mark.parametrize("stops", [["```"], ("```",)])
def test_every_repeat_of_every_document_is_cleaned(stops):
    resps = [[" a\n```\nb", None], ["```"], []]
    assert CleanFilter(stops).apply(resps, docs=[{}, {}, {}]) == [["a", ""], [""], []]


def test_without_stops_responses_are_only_stripped():
    assert CleanFilter().apply([["\r\na ``` b "]], [{}]) == [["a ``` b"]]


@given(responses)
def test_responses_become_the_texts_that_are_scored(resps):
    cleaned = CleanFilter(["```"]).apply(resps, [{}] * len(resps))
    assert cleaned == [[clean(raw, ["```"]).text for raw in own] for own in resps]


def test_the_harness_knows_the_filter_by_name():
    assert get_filter("overton_clean") is CleanFilter
