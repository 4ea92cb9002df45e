"""What a model writes for itself is told from what it says, in the marks of every family."""

import re
import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lm_eval_overton.text.reasoning import Reasoning, Split
from lm_eval_overton.text.reasoning_marks import FAMILIES
from lm_eval_overton.text.samples import Cleaning

RULE = Reasoning()
THOUGHT = "The river is wide, so a ferry may be the better choice."
ANSWER = "Build a bridge."


@pytest.mark.parametrize(("begin", "end"), FAMILIES)
@pytest.mark.parametrize(
    "shape", ["{b}{t}{e}{a}", "{b}\n{t}\n{e}\n\n{a}", "\n {b} {t} {e} {a}", "{t}\n{e}\n\n{a}"]
)
def test_a_finished_thought_of_each_family(begin, end, shape):
    found = RULE.split(shape.format(b=begin, e=end, t=THOUGHT, a=ANSWER))
    assert (found.answer.strip(), found.thought) == (ANSWER, THOUGHT)


@pytest.mark.parametrize(("begin", "end"), FAMILIES)
def test_an_unfinished_and_an_empty_thought_of_each_family(begin, end):
    assert RULE.split(f"{begin}\n{THOUGHT}") == Split(None, THOUGHT)
    assert RULE.split(f"{begin}\n\n{end}\n\n{ANSWER}") == Split(f"\n\n{ANSWER}", "")


@pytest.mark.parametrize(
    ("raw", "answer", "thought"),
    [
        # Harmony: the final channel is the answer; with its tokens, and with them dropped.
        (
            "<|channel|>analysis<|message|>Hm.<|end|><|start|>assistant<|channel|>final<|message|>"
            "Yes.<|return|>",
            "Yes.",
            "Hm.",
        ),
        ("<|channel|>final<|message|>Yes.", "Yes.", ""),
        (
            "<|channel|>analysis<|message|>Hm.<|end|><|start|>assistant<|channel|>commentary "
            "to=functions.look <|constrain|>json<|message|>{}<|call|><|start|>assistant"
            "<|channel|>final<|message|>Yes.",
            "Yes.",
            "Hm.\n{}",
        ),
        ("<|channel|>analysis<|message|>Hm. So", None, "Hm. So"),
        ("analysis<|message|>Hm.<|end|><|start|>assistant<|channel|>final<|message|>Y", "Y", "Hm."),
        ("analysisHm, well.assistantfinalYes.", "Yes.", "Hm, well."),
        ("analysisHm.assistantcommentaryLook it up.assistantfinalYes.", "Yes.", "Hm."),
        ("analysisWe need to", None, "We need to"),
        # Announced in words.
        ("Here is my thought process: Hm.\nHere is my response: Yes.", " Yes.", "Hm."),
        ("Here's my thought process:\nHm", None, "Hm"),
        (
            "Step by step.\n[BEGIN FINAL RESPONSE]\nYes.\n[END FINAL RESPONSE]",
            "\nYes.\n",
            "Step by step.",
        ),
        ("<|think|>Hm.<|end|><|begin|>assistant<|content|>Yes.", "Yes.", "Hm."),
        ("<|think|>Hm", None, "Hm"),
        (
            '<details type="reasoning" done="true"><summary>4 s</summary>Hm</details>Yes.',
            "Yes.",
            "<summary>4 s</summary>Hm",
        ),
        ("<details>\n<summary>Thinking...</summary>Hm.</details>Yes.", "Yes.", "Hm."),
        # Tags as models, templates and pages write them.
        ('<think type="long" n=3>Hm.</think >Yes.', "Yes.", "Hm."),
        ("< think >Hm.</ Think>Yes.", "Yes.", "Hm."),
        ("**<think>**\nHm.\n**</think>**\nYes.", "\nYes.", "Hm."),
        ("&lt;think&gt;Hm.&lt;/think&gt;Yes.", "Yes.", "Hm."),
        # Code at the end of a thought, and at the beginning of what follows a mark.
        ("<think>Say `x`</think>Yes.", "Yes.", "Say `x`"),
        ("<think>`x`?</think>`y` is it.", "`y` is it.", "`x`?"),
        ("<think>`x` or `</think>`?</think>Yes.", "Yes.", "`x` or `</think>`?"),
        ("<think>**Hm.**</think>__Yes__", "__Yes__", "**Hm.**"),
        # A thought within the thought, and one that was begun twice.
        (
            "<think>\nA\n<think>\nB\n</think>\nC\n</think>\nYes.",
            "\nYes.",
            "A\n<think>\nB\n</think>\nC",
        ),
        ("<think>\n<think>\nA\n</think>\nYes.", "\nYes.", "<think>\nA"),
        # An answer that is set apart in a thought without an end.
        ("<think>Hm.\n<answer>Yes.</answer>", "Yes.", "Hm."),
        ("<think>Hm. I write <answer> soon", None, "Hm. I write <answer> soon"),
        # What stands around the answer goes with the thought.
        ("<reasoning>Hm.</reasoning>\n<answer>Yes.</answer>", "Yes.", "Hm."),
        ("<think>Hm.</think><answer>\nYes.", "\nYes.", "Hm."),
        # Case, several thoughts, one within an answer, one that speaks of the marks.
        ("<Think>Hm.</THINK>Yes.", "Yes.", "Hm."),
        ("<think>A</think>One. <think>B</think>Two.", "One. Two.", "A\nB"),
        ("One.\n<think>B", "One.\n", "B"),
        ("<think>Use <think> here? No.</think>Yes.", "Yes.", "Use <think> here? No."),
        ("Hm.\n</think>\nNo.\n</think>\nYes.", "\nYes.", "Hm.\nNo."),
        # A fence beside a mark does not quote it.
        ("<think>In code:\n```\nx\n```</think>```\ny\n```", "```\ny\n```", "In code:\n```\nx\n```"),
    ],
)
def test_the_parts_of_a_response(raw, answer, thought):
    assert RULE.split(raw) == Split(answer, thought)


