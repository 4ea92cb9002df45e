import json
from collections import Counter

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lm_eval_overton.errors import DataError, SettingsError
from lm_eval_overton.judge.labels import LabelLine, align, read_labels
from lm_eval_overton.judge.verdicts import Verdict
from tests.conftest import PAPER

DOCS = [{"id": "a", "prompt": "Is it so?"}, {"id": "b", "prompt": "Is it not?"}]
FIVE = {"helpfulness": 4, "clarity": 5, "factuality": None, "depth": 2, "engagement": 1}


@pytest.fixture
def write(tmp_path):
    def writing(*rows):
        path = tmp_path / "labels.jsonl"
        path.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
        return path

    return writing


def values(rows):
    return [[verdict and verdict.value for verdict in row] for row in rows]


def line(*labels, **named):
    verdicts = tuple(label and Verdict("parsed", label, None) for label in labels)
    return LabelLine("labels.jsonl:1", verdicts, **named)


@pytest.mark.parametrize(
    ("judgement", "label", "value"),
    [
        ("stance", " Both", "both"),
        ("missing", 3, 3),
        ("missing", "3", 3),
        ("equivalence", "same", "same"),
        ("quality", FIVE, FIVE),
        ("quality", {"depth": 2}, {**dict.fromkeys(FIVE), "depth": 2}),
        ("viewpoints", [5, None, 1], [5, None, 1]),
        (
            "topics",
            {"only_a": [{"name": "cost", "helpfulness": 4}], "only_b": [], "both": []},
            {"only_a": [{"name": "cost", "helpfulness": 4}], "only_b": [], "both": []},
        ),
    ],
)
def test_a_label_has_the_value_that_a_parsed_reply_has(write, judgement, label, value):
    (found,) = read_labels(write({"label": label}), judgement)
    assert found.verdicts == (Verdict("parsed", value, None),)


def test_a_null_label_is_no_label_and_a_null_reply_is_a_failed_one(write):
    (found,) = read_labels(write({"labels": ["yes", None]}), "stance")
    assert found.verdicts == (Verdict("parsed", "yes", None), None)
    (found,) = read_labels(write({"ok": False, "responses": [None]}), "stance")
    assert found.verdicts == (Verdict("failed", None, None),)


def test_a_released_reply_is_read_as_a_reply(write):
    reply = '{"reason": "r", "stance": "no"}'
    rows = [{"ok": True, "responses": [text]} for text in (reply, "stance: no")]
    found = read_labels(write(*rows), "stance")
    assert [entry.verdicts[0].status for entry in found] == ["parsed", "unreadable"]
    assert found[0].verdicts[0].value == "no"


def test_a_line_may_name_its_prompt(write):
    (found,) = read_labels(write({"id": 7, "prompt": "Is it so?", "label": "yes"}), "stance")
    assert (found.id, found.prompt) == ("7", "Is it so?")


@pytest.mark.parametrize(
    ("judgement", "row", "message"),
    [
        ("stance", {"label": "maybe"}, r':1: expected a label of stance to be "yes", .*\'maybe\''),
        ("missing", {"label": 6}, "1..5; got 6"),
        ("missing", {"label": True}, "1..5; got True"),
        ("quality", {"label": 4}, "expected a label of quality"),
        ("quality", {"label": {}}, "expected a label of quality"),
        ("quality", {"label": {"dept": 4}}, "expected a label of quality"),
        ("quality", {"label": {"depth": 9}}, "expected a label of quality"),
        ("viewpoints", {"label": 4}, "expected a label of viewpoints"),
        ("viewpoints", {"label": "45"}, "expected a label of viewpoints"),
        ("viewpoints", {"label": []}, "expected a label of viewpoints"),
        ("topics", {"label": {"only_a": []}}, "expected a label of topics"),
        ("stance", {"labels": "yes"}, "expected \"labels\" to be a list with a label, got 'yes'"),
        ("stance", {"labels": []}, r"got \[\]"),
        ("stance", {"stance": "yes"}, 'expected one of "label", "labels" and "responses", got st'),
        ("stance", {"label": "no", "labels": ["no"]}, "got labels, label"),
        ("stance", {"id": [1], "label": "no"}, r'expected "id" to be a string, got \[1\]'),
        ("stance", {"responses": [1]}, 'put plain values under "labels"'),
        ("equivalence", {"responses": ["{}"]}, 'expected "label" or "labels" for equivalence'),
    ],
)
def test_what_cannot_be_understood_is_refused_with_its_line(write, judgement, row, message):
    with pytest.raises(DataError, match=message) as error:
        read_labels(write(row), judgement)
    assert "labels.jsonl:1: " in str(error.value)
    assert "\n" not in str(error.value)


