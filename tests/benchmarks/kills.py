"""Commands that are killed at any moment and run again: nothing is lost, and nothing is invented.

Command: ``python tests/benchmarks/kills.py --kills 100 --seed 0``, with an encoder that can be
found offline. `lm_eval` against a server whose replies are a function of prompt and seed, `overton
judge` against a judge of that kind, `overton score` and `overton report` are each run undisturbed
first. Then one after the other is ended by SIGKILL after a random share of that time, what it left
is looked at, and the same command is run again. At last each is run in two and in four processes at
once in one folder, and once more. It prints per command how many were killed, and counts, exiting
with 1 unless all are 0:

- lost: values of the undisturbed run that the rerun has not, and verdicts that were paid for and
  asked for again, but for those that were under way;
- invented: files that look like results and are there by half, and values that the undisturbed run
  has not;
- unfinished: reruns that did not end with 0;
- tracebacks: reruns that printed one.

Every run is a fork of this process, which has imported what they need.
"""

from __future__ import annotations

import argparse
import importlib
import json
import os
import random
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from tests.conftest import ROOT, copied_harness, free_port, wait_for
from tests.judge_server import JudgeServer, judging
from tests.warm_start import IMPORTED, become

PROMPTS = [f"What makes {what} good?" for what in ("cities", "tea", "books", "rest", "work", "art")]
N_SAMPLES = 3
CONCURRENT = 4
FAULTS = ("lost", "invented", "unfinished", "tracebacks")
# A command whose process is not ended by anything.
NEVER = 600.0


AT_ONCE = (2, 4)


@dataclass(frozen=True)
class Command:
    """What is run in a folder of its own, which `inputs` is copied to, and the files it writes."""

    module: str
    args: list[str]
    inputs: Path
    written: str


# --------------------------------------------------------------------------------------- running


def start(command: Command, place: Path) -> int:
    """Start a command in a fork and return its process id; its output is added to files."""
    child = os.fork()
    if child == 0:
        _end_as(command, place)
    return child


def run(command: Command, place: Path, seconds: float = NEVER) -> tuple[int, float]:
    """Run a command in a fork, for so many seconds at most; its output is added to files.

    Returns:
        The exit code, which is negative if the process was killed, and how long it ran.
    """
    begun = time.monotonic()
    child = start(command, place)
    while time.monotonic() < begun + seconds:
        ended, status = os.waitpid(child, os.WNOHANG)
        if ended:
            return os.waitstatus_to_exitcode(status), time.monotonic() - begun
        time.sleep(0.002)
    os.kill(child, signal.SIGKILL)
    _, status = os.waitpid(child, 0)
    return os.waitstatus_to_exitcode(status), time.monotonic() - begun


def _end_as(command: Command, place: Path) -> None:
    """Be a command, and end this process as that would end."""
    cache = {"OVERTON_CACHE_DIR": str(place / "cache"), "OPENAI_API_KEY": "none"}
    for name in ("stdout", "stderr"):
        (place / name).touch()
    order = {
        "module": command.module,
        "args": command.args,
        "folder": str(place / "in"),
        "stdout": str(place / "stdout"),
        "stderr": str(place / "stderr"),
    }
    code: Any = 0
    try:
        become(order, {**os.environ, **cache})
    except SystemExit as end:
        code = end.code
    except BaseException:
        sys.excepthook(*sys.exc_info())
        code = 1
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(code if isinstance(code, int) else 0 if code is None else 1)


def placed(command: Command, place: Path) -> Path:
    """Return a new folder to run a command in."""
    shutil.copytree(command.inputs, place / "in")
    return place


# ---------------------------------------------------------------------------------------- looking


def values(command: Command, place: Path) -> dict[str, Any]:
    """Return what the newest file that a command wrote says, but for names and times.

    Raises:
        ValueError: If a file that is there is there by half.
    """
    found: dict[str, Any] = {}
    for path in sorted(place.glob(f"in/{command.written}")):
        text = path.read_text(encoding="utf-8")
        if path.suffix == ".html":
            if not text.rstrip().endswith("</html>"):
                raise ValueError(f"{path} is half a page")
            found = {"page": text}
        else:
            configs = json.loads(text)["configs"]
            own = configs["overton_diversity"]["metadata"]["overton"]
            found = {name: json.loads(column) for name, column in own["values"].items()}
    return found


