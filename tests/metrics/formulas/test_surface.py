import math
import zlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lm_eval_overton.metrics.formulas.surface import compression_ratio, duplicate_share, share

text_lists = st.lists(st.text(st.characters(exclude_categories=["Cs"])), min_size=1, max_size=6)


def test_compression_ratio_of_a_short_text():
    # One byte, deflated as a fixed-Huffman block: 2 header + 3 data + 4 checksum bytes.
    assert compression_ratio(["a"]) == pytest.approx(1 / 9)


def test_repetition_compresses_better_than_variety():
    repeated = ["The same answer."] * 5
    varied = ["One answer here.", "Quite another!", "42 – perhaps?", "Dubious; skip.", "¿Cuándo?"]
    assert compression_ratio(repeated) > compression_ratio(varied)


@given(text_lists)
def test_compression_ratio_is_bytes_over_bytes_after_zlib(texts):
    data = "\n".join(texts).encode("utf-8")
    compressor = zlib.compressobj(level=9)
    packed = compressor.compress(data) + compressor.flush()
    assert compression_ratio(texts) == len(data) / len(packed)


def test_responses_are_joined_by_line_breaks():
    # One run of 41 equal bytes; another separator in its middle would cost further bytes.
    lines = ["\n" * 20, "\n" * 20]
    assert compression_ratio(lines) == compression_ratio(["\n" * 41])


def test_bytes_not_characters_are_counted():
    # "é" has two bytes and deflates to 2 + 4 + 4.
    assert compression_ratio(["é"]) == pytest.approx(2 / 10)


@pytest.mark.parametrize(
    ("texts", "expected"),
    [
        # The second and the third "a" repeat; one letter apart is no repetition.
        (["a", "b", "a", "a"], 0.5),
        (["a", "A", "a ", "a\r\n"], 0.0),
        (["x"], 0.0),
        (["x"] * 5, 0.8),
    ],
)
def test_duplicate_share(texts, expected):
    assert duplicate_share(texts) == pytest.approx(expected)


@given(text_lists, st.randoms())
def test_duplicate_share_is_a_fraction_that_ignores_order(texts, random):
    value = duplicate_share(texts)
    assert 0 <= value < 1
    assert duplicate_share(random.sample(texts, len(texts))) == value


@given(text_lists)
def test_doubling_a_set_without_duplicates_makes_half_of_it_duplicates(texts):
    assert duplicate_share(list(set(texts)) * 2) == 0.5


def test_share_of_texts_that_pass():
    assert share(["a", "B", "C", "d"], str.isupper) == 0.5


@given(text_lists)
def test_shares_of_a_test_and_of_its_opposite_sum_to_one(texts):
    passing = share(texts, str.isalpha)
    assert 0 <= passing <= 1
    assert passing + share(texts, lambda text: not text.isalpha()) == pytest.approx(1.0)


@pytest.mark.parametrize("metric", [compression_ratio, duplicate_share, lambda t: share(t, bool)])
def test_no_response_is_undefined(metric):
    assert math.isnan(metric([]))
