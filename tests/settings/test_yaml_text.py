"""A key that stands twice is refused; keys that `<<` brings may be replaced."""

import pytest

from lm_eval_overton.settings.yaml_text import yaml_value


def test_plain_yaml_is_what_it_says():
    text = "a: &x {b: 1, c: 2}\nd: {<<: *x, b: 3}\ne: [1.5, null, yes]"
    whole = {"a": {"b": 1, "c": 2}, "d": {"b": 3, "c": 2}, "e": [1.5, None, True]}
    assert yaml_value(text) == whole


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("a: 1\n'a': 2", "the key 'a' more than once, line 2"),
        ("a:\n  1: 1\n  1: 2", "the key '1' more than once, line 3"),
        ("a: b: c", "mapping values are not allowed here, line 1"),
        ("{[1]: 2}", "found unhashable key, line 1"),
        ("\0", "ReaderError"),
        ("!!timestamp x", "AttributeError"),
        ("[" * 5000, "RecursionError"),
    ],
)
def test_what_is_none_is_one_line(text, reason):
    with pytest.raises(ValueError, match=f"^{reason}$"):
        yaml_value(text)
