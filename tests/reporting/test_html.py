import base64
import hashlib
import json
import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lm_eval_overton.reporting.html import (
    Markup,
    Wide,
    bounds,
    breakable,
    join,
    number,
    p_value,
    percent,
    prose,
    script_json,
    sha256_source,
    signed,
    table,
    tag,
)
from lm_eval_overton.stats import Interval

NAN = math.nan


def test_text_is_escaped_and_markup_is_not():
    assert join(["<b>", Markup("<i>x</i>")]) == "&lt;b&gt;<i>x</i>"
    assert tag("p", '"a" & <b>') == "<p>&quot;a&quot; &amp; &lt;b&gt;</p>"


def test_attributes_are_escaped_and_named_as_in_html():
    element = tag("a", "x", href='"><script>', aria_label="A & B", class_="c")
    assert element == ('<a href="&quot;&gt;&lt;script&gt;" aria-label="A &amp; B" class="c">x</a>')


def test_true_gives_a_bare_attribute_and_none_and_false_give_none():
    assert tag("details", open=True, id=None, hidden=False) == "<details open></details>"


def test_an_attribute_may_be_called_name_and_a_void_element_has_no_end():
    assert tag("meta", name="viewport") == '<meta name="viewport">'


@pytest.mark.parametrize(
    ("value", "shown"),
    [
        (0.12345, "0.123"),
        (-0.5, "−0.500"),
        (9.9996, "10.0"),
        (171.14, "171.1"),
        (12345.6, "12,346"),
        # Rounds to zero: a sign would be read as a direction.
        (-0.0001, "0.000"),
        (NAN, ""),
    ],
)
def test_a_number_has_fewer_decimals_the_larger_it_is_and_is_empty_where_undefined(value, shown):
    assert number(value) == shown


def test_a_difference_has_its_sign_unless_it_rounds_to_zero():
    assert [signed(v) for v in (0.25, -0.25, 0.0001, 0.0, NAN)] == [
        "+0.250", "−0.250", "0.000", "0.000", "",
    ]  # fmt: skip


def test_bounds_have_as_many_decimals_as_their_estimate():
    assert bounds(Interval(10.5, 8.844, 12.04, 5)) == "[8.8, 12.0]"
    assert bounds(Interval(0.5, -0.25, 12.0, 5)) == "[−0.250, 12.000]"
    assert bounds(Interval(0.5, NAN, NAN, 1)) == ""


def test_a_share_is_in_percent_and_a_small_one_is_not_shown_as_zero():
    shares = (0.0, 0.0001, 0.064, 1.0, -0.25, NAN)
    assert [percent(v) for v in shares] == ["0.0%", "<0.1%", "6.4%", "100.0%", "−25.0%", ""]


def test_a_small_p_value_has_four_decimals():
    assert [p_value(v) for v in (0.0001, 0.04, 1.0, NAN)] == ["0.0001", "0.040", "1.000", ""]


def test_what_stands_between_backticks_is_code_and_still_escaped():
    assert prose("run `a <b>` now") == "run <code>a &lt;b&gt;</code> now"


def test_names_may_be_broken_after_an_underscore():
    assert breakable("p_<b>") == "p_<wbr>&lt;b&gt;"


def test_a_table_has_a_caption_and_titles_of_rows_columns_and_groups():
    html = table("Cap <1>", ["run", "x"], {"Group": [["a", "1"]], "": [["b", Wide("w", 1)]]})
    assert "<caption>Cap &lt;1&gt;</caption>" in html
    assert '<th scope="col">x</th>' in html
    assert '<th colspan="2" scope="rowgroup"><span>Group</span></th>' in html
    assert '<th scope="row">a</th><td>1</td>' in html
    assert '<td class="words" colspan="1">w</td>' in html
    assert 'tabindex="0" role="region" aria-label="Cap &lt;1&gt;"' in html
    assert html.count('scope="rowgroup"') == 1


texts = st.text(st.characters(), max_size=30)


@given(st.lists(texts) | st.dictionaries(texts, texts))
def test_json_in_a_script_cannot_end_it_and_is_read_back_as_it_was(value):
    shown = script_json(value)
    assert not set("<>&\u2028\u2029") & set(shown)
    assert json.loads(shown) == value


def test_json_in_a_script_holds_no_nan():
    with pytest.raises(ValueError):
        script_json([NAN])


def test_a_script_is_named_by_the_hash_of_its_utf8():
    digest = hashlib.sha256("é".encode()).digest()
    assert sha256_source("é") == f"'sha256-{base64.b64encode(digest).decode()}'"
