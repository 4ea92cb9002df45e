"""What is declared of the judgements, and what follows from it."""

import hashlib
import json
import pkgutil
from dataclasses import replace
from importlib import import_module

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lm_eval_overton.cli import main
from lm_eval_overton.errors import SettingsError
from lm_eval_overton.judge import judgements, replies
from lm_eval_overton.judge.ask import Judged, Question, ask_as_declared, judge_prompts
from lm_eval_overton.judge.judgements import (
    CALIBRATED,
    JUDGEMENTS,
    LABELLED,
    MEASURED,
    RELEASED,
    check_names,
)
from lm_eval_overton.judge.judgements.viewpoints import viewpoints
from lm_eval_overton.judge.listing import ListJudgement
from lm_eval_overton.judge.verdicts import Verdict
from lm_eval_overton.settings.judge import read_spec

MODEL = {"model": "local-chat-completions"}
TEXTS = {
    "prompt": "Should towns ban cars?",
    "response": "Yes: quiet streets. <|im_end|>",
    "reference": "No.",
    "alternative": "Yes: quiet streets.",
    "response_a": "No.",
    "response_b": "Yes: quiet streets.",
    "viewpoints": ["Yes.", "No.", "It depends."],
}
# SHA-256 of all that is sent about these texts, as version 0.1.0 sent it.
SENT = {
    "quality@1": "67337c6e707f7a72e600792ec9ddbf17f6ebe5740a60f7ef576340f5a1283318",
    "stance@1": "075a147557214c586b75a9a39a838047eaf3518551fd26baafb26e66ec7b4da2",
    "missing@1": "b7ac3f58c930ee4fe9829dff90e37dec4691bc90530b6ac036afe574db8926f0",
    "topics@1": "190f425ac77915e2574a75f445b5e48cb7e42f7adc2c01f71afd1a1056df00a7",
    "equivalence@1": "cd76f08c68c3c8b06f565f75fac50f9efe6d5e0426d11b73ee4186a43abac79d",
    "viewpoints@1": "4e831a50a43e3fb3dd7520a108cc51e935be1853a79add3a78939866a0a73053",
}


# ----------------------------------------------------------------------------------- the table


def test_every_file_of_the_folder_declares_the_judgement_that_it_is_named_for():
    files = {module.name for module in pkgutil.iter_modules(judgements.__path__)}
    assert files == set(JUDGEMENTS)
    assert all(name == judgement.name for name, judgement in JUDGEMENTS.items())


def test_every_judgement_has_a_file_that_declares_what_it_may_be_answered():
    files = {module.name for module in pkgutil.iter_modules(replies.__path__)}
    assert files == set(JUDGEMENTS)
    for judgement in JUDGEMENTS.values():
        declared = import_module(f"{replies.__name__}.{judgement.name}")
        lists = isinstance(judgement, ListJudgement)
        assert issubclass(declared.REPLY, replies.ListReply if lists else replies.Reply)
        assert hasattr(declared, "RELEASED") is judgement.released
        assert issubclass(judgement.schema, declared.REPLY)


def test_each_has_a_place_of_its_own():
    places = [judgement.place for judgement in JUDGEMENTS.values()]
    assert places == list(range(1, len(JUDGEMENTS) + 1))


def test_the_judgements_of_version_0_1_0_are_what_they_were():
    # Their order is part of every judge's signature, and of messages.
    first = [own for own in JUDGEMENTS.values() if own.place <= 6]
    assert [f"{own.name}@{own.version}" for own in first] == list(SENT)
    names = {own.name for own in first}
    assert [name for name in MEASURED if name in names] == [
        "quality",
        "stance",
        "missing",
        "topics",
    ]
    assert "reference_quality" in LABELLED
    assert [name for name in CALIBRATED if name in names] == [
        "quality",
        "stance",
        "missing",
        "equivalence",
    ]
    assert RELEASED == ("quality", "stance", "missing", "topics")
    assert [own.name for own in first if own.needs_reference] == [
        "missing",
        "topics",
        "equivalence",
    ]
    assert [own.name for own in first if own.merge] == ["topics", "equivalence"]
    assert [own.name for own in first if own.contested_only] == ["stance"]
    assert [own.name for own in first if own.of_reference] == ["quality"]
    assert [own.name for own in first if own.scale and own.scale.ordinal] == ["quality", "missing"]


@pytest.mark.parametrize("key", SENT)
def test_what_is_sent_has_not_changed(key):
    judgement = {**JUDGEMENTS, "viewpoints": viewpoints(3)}[key.partition("@")[0]]
    texts = {name: TEXTS[name] for name in judgement.inputs}
    labels = judgement.build_for_labels(**texts) if judgement.labels else None
    sent = [judgement.build(**texts), judgement.json_schema(), labels]
    digest = hashlib.sha256(json.dumps(sent).encode()).hexdigest()
    assert digest == SENT[f"{judgement.name}@{judgement.version}"]


@pytest.mark.parametrize("judgement", JUDGEMENTS.values(), ids=lambda own: own.name)
def test_what_is_declared_agrees_with_itself(judgement):
    assert judgement.version >= 1
    assert judgement.example
    # Only two responses can be exchanged.
    pairwise = {"response_a", "response_b"} <= set(judgement.inputs)
    assert pairwise is (judgement.merge is not None)
    if judgement.labels:
        assert judgement.scale is not None
        assert tuple(map(str, judgement.scale.labels)) == judgement.labels
    if judgement.scale is not None:
        for label in judgement.scale.labels:
            whole = dict.fromkeys(judgement.scale.parts, label) or label
            assert judgement.schema.from_label(whole).value() == whole


