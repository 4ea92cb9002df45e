"""Real runs of models that reason: what is scored, compared and judged is their answers."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from lm_eval_overton.api import compare
from lm_eval_overton.metrics.measures import REGISTRY
from tests.conftest import Harness, Server
from tests.harness.thinking import ANSWER, write_checkpoint

pytestmark = pytest.mark.run

TASK = "overton_diversity"
REASONING = {"reasoning_share", "reasoning_words", "unfinished_reasoning"}


@pytest.fixture(scope="module")
def thinker(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_checkpoint(tmp_path_factory.mktemp("thinker"))


def run(harness: Harness, thinker: Path, limit: int, arguments: str = "") -> dict:
    """Run three prompts with a limit in tokens; return the row of the table."""
    model = ["--model", "hf", "--model_args", f"pretrained={thinker}{arguments}"]
    short = ["--limit", "3", "--batch_size", "8", "--gen_kwargs", f"max_gen_toks={limit}"]
    chat = ["--tasks", TASK, "--apply_chat_template"]
    shutil.rmtree(harness.out, ignore_errors=True)
    harness(*model, *chat, *short)
    return row(harness)


def row(harness: Harness) -> dict:
    own = harness.results()["results"][TASK]
    return {key.removesuffix(",none"): value for key, value in own.items()}


def test_a_thought_that_the_template_opened(harness: Harness, thinker: Path) -> None:
    own = run(harness, thinker, 40)
    # Word order aside, all answers are the same; the thoughts before them differ.
    assert own["lexical_diversity"] == 0.0
    assert own["duplicate_share"] == pytest.approx(0.8)
    assert own["reasoning_share"] == 1.0
    assert own["reasoning_words"] > 2
    assert own["unfinished_reasoning"] == 0.0
    assert own["cut_share"] == 0.0
    raw = [text for texts in harness.responses() for text in texts]
    assert all(text.rpartition("</think>")[2].strip() == ANSWER for text in raw)
    assert len(set(raw)) > 3

    # So short that no thought comes to its end.
    short = run(harness, thinker, 2)
    assert short["unfinished_reasoning"] == short["unparsed_rate"] == short["cut_share"] == 1.0
    assert short["lexical_diversity"] is None
    assert short["prompts"] == 3


def test_what_the_harness_cut_off_itself(harness: Harness, thinker: Path) -> None:
    cut_off = ",enable_thinking=True,think_end_token=</think>"
    own = run(harness, thinker, 40, cut_off)
    assert own["lexical_diversity"] == 0.0
    # Nothing is left of the thoughts: nobody can say how long they were.
    assert own["unfinished_reasoning"] == 0.0
    assert {text for texts in harness.responses() for text in texts} == {ANSWER}
    # What has no end stays whole, and is known by its length.
    short = run(harness, thinker, 2, cut_off)
    assert short["unfinished_reasoning"] == 1.0
    assert short["lexical_diversity"] is None


def test_a_run_that_reasons_differs_from_a_plain_one_in_the_reasoning_alone(
    harness: Harness, start_server: Callable[..., Server], tmp_path: Path
) -> None:
    places = {}
    for name, options in (("plain", ()), ("thinking", ("--think", "whole"))):
        server = start_server(*options)
        arguments = f"base_url={server.url}/chat/completions,model=strict,num_concurrent=4"
        model = ["--model", "local-chat-completions", "--model_args", arguments]
        harness(*model, "--tasks", TASK, "--apply_chat_template", "--limit", "3", "--log_samples")
        places[name] = shutil.move(harness.out, tmp_path / name)
        server.stop()

    [pair] = compare(places["plain"], places["thinking"]).pairs
    changed = {own.metric for own in pair.rows if abs(own.paired.difference) > 0}
    assert changed <= REASONING
    rows = {own.metric: own for own in pair.rows}
    assert rows["reasoning_share"].run.estimate == 1.0
    assert rows["reasoning_share"].base.estimate == 0.0
    # All that can be computed without a reference and a judge was.
    assert {"lexical_diversity", "semantic_diversity", "units_at_1_words"} <= rows.keys()
    assert rows.keys() <= REGISTRY.keys()

    # The raw text is kept, with the thoughts; the scored text is the answer.
    [path] = Path(places["thinking"]).rglob(f"samples_{TASK}_*.jsonl")
    for line in path.read_text().splitlines():
        sample = json.loads(line)
        for raw, kept in zip(sample["resps"][0], sample["filtered_resps"][0], strict=True):
            assert raw.startswith("<think>")
            assert raw.endswith(kept)
            assert "think" not in kept


def test_a_server_that_cuts_the_thoughts(
    harness: Harness, start_server: Callable[..., Server]
) -> None:
    server = start_server("--think", "cut")
    arguments = f"base_url={server.url}/chat/completions,model=strict,num_concurrent=4"
    model = ["--model", "local-chat-completions", "--model_args", arguments]
    done = harness(*model, "--tasks", TASK, "--apply_chat_template", "--limit", "2")
    own = row(harness)
    assert own["unfinished_reasoning"] == 1.0
    assert own["lexical_diversity"] is None
    assert "the reasoning has no end" in done.stderr
    assert "max_gen_toks" in done.stderr
