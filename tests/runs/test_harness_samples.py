"""Samples as each version of the harness logs them."""

import json
import re

import pytest

from lm_eval_overton.errors import DataError
from lm_eval_overton.runs.responses import read_responses

CHAT = json.dumps([{"role": "system", "content": "B"}, {"role": "user", "content": "Why?"}])
UNTIL = {"until": ["\n\n"], "do_sample": True}
ARGUMENTS = {
    "lists": [["Why?", UNTIL]],
    "objects": {"gen_args_0": {"arg_0": "Why?", "arg_1": UNTIL}},
    "a chat": {"gen_args_0": {"arg_0": [CHAT], "arg_1": UNTIL}},
    "a chat in Python": [[[CHAT], UNTIL]],
    "a chat as text": [[CHAT, UNTIL]],
    "messages": [[json.loads(CHAT), UNTIL]],
    "equal repeats": [["Why?", UNTIL], ["Why?", UNTIL]],
}


def sample(doc_id=0, **changes):
    return {
        "doc_id": doc_id,
        "doc": {"question": "Why"},
        "arguments": ARGUMENTS["lists"],
        "resps": [["a", "b"]],
        "filtered_resps": ["a"],
        **changes,
    }


@pytest.fixture
def read(tmp_path):
    def from_rows(*rows, array=False, task=None):
        path = tmp_path / "in.jsonl"
        lines = "".join(json.dumps(row) + "\n" for row in rows)
        path.write_text(json.dumps(rows, indent=2) if array else lines)
        return read_responses(path, task)

    return from_rows


@pytest.mark.parametrize("name", ARGUMENTS)
@pytest.mark.parametrize("array", [False, True])
def test_question_and_stops_are_found_in_the_arguments_of_every_version(read, name, array):
    found = read(sample(arguments=ARGUMENTS[name]), array=array)
    assert [(entry.id, entry.prompt) for entry in found.entries] == [("0", "Why?")]
    assert found.stops == ("\n\n",)


def test_a_prompt_that_one_document_lost_is_not_replaced_by_its_request(read):
    other = sample(1, doc={"prompt": "How?"})
    with pytest.raises(DataError, match=r'in.jsonl:2: expected "prompt" in every "doc" or in none'):
        read(other, sample(2))
    assert [entry.prompt for entry in read(other, other | {"doc_id": 2}).entries] == ["How?"] * 2


def test_a_second_filter_repeats_no_responses(read):
    rows = [sample(i, filter=name) for name in ("strict", "flexible") for i in range(2)]
    assert [entry.id for entry in read(*rows).entries] == ["0", "1"]


def test_a_second_filter_of_versions_that_do_not_name_it_is_told(read, caplog):
    found = read(*(sample(i, filtered_resps=[name]) for name in "xy" for i in range(2)))
    assert [entry.id for entry in found.entries] == ["0", "1"]
    assert "4 lines are 2 documents with the same responses each" in caplog.text


def test_runs_that_were_put_together_are_all_there(read):
    found = read(sample(resps=[["a"]]), sample(resps=[["b"]]))
    assert [entry.responses for entry in found.entries] == [["a"], ["b"]]


@pytest.mark.parametrize(
    ("ids", "found"),
    [
        (["x", "y"], ["x", "y"]),
        ([7, 7], ["0", "1"]),
        ([None, None], ["0", "1"]),
        ([0.5, {}], ["0", "1"]),
    ],
)
def test_documents_are_known_by_their_ids_where_these_tell_them_apart(read, ids, found):
    rows = [sample(i, doc={"id": key}) for i, key in enumerate(ids)]
    assert [entry.id for entry in read(*rows).entries] == found


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"arguments": [["Why?", " a"], ["Why?", " b"]]}, "got likelihoods"),
        ({"arguments": [["Why?"]], "resps": [[-7.5]]}, "got likelihoods"),
        ({"arguments": {"gen_args_0": {"arg_0": "A"}}, "resps": [["-7"]]}, "got likelihoods"),
        ({"arguments": [["A", UNTIL], ["B", UNTIL]]}, "one question per document, got 2 requests"),
        ({"resps": [["a", 7]]}, 'expected responses of text, got int 7 in "resps"; name the'),
        ({"resps": [[{"text": "a"}]]}, "expected responses of text, got dict {'text': 'a'} in"),
    ],
)
def test_what_is_no_sample_of_texts_is_refused_wherever_it_stands(read, changes, message):
    with pytest.raises(DataError, match=rf"in\.jsonl:2: .*{re.escape(message)}"):
        read(sample(), sample(1, **changes))


def dump(tmp_path, **samples):
    path = tmp_path / "dump.json"
    path.write_text(json.dumps({"results": {}, "configs": {}, "versions": {}, "samples": samples}))
    return path


def test_of_a_dump_the_samples_of_one_task_are_taken(tmp_path):
    path = dump(tmp_path, gsm8k=[sample()], overton_diversity=[sample(), sample(1)])
    assert len(read_responses(path).entries) == 2
    found = read_responses(path, "gsm8k")
    assert (len(found.entries), found.task) == (1, "gsm8k")


def test_a_dump_of_several_other_tasks_is_named(tmp_path):
    path = dump(tmp_path, a=[sample()], b=[sample()])
    with pytest.raises(DataError, match="the samples of one task, got those of a, b; write those"):
        read_responses(path, "overton_coverage")
