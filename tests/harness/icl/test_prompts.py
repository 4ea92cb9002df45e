"""The prompts of the in-context tasks, byte for byte, and what may stand in them."""

import json
import re
from dataclasses import replace
from functools import cache

import numpy as np
import pytest

from lm_eval_overton.errors import DataError, SettingsError
from lm_eval_overton.harness.icl.examples import PACKAGED_RESERVED, load_examples
from lm_eval_overton.harness.replay import task_class
from tests.conftest import ROOT

GOLDEN = ROOT / "tests" / "golden"
STRATEGIES = (
    "zeroshot",
    "fixed",
    "teacher",
    "random",
    "knn",
    "knn_response",
    "summary",
    "summary_cot",
)
SELECTED = ("random", "knn", "knn_response")
# "# Title:", a fence, the text without a fence, a fence, an empty line.
SECTION = re.compile(r"# (Query|Summary|Answer):\n```\n((?:(?!```).)*?)\n```\n\n", re.DOTALL)


def build(strategy, **metadata):
    cls, config = task_class(f"overton_icl_{strategy}")
    config["metadata"] = {**config["metadata"], **metadata}
    return cls(config=config)


@cache
def packaged(strategy):
    """A task on the packaged prompts; the nearest ones are found once."""
    return build(strategy)


def ask(task, doc=None):
    return task.fewshot_context(doc or task.prompt_set.docs[0], 0)


def chat(task, doc=None, system=None):
    task.frame = task.CHAT_FRAME
    try:
        return task.fewshot_context(
            doc or task.prompt_set.docs[0],
            0,
            system_instruction=system,
            apply_chat_template=True,
            chat_template=lambda turns, add_generation_prompt: turns,
        )
    finally:
        task.frame = task.FRAME


def parts(prompt):
    """The sections of a base model's prompt, and the opening that it ends with."""
    found, end = [], 0
    for match in SECTION.finditer(prompt):
        assert match.start() == end, prompt[end : match.start()]
        found.append((match[1], match[2]))
        end = match.end()
    return found, prompt[end:]


def asked(prompt):
    """The questions of a prompt, the last one is the question itself."""
    return [text for title, text in parts(prompt)[0] if title == "Query"]


def write(path, *rows):
    path.write_text("".join(json.dumps(row) + "\n" for row in rows), "utf-8")
    return str(path)


# ---------------------------------------------------------------------------------- byte for byte


@pytest.mark.parametrize("strategy", STRATEGIES)
def test_the_prompt_of_a_base_model(strategy):
    golden = (GOLDEN / f"icl_{strategy}.txt").read_bytes()
    assert ask(packaged(strategy)).encode("utf-8") == golden


@pytest.mark.parametrize("strategy", STRATEGIES)
def test_sections_are_set_apart_the_same_way(strategy):
    sections, opening = parts(ask(packaged(strategy)))
    titles = [title for title, _ in sections]
    plain = ["Query", "Answer"] * 3 + ["Query"]
    summed = ["Query", "Summary", "Answer"] * 3 + ["Query"]
    expected = {
        "zeroshot": ["Query"],
        "summary": [*summed, "Summary"],
        "summary_cot": summed,
    }
    assert titles == expected.get(strategy, plain)
    last = "Summary" if strategy == "summary_cot" else "Answer"
    assert opening == f"# {last}:\n```\n"
    assert all(text == text.strip() for _, text in sections)


def test_zero_shot_is_the_frame_of_the_diversity_task():
    task = packaged("zeroshot")
    diversity, config = task_class("overton_diversity")
    doc = task.prompt_set.docs[0]
    assert ask(task) == diversity(config=config).fewshot_context(doc, 0)
    assert ask(task) == f"# Query:\n```\n{doc['prompt']}\n```\n\n# Answer:\n```\n"


def test_a_system_instruction_stands_before_it_all():
    task = packaged("fixed")
    doc = task.prompt_set.docs[0]
    assert task.fewshot_context(doc, 0, system_instruction="Be kind.") == f"Be kind.\n\n{ask(task)}"


# ----------------------------------------------------------------------------------------- chat


