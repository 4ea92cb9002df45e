import json
import re
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lm_eval_overton.data import PromptSet, normal
from lm_eval_overton.errors import DataError
from lm_eval_overton.runs.matching import match_prompts
from lm_eval_overton.runs.responses import (
    Entry,
    Responses,
    read_responses,
    sampled_task,
)
from lm_eval_overton.settings.signature import short_hash
from lm_eval_overton.text.samples import Cleaning

PROMPTS = PromptSet(
    "two", 1, "0123abcd", [{"id": "p1", "prompt": "Why?"}, {"id": "p2", "prompt": "Who am I?"}]
)
HEADER = {
    "overton_generations": 1,
    "tasks": {
        "a": {
            "stops": ["```"],
            "frame": "query-answer",
            "generation": {"temperature": 0.5},
            "n_samples": 2,
            "data": {"name": "open_ended", "version": 1, "sha": "89abcdef"},
        },
        "b": {},
    },
}
ROW_A = {"task": "a", "id": "p1", "prompt": "Why?", "responses": ["x", None]}
ROW_B = {"task": "b", "id": "p1", "prompt": "Why?", "responses": ["y"]}


@pytest.fixture
def write(tmp_path):
    def to_file(*rows):
        path = tmp_path / "r.jsonl"
        path.write_text("".join(json.dumps(row) + "\n" for row in rows))
        return path

    return to_file


def sample(**changes):
    arguments = {"gen_args_0": {"arg_0": "framed", "arg_1": {"until": ["```", "<0123abcd.0>", ""]}}}
    doc = {"id": "p1", "prompt": "Why?"}
    return {"doc_id": 0, "doc": doc, "arguments": arguments, "resps": [["x"], ["y"]], **changes}


def responses(*entries):
    return Responses(Path("r.jsonl"), list(entries))


def entry(answer, identifier=None, prompt=None):
    return Entry(identifier, prompt, [answer])


# ------------------------------------------------------------------------------ plain responses


def test_a_plain_file_holds_responses_and_perhaps_prompts_and_ids(write):
    path = write(
        {"ok": True, "responses": ["a\r\nb", None, ""]},
        {"id": 7, "prompt": "Why?", "responses": []},
    )
    assert read_responses(path) == Responses(
        path, [Entry(None, None, ["a\r\nb", None, ""]), Entry("7", "Why?", [])]
    )


@pytest.mark.parametrize(
    ("row", "got"),
    [
        (
            {"prompt": "p", "txt": "x"},
            "strings and nulls, got the keys prompt, txt; where a line has one, call",
        ),
        ({}, "strings and nulls, got the keys none; where a line has one, call it"),
        ({"responses": "x"}, "to be a list of strings and nulls, got 'x'"),
        ({"responses": None}, "to be a list of strings and nulls, got None"),
        ({"responses": [None, "x", 5]}, "got int 5 at index 2; write the text itself, or null"),
        ({"responses": [True]}, "strings and nulls, got bool True at index 0"),
        ({"responses": ["x", float("nan")]}, "strings and nulls, got float nan at index 1"),
        ({"responses": ["x", float("-inf")]}, "strings and nulls, got float -inf at index 1"),
        ({"responses": [{"text": "x"}]}, "strings and nulls, got dict {'text': 'x'} at index 0"),
        ({"responses": [["x"]]}, "strings and nulls, got list ['x'] at index 0"),
    ],
)
def test_a_line_without_a_list_of_responses_is_named(write, row, got):
    path = write({"responses": []}, row)
    where = re.escape(f'{path}:2: expected "responses"')
    with pytest.raises(DataError, match=f"^{where}.*{re.escape(got)}"):
        read_responses(path)


@pytest.mark.parametrize("key", ["prompt", "id"])
def test_a_prompt_or_id_of_another_type_is_named(write, key):
    path = write({key: ["x"], "responses": []})
    with pytest.raises(DataError, match=rf":1: expected \"{key}\" to be a string.*, got \['x'\]"):
        read_responses(path)


# Writing files can take long on a busy machine.
@settings(deadline=None)
@given(st.lists(st.lists(st.none() | st.text()), min_size=1, max_size=5))
def test_what_was_written_is_read(tmp_path_factory, rows):
    path = tmp_path_factory.mktemp("plain") / "r.jsonl"
    path.write_text("".join(json.dumps({"responses": row}) + "\n" for row in rows))
    assert [entry.responses for entry in read_responses(path).entries] == rows


# ---------------------------------------------------------------------------- generations files


def test_a_generations_file_says_how_its_responses_were_made(write):
    path = write(HEADER, ROW_A)
    assert read_responses(path) == Responses(
        path,
        [Entry("p1", "Why?", ["x", None])],
        stops=("```",),
        frame="query-answer",
        generation={"temperature": 0.5},
        n_samples=2,
        data=HEADER["tasks"]["a"]["data"],
        task="a",
    )