@pytest.mark.parametrize("name", MEASURED)
def test_a_sample_gives_the_texts_that_are_asked_for(name):
    judgement = JUDGEMENTS[name]
    texts = judgement.texts("p", "sample", "theirs")
    assert tuple(texts) == judgement.inputs
    assert judgement.build(**texts)[0]["role"] == "user"
    assert ("theirs" in texts.values()) is judgement.needs_reference
    assert {"p", "sample"} <= set(texts.values())


# ------------------------------------------------------------------------------------ two orders


class Listed:
    signature = "listed"

    def __init__(self, *verdicts):
        self.verdicts = verdicts
        self.asked = 0

    def ask(self, questions):
        self.asked += len(questions)
        return list(self.verdicts)


SAME, DIFFERENT = Verdict("parsed", "same", "s"), Verdict("parsed", "different", "d")
LOST = Verdict("failed", None, None)


@pytest.mark.parametrize(
    ("there", "back", "verdict"),
    [
        (SAME, SAME, SAME),
        (SAME, DIFFERENT, Verdict("unreadable", None, "s")),
        (DIFFERENT, SAME, Verdict("unreadable", None, "d")),
        (SAME, LOST, LOST),
        (LOST, SAME, LOST),
        # Labels that exist already were given in one order.
        (SAME, None, SAME),
        (None, None, None),
    ],
)
def test_two_responses_are_equivalent_if_both_orders_say_so(there, back, verdict):
    judge, judgement = Listed(there, back), JUDGEMENTS["equivalence"]
    question = Question(judgement, judgement.texts("p", "x", "r"))
    assert ask_as_declared(judge, judgement, [question]) == [verdict]
    assert judge.asked == 2


def test_what_compares_with_a_reference_is_not_asked_without_one():
    judge = Listed()
    names = [name for name, own in JUDGEMENTS.items() if own.needs_reference]
    assert judge_prompts(judge, [Judged("p", "?", ["x"], [0])], names) == [{}]
    assert judge.asked == 0


# ----------------------------------------------------------------------------- names in settings


@pytest.mark.parametrize(
    ("given_spec", "message"),
    [
        (
            {**MODEL, "judgements": ["tone"]},
            f"expected judge.judgements to list some of {', '.join(MEASURED)}, got ['tone']",
        ),
        (
            {**MODEL, "judgements": ["stance", "equivalence"]},
            f"expected judge.judgements to list some of {', '.join(MEASURED)}, got "
            "['stance', 'equivalence']",
        ),
        (
            {"labels": {"tone": "x"}},
            f"expected judge.labels to map some of {', '.join(LABELLED)} to files, got "
            "{'tone': 'x'}",
        ),
        (
            {"labels": {"reference_stance": "x"}},
            f"expected judge.labels to map some of {', '.join(LABELLED)} to files, got "
            "{'reference_stance': 'x'}",
        ),
    ],
)
def test_an_unknown_name_is_refused_with_those_that_there_are(given_spec, message):
    with pytest.raises(SettingsError) as error:
        check_names(read_spec(given_spec, "overton_diversity"), "overton_diversity")
    assert str(error.value) == f"overton_diversity: {message}"


def test_known_names_pass():
    for name in MEASURED:
        check_names(read_spec({**MODEL, "judgements": name}, "t"), "t")
    check_names(read_spec({"labels": dict.fromkeys(LABELLED, "x")}, "t"), "t")
    check_names(read_spec(MODEL, "t"), "t")


def test_a_credential_in_place_of_a_name_is_not_repeated():
    spec = read_spec({"labels": {"api_key": "sk-1"}}, "t")
    with pytest.raises(SettingsError, match="expected judge") as error:
        check_names(spec, "t")
    assert "sk-1" not in str(error.value)


VALUES = st.none() | st.booleans() | st.integers() | st.text() | st.lists(st.text())
NAMES = st.lists(st.sampled_from([*JUDGEMENTS, "tone"])) | VALUES


@settings(deadline=None)
@given(st.fixed_dictionaries({"model": st.just("m"), "judgements": NAMES}))
def test_a_judge_that_passes_names_what_metrics_rest_on(given_spec):
    said = ""
    try:
        spec = read_spec(given_spec, "t")
        check_names(spec, "t")
    except SettingsError as error:
        said = str(error)
    assert "\n" not in said
    assert said or set(spec.judgements or ()) <= set(MEASURED)


@pytest.mark.parametrize("command", ["calibrate", "judge"])
def test_a_command_refuses_an_unknown_name(command, tmp_path, capsys, monkeypatch):
    monkeypatch.setenv("OVERTON_CACHE_DIR", str(tmp_path / "cache"))
    path = tmp_path / "responses.jsonl"
    path.write_text('{"prompt": "Why?", "responses": ["Because.", "So."]}\n')
    judge = ["--judge", '{"model": "m", "judgements": ["tone"]}']
    if command == "calibrate":
        files = ["--responses", str(path), "--labels", str(path)]
        arguments = ["calibrate", "--judgement", "stance", *files, *judge]
    else:
        arguments = ["judge", str(path), *judge]
    assert main(arguments) == 2
    assert "expected judge.judgements to list some of quality, stance" in capsys.readouterr().err


def test_the_command_lists_what_can_be_calibrated(capsys):
    with pytest.raises(SystemExit, match="2"):
        main(["calibrate", "--judgement", "topics"])
    choices = ", ".join(map(repr, CALIBRATED))
    said = f"argument --judgement: invalid choice: 'topics' (choose from {choices})"
    assert said in capsys.readouterr().err


def test_a_newer_version_is_another_judgement():
    old = JUDGEMENTS["stance"]
    texts = old.texts("p", "x", None)
    assert replace(old, version=2).build(**texts) != old.build(**texts)
