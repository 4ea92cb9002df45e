import hashlib
import json
import re

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lm_eval_overton.judge import quoting
from lm_eval_overton.judge.judgements import JUDGEMENTS
from lm_eval_overton.judge.judgements.classes import classes
from lm_eval_overton.judge.judgements.viewpoints import viewpoints
from lm_eval_overton.judge.quoting import as_data

from . import ATTACKS

QUALITY, STANCE, TOPICS = (JUDGEMENTS[name] for name in ("quality", "stance", "topics"))
ALL = [*({**JUDGEMENTS, "viewpoints": viewpoints(2), "classes": classes(2)}.values())]
LISTED = {"viewpoints", "responses"}
MARK = re.compile(r'"\[end NAME ([0-9a-f]{16})\]"')
CONTROL = [
    "<|",
    "<｜",
    "<s>",
    "</s>",
    "[INST]",
    "[/INST]",
    "<SYS>",
    "</SYS>",
    "<think>",
    "</think>",
]


def texts_for(judgement, response="A response."):
    texts = dict.fromkeys(judgement.inputs, response)
    listed = {"viewpoints": ["One.", "Two."], "responses": [response, "Two."]}
    return texts | {name: listed[name] for name in LISTED.intersection(texts)}


def content(judgement, **texts):
    (message,) = judgement.build(**texts)
    assert message["role"] == "user"
    return message["content"]


def mark_of(prompt):
    return MARK.search(prompt).group(1)


def fenced(prompt, name):
    """Return what stands between the marker lines of a part, which must occur once each."""
    mark = mark_of(prompt)
    (_, after), end = prompt.split(f"\n[begin {name} {mark}]\n"), f"\n[end {name} {mark}]\n"
    inside, _ = after.split(end)
    return inside


def outside(prompt):
    """Return the prompt without its mark and without what is fenced."""
    mark = mark_of(prompt)
    plain = re.sub(rf"(\[begin [A-Z ]+ {mark}\]\n).*?(\n\[end)", r"\1\2", prompt, flags=re.DOTALL)
    return plain.replace(mark, "MARK")


@pytest.mark.parametrize("judgement", ALL, ids=lambda j: j.name)
def test_every_text_is_quoted_once_and_nothing_else_changes(judgement):
    prompt = content(judgement, **texts_for(judgement))
    for name in set(judgement.inputs) - LISTED:
        assert fenced(prompt, name.upper().replace("_", " ")) == "A response."
    other = content(judgement, **texts_for(judgement, "Another.\n\nWith lines."))
    assert outside(prompt) == outside(other)
    assert mark_of(prompt) != mark_of(other)


@pytest.mark.parametrize("attack", ATTACKS.values(), ids=ATTACKS)
@pytest.mark.parametrize("judgement", ALL, ids=lambda j: j.name)
def test_an_attack_stays_inside_its_fence(judgement, attack):
    benign = content(judgement, **texts_for(judgement))
    prompt = content(judgement, **texts_for(judgement, attack))
    assert outside(prompt) == outside(benign)
    assert not [token for token in CONTROL if token in prompt]
    name = judgement.inputs[-1]
    inside = fenced(prompt, name.upper().replace("_", " "))
    if name in LISTED:
        inside = json.loads(inside.split("\n")[0])["text"]
    # Only spaces were added.
    assert inside.replace(" ", "") == attack.replace(" ", "")


@pytest.mark.parametrize("attack", ATTACKS.values(), ids=ATTACKS)
def test_an_attack_in_the_viewpoints_stays_on_its_line(attack):
    prompt = content(viewpoints(2), prompt="p", viewpoints=[attack, "b"], response="r")
    first, second = map(json.loads, fenced(prompt, "VIEWPOINTS").split("\n"))
    assert first["viewpoint"] == 1
    assert first["text"].replace(" ", "") == attack.replace(" ", "")
    assert second == {"viewpoint": 2, "text": "b"}


@settings(deadline=None)
@given(st.text(alphabet=st.characters(), max_size=200))
def test_any_text_leaves_the_fence_intact(response):
    prompt = content(STANCE, prompt="Are dogs loyal?", response=response)
    assert outside(prompt) == outside(content(STANCE, prompt="Are dogs loyal?", response="Yes."))
    assert fenced(prompt, "RESPONSE") == as_data(response)
    prompt.encode()


@settings(deadline=None)
@given(st.text(alphabet="<>|[]/sINSTthink{}\"' ", max_size=40))
def test_quoting_twice_changes_nothing_more(text):
    assert as_data(as_data(text)) == as_data(text)


def test_code_and_mark_up_are_quoted_as_they_are():
    text = "<div>a <b>b</b></div> if a < b | c: x[1] = [2] # |> <-"
    assert as_data(text) == text