def require_whole(place: Path) -> None:
    """Look whether all lines of all files that are not hidden can be read.

    Raises:
        ValueError: If one cannot.
    """
    for path in place.rglob("*.jsonl"):
        if not path.name.startswith(".") and ".partial" not in str(path):
            rows = [json.loads(line) for line in path.read_text().split("\n") if line]
            known = rows[0].get("tasks", {}) if path.name == "generations.jsonl" else {}
            if sum(own["n_prompts"] for own in known.values()) != (len(rows) - 1) * bool(known):
                raise ValueError(f"{path} lacks prompts")


def invented(command: Command, place: Path, right: dict[str, Any]) -> bool:
    """Tell whether a killed command left what it should not."""
    try:
        require_whole(place / "cache")
        left = values(command, place)
    except ValueError as error:
        print(f"  {error}")
        return True
    return bool(left) and left != right


def trial(
    command: Command, place: Path, seconds: float, right: dict[str, Any], judge: JudgeServer
) -> Counter[str]:
    """Kill a command after some seconds and run it again; return the faults."""
    asked = len(judge.answers())
    code, _ = run(command, placed(command, place), seconds)
    faults: Counter[str] = Counter(killed=code == -signal.SIGKILL)
    faults["invented"] += invented(command, place, right)
    (place / "stderr").write_text("")
    code, _ = run(command, place)
    faults["unfinished"] += code != 0
    faults["tracebacks"] += "Traceback" in (place / "stderr").read_text()
    try:
        faults["lost"] += any(own != values(command, place).get(k) for k, own in right.items())
    except ValueError:
        faults["invented"] += 1
    often = Counter(entry["key"] for entry in judge.answers()[asked:])
    faults["lost"] += sum(often.values()) - len(often) > CONCURRENT
    return faults


def together(command: Command, place: Path, right: dict[str, Any], count: int) -> Counter[str]:
    """Run a command in several processes at once, then alone; return the faults."""
    placed(command, place)
    children = [start(command, place) for _ in range(count)]
    codes = [os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) for child in children]
    faults: Counter[str] = Counter(unfinished=sum(code != 0 for code in codes))
    for _ in range(2):
        faults["invented"] += invented(command, place, right)
        faults["tracebacks"] += (place / "stderr").read_text().count("Traceback")
        (place / "stderr").write_text("")
        faults["unfinished"] += run(command, place)[0] != 0
    faults["lost"] += values(command, place) != right
    return faults


# ---------------------------------------------------------------------------------------- set-up


@contextmanager
def evaluated(folder: Path) -> Iterator[str]:
    """Run the server of the evaluated model; yields its address."""
    port, script = free_port(), ROOT / "tests" / "strict_seed_server.py"
    (folder / "asked.jsonl").touch()
    options = ["--port", str(port), "--log", str(folder / "asked.jsonl")]
    process = subprocess.Popen([sys.executable, str(script), *options])
    try:
        wait_for(f"http://127.0.0.1:{port}/v1/models")
        yield f"http://127.0.0.1:{port}/v1/chat/completions"
    finally:
        process.kill()
        process.wait()