def test_examples_of_a_chat_model_are_turns():
    task = packaged("fixed")
    prompt = task.prompt_set.docs[0]["prompt"]
    turns = [
        turn
        for example in load_examples(None)
        for turn in (
            {"role": "user", "content": example.prompt},
            {"role": "assistant", "content": example.response},
        )
    ]
    assert chat(task) == [*turns, {"role": "user", "content": prompt}]
    system = {"role": "system", "content": "Be kind."}
    assert chat(task, system="Be kind.") == [system, *turns, {"role": "user", "content": prompt}]


def test_a_chat_model_without_examples_gets_the_question_alone():
    task = packaged("zeroshot")
    assert chat(task) == [{"role": "user", "content": task.prompt_set.docs[0]["prompt"]}]


def test_a_chat_model_sees_hints_in_the_user_s_turns():
    task = packaged("summary")
    doc = task.prompt_set.docs[0]
    turns = chat(task)
    assert [turn["role"] for turn in turns] == ["user", "assistant"] * 3 + ["user"]
    hint = f"\n\nA summary of a good answer: {task._hints[doc['id']][0]}"
    assert turns[-1]["content"] == doc["prompt"] + hint
    assert all("\n\nA summary of a good answer: " in turn["content"] for turn in turns[::2])
    assert [turn["content"] for turn in turns[1::2]] == [e.response for e in task._fixed]


def test_a_chat_model_is_told_to_write_a_summary_first():
    turns = chat(packaged("summary_cot"))
    for turn in turns[::2]:
        assert "\n\nFirst write a summary of your answer" in turn["content"]
    for turn in turns[1::2]:
        # What it is shown is what is read afterwards.
        assert [title for title, _ in parts(turn["content"] + "\n\n")[0]] == ["Summary", "Answer"]


# -------------------------------------------------------------------------------- which examples


@pytest.mark.parametrize("strategy", STRATEGIES)
def test_neither_the_prompt_nor_a_reserved_one_is_drawn_or_found(strategy):
    task = packaged(strategy)
    assert not {doc["id"] for doc in task.prompt_set.docs} & set(PACKAGED_RESERVED)
    reserved = {doc["prompt"] for doc in task.material.reserved}
    assert len(reserved) == 3
    for doc in task.prompt_set.docs:
        shown = {example.prompt for example in task.examples_for(doc)}
        assert len(shown) == (0 if strategy == "zeroshot" else 3)
        assert doc["prompt"] not in shown
        if strategy in SELECTED:
            assert not shown & reserved


def test_the_teacher_answers_the_reserved_prompts():
    task = packaged("teacher")
    shown = task.examples_for(task.prompt_set.docs[0])
    assert [example.prompt for example in shown] == [
        doc["prompt"] for doc in task.material.reserved
    ]
    assert [example.response for example in shown] == [
        task.reference[doc_id][0].text for doc_id in PACKAGED_RESERVED
    ]


@pytest.mark.parametrize(("strategy", "k"), [("fixed", 2), ("teacher", 1), ("random", 5)])
def test_the_number_of_examples(strategy, k):
    assert len(asked(ask(build(strategy, n_examples=k)))) == k + 1


def test_examples_are_drawn_once_with_the_seed():
    drawn = [ask(build("random", seed=seed)) for seed in (1234, 1234, 7)]
    assert drawn[0] == drawn[1] == ask(packaged("random"))
    assert drawn[2] != drawn[0]


class FirstLetters:
    """Puts a text on a circle by its first letter, twenty degrees from one to the next."""

    signature = "letters"

    def encode(self, texts):
        angles = np.deg2rad([20 * (ord(text[0]) - ord("a")) for text in texts])
        return np.column_stack([np.cos(angles), np.sin(angles)])


# In the order of prompts a nears d, c, b; in that of answers z, y, x it nears c, d, b.
TEXTS = {"r1": "?", "r2": "?!", "r3": "?!!", "a": "kite", "b": "fox", "c": "hen", "d": "ibis"}


@pytest.fixture
def own(tmp_path):
    """Seven prompts of one's own; the first three with a reference are reserved."""
    rows = [
        {"id": i, "prompt": text, "responses": [None, f"{answer} it is"]}
        for (i, text), answer in zip(TEXTS.items(), "uvwkfih", strict=True)
    ]
    return {"prompts": write(tmp_path / "p.jsonl", *rows), "reference": str(tmp_path / "p.jsonl")}