@pytest.mark.parametrize(
    ("task", "about"),
    [("a", {"frame": "query-summary-answer"}), ("overton_icl_summary_cot", {})],
)
def test_the_frame_or_the_task_says_that_a_summary_comes_first(write, task, about):
    header = {"overton_generations": 1, "tasks": {task: {"stops": ["# Query"], **about}}}
    found = read_responses(write(header, {**ROW_A, "task": task}))
    assert found.cleaning() == found.cleaning(["END"]) == Cleaning(("```",), summary_first=True)


def test_of_other_responses_all_counts_up_to_the_stops_of_the_file_or_those_given(write):
    found = read_responses(write(HEADER, ROW_A))
    assert found.cleaning() == Cleaning(("```",))
    assert found.cleaning([]) == Cleaning()


def test_the_rows_of_one_task_are_chosen(write):
    found = read_responses(write(HEADER, ROW_A, ROW_B), "b")
    assert [entry.responses for entry in found.entries] == [["y"]]
    assert found.stops == ()


def test_the_only_task_is_taken_whatever_was_asked_for(write):
    assert read_responses(write(HEADER, ROW_A), "b").stops == ("```",)


@pytest.mark.parametrize(
    ("rows", "task", "message"),
    [
        ((ROW_A, ROW_B), None, "expected generations of one task, got those of a, b"),
        ((ROW_A, ROW_B), "c", "expected generations of c, got those of a, b; choose with --task"),
        ((), None, "expected generations of one task, got those of none"),
    ],
)
def test_generations_of_other_tasks_are_named(write, rows, task, message):
    with pytest.raises(DataError, match=message):
        read_responses(write(HEADER, *rows), task)


# ------------------------------------------------------------------------------- harness samples


def test_responses_that_are_texts_of_lists_are_told(write, caplog):
    assert read_responses(write({"response": "[1] is a source"})).entries
    assert read_responses(write({"responses": ["['a', 'b']", "a"]})).entries
    assert not caplog.messages
    path = write({"response": "['a', 'b']"}, {"response": None}, {"response": '["c"]'})
    read_responses(path)
    assert caplog.messages == [
        f"{path}: every response is the text of a list, such as \"['a', 'b']\", and is scored as "
        "one answer; if its items are the answers, write them as a list"
    ]


def test_a_harness_file_gives_responses_and_stops_without_sentinels(write):
    path = write(sample())
    expected = Responses(path, [Entry("p1", "Why?", ["x", "y"])], stops=("```",))
    assert read_responses(path) == expected


def test_a_samples_file_names_its_task(tmp_path):
    assert sampled_task(tmp_path / "samples_overton_icl_knn_2026-01-01T00.jsonl") == (
        "overton_icl_knn"
    )
    for other in ("samples_mine.jsonl", "samples.jsonl", "results_overton_icl_knn_2026.json"):
        assert sampled_task(tmp_path / other) is None


def test_the_samples_of_a_task_that_asks_for_a_summary_first_say_so(write, tmp_path):
    path = tmp_path / "samples_overton_icl_summary_cot_2026-01-01T00.jsonl"
    found = read_responses(write(sample()).rename(path))
    assert found.task == "overton_icl_summary_cot"
    assert found.cleaning() == Cleaning(("```",), summary_first=True)


def test_a_harness_file_may_name_one_stop(write):
    arguments = {"gen_args_0": {"arg_0": "framed", "arg_1": {"until": "\n\n"}}}
    assert read_responses(write(sample(arguments=arguments))).stops == ("\n\n",)


@pytest.mark.parametrize("arguments", [None, [["framed", {}]], {"gen_args_0": []}, {}])
def test_a_harness_file_without_known_arguments_has_no_stops(write, arguments):
    assert read_responses(write(sample(arguments=arguments))).stops == ()


def test_documents_of_other_tasks_are_known_by_number_and_request(write):
    [own] = read_responses(write(sample(doc={"question": "Why?"}))).entries
    assert (own.id, own.prompt) == ("0", "framed")


def test_rows_of_a_second_filter_are_left_out(write):
    found = read_responses(write(sample(filter="none"), sample(filter="strip")))
    assert len(found.entries) == 1


def test_the_word_none_is_a_failure_only_where_the_row_says_so(write):
    found = read_responses(
        write(
            sample(resps=[["None", "x"]]), sample(resps=[["None", "x"]], doc_id=1, failed_rate=0.5)
        )
    )
    assert [entry.responses for entry in found.entries] == [["None", "x"], [None, "x"]]


def test_a_missing_response_leaves_nothing_after_the_filter_whatever_the_metrics(write):
    said = sample(resps=[["None", "x"]], filtered_resps=[["None", "x"]])
    lost = sample(resps=[["None", "x"]], filtered_resps=[["", "x"]], doc_id=1)
    found = read_responses(write(said, lost))
    assert [entry.responses for entry in found.entries] == [["None", "x"], [None, "x"]]


@pytest.mark.parametrize("changes", [{"resps": "x"}, {"doc": None}])
def test_a_row_that_is_no_harness_sample_is_named(write, changes):
    with pytest.raises(DataError, match=r'r\.jsonl:2: expected "resps" and "doc" of a harness'):
        read_responses(write(sample(), sample(**changes)))


# -------------------------------------------------------------------------------------- matching