@pytest.mark.parametrize(
    "raw",
    [
        "",
        ANSWER,
        "Wrap it in `<think>` and `</think>`.",
        "Write `<think>so</think>` and go on.",
        "A tag such as <think> opens it.",
        "Prompt:\n```xml\n<thinking>why</thinking>\n```\nThat is all.",
        "Analysis of the matter: it depends.",
        "analysis: it depends",
        "analysis of ferries",
        "The channel is narrow. <|channel|>",
        "Think about it. I think so.",
        "It writes [BEGIN FINAL RESPONSE] before it answers.",
        "<thinking hard> I would stay.",
        "Here are my reasoning steps: look, then leap.",
        "The plan:\n<details><summary>Costs</summary>Ten.</details>\nThat is all.",
    ],
)
def test_an_answer_that_only_speaks_of_thinking_is_kept(raw):
    assert RULE.split(raw) == Split(raw, "")


def test_what_follows_a_prompt_that_opened_the_thought():
    opened = RULE.opened_by("<|user|>Why?<|assistant|><think>\n")
    assert opened.opened
    assert opened.split(THOUGHT) == Split(None, THOUGHT)
    assert opened.split(f"{THOUGHT}</think>{ANSWER}") == Split(ANSWER, THOUGHT)
    assert opened.split(f"<think>{THOUGHT}</think>{ANSWER}") == Split(ANSWER, THOUGHT)
    assert not RULE.opened_by("<think>\n\n</think>\n\n").opened
    assert not RULE.opened_by("Why?").opened


def test_the_users_own_marks_and_none_at_all():
    own = Reasoning(own=("<muse>", "</muse>"))
    assert own.split("<muse>Hm.</muse>Yes.") == Split("Yes.", "Hm.")
    assert own.split("<think>Hm.</think>Yes.") == Split("Yes.", "Hm.")
    assert Reasoning(own=("<a>", "%%")).split("<a>Hm.</a>%%Yes.") == Split("Yes.", "Hm.</a>")
    keep = Reasoning(strip=False)
    assert keep.split("<think>Hm.</think>Yes.") == Split("<think>Hm.</think>Yes.", None)
    assert (keep.signature, RULE.signature) == ("keep", "strip")
    assert own.signature == ["strip", "<muse>", "</muse>"]


@pytest.mark.parametrize("sign", [*"]^-\\[&|~.*k", "\u0130", "\U0001f914", "\n"])
def test_the_users_own_marks_may_begin_with_any_sign(sign):
    begin, end = f"{sign}muse", f"{sign}{sign}done"
    own = Reasoning(own=(begin, end))
    for raw in (f"{begin} Hm.{end}Yes.", f"{begin.upper()} Hm.{end.upper()}Yes."):
        assert own.split(raw) == Split("Yes.", "Hm.")
    assert own.split("Yes, I muse. Done.") == Split("Yes, I muse. Done.", "")


def test_a_thought_may_hold_a_stop_sequence():
    rule = Cleaning(("```",))
    sample = rule.sample("<think>In code:\n```\nx\n```\n</think>\nYes.\n```\n# Query")
    assert (sample.text, sample.status) == ("Yes.", "valid")
    unfinished = rule.sample("<think>In code:\n```\nx")
    assert (unfinished.status, unfinished.unfinished) == ("unparsed", True)
    assert rule.sample("<think>Hm.</think>").status == "empty"


def test_a_thought_that_was_cut_off_before_is_unfinished_only_at_the_limit():
    rule = Cleaning(reasoning=Reasoning(opened=True, trimmed=True))
    assert rule.sample(ANSWER, "stop").text == ANSWER
    assert rule.sample(ANSWER).text == ANSWER
    assert rule.sample(THOUGHT, "length").unfinished


@given(st.text(), st.text(alphabet=st.characters(exclude_characters="<[◁`")))
def test_the_answer_does_not_depend_on_the_thought(thought, answer):
    # Without what ends it, and without a sign beside its marks that would make code of them.
    free = re.sub(r"<+[/|]+|\*\*|__", "", thought).strip("`")
    assert RULE.split(f"<think>{free}</think>{answer}").answer == answer


@given(st.text(alphabet="ab \n`<>/think|[]THINK◁▷"))
def test_any_text_is_taken_apart_and_nothing_is_added(raw):
    found = RULE.split(raw)
    for part in (found.answer or "", found.thought or ""):
        assert len(part) <= len(raw)


@pytest.mark.parametrize(
    "unit",
    ["<think>", "</think>", "\n<think>", "<think>a</think>", "`<think>`", "analysisA ", "<|"],
)
def test_a_megabyte_takes_no_longer_than_its_length(unit):
    start = time.process_time()
    RULE.split(unit * (1_000_000 // len(unit)))
    assert time.process_time() - start < 10
