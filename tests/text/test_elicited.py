"""Replies with several answers, as models write them."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lm_eval_overton.text.elicited import after_marker, read_items

A, B = {"text": "tea", "probability": 0.6}, {"text": "rain", "probability": 0.4}
TWO = [("tea", 0.6), ("rain", 0.4)]
PLAIN = [("tea", None), ("rain", None)]
DOUBLE = json.dumps({"answers": [A, B]})

ODD = [
    # What was asked for, and the dress that it comes in.
    (DOUBLE, TWO),
    (f"```json\n{DOUBLE}\n```", TWO),
    (f"```\n{DOUBLE}\n```", TWO),
    (f"```json\n{DOUBLE}", TWO),
    (f"Sure! Here you are:\n{DOUBLE}\nHope this helps.", TWO),
    (f"\n\n  {DOUBLE}  \n", TWO),
    (json.dumps({"answers": [A, B]}, indent=2), TWO),
    (
        '{"answers": [{"text": "tea", "probability": 0.6}, {"text": "rain", "probability": 0.4},]}',
        TWO,
    ),
    (
        '[{"text": "tea", "probability": 0.6,}, {"text": "rain", "probability": 0.4,},]',
        TWO,
    ),
    # The list under another key, or by itself.
    (json.dumps([A, B]), TWO),
    (json.dumps({"responses": [A, B]}), TWO),
    (json.dumps({"Responses": [A, B]}), TWO),
    (json.dumps({"prompt": "x", "items": [A, B]}), TWO),
    (json.dumps({"reason": "r", "my ideas": [A, B]}), TWO),
    # Of two lists none can be meant.
    (json.dumps({"one": [A], "two": [B]}), []),
    # Texts under other keys, and bare ones.
    (json.dumps(["tea", "rain"]), PLAIN),
    ('["tea", "rain",]', PLAIN),
    (json.dumps({"answers": ["tea", "rain"]}), PLAIN),
    (json.dumps([{"response": "tea"}, {"content": "rain"}]), PLAIN),
    (json.dumps([{"answer": "tea"}, {"answer": "rain"}]), PLAIN),
    (json.dumps(["tea", {"text": "rain"}]), PLAIN),
    (json.dumps([{"title": "tea"}, {"text": "rain"}]), [("rain", None)]),
    (json.dumps([{"text": {"a": 1}}, {"text": "rain"}]), [("rain", None)]),
    # Probabilities by other names and in other forms.
    ('[{"text": "tea", "prob": 0.6}, {"text": "rain", "p": 0.4}]', TWO),
    ('[{"text": "tea", "confidence": 0.6}, {"text": "rain", "confidence": 0.4}]', TWO),
    ('[{"text": "tea", "probability": "60%"}, {"text": "rain", "probability": "40 %"}]', TWO),
    ('[{"text": "tea", "probability": "0.6"}, {"text": "rain", "probability": ".4"}]', TWO),
    ('[{"text": "tea", "probability": 60}, {"text": "rain", "probability": 40}]', TWO),
    # One above 1 among others is no percentage, and no probability.
    (
        '[{"text": "tea", "probability": 60}, {"text": "rain", "probability": 0.4}]',
        [("tea", None), ("rain", 0.4)],
    ),
    (
        '[{"text": "tea", "probability": 1}, {"text": "rain", "probability": 0}]',
        [("tea", 1), ("rain", 0)],
    ),
    (
        '[{"text": "tea", "probability": 250}, {"text": "rain", "probability": 50}]',
        [("tea", None), ("rain", 0.5)],
    ),
    (
        '[{"text": "tea", "probability": NaN}, {"text": "rain", "probability": 0.4}]',
        [("tea", None), ("rain", 0.4)],
    ),
    ('[{"text": "tea", "probability": Infinity}, {"text": "rain", "probability": -0.4}]', PLAIN),
    ('[{"text": "tea", "probability": "high"}, {"text": "rain", "probability": true}]', PLAIN),
    ('[{"text": "tea", "probability": null}, {"text": "rain"}]', PLAIN),
    ('[{"text": "tea", "probability": "nan%"}, {"text": "rain", "probability": "1e999"}]', PLAIN),
    (
        '[{"text": "tea", "probability": ' + "9" * 400 + '}, {"text": "rain", "probability": []}]',
        PLAIN,
    ),
    # Empty answers are none.
    ('[{"text": "tea"}, {"text": ""}, {"text": "  "}, {"text": "rain"}]', PLAIN),
    ('["tea", "", "\\n", "rain"]', PLAIN),
    # Brackets, fences, quotes and other scripts within an answer.
    (json.dumps(["a [b] {c}", "```\ncode\n```"]), [("a [b] {c}", None), ("```\ncode\n```", None)]),
    (
        json.dumps(['He said "no".', "茶", "عربي"]),
        [('He said "no".', None), ("茶", None), ("عربي", None)],
    ),
    (json.dumps(["茶"], ensure_ascii=True), [("茶", None)]),
    ('See [1] for more:\n{"answers": ["tea", "rain"]}', PLAIN),
    # Nothing that could be read for sure.
    ("", []),
    ("   \n", []),
    ("tea", []),
    ("1. tea\n2. rain", []),
    ("- tea\n- rain", []),
    ("I cannot help with that.", []),
    ("{}", []),
    ("[]", []),
    ('{"answers": []}', []),
    ('{"answers": "tea"}', []),
    ('{"answers": {"text": "tea"}}', []),
    ('"tea"', []),
    ("null", []),
    ("42", []),
    ("[1, 2, 3]", []),
    ("[null, true]", []),
    ('[["tea"], ["rain"]]', []),
    ('{"answers": [{"text": "tea"}', []),
    ('["tea", "ra', []),
    ("['tea', 'rain']", []),
    ("[tea, rain]", []),
    ("}{", []),
    ("]" * 20 + "[" * 20, []),
    ("[" * 100_000, []),
    ('{"answers": ["tea", "rain"]} and {"answers": ["x"]}', []),
    ("```json\n```", []),
    ("<answers>tea</answers>", []),
]


@pytest.mark.parametrize(("reply", "expected"), ODD, ids=range(len(ODD)))
def test_odd_replies(reply, expected):
    assert len(ODD) >= 60
    found = read_items(reply)
    assert [(item.text, item.probability) for item in found] == [
        (text, None if p is None else pytest.approx(p)) for text, p in expected
    ]


@given(st.text(max_size=80))
def test_no_text_breaks_it_and_nothing_is_invented(reply):
    for item in read_items(reply):
        assert item.text.strip()
        assert item.probability is None or 0 <= item.probability <= 1


JSON = st.recursive(
    st.none() | st.booleans() | st.floats() | st.integers() | st.text(max_size=8),
    lambda own: st.lists(own, max_size=4) | st.dictionaries(st.text(max_size=8), own, max_size=4),
    max_leaves=12,
)


@given(JSON)
def test_no_json_breaks_it(value):
    read_items(json.dumps(value))


@given(st.lists(st.text(min_size=1).filter(str.strip), min_size=1, max_size=6))
def test_what_was_written_as_asked_comes_back(texts):
    reply = json.dumps({"answers": [{"text": t, "probability": 1 / len(texts)} for t in texts]})
    found = read_items(reply)
    assert [item.text for item in found] == [text.strip() for text in texts]
    assert {item.probability for item in found} == {1 / len(texts)}


@pytest.mark.parametrize(
    ("reply", "expected"),
    [
        ("x7Gq\nAnswer: tea", "tea"),
        ("x7Gq\n\n**Answer:** tea\nAnswer: rain", " tea\nAnswer: rain".strip()),
        ("x7Gq\nAnswer:\ntea\n", "\ntea\n"),
        ("answer: tea", "tea"),
        ("x7Gq tea", None),
        ("The Answer: tea", None),
        ("", None),
    ],
)
def test_the_answer_stands_after_its_mark(reply, expected):
    assert after_marker(reply) == expected
