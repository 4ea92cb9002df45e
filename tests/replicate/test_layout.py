import json

import pytest

from lm_eval_overton.errors import DataError
from lm_eval_overton.replicate.layout import open_released
from tests.replicate.trees import CONTENT, original, reshaped, write_lines

OUTPUTS = CONTENT["LIMA-OE"]["outputs"]
WRITERS = pytest.mark.parametrize("write", [reshaped, original])


@WRITERS
def test_both_layouts_hold_the_same(tmp_path, write):
    found = open_released(write(tmp_path, CONTENT))
    assert found.datasets() == ["LIMA-OE", "ConflictingQA"]
    assert found.prompts("LIMA-OE") == CONTENT["LIMA-OE"]["prompts"]
    assert found.models("LIMA-OE") == sorted(OUTPUTS)
    for model, rows in OUTPUTS.items():
        assert found.responses("LIMA-OE", model) == rows
    assert found.judged("LIMA-OE", "eval-missing") == ["llama-2-base"]
    assert found.judged("LIMA-OE", "eval-stance") == []
    assert found.bertscore_pairs("LIMA-OE") == [("llama-2-chat", "llama-2-chat")]
    scores = found.bertscores("LIMA-OE", "llama-2-chat", "llama-2-chat")
    assert scores["f1"] == [1, 0.8, 0.6, 1, 0.9]
    assert scores["alt_sample_ids"] == [0, 1, 2, 0, 1]


@WRITERS
def test_replies_are_grouped_by_prompt(tmp_path, write):
    found = open_released(write(tmp_path, CONTENT))
    lines = CONTENT["LIMA-OE"]["eval-quality"]
    five = found.replies("LIMA-OE", "eval-quality", "llama-2-base")
    assert five == [[reply for (reply,) in lines["llama-2-base"][i : i + 5]] for i in (0, 5)]
    assert found.replies("LIMA-OE", "eval-quality", "llama-2-icl-chat") == lines["llama-2-icl-chat"]
    # The pairwise judgements name their reference too.
    assert len(found.replies("LIMA-OE", "eval-missing", "llama-2-base")[1]) == 5


def test_the_data_folder_of_a_clone_will_do(tmp_path):
    original(tmp_path, CONTENT)
    assert open_released(tmp_path / "data").models("LIMA-OE") == sorted(OUTPUTS)


def test_failed_requests_are_none_and_empty_text_is_not(tmp_path):
    original(tmp_path, CONTENT)
    path = tmp_path / "data/LIMA-OE/outputs/gpt-3.5-turbo/samples.jsonl"
    whole = {"ok": False, "error": "rate limit"}
    parts = {"ok": True, "outputs": [{"message": {"content": None}}, {"message": {"content": ""}}]}
    write_lines(path, [whole, parts])
    assert open_released(tmp_path).responses("LIMA-OE", "gpt-3.5-turbo") == [[None], [None, ""]]


def test_a_reshaped_request_that_failed_as_a_whole_is_one_failure(tmp_path):
    reshaped(tmp_path, CONTENT)
    rows = [{"ok": False, "responses": []}, {"ok": True, "responses": ["a"]}]
    write_lines(tmp_path / "LIMA-OE/outputs/other.jsonl", rows)
    assert open_released(tmp_path).responses("LIMA-OE", "other") == [[None], ["a"]]


def test_a_model_folder_without_samples_is_absent(tmp_path):
    original(tmp_path, CONTENT)
    path = tmp_path / "data/LIMA-OE/outputs/llama-2-chat/samples.jsonl"
    path.unlink()
    found = open_released(tmp_path)
    assert found.absent("LIMA-OE") == ["llama-2-chat"]
    assert "llama-2-chat" not in found.models("LIMA-OE")


@pytest.mark.parametrize("name", ["", "nothing"])
def test_a_folder_in_neither_layout_is_refused(tmp_path, name):
    with pytest.raises(DataError, match=r"expected the paper's released data .*; clone github"):
        open_released(tmp_path / name)


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ({"outputs": [{"text": "a"}]}, r"samples.jsonl:2: expected an output .* the keys text;"),
        ({"outputs": [{"generated_text": 3}]}, r"samples.jsonl:2: expected an output"),
        ({"outputs": [{"message": "a"}]}, r"samples.jsonl:2: expected an output"),
        ({"outputs": ["a"]}, r"samples.jsonl:2: expected an output .* got str;"),
        ({"responses": ["a"]}, r'samples.jsonl:2: expected "outputs" .* the keys responses;'),
    ],
)
def test_a_malformed_line_of_the_repository_is_named(tmp_path, line, message):
    original(tmp_path, CONTENT)
    path = tmp_path / "data/LIMA-OE/outputs/llama-2-base/samples.jsonl"
    write_lines(path, [{"outputs": [{"generated_text": "a"}]}, line])
    with pytest.raises(DataError, match=message):
        open_released(tmp_path).responses("LIMA-OE", "llama-2-base")


@pytest.mark.parametrize("line", [{"ok": True}, {"responses": "a"}, {"responses": [1]}])
def test_a_malformed_reshaped_line_is_named(tmp_path, line):
    reshaped(tmp_path, CONTENT)
    write_lines(tmp_path / "LIMA-OE/outputs/llama-2-base.jsonl", [{"responses": ["a"]}, line])
    with pytest.raises(DataError, match=r'llama-2-base.jsonl:2: expected "responses" to be a list'):
        open_released(tmp_path).responses("LIMA-OE", "llama-2-base")


@WRITERS
@pytest.mark.parametrize("n_lines", [1, 3])
def test_a_file_without_a_line_per_prompt_is_refused(tmp_path, write, n_lines):
    outputs = {"llama-2-base": [["a"]] * n_lines}
    content = {"LIMA-OE": {"prompts": ["one", "two"], "outputs": outputs, "eval-stance": outputs}}
    found = open_released(write(tmp_path, content))
    message = (
        rf"llama-2-base\S*\.jsonl: expected a line for each of the 2 prompts, got {n_lines} lines"
    )
    with pytest.raises(DataError, match=message):
        found.responses("LIMA-OE", "llama-2-base")
    with pytest.raises(DataError, match=message):
        found.replies("LIMA-OE", "eval-stance", "llama-2-base")


def test_samples_may_not_be_a_multiple_of_the_prompts(tmp_path):
    content = {"LIMA-OE": {"prompts": ["one"], "outputs": {"llama-2-base": [["a"], ["b"]]}}}
    with pytest.raises(DataError, match=r"for each of the 1 prompts, got 2 lines"):
        open_released(reshaped(tmp_path, content)).responses("LIMA-OE", "llama-2-base")


@pytest.mark.parametrize(
    "text",
    [
        "{",
        "[]",
        json.dumps({"instance_ids": [0]}),
        json.dumps(
            {
                "instance_ids": [0],
                "ref_sample_ids": [0],
                "alt_sample_ids": [0],
                "results": {"precision": [1], "recall": [1], "f1": [1, 1]},
            }
        ),
    ],
)
def test_malformed_bertscores_are_named(tmp_path, text):
    reshaped(tmp_path, CONTENT)
    (tmp_path / "LIMA-OE/bertscore/a--b.json").write_text(text)
    with pytest.raises(DataError, match=r"a--b.json: expected"):
        open_released(tmp_path).bertscores("LIMA-OE", "a", "b")
