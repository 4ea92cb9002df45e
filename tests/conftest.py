"""What several tests share: tiny trained checkpoints, the real harness, a strict server."""

from __future__ import annotations

import json
import multiprocessing
import os
import shutil
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType

import pytest

from lm_eval_overton.cli import demo as training
from lm_eval_overton.cli import main
from lm_eval_overton.cli.linking import harness_folder
from lm_eval_overton.text import workers
from lm_eval_overton.text.encoder import Encoder
from tests.kept_vectors import forward_of

ROOT = Path(__file__).resolve().parent.parent
SHARED = ROOT.parent / "shared"
PAPER = SHARED / "paper"

os.environ.setdefault("HF_HUB_OFFLINE", "1")
os.environ.setdefault("HF_DATASETS_OFFLINE", "1")
os.environ.setdefault("TOKENIZERS_PARALLELISM", "false")
if "PYTEST_XDIST_WORKER" in os.environ:
    # Test processes that all use every core get in each other's way.
    os.environ.setdefault("OMP_NUM_THREADS", "1")
# Texts of the same look come of an eighth of the training.
LESS_TRAINING = {"BLOCK": 128, "BATCH": 2, "BASE_STEPS": 250, "CHAT_STEPS": 100}

# The harness notes with all results what is installed. It asks pip, and that takes longer than
# most tests that score something.
installed = ModuleType("torch.utils.collect_env")
installed.get_pretty_env_info = lambda: "not asked in tests"  # type: ignore[attr-defined]
sys.modules[installed.__name__] = installed


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    if PAPER.is_dir():
        return
    skip = pytest.mark.skip(reason=f"needs the released outputs in {PAPER}")
    for item in items:
        if "paper_data" in item.keywords:
            item.add_marker(skip)


