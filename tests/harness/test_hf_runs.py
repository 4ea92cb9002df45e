"""Real runs of `lm_eval --model hf` on the demo checkpoints."""

import json
import sys
from pathlib import Path

import pytest

from tests.conftest import ROOT, Harness, copied_harness, overton, run

pytestmark = pytest.mark.run

SHORT = ["--limit", "3", "--batch_size", "8", "--gen_kwargs", "max_gen_toks=32"]


def test_two_tasks_on_the_base_checkpoint(harness: Harness, demo: Path) -> None:
    model = ["--model", "hf", "--model_args", f"pretrained={demo / 'base'}"]
    tasks = ["--tasks", "overton_diversity,overton_coverage"]
    result = harness(*model, *tasks, "--log_samples", *SHORT)
    row = harness.results()["results"]["overton_diversity"]
    assert row["prompts,none"] == 3
    assert 0 <= row["lexical_diversity,none"] <= 1
    assert row["lexical_diversity_stderr,none"] > 0
    assert row["lexical_diversity_n,none"] == 3
    # The harness strips the stop string, so that the tokens of the samples are counted.
    assert 0 < row["cut_share,none"] <= 1
    assert row["cut_share_n,none"] == 3
    assert "|lexical_diversity " in result.stdout

    [path] = harness.out.rglob("samples_overton_diversity_*.jsonl")
    samples = [json.loads(line) for line in path.read_text().splitlines()]
    assert [len(sample["resps"][0]) for sample in samples] == [5, 5, 5]
    prompt = samples[0]["doc"]["prompt"]
    sent = samples[0]["arguments"]["gen_args_0"]["arg_0"]
    assert sent == f"# Query:\n```\n{prompt}\n```\n\n# Answer:\n```\n"
    assert samples[0]["arguments"]["gen_args_0"]["arg_1"]["until"][0] == "```"

    report = harness.results()["configs"]["overton_diversity"]["metadata"]["overton"]
    values = json.loads(report["values"]["lexical_diversity"])
    assert values == [sample["lexical_diversity"] for sample in samples]
    assert Path(report["generations"]).exists()
    assert "frame:query-answer" in report["signature"]


def test_the_group_on_the_chat_checkpoint(harness: Harness, demo: Path) -> None:
    model = ["--model", "hf", "--model_args", f"pretrained={demo / 'chat'}"]
    # Of all tasks; what is said matters to none of this.
    one = ["--limit", "1", "--batch_size", "8", "--gen_kwargs", "max_gen_toks=8"]
    harness(*model, "--tasks", "overton", "--apply_chat_template", "--log_samples", *one)
    [path] = harness.out.rglob("samples_overton_diversity_*.jsonl")
    sample = json.loads(path.read_text().splitlines()[0])
    sent = sample["arguments"]["gen_args_0"]["arg_0"]
    assert sent == f"<|user|>\n{sample['doc']['prompt']}<|end|>\n<|assistant|>\n"
    assert "```" not in sample["arguments"]["gen_args_0"]["arg_1"]["until"]
    # Where all answers are known more samples are drawn, at temperature 1.
    [path] = harness.out.rglob("samples_overton_enumerable_*.jsonl")
    sample = json.loads(path.read_text().splitlines()[0])
    assert len(sample["resps"][0]) == 20
    assert sample["arguments"]["gen_args_0"]["arg_1"]["temperature"] == 1
    assert 0 <= harness.results()["results"]["overton_enumerable"]["answer_validity,none"] <= 1


def test_the_quickstart_configuration(harness: Harness, demo: Path, tmp_path: Path) -> None:
    text = (ROOT / "configs" / "quickstart.yaml").read_text()
    assert "demo/base" in text
    config = tmp_path / "quickstart.yaml"
    config.write_text(text.replace("demo/base", str(demo / "base")))
    harness("run", "--config", str(config), "--limit", "2")
    assert harness.results()["results"]["overton_diversity"]["prompts,none"] == 2


