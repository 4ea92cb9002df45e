import pytest
from hypothesis import given
from hypothesis import strategies as st

from lm_eval_overton.text.forms import cut_at_stop

texts = st.text(st.characters(exclude_categories=["Cs"]) | st.sampled_from("ab .-*•1’'`\r\n#"))


@pytest.mark.parametrize(
    ("text", "stops", "expected"),
    [
        (" a \n", (), "a"),
        ("a ``` b", ["```"], "a"),
        ("```python\nx\n```", ["```"], ""),
        # The stop that comes first in the text counts, not the one that is listed first.
        ("a # b ``` c", ["```", "#"], "a"),
        ("a``b", ["```"], "a``b"),
        ("abc", [""], "abc"),
        ("a\r\n\r\n```\r\nb", ["```"], "a"),
        ("\u00a0\u3000é\u2003", (), "é"),
        ("", ["```"], ""),
    ],
)
def test_text_is_cut_at_its_first_stop_and_stripped(text, stops, expected):
    assert cut_at_stop(text, stops) == expected


@given(texts, st.lists(st.sampled_from(["`", "a", "\n\n", " b", "1.", ""])))
def test_cut_text_holds_no_stop_and_cutting_again_changes_nothing(text, stops):
    cut = cut_at_stop(text, stops)
    assert cut in text
    assert not any(stop in cut for stop in stops if stop)
    assert cut_at_stop(cut, stops) == cut
