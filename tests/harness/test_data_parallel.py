"""A real run in two processes, with documents that do not divide evenly between them."""

import json
from pathlib import Path

import pytest

from lm_eval_overton.data import load_prompts
from tests.conftest import Harness, WarmStart, free_port

pytestmark = pytest.mark.run

DOCS = 5
RANKS = (0, 1)


@pytest.fixture(scope="module")
def both(tmp_path_factory: pytest.TempPathFactory, demo: Path, warm: WarmStart) -> Harness:
    """The output of one run of two processes, gloo between them."""
    folder = tmp_path_factory.mktemp("data_parallel")
    ran = Harness(folder / "cache", folder / "out")
    model = ["--model", "hf", "--model_args", f"pretrained={demo / 'base'}"]
    short = ["--limit", str(DOCS), "--batch_size", "8", "--gen_kwargs", "max_gen_toks=16"]
    tasks = ["--tasks", "overton_diversity", "--log_samples"]
    # What `torchrun --nproc_per_node 2` tells its processes.
    common = {
        "MASTER_ADDR": "127.0.0.1",
        "MASTER_PORT": str(free_port()),
        "WORLD_SIZE": str(len(RANKS)),
        "LOCAL_WORLD_SIZE": str(len(RANKS)),
        "ACCELERATE_USE_CPU": "true",
        "OVERTON_CACHE_DIR": str(ran.cache),
    }
    done = warm.run(
        "tests.harness.data_parallel_launcher",
        [*model, *tasks, *short, "-o", str(ran.out)],
        *({**common, "RANK": str(rank), "LOCAL_RANK": str(rank)} for rank in RANKS),
    )
    assert done.returncode == 0, done.stderr[-3000:]
    # Without this it would be two runs of all documents.
    for rank in RANKS:
        assert f"Building contexts for overton_diversity on rank {rank}" in done.stderr
    return ran


def lines(path: Path) -> list[dict]:
    return [json.loads(line) for line in path.read_text().splitlines()]


def prompts() -> list[tuple[str, str]]:
    return [(doc["id"], doc["prompt"]) for doc in load_prompts("open_ended").docs[:DOCS]]


def test_one_file_holds_every_prompt_once_with_its_own_five_responses(both: Harness) -> None:
    [path] = both.cache.rglob("generations.jsonl")
    header, *rows = lines(path)
    assert list(header["tasks"]) == ["overton_diversity"]
    assert sorted((row["id"], row["prompt"]) for row in rows) == prompts()
    # The harness pads the second process's last document with five responses more.
    assert [len(row["responses"]) for row in rows] == [5] * DOCS
    assert all(isinstance(response, str) for row in rows for response in row["responses"])
    assert all(len(set(row["responses"])) > 1 for row in rows)


def test_the_table_counts_the_prompts_of_both_processes(both: Harness) -> None:
    row = both.results()["results"]["overton_diversity"]
    assert row["prompts,none"] == DOCS
    assert row["lexical_diversity_n,none"] == DOCS
    assert row["semantic_diversity_n,none"] == DOCS
    assert row["lexical_diversity_stderr,none"] > 0


def test_every_prompt_has_its_value_wherever_values_are_kept(both: Harness) -> None:
    report = both.results()["configs"]["overton_diversity"]["metadata"]["overton"]
    values = {name: json.loads(text) for name, text in report["values"].items()}
    assert {len(own) for own in values.values()} == {DOCS}
    assert sorted(values["prompts"]) == [identifier for identifier, _ in prompts()]

    own = dict(zip(values["prompts"], values["lexical_diversity"], strict=True))
    [path] = both.cache.rglob("values_overton_diversity.jsonl")
    assert {row["prompts"]: row["lexical_diversity"] for row in lines(path)} == own
    [path] = both.out.rglob("samples_overton_diversity_*.jsonl")
    samples = lines(path)
    assert {row["doc"]["id"]: row["lexical_diversity"] for row in samples} == own
    mean = both.results()["results"]["overton_diversity"]["lexical_diversity,none"]
    assert mean == pytest.approx(sum(own.values()) / DOCS)


def test_the_sample_log_agrees_with_the_generations(both: Harness) -> None:
    [path] = both.cache.rglob("generations.jsonl")
    generated = {row["id"]: row["responses"] for row in lines(path)[1:]}
    [path] = both.out.rglob("samples_overton_diversity_*.jsonl")
    logged = {row["doc"]["id"]: row["resps"] for row in lines(path)}
    assert logged == {identifier: [responses] for identifier, responses in generated.items()}
