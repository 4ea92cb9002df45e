"""A real run against `transformers serve`, an OpenAI-compatible server that others wrote."""

import importlib.util
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.conftest import Harness, free_port, wait_for

EXTRAS = ("fastapi", "openai", "rich", "starlette", "uvicorn")
MISSING = [name for name in EXTRAS if importlib.util.find_spec(name) is None]
COMMAND = Path(sys.executable).with_name("transformers")

pytestmark = [
    pytest.mark.run,
    pytest.mark.skipif(bool(MISSING), reason=f"transformers serve needs {', '.join(MISSING)}"),
    pytest.mark.skipif(not COMMAND.exists(), reason=f"no {COMMAND}"),
]


class Served:
    """A checkpoint behind `transformers serve`, and what the server says of its requests."""

    def __init__(self, checkpoint: Path, log: Path) -> None:
        self.checkpoint = checkpoint
        self.log = log
        port = free_port()
        self.url = f"http://localhost:{port}"
        with log.open("wb") as file:
            self.process = subprocess.Popen(
                [str(COMMAND), "serve", str(checkpoint), "--port", str(port), "--device", "cpu"],
                env={**os.environ, "OMP_NUM_THREADS": "1"},
                stdout=file,
                stderr=subprocess.STDOUT,
            )

    def answered(self) -> int:
        return self.log.read_text().count('"POST /v1/chat/completions HTTP/1.1" 200')


@pytest.fixture
def served(demo: Path, tmp_path: Path) -> Iterator[Served]:
    server = Served(demo / "chat", tmp_path / "serve.log")
    try:
        wait_for(f"{server.url}/v1/models", seconds=90)
        yield server
    finally:
        server.process.kill()
        server.process.wait()


def test_a_served_checkpoint_gives_distinct_samples_and_a_rerun_asks_nothing(
    harness: Harness, served: Served, tmp_path: Path
) -> None:
    arguments = [
        "--model",
        "local-chat-completions",
        "--model_args",
        f"base_url={served.url}/v1/chat/completions,model={served.checkpoint}",
        "--apply_chat_template",
        "--tasks",
        "overton_diversity",
        "--limit",
        "2",
        "--gen_kwargs",
        "max_gen_toks=16",
        "--use_cache",
        str(tmp_path / "db"),
    ]
    result = harness(*arguments)
    assert "0 answers are there, 10 to ask for" in result.stderr
    assert harness.results()["results"]["overton_diversity"]["prompts,none"] == 2
    first = harness.responses()
    assert [len(samples) for samples in first] == [5, 5]
    assert all(response for samples in first for response in samples)
    # The server seeds its one generator anew for every request that brings a seed.
    assert max(len(set(samples)) for samples in first) > 1
    assert served.answered() == 10

    result = harness(*arguments)
    assert "10 answers are there, 0 to ask for" in result.stderr
    assert served.answered() == 10
    assert harness.responses() == first