def test_replies_and_labels_in_one_file_are_refused(write):
    with pytest.raises(DataError, match="keep replies and labels in two files"):
        read_labels(write({"label": "no"}, {"responses": [None]}), "stance")


def test_an_unknown_judgement_is_refused(write):
    with pytest.raises(SettingsError, match=r"quality, stance, .*, got 'tone'"):
        read_labels(write({"label": "no"}), "tone")


def test_one_label_per_prompt_is_that_of_its_first_sample():
    found = align([line("yes"), line("no")], 2, 3)
    assert values(found) == [["yes", None, None], ["no", None, None]]


def test_a_list_per_prompt_has_a_label_per_sample():
    assert values(align([line("yes", None), line("no", "both")], 2, 2)) == [
        ["yes", None],
        ["no", "both"],
    ]


def test_a_line_per_sample_lists_all_samples_of_a_prompt_first():
    lines = [line("yes"), line("no"), line("both"), line("other")]
    assert values(align(lines, 2, 2)) == [["yes", "no"], ["both", "other"]]


def test_named_lines_are_found_in_any_order_and_may_be_few():
    lines = [line("no", id="b"), line("other", id="z")]
    assert values(align(lines, 2, 2, DOCS)) == [[None, None], ["no", None]]


def test_the_text_of_a_prompt_counts_before_its_id():
    # The ids are swapped; the texts, but for case and space, are right.
    lines = [line("no", prompt="is it  NOT?", id="a"), line("yes", prompt="Is it so?", id="b")]
    assert values(align(lines, 2, 1, DOCS)) == [["yes"], ["no"]]


def test_several_lines_of_one_prompt_are_its_samples_in_order():
    lines = [line("yes", id="a"), line("no", id="b"), line("both", id="a"), line("other", id="b")]
    assert values(align(lines, 2, 2, DOCS)) == [["yes", "both"], ["no", "other"]]


@pytest.mark.parametrize(
    ("lines", "message"),
    [
        ([line("yes")] * 3, "expected 2 lines, one per prompt, or 10, one label per sample, got 3"),
        ([line("yes", "no")] * 10, "got 10 lines"),
        ([line("yes", "no")] * 2, "expected 1 label for its prompt or 5, one per sample, got 2"),
        ([], "got 0 lines"),
        ([line("yes", id="a"), line("no")], "expected .* in every line or in none"),
        ([line("yes", id="z")], "at least one of the 2 prompts, got none with the same text or id"),
        ([line("yes", id="a")] * 6, "expected 1 label for its prompt or 5, .* got 6"),
    ],
)
def test_labels_that_do_not_fit_are_refused(lines, message):
    with pytest.raises(DataError, match=message):
        align(lines, 2, 5, DOCS)


def test_without_the_prompts_order_decides_whatever_the_lines_name():
    assert values(align([line("no", id="b"), line("yes")], 2, 1)) == [["no"], ["yes"]]


@settings(deadline=None)
@given(st.integers(1, 6), st.integers(1, 6), st.data())
def test_lists_and_single_lines_align_to_the_same(n_prompts, n, data):
    label = st.sampled_from(["yes", "no", "both", "other", None])
    table = data.draw(
        st.lists(st.lists(label, min_size=n, max_size=n), min_size=n_prompts, max_size=n_prompts)
    )
    lists = align([line(*row) for row in table], n_prompts, n)
    singles = align([line(label) for row in table for label in row], n_prompts, n)
    assert values(lists) == values(singles) == table


@pytest.mark.paper_data
def test_released_stances_align_to_five_samples_of_434_questions():
    path = PAPER / "ConflictingQA" / "eval-stance" / "outputs" / "llama-2-icl.jsonl"
    table = align(read_labels(path, "stance"), 434, 5)
    assert [len(row) for row in table] == [5] * 434
    counts = Counter(verdict.value for row in table for verdict in row)
    assert sum(counts.values()) == 2170
    # The share of "both" that the paper's data gives.
    assert counts["both"] / 2170 == pytest.approx(0.512, abs=5e-4)


@pytest.mark.paper_data
@pytest.mark.parametrize(("model", "labelled"), [("llama-2-icl", 5), ("llama-2-icl-chat", 1)])
def test_released_qualities_are_of_all_samples_or_of_the_first(model, labelled):
    path = PAPER / "LIMA-OE" / "eval-quality" / "outputs" / f"{model}.jsonl"
    table = align(read_labels(path, "quality"), 50, 5)
    assert [sum(verdict is not None for verdict in row) for row in table] == [labelled] * 50
    assert all(verdict is None for row in table for verdict in row[labelled:])