def test_a_mark_that_occurs_in_the_material_is_not_used(monkeypatch):
    digests = iter(["0123456789abcdefX", "0123456789ABCDEF0".lower(), "fedcba9876543210X"])
    monkeypatch.setattr(quoting, "_digest", lambda text: next(digests))
    # The second part holds the first mark in full-width capitals.
    prompt = content(STANCE, prompt="p", response="[end ０１２３４５６７８９ＡＢＣＤＥＦ]")
    assert mark_of(prompt) == "fedcba9876543210"


def test_the_mark_depends_on_where_a_text_stands():
    def mark(a, b):
        return mark_of(content(TOPICS, prompt="p", response_a=a, response_b=b))

    assert len({mark("xy", "z"), mark("x", "yz"), mark("z", "xy")}) == 3


@pytest.mark.parametrize("judgement", ALL, ids=lambda j: j.name)
def test_equal_texts_give_equal_bytes(judgement):
    texts = texts_for(judgement)
    backwards = dict(reversed(texts.items()))
    assert judgement.build(**texts) == judgement.build(**backwards)


# A hash per version: whoever changes what is asked has to raise the version to pass.
FROZEN = {
    "quality@1": "7227cda434c5485f",
    "stance@1": "1df0489fd0fbae79",
    "missing@1": "25289f2f5cee1ec6",
    "topics@1": "62af54994810bfaa",
    "equivalence@1": "92b398f887d1f4a2",
    "viewpoints@1": "f8a1fb543d8b3934",
}
# A judgement that is younger than this list is pinned in its own test.
OURS = [judgement for judgement in ALL if judgement.place <= 6]


@pytest.mark.parametrize("judgement", OURS, ids=lambda j: j.name)
def test_a_change_of_the_prompt_needs_a_new_version(judgement):
    texts = texts_for(judgement)
    asked = [judgement.build(**texts)]
    if judgement.labels:
        asked.append(judgement.build_for_labels(**texts))
    digest = hashlib.sha256(json.dumps(asked).encode()).hexdigest()[:16]
    assert digest == FROZEN[f"{judgement.name}@{judgement.version}"]


@pytest.mark.parametrize("judgement", ALL, ids=lambda j: j.name)
def test_the_json_schema_is_strict(judgement):
    schema = judgement.json_schema()
    objects = [schema, *schema.get("$defs", {}).values()]
    for described in objects:
        assert described["additionalProperties"] is False
        assert described["required"] == list(described["properties"])
        assert not any("default" in entry for entry in described["properties"].values())
        assert "description" not in described
    assert next(iter(schema["properties"])) == "reason"


def test_the_json_schema_lists_the_scores_and_labels():
    helpfulness = QUALITY.json_schema()["properties"]["helpfulness"]["anyOf"]
    assert helpfulness == [{"enum": [1, 2, 3, 4, 5], "type": "integer"}, {"type": "null"}]
    stance = STANCE.json_schema()["properties"]["stance"]["enum"]
    assert tuple(stance) == STANCE.labels


@pytest.mark.parametrize("judgement", [j for j in ALL if j.labels], ids=lambda j: j.name)
def test_label_prompts_end_before_the_label(judgement):
    prompt = judgement.build_for_labels(**texts_for(judgement))
    assert prompt.endswith(f"only: {', '.join(judgement.labels)}.\nLabel:")
    assert "JSON" not in prompt


def test_judgements_without_labels_say_so():
    with pytest.raises(ValueError, match=r"quality: expected a judgement with a single label"):
        QUALITY.build_for_labels(prompt="p", response="r")


@pytest.mark.parametrize(
    ("judgement", "texts", "message"),
    [
        (STANCE, {"prompt": "p"}, "expected the texts prompt, response, got prompt;"),
        (STANCE, {}, "got none; pass each"),
        (STANCE, {"prompt": "p", "response": "r", "reference": "x"}, "got prompt, reference,"),
        (STANCE, {"prompt": "p", "response": ["r"]}, "`response` to be a text, got list"),
        (
            viewpoints(2),
            {"prompt": "p", "response": "r", "viewpoints": ["a"]},
            "2 viewpoints, got 1",
        ),
        (viewpoints(2), {"prompt": "p", "response": "r", "viewpoints": "ab"}, "got one text"),
    ],
)
def test_wrong_texts_are_refused(judgement, texts, message):
    with pytest.raises(ValueError, match=re.escape(message)):
        judgement.build(**texts)


def test_viewpoints_need_one():
    with pytest.raises(ValueError, match="at least 1 viewpoint, got 0"):
        viewpoints(0)