@pytest.mark.parametrize(
    ("strategy", "order", "expected"),
    [
        ("knn", "nearest_first", ["ibis", "hen"]),
        ("knn", "nearest_last", ["hen", "ibis"]),
        ("knn_response", "nearest_first", ["hen", "ibis"]),
        ("knn_response", "nearest_last", ["ibis", "hen"]),
    ],
)
def test_the_nearest_by_prompt_or_by_answer(own, monkeypatch, strategy, order, expected):
    task = build(strategy, **own, n_examples=2, order=order)
    monkeypatch.setattr(task, "instruments", replace(task.instruments, encoder=FirstLetters()))
    assert asked(ask(task)) == [*expected, "kite"]
    # The first valid reference sample answers them.
    answers = [text for title, text in parts(ask(task))[0] if title == "Answer"]
    assert answers == [{"ibis": "h it is", "hen": "i it is"}[text] for text in expected]


def test_own_prompts_without_a_reference_are_left_out(tmp_path):
    rows = [{"id": i, "prompt": f"{i}?", "responses": ["So."]} for i in "abcde"]
    rows[1]["responses"] = [None, " "]
    reference = write(tmp_path / "r.jsonl", *rows[:4])
    prompts = write(tmp_path / "p.jsonl", *rows)
    given = {"prompts": prompts, "reference": reference}
    # "b" has no valid sample and "e" none at all; "a", "c" and "d" would be reserved.
    with pytest.raises(DataError, match="expected a reference response to at least one prompt"):
        build("fixed", **given)
    task = build("teacher", **given, example_ids=["c"])
    assert [doc["id"] for doc in task.prompt_set.docs] == ["a", "d"]
    assert asked(ask(task)) == ["c?", "a?"]


def test_a_chosen_example_that_has_no_reference(own):
    with pytest.raises(DataError, match="example_ids: expected prompts of p with a reference"):
        build("teacher", **own, example_ids=["a", "z"])


def test_a_reference_to_other_prompts(tmp_path):
    other = write(tmp_path / "r.jsonl", {"prompt": "Another?", "responses": ["Yes."]})
    with pytest.raises(DataError, match="expected responses to at least one prompt of open_ended"):
        build("teacher", reference=other)


def test_the_reference_is_what_an_aligned_model_was_asked_plainly(own, tmp_path):
    chat = tmp_path / "chat"
    chat.mkdir()
    # The same model's in-context runs lie beside, and are newer.
    for day, task in ((1, "overton_diversity"), (2, "overton_icl_teacher")):
        rows = [
            {
                "doc": {"id": key, "prompt": text},
                "arguments": {"gen_args_0": {"arg_0": text, "arg_1": {}}},
                "resps": [[f"{task} said"]],
                "filter": "none",
            }
            for key, text in TEXTS.items()
        ]
        write(chat / f"samples_{task}_2026-01-0{day}T00.jsonl", *rows)
    task = build("teacher", prompts=own["prompts"], reference=str(chat))
    assert {s.text for own in task.reference.values() for s in own} == {"overton_diversity said"}


@pytest.mark.parametrize("strategy", ["summary", "summary_cot"])
def test_another_reference_needs_hints_of_its_own(own, tmp_path, strategy):
    with pytest.raises(SettingsError, match="make them with `overton hints`"):
        build(strategy, **own)
    few = write(tmp_path / "h.jsonl", {"id": "a", "hint": "A kite."})
    with pytest.raises(DataError, match=r"h\.jsonl: expected a hint for every prompt, got none"):
        build(strategy, **own, hints=few)
    rows = [{"id": i, "hint": f"{i}.", "source": 1} for i in TEXTS]
    task = build(strategy, **own, hints=write(tmp_path / "h.jsonl", *rows))
    shown = [text for title, text in parts(ask(task))[0] if title == "Summary"]
    assert shown == ["r1.", "r2.", "r3."] + (["a."] if strategy == "summary" else [])
    # The sample that the hint came from does not count; without hint all do.
    assert task._hint_source(task.prompt_set.docs[0]) == (1 if strategy == "summary" else None)


def test_the_source_of_a_hint_may_be_asked_to_count():
    doc = packaged("summary").prompt_set.docs[0]
    assert packaged("summary")._hint_source(doc) == 0
    assert build("summary", exclude_hint_source=False)._hint_source(doc) is None