def commands(folder: Path, url: str, judge: JudgeServer) -> dict[str, Command]:
    """Return what is killed, with inputs that earlier ones made."""
    inputs = folder / "inputs"
    inputs.mkdir()
    rows = [{"id": f"q{i}", "prompt": prompt} for i, prompt in enumerate(PROMPTS)]
    write(inputs / "prompts.jsonl", rows)
    for name in "ab":
        own = [{**row, "responses": [f"{name}{k} {row['prompt']} It depends." for k in range(3)]}
               for row in rows]  # fmt: skip
        write(inputs / f"{name}.jsonl", own)
    arguments = f"base_url={url},model=m,num_concurrent={CONCURRENT},max_retries=1"
    metadata = json.dumps({"prompts": "prompts.jsonl", "n_samples": N_SAMPLES})
    options = ["--metadata", metadata, "--apply_chat_template", "--log_samples", "-o", "run"]
    options += ["--include_path", str(ROOT / "tasks"), "--tasks", "overton_diversity"]
    found = {
        "lm_eval": Command(
            "lm_eval",
            ["--model", "local-chat-completions", "--model_args", arguments, *options],
            inputs,
            "run/**/results_*.json",
        ),
        "overton score": Command(
            "lm_eval_overton", ["score", "a.jsonl", "-o", "run"], inputs, "run/**/results_*.json"
        ),
    }
    scored = placed(found["overton score"], folder / "scored")
    for name in "ab":
        own = Command("lm_eval_overton", ["score", f"{name}.jsonl", "-o", name], inputs, "")
        assert run(own, scored)[0] == 0, (scored / "stderr").read_text()
    spec = json.dumps({**judge.spec(), "judgements": ["quality", "stance"]})
    found["overton judge"] = Command(
        "lm_eval_overton", ["judge", "a", "--judge", spec], scored / "in", "a/**/judged_*.json"
    )
    found["overton report"] = Command(
        "lm_eval_overton", ["report", "a", "b", "-o", "r.html"], scored / "in", "r.html"
    )
    return found


def write(path: Path, rows: list[dict[str, Any]]) -> None:
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))


def kill_all(folder: Path, judge: JudgeServer, url: str, kills: int, seed: int) -> int:
    """Kill each command so often, print the table, and return the number of faults."""
    rng = random.Random(seed)
    right, seconds, counts = {}, {}, {}
    known = commands(folder, url, judge)
    for name, command in known.items():
        # The first run of all finds nothing in the machine's memory, and takes longer.
        for when in ("cold", "undisturbed"):
            place = placed(command, folder / f"{when} {name}")
            code, seconds[name] = run(command, place)
            assert code == 0, (place / "stderr").read_text()[-3000:]
        right[name] = values(command, place)
        assert right[name], name
        counts[name] = Counter(dict.fromkeys(("tried", "killed", *FAULTS), 0))
    names = sorted(known)
    for i in range(kills):
        name, place = names[i % len(names)], folder / f"kill {i}"
        after = rng.random() * seconds[name]
        counts[name].update(trial(known[name], place, after, right[name], judge))
        counts[name]["tried"] += 1
        if not any(counts[name][fault] for fault in FAULTS):
            shutil.rmtree(place)
    for name in names:
        for count in AT_ONCE:
            counts[name].update(
                together(known[name], folder / f"{count} of {name}", right[name], count)
            )
    print("| command | seconds | " + " | ".join(("tried", "killed", *FAULTS)) + " |")
    for name in names:
        cells = [str(counts[name][key]) for key in ("tried", "killed", *FAULTS)]
        print(f"| {name} | {seconds[name]:.1f} | {' | '.join(cells)} |")
    return sum(own[fault] for own in counts.values() for fault in FAULTS)


def main() -> int:
    """Kill, print, and say whether anything was lost."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--kills", type=int, default=100)
    parser.add_argument("--seed", type=int, default=0)
    args = parser.parse_args()
    folder = Path(tempfile.mkdtemp(prefix="kills_"))
    # A harness without its thousands of tasks, found before the installed one.
    sys.path.insert(0, copied_harness(folder / "site")["PYTHONPATH"].split(os.pathsep)[0])
    with evaluated(folder) as url, judging(folder / "judge.jsonl", "--latency", "0.02") as judge:
        for name in IMPORTED:
            importlib.import_module(name)
        faults = kill_all(folder, judge, url, args.kills, args.seed)
    if faults:
        print(f"{faults} faults; what was left is in {folder}")
    else:
        shutil.rmtree(folder)
    return bool(faults)


if __name__ == "__main__":
    sys.exit(main())