@pytest.fixture(scope="session")
def shared(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder of the test session, one for all its processes."""
    own = tmp_path_factory.getbasetemp()
    return own.parent if "PYTEST_XDIST_WORKER" in os.environ else own


@pytest.fixture(scope="session")
def demo(shared: Path) -> Path:
    """A folder with the demo checkpoints `base` and `chat`, trained once per test session."""
    given = os.environ.get("OVERTON_TEST_DEMO")
    if given:
        return Path(given)
    # With several test processes the first one trains and the others wait.
    folder, lock = shared / "demo", shared / "demo.lock"
    try:
        lock.touch(exist_ok=False)
    except FileExistsError:
        deadline = time.monotonic() + 300
        while not (folder / "done").exists():
            assert time.monotonic() < deadline, "another test process did not finish training"
            time.sleep(0.5)
        return folder
    with pytest.MonkeyPatch.context() as patch:
        for name, value in LESS_TRAINING.items():
            patch.setattr(training, name, value)
        assert main(["demo", str(folder)]) == 0
    (folder / "done").touch()
    return folder


def run(command: list[str], env: dict[str, str] | None = None) -> subprocess.CompletedProcess[str]:
    """Run a command in a fresh process and return its output as text."""
    return subprocess.run(
        command,
        env={**os.environ, **(env or {})},
        capture_output=True,
        text=True,
        timeout=600,
        check=False,
    )


def overton(*args: str, env: dict[str, str] | None = None) -> subprocess.CompletedProcess[str]:
    """Run the `overton` command."""
    result = run([sys.executable, "-m", "lm_eval_overton", *args], env)
    assert "Traceback" not in result.stderr, result.stderr
    return result


@dataclass
class WarmStart:
    """A process of `warm_start.py`."""

    process: subprocess.Popen[str]
    env: dict[str, str]
    folder: Path

    def run(
        self, module: str, args: list[str], *envs: dict[str, str], folder: Path = ROOT
    ) -> subprocess.CompletedProcess[str]:
        """Run `python -m module args` in a folder and return its output as text.

        With several environments it is run in as many processes at once, and their output is one.
        """
        out, err = self.folder / "stdout", self.folder / "stderr"
        out.write_bytes(b"")
        err.write_bytes(b"")
        order = {
            "module": module,
            "args": args,
            "envs": [{**self.env, **env} for env in envs],
            "folder": str(folder),
            "stdout": str(out),
            "stderr": str(err),
        }
        assert self.process.stdin is not None
        assert self.process.stdout is not None
        self.process.stdin.write(json.dumps(order) + "\n")
        self.process.stdin.flush()
        code = self.process.stdout.readline().strip()
        while code == "ready":
            code = self.process.stdout.readline().strip()
        return subprocess.CompletedProcess(args, int(code), out.read_text(), err.read_text())

    def overton(
        self, *args: str, env: dict[str, str] | None = None
    ) -> subprocess.CompletedProcess[str]:
        """Run the `overton` command."""
        result = self.run("lm_eval_overton", [*args], env or {})
        assert "Traceback" not in result.stderr, result.stderr
        return result


@dataclass
class Harness:
    """The real `lm_eval` with a cache folder of its own."""

    cache: Path
    out: Path
    warm: WarmStart | None = None

    def __call__(self, *args: str, ok: bool = True) -> subprocess.CompletedProcess[str]:
        own = {"OVERTON_CACHE_DIR": str(self.cache), "OPENAI_API_KEY": "sk-test"}
        assert self.warm is not None
        result = self.warm.run("lm_eval", [*args, "-o", str(self.out)], own)
        assert (result.returncode == 0) == ok, result.stderr[-3000:]
        return result

    def results(self) -> dict:
        """The newest results file; fails on a bare NaN, which is no JSON."""
        path = max(self.out.rglob("results_*.json"), key=lambda p: p.stat().st_mtime_ns)
        return json.loads(path.read_text(), parse_constant=pytest.fail)

    def responses(self, task: str = "overton_diversity") -> list[list[str]]:
        """The responses of the newest run, one list per prompt."""
        path = max(self.cache.rglob("generations.jsonl"), key=lambda p: p.stat().st_mtime_ns)
        rows = [json.loads(line) for line in path.read_text().splitlines()[1:]]
        return [row["responses"] for row in rows if row["task"] == task]


def copied_harness(site: Path) -> dict[str, str]:
    """The environment of a copy of the harness without tasks, made in a folder.

    What others have linked into the installed one stays as it is. Without the harness's own task
    files, which are many thousand, a command starts in a fraction of the time.
    """
    tasks = harness_folder()

    def own_tasks(folder: str, names: list[str]) -> list[str]:
        return [name for name in names if Path(folder) == tasks and (tasks / name).is_dir()]

    shutil.copytree(tasks.parent, site / "lm_eval", ignore=own_tasks)
    # Asked for what is installed, `python -m pip` answers nothing, at once.
    (site / "pip.py").touch()
    path = os.pathsep.join(filter(None, [str(site), os.environ.get("PYTHONPATH")]))
    return {"PYTHONPATH": path}


@pytest.fixture(scope="session")
def linked(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """The environment in which the harness has our tasks linked, and no others."""
    env = copied_harness(tmp_path_factory.mktemp("site"))
    done = overton("link", env=env)
    assert done.returncode == 0, done.stderr
    return env


@pytest.fixture(scope="session")
def vectors(shared: Path) -> Path:
    """The folder in which the session keeps what the default encoder was asked."""
    folder = shared / "vectors"
    folder.mkdir(exist_ok=True)
    return folder


@pytest.fixture(scope="session", autouse=True)
def _kept_vectors(vectors: Path) -> Iterator[None]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Encoder, "_forward", forward_of(vectors))
        yield


@pytest.fixture(scope="session")
def warm(
    linked: dict[str, str], vectors: Path, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[WarmStart]:
    """Starts commands with our tasks linked, in a fork of a process that has imported all."""
    script = Path(__file__).with_name("warm_start.py")
    # A fork has no threads but one, and must not wait for those that its parent had.
    env = {**os.environ, **linked, "OMP_NUM_THREADS": "1"}
    command = [sys.executable, str(script), str(vectors)]
    pipe = subprocess.PIPE
    with subprocess.Popen(command, env=env, stdin=pipe, stdout=pipe, text=True) as process:
        yield WarmStart(process, env, tmp_path_factory.mktemp("warm"))
        assert process.stdin is not None
        process.stdin.close()


@pytest.fixture
def ready_processes(monkeypatch: pytest.MonkeyPatch) -> None:
    """Processes for devices begin as in use, but for imports: one process did them for all."""
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(["sentence_transformers"])
    monkeypatch.setattr(workers, "get_context", lambda _: context)


@pytest.fixture
def harness(tmp_path: Path, warm: WarmStart) -> Harness:
    return Harness(tmp_path / "cache", tmp_path / "out", warm)


@dataclass
class Server:
    """A strict per-request-seed server in a process of its own."""

    port: int
    log: Path
    process: subprocess.Popen[bytes]

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}/v1"

    def requests(self) -> list[dict]:
        """The bodies of all requests so far."""
        return [json.loads(line) for line in self.log.read_text().splitlines()]

    def stop(self) -> None:
        self.process.kill()
        self.process.wait()


@pytest.fixture
def start_server(tmp_path: Path) -> Iterator[Callable[..., Server]]:
    servers: list[Server] = []

    def start(*options: str, port: int = 0) -> Server:
        port = port or free_port()
        log = tmp_path / f"requests_{len(servers)}.jsonl"
        log.touch()
        script = Path(__file__).with_name("strict_seed_server.py")
        process = subprocess.Popen(
            [sys.executable, str(script), "--port", str(port), "--log", str(log), *options]
        )
        servers.append(Server(port, log, process))
        wait_for(f"http://127.0.0.1:{port}/v1/models")
        return servers[-1]

    yield start
    for server in servers:
        server.stop()


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def wait_for(url: str, seconds: float = 60, answers: bool = False) -> None:
    """Wait until a server is there; with `answers`, whatever it answers, an error too."""
    deadline = time.monotonic() + seconds
    while True:
        try:
            urllib.request.urlopen(url, timeout=2).read()
            return
        except urllib.error.HTTPError:
            if answers:
                return
            time.sleep(0.1)
        except OSError:
            assert time.monotonic() < deadline, f"no server at {url}"
            time.sleep(0.1)
