"""NoveltyBench's task: its prompts from the hub or from a copy, its own files scored."""

import json
from dataclasses import replace

import pytest

from lm_eval_overton.cli import main
from lm_eval_overton.errors import DataError, SettingsError
from lm_eval_overton.harness import noveltybench
from lm_eval_overton.harness.replay import build, task_class
from lm_eval_overton.runs.responses import read_responses

PROMPTS = [{"id": f"curated-{i}", "category": "x", "prompt": f"Name a {i}."} for i in range(3)]
TASK = "overton_noveltybench"


def built(**metadata):
    cls, config = task_class(TASK)
    config["metadata"] = {**config["metadata"], **metadata}
    return cls(config=config)


def written(path, rows):
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    return path


@pytest.fixture
def hub(tmp_path, monkeypatch):
    """A folder that `datasets` loads as it loads a repository of the hub."""
    folder = tmp_path / "novelty-bench"
    (folder / "data").mkdir(parents=True)
    written(folder / "data" / "curated-0.jsonl", PROMPTS)
    written(folder / "data" / "wildchat-0.jsonl", PROMPTS[:1])
    (folder / "README.md").write_text(
        "---\nconfigs:\n- config_name: default\n  data_files:\n"
        "  - split: curated\n    path: data/curated-*\n"
        "  - split: wildchat\n    path: data/wildchat-*\n---\n"
    )
    monkeypatch.setattr(noveltybench, "DATASET", str(folder))
    return folder


def test_it_asks_as_the_benchmark_does(hub):
    task = built()
    assert [doc["prompt"] for doc in task.prompt_set.docs] == [own["prompt"] for own in PROMPTS]
    assert task.settings.n_samples == 10
    assert task.generation["temperature"] == 1.0
    assert task.generation["max_gen_toks"] == 512
    assert "data:novelty-bench-curated:" in task.signature
    assert "same:rouge1>0.458" in task.signature
    assert len(built(split="wildchat").prompt_set.docs) == 1


def test_a_copy_has_the_hash_of_the_hub_s_prompts(hub, tmp_path):
    path = written(tmp_path / "mine.jsonl", PROMPTS)
    assert built(prompts=str(path)).prompt_set.sha == built().prompt_set.sha


def test_the_hash_is_the_same_in_every_order_and_of_responses_too(hub, tmp_path):
    turned = written(tmp_path / "turned.jsonl", PROMPTS[::-1])
    sha = built().prompt_set.sha
    assert built(prompts=str(turned)).prompt_set.sha == sha
    rows = [{**own, "generations": ["a", "b"]} for own in PROMPTS[1:] + PROMPTS[:1]]
    found = read_responses(written(tmp_path / "answers.jsonl", rows))
    assert build(found, TASK).prompt_set.sha == sha
    few = read_responses(written(tmp_path / "few.jsonl", rows[:2]))
    assert build(few, TASK).prompt_set.sha != sha
    # The prompts that were answered may be told: then those are what was asked.
    assert build(few, TASK, prompts=str(turned)).prompt_set.sha == sha
    known = replace(few, data={"name": "mine", "sha": sha})
    assert build(known, TASK).prompt_set.sha == sha


def test_without_the_hub_one_line_says_what_to_do(monkeypatch, tmp_path):
    monkeypatch.setattr(noveltybench, "DATASET", str(tmp_path / "gone"))
    with pytest.raises(DataError, match=r"expected the split curated of .*gone.* give a copy: "):
        built()
    with pytest.raises(SettingsError, match="expected split curated or wildchat, got 'train'"):
        built(split="train")


def scored(path, output, *more):
    assert main(["score", str(path), "--task", TASK, "-o", str(output), *more]) == 0
    [results] = output.rglob("results_*.json")
    return json.loads(results.read_text())


def test_the_benchmark_s_files_are_scored_with_their_own_classes(tmp_path):
    texts = [f"answer number {i} of the six" for i in range(10)]
    rows = [
        {
            "id": own["id"],
            "prompt": own["prompt"],
            "model": "m",
            "generations": texts,
            "partition": [0, 0, 1, 1, 1, 2, 0, 0, 0, 0],
            "generation_scores": [10, 0, 5, 0, 0, 2, 0, 0, 0, 0],
        }
        for own in PROMPTS
    ]
    found = scored(written(tmp_path / "own.jsonl", rows), tmp_path / "own")
    row = found["results"][TASK]
    total = sum(0.8**i for i in range(10))
    assert row["distinct_k,none"] == 3
    assert row["utility_k,none"] == pytest.approx((10 + 0.64 * 5 + 0.8**5 * 2) / total)
    assert row["quality_heads,none"] == pytest.approx(17 / 3)
    signature = found["configs"][TASK]["metadata"]["overton"]["signature"]
    assert "same:recorded" in signature
    assert "rated:recorded" in signature
    # By words they are all one answer, and only its first is rated.
    asked = ["--metadata", '{"equivalence": "rouge1"}']
    row = scored(tmp_path / "own.jsonl", tmp_path / "words", *asked)["results"][TASK]
    assert row["distinct_k,none"] == 1
    assert row["utility_k,none"] == pytest.approx(10 / total)


def test_rewards_are_rated_by_their_steps(tmp_path):
    rows = [
        {"prompt": "p", "generations": ["a", "b"], "rewards": [-9.0, 0.5], "partition": [0, 1]},
        {"prompt": "q", "generations": ["c", "d"], "rewards": [-5.5, None], "partition": [0, 0]},
    ]
    path = written(tmp_path / "rewards.jsonl", rows)
    row = scored(path, tmp_path / "out", "--metadata", '{"n_samples": 2}')["results"][TASK]
    # Ratings 1 and 10, then 5; what was not rated is no head.
    assert row["utility_k,none"] == pytest.approx(((1 + 8) / 1.8 + 5 / 1.8) / 2)


@pytest.mark.parametrize(
    ("key", "value", "message"),
    [
        ("partition", [0], "one value for each of 2 responses, got 1"),
        ("partition", [0, "1"], "to be a list of whole numbers"),
        ("generation_scores", [11, 0], "numbers from 0 to 10 and nulls"),
        ("rewards", [True, 1], "numbers and nulls"),
    ],
)
def test_what_cannot_be_said_of_responses_is_refused(tmp_path, key, value, message, capsys):
    row = {"prompt": "p", "generations": ["a", "b"], key: value}
    path = written(tmp_path / "odd.jsonl", [row])
    assert main(["score", str(path), "--task", TASK]) == 2
    [line] = capsys.readouterr().err.splitlines()
    assert message in line


def test_a_key_of_that_name_that_is_no_list_is_something_else(tmp_path):
    rows = [{"prompt": "p", "generations": ["a", "b"], "partition": "train"}]
    found = scored(written(tmp_path / "split.jsonl", rows), tmp_path / "out")
    signature = found["configs"][TASK]["metadata"]["overton"]["signature"]
    assert "same:rouge1" in signature