def test_lines_without_prompt_and_id_answer_the_prompts_in_order():
    recorded = match_prompts(responses(entry("a"), entry("b")), PROMPTS)
    assert recorded.prompts == PROMPTS
    assert recorded.responses == {"p1": ["a"], "p2": ["b"]}


def test_prompts_are_matched_by_text_whatever_case_and_white_space():
    recorded = match_prompts(responses(entry("a", prompt=" who AM\r\ni?")), PROMPTS)
    assert recorded.responses == {"p2": ["a"]}
    assert [doc["id"] for doc in recorded.prompts.docs] == ["p2"]


def test_prompts_are_matched_by_id_where_there_is_no_text():
    assert match_prompts(responses(entry("a", "p2")), PROMPTS).responses == {"p2": ["a"]}


def test_an_id_does_not_match_against_its_own_text():
    found = responses(entry("a", "p1", "Who am I?"), entry("b", "p2", "Another prompt"))
    assert match_prompts(found, PROMPTS).responses == {"p2": ["a"]}


def test_responses_to_one_prompt_are_joined_in_file_order():
    found = responses(entry("b", "p1"), entry("c", "p2"), entry("a", "p1"))
    assert match_prompts(found, PROMPTS).responses == {"p1": ["b", "a"], "p2": ["c"]}


def test_a_file_may_bring_its_own_prompts():
    recorded = match_prompts(responses(entry("a", prompt="A"), entry("b", "x", "B")), None)
    docs = [{"id": "line-0001", "prompt": "A"}, {"id": "x", "prompt": "B"}]
    assert recorded.prompts == PromptSet("r", None, short_hash(["A", "B"]), docs)
    assert recorded.responses == {"line-0001": ["a"], "x": ["b"]}


@pytest.mark.parametrize(
    ("tasks", "key"),
    [
        ([], "tasks"),
        ({"a": "x"}, "a"),
        ({"a": {"stops": "x"}}, "stops"),
        ({"a": {"stops": [None]}}, "stops"),
        ({"a": {"frame": 1}}, "frame"),
        ({"a": {"generation": [1]}}, "generation"),
        ({"a": {"n_samples": True}}, "n_samples"),
        ({"a": {"n_prompts": 1.5}}, "n_prompts"),
        ({"a": {"data": "x"}}, "data"),
        ({"a": {"settings": 0}}, "settings"),
        ({"a": {"reasoning": True}}, "reasoning"),
    ],
)
def test_a_first_line_of_other_kinds_of_values_is_named(write, tasks, key):
    path = write({**HEADER, "tasks": tasks}, ROW_A)
    with pytest.raises(DataError, match=rf'r\.jsonl:1: expected "{key}" to be .*, got '):
        read_responses(path)


@pytest.mark.parametrize("tasks", [None, {}, {"a": None}, {"a": {"stops": None, "frame": None}}])
def test_a_first_line_may_leave_out_what_it_says_of_a_task(write, tasks):
    [entry] = read_responses(write({**HEADER, "tasks": tasks}, ROW_A)).entries
    assert entry.responses == ["x", None]


def test_a_generations_file_keeps_the_name_of_its_prompts(write):
    recorded = match_prompts(read_responses(write(HEADER, ROW_A)), None)
    assert recorded.prompts.signature == "open_ended-1:89abcdef"
    assert (recorded.frame, recorded.stops) == ("query-answer", ("```",))
    assert recorded.generation == {"temperature": 0.5}


def test_prompts_that_the_file_does_not_name_are_left_out():
    found = responses(entry("b", "p2"))
    assert [doc["id"] for doc in match_prompts(found, PROMPTS).prompts.docs] == ["p2"]


@pytest.mark.parametrize(
    ("found", "prompts", "message"),
    [
        (
            responses(entry("a", "p9")),
            PROMPTS,
            "r.jsonl: expected responses to at least one prompt of two, got none with the same id",
        ),
        (
            responses(entry("a")),
            PROMPTS,
            "r.jsonl: expected one line of responses for each of the 2 prompts of two, got 1",
        ),
        (
            responses(entry("a", prompt="A"), entry("b", "x")),
            None,
            'r.jsonl: expected "prompt" in every line, or --prompts FILE',
        ),
        (
            responses(entry("a", "x", "A"), entry("b", "x", "B")),
            None,
            "r.jsonl: expected every id once, or the same prompt each time, got 'x' more than once",
        ),
    ],
)
def test_responses_that_match_no_prompts_are_refused(found, prompts, message):
    with pytest.raises(DataError, match=f"^{re.escape(message)}"):
        match_prompts(found, prompts)


@given(st.permutations(range(4)))
def test_the_order_of_lines_with_ids_does_not_matter(order):
    prompts = PromptSet("four", None, "", [{"id": str(i), "prompt": str(i)} for i in range(4)])
    found = responses(*(entry(f"answer {i}", str(i)) for i in order))
    recorded = match_prompts(found, prompts)
    assert recorded.responses == {str(i): [f"answer {i}"] for i in range(4)}
    assert recorded.prompts.docs == prompts.docs


def test_normal_form_folds_case_and_white_space():
    assert normal("\u00a0Straße \r\n IST\tLANG ") == "strasse ist lang"
