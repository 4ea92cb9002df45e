"""Real runs of `lm_eval` against an HTTP server that takes every request's seed at its word."""

import sqlite3
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.conftest import Harness, Server

pytestmark = pytest.mark.run

LIMIT = 6
TOTAL = LIMIT * 5


def arguments(server: Server, model: str = "strict", retries: int = 3) -> list[str]:
    return [
        "--model",
        "local-chat-completions",
        "--model_args",
        f"base_url={server.url}/chat/completions,model={model},num_concurrent=4,"
        f"max_retries={retries}",
        "--apply_chat_template",
        "--tasks",
        "overton_diversity",
        "--limit",
        str(LIMIT),
    ]


def cached(path: Path) -> int:
    with sqlite3.connect(f"{path}_rank0.db") as database:
        return database.execute("SELECT COUNT(*) FROM unnamed").fetchone()[0]


def test_five_distinct_samples_that_a_rerun_repeats(
    harness: Harness, start_server: Callable[..., Server]
) -> None:
    server = start_server()
    harness(*arguments(server))
    first = harness.responses()
    assert [len(set(samples)) for samples in first] == [5] * LIMIT
    assert len(server.requests()) == TOTAL

    harness(*arguments(server))
    assert harness.responses() == first

    bodies = server.requests()
    assert {body["seed"] for body in bodies} == {1234, 1235, 1236, 1237, 1238}
    # A chat server gets the bare question, no fence as a stop, and no key that OpenAI refuses.
    assert all(len(body["messages"]) == 1 for body in bodies)
    keys = {"messages", "model", "temperature", "max_tokens", "seed"}
    assert all(set(body) == keys for body in bodies)
    assert bodies[0]["temperature"] == 0.5
    assert bodies[0]["max_tokens"] == 700


def test_a_rerun_with_the_cache_asks_nothing_and_another_model_everything(
    harness: Harness, start_server: Callable[..., Server], tmp_path: Path
) -> None:
    server = start_server()
    use_cache = ["--use_cache", str(tmp_path / "db")]
    harness(*arguments(server), *use_cache)
    first = harness.responses()
    assert len(server.requests()) == TOTAL

    harness(*arguments(server), *use_cache)
    assert len(server.requests()) == TOTAL
    assert harness.responses() == first

    harness(*arguments(server, model="other"), *use_cache)
    assert len(server.requests()) == 2 * TOTAL
    assert harness.responses() != first


def test_a_run_whose_server_died_asks_only_for_what_is_missing(
    harness: Harness, start_server: Callable[..., Server], tmp_path: Path
) -> None:
    use_cache = ["--use_cache", str(tmp_path / "db")]
    dying = start_server("--die-after", "13")
    result = harness(*arguments(dying, retries=1), *use_cache, ok=False)
    kept = cached(tmp_path / "db")
    assert 0 < kept <= 13
    # More failed than may: everything was written and scored all the same.
    assert result.returncode == 2
    assert f"error: overton_diversity: {TOTAL - kept} of {TOTAL} requests failed" in result.stderr
    failed = harness.results()["results"]["overton_diversity"]["failed_rate,none"]
    assert failed == pytest.approx(1 - kept / TOTAL)

    # The same address: the base URL belongs to the model's identity.
    server = start_server(port=dying.port)
    harness(*arguments(dying), *use_cache)
    assert len(server.requests()) == TOTAL - kept
    assert [len(set(samples)) for samples in harness.responses()] == [5] * LIMIT


def test_a_server_that_ignores_seeds_raises_the_alarm(
    harness: Harness, start_server: Callable[..., Server]
) -> None:
    server = start_server("--one-seed")
    result = harness(*arguments(server))
    assert "all samples of a prompt are identical for 100% of the prompts" in result.stderr
    results = harness.results()
    report = results["configs"]["overton_diversity"]["metadata"]["overton"]
    assert len(report["alarms"]) == 1
    assert results["results"]["overton_diversity"]["identical_prompts,none"] == 1.0
    # The key came from the environment and is in no file.
    for path in [*harness.out.rglob("*"), *harness.cache.rglob("*")]:
        assert path.is_dir() or "sk-test" not in path.read_text()


def test_without_api_seeds_the_harness_constant_is_not_sent(
    harness: Harness, start_server: Callable[..., Server]
) -> None:
    server = start_server()
    harness(*arguments(server), "--metadata", '{"api_seeds": "none"}')
    assert not any("seed" in body for body in server.requests())
    assert [len(set(samples)) for samples in harness.responses()] == [5] * LIMIT