def test_own_prompts_and_more_samples(harness: Harness, demo: Path, tmp_path: Path) -> None:
    own = tmp_path / "own.jsonl"
    own.write_text('{"prompt": "Why paint?"}\n{"messages": [{"role": "user", "content": "Hi"}]}\n')
    metadata = json.dumps({"prompts": str(own), "n_samples": 3})
    model = ["--model", "hf", "--model_args", f"pretrained={demo / 'base'}"]
    harness(*model, "--tasks", "overton_diversity", *SHORT, "--metadata", metadata)
    assert [len(samples) for samples in harness.responses()] == [3, 3]


def test_a_scoring_failure_keeps_the_generations(
    harness: Harness, demo: Path, tmp_path: Path
) -> None:
    broken = tmp_path / "encoder"
    broken.mkdir()
    metadata = json.dumps({"encoder": str(broken)})
    model = ["--model", "hf", "--model_args", f"pretrained={demo / 'base'}"]
    result = harness(
        *model, "--tasks", "overton_diversity", *SHORT, "--metadata", metadata, ok=False
    )
    last = result.stderr.strip().splitlines()[-1]
    assert last.startswith("error: overton_diversity: scoring failed")
    assert "overton score" in last
    assert [len(samples) for samples in harness.responses()] == [5, 5, 5]

    [path] = harness.cache.rglob("generations.jsonl")
    scored = harness.warm.overton("score", str(path), "-o", str(tmp_path / "scored"))
    assert scored.returncode == 0, scored.stderr
    assert "semantic_diversity" in scored.stdout


def test_a_local_run_resumes_from_the_cache(harness: Harness, demo: Path, tmp_path: Path) -> None:
    model = ["--model", "hf", "--model_args", f"pretrained={demo / 'base'}"]
    cache = ["--use_cache", str(tmp_path / "db")]
    harness(*model, "--tasks", "overton_diversity", *SHORT, *cache)
    first = harness.responses()
    result = harness(*model, "--tasks", "overton_diversity", *SHORT, *cache)
    assert "Cached requests: 15, Requests remaining: 0" in result.stderr
    assert harness.responses() == first
    assert all(len(set(samples)) > 1 for samples in first)


def test_a_users_error_is_one_line(harness: Harness, demo: Path) -> None:
    model = ["--model", "hf", "--model_args", f"pretrained={demo / 'base'}"]
    one = ["--metadata", '{"n_samples": 1}']
    result = harness(*model, "--tasks", "overton_diversity", "--limit", "1", *one, ok=False)
    last = result.stderr.strip().splitlines()[-1]
    assert last.startswith("error: overton_diversity: expected at least 2 responses per prompt")
    assert "Traceback" not in result.stderr


@pytest.mark.parametrize(
    ("metadata", "options", "message"),
    [
        ({"prompts": "no.jsonl"}, {}, "no.jsonl: expected a readable JSON-lines file"),
        ({"encoder": "no/where"}, {}, "expected 'no/where' in a folder"),
        ({}, {"gen_kwargs": {"temperature": 0}}, "expected a temperature above 0 for 5 samples"),
        ({}, {"gen_kwargs": {"seed": 7}}, "expected no seed in --gen_kwargs for a local model"),
        ({}, {"apply_chat_template": True}, "expected a model with a chat template"),
    ],
)
def test_what_a_user_gets_wrong_is_named(
    demo: Path, metadata: dict, options: dict, message: str
) -> None:
    from lm_eval import simple_evaluate
    from lm_eval.tasks import TaskManager

    from lm_eval_overton.data.folders import tasks_folder
    from lm_eval_overton.errors import OvertonError

    base = f"pretrained={demo / 'base'}"
    manager = TaskManager(
        include_path=str(tasks_folder()),
        include_defaults=False,
        metadata={"pretrained": str(demo / "base"), **metadata},
    )
    with pytest.raises(OvertonError) as caught:
        simple_evaluate(
            "hf",
            base,
            ["overton_diversity"],
            device="cpu",
            task_manager=manager,
            limit=1,
            **options,
        )
    assert message in str(caught.value)
    assert "\n" not in str(caught.value)


def test_the_harness_without_links_takes_the_include_path(tmp_path: Path) -> None:
    env = copied_harness(tmp_path)
    command = [sys.executable, "-m", "lm_eval", "ls", "tasks"]
    assert "overton_diversity" not in run(command, env).stdout
    folder = overton("tasks-path").stdout.strip()
    assert "overton_diversity" in run([*command, "--include_path", folder], env).stdout
