"""Real runs of the in-context tasks, and of the commands around them."""

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from lm_eval_overton.data import load_prompts
from tests.conftest import Harness, Server, WarmStart
from tests.golden.make_bertscore_golden import NUM_LAYERS, write_checkpoint
from tests.harness.icl.test_prompts import STRATEGIES

pytestmark = pytest.mark.run


def samples_of(harness: Harness, task: str) -> list[dict]:
    [path] = harness.out.rglob(f"samples_{task}_2*.jsonl")
    return [json.loads(line) for line in path.read_text().splitlines()]


def sent(sample: dict) -> str:
    return sample["arguments"]["gen_args_0"]["arg_0"]


def test_all_strategies_on_the_base_checkpoint(harness: Harness, demo: Path) -> None:
    model = ["--model", "hf", "--model_args", f"pretrained={demo / 'base'}"]
    short = ["--limit", "2", "--batch_size", "8", "--gen_kwargs", "max_gen_toks=12"]
    tasks = ["--tasks", "overton_icl_*", "--metadata", '{"n_samples": 2}', "--log_samples"]
    harness(*model, *tasks, *short)
    results = harness.results()
    names = {f"overton_icl_{strategy}" for strategy in STRATEGIES}
    assert set(results["results"]) == names
    for name, row in results["results"].items():
        assert row["prompts,none"] == 2
        for kind in ("jaccard", "rouge_l", "cosine", "length_ratio"):
            for key in (kind, f"{kind}_100w"):
                assert f"{key},none" in row
                assert f"{key}_stderr,none" in row
                assert row[f"{key}_ceiling_n,none"] == 2
        # No model to compute it with was given.
        assert not any(key.startswith("bertscore") for key in row)
        # What is scored is what came, and a failure is none of it.
        assert row["failed_rate,none"] == 0
        signature = results["configs"][name]["metadata"]["overton"]["signature"]
        assert f"|strategy:{'teacher' if name.endswith('cot') else name[12:]}|" in signature

    zeroshot = results["results"]["overton_icl_zeroshot"]
    assert 0 <= zeroshot["jaccard,none"] <= 1
    assert zeroshot["cosine_stderr,none"] >= 0
    assert zeroshot["examples_dropped,none"] == 0

    [path] = harness.cache.rglob("generations.jsonl")
    header, *rows = [json.loads(line) for line in path.read_text().splitlines()]
    assert set(header["tasks"]) == names
    assert len(rows) == 2 * len(names)
    assert all(len(row["responses"]) == 2 for row in rows)

    for name in names:
        dropped = results["results"][name]["examples_dropped,none"]
        counts = [sent(sample).count("# Query:") - 1 for sample in samples_of(harness, name)]
        whole = 0 if name.endswith("zeroshot") else 3
        # What has no room is left out whole and counted.
        assert dropped == sum(whole - count for count in counts) / 2
        assert all(sent(s).startswith("# Query:\n```\n") for s in samples_of(harness, name))


def test_completions_of_a_server(harness: Harness, start_server: Callable[..., Server]) -> None:
    server = start_server()
    arguments = (
        f"base_url={server.url}/completions,model=strict,num_concurrent=4,max_retries=1,"
        "tokenized_requests=False,tokenizer_backend=None"
    )
    model = ["--model", "local-completions", "--model_args", arguments]
    tasks = ["--tasks", "overton_icl_*", "--limit", "2"]
    harness(*model, *tasks, "--metadata", '{"n_samples": 2}')
    bodies = server.requests()
    assert len(bodies) == 8 * 2 * 2
    shown = set()
    for body in bodies:
        [prompt] = [body["prompt"]] if isinstance(body["prompt"], str) else body["prompt"]
        assert prompt.startswith("# Query:\n```\n")
        assert prompt.endswith(("\n# Answer:\n```\n", "\n# Summary:\n```\n"))
        shown.add((prompt.count("# Query:"), prompt.count("# Summary:"), body["stop"][0]))
    # Zero-shot; three examples; with hints, or with summaries and the model's own to come.
    assert shown == {(1, 0, "```"), (4, 0, "```"), (4, 4, "```"), (4, 4, "# Query")}
    for task in ("overton_icl_fixed", "overton_icl_summary", "overton_icl_knn"):
        row = harness.results()["results"][task]
        assert 0 < row["jaccard,none"] < 1
        assert row["examples_dropped,none"] == 0
        assert [len(set(own)) for own in harness.responses(task)] == [2, 2]
    # The server writes no heading, so that nothing it says is an answer after a summary.
    assert harness.results()["results"]["overton_icl_summary_cot"]["unparsed_rate,none"] == 1


def two_responses(path: Path) -> Path:
    docs = load_prompts("open_ended").docs[:2]
    rows = [{"id": d["id"], "prompt": d["prompt"], "responses": [None, "So it is."]} for d in docs]
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    return path


def test_hints_are_written_once(warm: WarmStart, demo: Path, tmp_path: Path) -> None:
    out = tmp_path / "hints.jsonl"
    command = [
        *("hints", "--responses", str(two_responses(tmp_path / "r.jsonl"))),
        *("--model", "hf", "--model_args", f"pretrained={demo / 'chat'}"),
        *("--apply_chat_template", "-o", str(out)),
    ]
    first = warm.overton(*command)
    assert first.returncode == 0, first.stderr
    assert "0 hints are there, 2 to write" in first.stdout
    rows = [json.loads(line) for line in out.read_text().splitlines()]
    # The tiny model may say nothing; the first sample failed, so that the second is summarised.
    assert all(
        set(row) == {"id", "prompt", "hint", "source"} and row["source"] == 1 for row in rows
    )
    assert all(row["hint"] for row in rows)

    again = warm.overton(*command)
    assert again.returncode == 0, again.stderr
    assert f"{len(rows)} hints are there, {2 - len(rows)} to write" in again.stdout
    assert [json.loads(line) for line in out.read_text().splitlines()] == rows


def test_bertscore_of_recorded_responses(warm: WarmStart, tmp_path: Path) -> None:
    checkpoint = tmp_path / "tiny-roberta"
    checkpoint.mkdir()
    write_checkpoint(checkpoint)
    metadata = {"bertscore": str(checkpoint), "bertscore_layers": NUM_LAYERS, "n_samples": 2}
    scored = warm.overton(
        *("score", str(two_responses(tmp_path / "r.jsonl")), "--task", "overton_icl_zeroshot"),
        *("--metadata", json.dumps(metadata), "-o", str(tmp_path / "out")),
    )
    assert scored.returncode == 0, scored.stderr
    [path] = (tmp_path / "out").rglob("results_*.json")
    results = json.loads(path.read_text(), parse_constant=pytest.fail)
    row = results["results"]["overton_icl_zeroshot"]
    for part in ("precision", "recall", "f1"):
        assert -1 <= row[f"bertscore_{part},none"] <= 1
        assert row[f"bertscore_{part}_n,none"] == 2
    assert -1 <= row["bertscore_f1_ceiling,none"] <= 1
    # "So it is." fits into the window; of the two samples the failed one is not among the texts.
    assert row["bertscore_cut_share,none"] == 0
    assert row["failed_rate,none"] == 0.5
    signature = results["configs"]["overton_icl_zeroshot"]["metadata"]["overton"]["signature"]
    assert f"|bert:{checkpoint.name}@" in signature