# ------------------------------------------------------------------------------- own fixed examples


def test_own_examples_stand_before_every_prompt_but_their_own(tmp_path):
    docs = packaged("zeroshot").prompt_set.docs
    near = docs[0]["prompt"].upper().replace(" ", "  ")
    path = write(
        tmp_path / "own.jsonl",
        {"prompt": near, "response": "Go."},
        {"query": "Why?", "response": "So."},
    )
    task = build("fixed", examples=path)
    assert asked(ask(task, docs[1])) == [near, "Why?", docs[1]["prompt"]]
    # A near-duplicate of the question would give the answer away.
    assert asked(ask(task, docs[0])) == ["Why?", docs[0]["prompt"]]


@pytest.mark.parametrize("strategy", ["zeroshot", "teacher", "random", "summary", "summary_cot"])
def test_own_examples_are_for_the_task_of_fixed_ones(tmp_path, strategy):
    path = write(tmp_path / "own.jsonl", {"prompt": "Why?", "response": "So."})
    assert ask(build(strategy, examples=path)) == ask(packaged(strategy))


def test_a_fence_in_an_example_does_not_close_its_section(tmp_path):
    code = "Run:\n```sh\nls\n```\nDone."
    path = write(tmp_path / "own.jsonl", {"prompt": "How? ```x```", "response": code})
    sections, opening = parts(ask(build("fixed", examples=path)))
    assert sections[:2] == [
        ("Query", "How? '''x'''"),
        ("Answer", "Run:\n'''sh\nls\n'''\nDone."),
    ]
    assert opening == "# Answer:\n```\n"
    # A chat model's turns need no fences, so that its examples stay as they are.
    assert chat(build("fixed", examples=path))[1]["content"] == code


# ---------------------------------------------------------------------------------- no room left


@pytest.mark.parametrize("kept", [3, 2, 1, 0])
def test_examples_leave_whole_from_the_far_end(monkeypatch, kept):
    task = packaged("teacher")
    doc = task.prompt_set.docs[1]
    whole = ask(task, doc)
    monkeypatch.setattr(task, "_fits", lambda prompt: prompt.count("# Answer:") <= kept + 1)
    cut = ask(task, doc)
    assert asked(cut) == asked(whole)[3 - kept :]
    assert whole.endswith(cut)
    assert task._info(doc) == {"examples_dropped": 3.0 - kept}


def test_a_question_that_never_fits_is_asked_without_examples(monkeypatch):
    task = packaged("fixed")
    doc = task.prompt_set.docs[1]
    monkeypatch.setattr(task, "_fits", lambda prompt: False)
    assert ask(task, doc) == ask(packaged("zeroshot"), doc)
    assert task._info(doc) == {"examples_dropped": 3.0}


@pytest.mark.parametrize("kept", [3, 2, 1, 0])
def test_the_user_s_limit_counts_the_answer_too(kept):
    # Three characters are taken for a token; the answer may need 700 of them.
    doc = packaged("fixed").prompt_set.docs[0]
    whole = ask(packaged("fixed"), doc)
    needed = whole[[m.start() for m in re.finditer("# Query:", whole)][3 - kept] :]
    limit = len(needed) // 3 + 1 + 700
    task = build("fixed", max_context=limit)
    task.build_all_requests(limit=1)
    assert task.instances[0].args[0] == needed
    assert task._info(doc) == {"examples_dropped": 3.0 - kept}
    shorter = build("fixed", max_context=limit - 1)
    shorter.build_all_requests(limit=1)
    assert shorter._info(doc) == {"examples_dropped": min(3.0, 4.0 - kept)}


def test_prompts_that_lost_all_examples_raise_an_alarm_and_are_signed():
    def asked(strategy, **metadata):
        task = build(strategy, model="m", **metadata)
        task.build_all_requests(limit=2)
        return task

    none = asked("fixed", max_context=1)
    [alarm] = none.found
    assert alarm.startswith("2 of 2 prompts were asked without any of their examples, ")
    assert "|without_examples:2" in none.signature
    assert none.heading()["generation"]["without_examples"] == 2
    for task in (asked("fixed"), asked("zeroshot", max_context=1)):
        assert task.found == []
        assert "without_examples" not in task.signature
