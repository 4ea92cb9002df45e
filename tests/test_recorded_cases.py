"""Inputs from public bug reports: what each gives, read in the folder where it lies."""

from __future__ import annotations

import contextlib
import json
import logging
import shlex
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from lm_eval_overton.cli import main
from lm_eval_overton.text import encoder
from tests.conftest import ROOT, Harness, free_port, wait_for

CASES = ROOT.parent / "shared" / "cases"

pytestmark = pytest.mark.skipif(not CASES.is_dir(), reason=f"needs the inputs in {CASES}")


@dataclass
class Outcome:
    """How a command ended: its exit code, the table's values, and what it said."""

    code: int
    values: dict[str, Any]
    said: str

    def is_error(self, *words: str) -> bool:
        last = self.said.strip().splitlines()[-1]
        return self.code in (1, 2) and last.startswith("error: ") and all(w in last for w in words)

    def has(self, **values: float | None) -> bool:
        found = {key: self.values[key] for key in values}
        return self.code == 0 and found == pytest.approx(values, abs=1e-5)

    def says(self, *words: str) -> bool:
        return self.code == 0 and all(word in self.said for word in words)


Check = Callable[[Outcome], bool]


def error(*words: str) -> Check:
    return lambda found: found.is_error(*words)


def has(**values: float | None) -> Check:
    return lambda found: found.has(**values)


def says(*words: str) -> Check:
    return lambda found: found.says(*words)


def both(*checks: Check) -> Check:
    return lambda found: all(check(found) for check in checks)


def near_english(found: Outcome) -> bool:
    return found.code == 0 and abs(found.values["lexical_diversity"] - 0.5) <= 0.1


# The plain file's values.
base = has(lexical_diversity=1.0, semantic_diversity=0.76337, duplicate_share=0.0, prompts=2)
fine: Check = lambda found: found.code == 0  # noqa: E731
unread = both(has(semantic_diversity=None), says("does not read", "multilingual"))
one_each = both(has(lexical_diversity=None, failed_rate=0.0), says("diversity needs at least two"))
same_words = has(jaccard=1.0, rouge_l=1.0, cosine=1.0)

EXPECTED: dict[str, Check] = {
    "a01": one_each,
    "a03": base,
    "a04": error("prompt"),
    "a06": error("prompt"),
    "a08": error("Inspect"),
    "a09": base,
    "a10": base,
    "a11": one_each,
    "a12": error("generation task"),
    "a12b": error("generation task"),
    "a13": base,
    "a14": base,
    "a15": error("comma-separated"),
    "a16": base,
    "a16b": base,
    "a17": error("folder", "name the file"),
    "a18": both(base, says("10 records are 2 prompts")),
    "a19": error("in.jsonl:1", "index 0"),
    "a20": base,
    "a20b": one_each,
    "a21": base,
    "a21b": base,
    "a22": both(base, says("10 records are 2 prompts")),
    "a22b": both(base, says("10 records are 2 prompts")),
    "a23": base,
    "a24": says("10 responses to each prompt", '"n_samples": 10'),
    "a25": has(prompts=2),
    "b01": base,
    "b02": error("UTF-16"),
    "b03": error("not UTF-8"),
    "b04": both(has(prompts=1), says("surrogate")),
    "b04b": both(has(prompts=1), says("surrogate")),
    "b05": has(empty_rate=0.2),
    "b07": has(empty_rate=0.8),
    "b08": has(prompts=1),
    "b09": has(duplicate_share=0.2),
    "b10": has(prompts=1),
    "b11": error("in.jsonl:2"),
    "b12": error("in.jsonl:1", "index 1"),
    "b13": error("empty file"),
    "b14": both(has(prompts=2, failed_rate=0.5), says("empty list of responses")),
    "b15": both(has(failed_rate=1.0, lexical_diversity=None), says("valid samples")),
    "b15b": both(has(empty_rate=1.0, lexical_diversity=None), says("valid samples")),
    "b16": both(has(prompts=2), says("1 of 2 prompts have fewer")),
    "b17": has(prompts=2),
    "b18": has(prompts=2),
    "b20": error("/proc/overton"),
    "b20b": error("afile"),
    "b21": error("in.jsonl:1", "messages"),
    "b22": error("in.jsonl:1", "index 0"),
    "b23": has(prompts=2),
    "b24": error("nope.jsonl"),
    "b25": error("p49998"),
    "c01": has(lexical_diversity=0.0, semantic_diversity=0.0, duplicate_share=0.8),
    "c03": both(has(unparsed_rate=1.0, lexical_diversity=None), says("max_gen_toks")),
    "c04": has(lexical_diversity=1.0, list_share=0.0, reasoning_share=0.0),
    "c05": has(lexical_diversity=0.0, reasoning_share=1.0),
    "c06": has(lexical_diversity=1.0, reasoning_share=1.0),
    "c08": has(coverage_at_1=0.0),
    "c08b": has(coverage_at_1=0.0),
    "d01-lang-en": near_english,
    "d01": both(near_english, unread),
    "d02": unread,
    "d02b": has(lexical_diversity=0.990909),
    "d03": says("several languages"),
    "d04": has(refusal_share=1.0),
    "d05": has(refusal_share=1.0),
    "d06": has(list_share=1.0),
    "d06c": has(list_share=1.0),
    "d07": has(lexical_diversity=0.0, duplicate_share=0.5),
    "d08": both(has(coverage_at_1=None), says("does not read")),
    "d08b": has(coverage_at_1=1.0),
    "d09": same_words,
    "p01": fine,
    "p01b": base,
    "p03": fine,
    "p03b": has(prompts=1),
    "p04": error("--system_instruction"),
    "p05": error("turns"),
    "p06": error("instruction and input"),
    "p07": error("plain text"),
    "p08": error("JSON object"),
    "p09": fine,
    "p10": error("non-empty"),
    "p11": fine,
    "p13": error("folder"),
    "p14": fine,
    "p15": fine,
}


@pytest.fixture(scope="module")
def copied(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A copy that commands may write into."""
    folder = tmp_path_factory.mktemp("copied") / "cases"
    shutil.copytree(CASES, folder, copy_function=shutil.copyfile, symlinks=True)
    for path in (folder, *folder.rglob("*")):
        path.chmod(path.stat().st_mode | 0o200)
    (folder / "shared").symlink_to(CASES.parent)
    return folder


def names() -> list[str]:
    if not CASES.is_dir():
        return []
    found = (path for path in sorted(CASES.iterdir()) if path.is_dir())
    return [path.name for path in found if _check(path.name) is not None]


def _check(name: str) -> Check | None:
    return EXPECTED.get(name) or EXPECTED.get(name.partition("-")[0])


@pytest.mark.parametrize("name", names())
def test_a_recorded_input(copied: Path, name: str, tmp_path: Path, caplog, capsys, monkeypatch):
    folder = copied / name
    if (folder / "make.py").exists():
        subprocess.run([sys.executable, "make.py"], cwd=folder, check=True)
    if name in ("c08b-answer-only", "d08b-zh-coverage-all"):
        # Their viewpoints lie beside the case before.
        [beside] = copied.glob(f"{name[:3]}-*/viewpoints.jsonl")
        shutil.copyfile(beside, folder / "viewpoints.jsonl")
    monkeypatch.setenv("OVERTON_CACHE_DIR", str(tmp_path / "cache"))
    # Of a megabyte as much is encoded as of a long text; how much is another test's business.
    monkeypatch.setattr(encoder, "MAX_WINDOWS", 8)
    command = folder / "command.txt"
    [line] = command.read_text().splitlines() if command.exists() else ["overton score in.jsonl"]
    _, *arguments = shlex.split(line)
    # What names the folder itself is typed beside it.
    monkeypatch.chdir(copied if name in line else folder)
    if arguments[0] == "score" and "-o" not in arguments:
        arguments += ["-o", str(tmp_path / "out")]
    with caplog.at_level(logging.WARNING, "lm_eval.overton"):
        code = main(arguments)
    values = _values(Path(arguments[arguments.index("-o") + 1])) if "-o" in arguments else {}
    said = "\n".join([*caplog.messages, capsys.readouterr().err])
    assert "Traceback" not in said
    found = Outcome(code, values, said)
    check = _check(name)
    assert check is not None
    assert check(found), found


def _values(out: Path) -> dict[str, Any]:
    values: dict[str, Any] = {}
    if not out.is_dir():
        return values
    for path in out.rglob("results_*.json"):
        for row in json.loads(path.read_text())["results"].values():
            values |= {key.partition(",")[0]: value for key, value in row.items()}
    return values


# ------------------------------------------------------------------------------------ live servers


@contextlib.contextmanager
def stub(folder: Path) -> Iterator[int]:
    port = free_port()
    script = str(CASES / "provider_stub.py")
    process = subprocess.Popen([sys.executable, script, str(port)], cwd=folder)
    try:
        wait_for(f"http://127.0.0.1:{port}/", answers=True)
        yield port
    finally:
        process.kill()
        process.wait()


@pytest.fixture(scope="module")
def port(tmp_path_factory: pytest.TempPathFactory) -> Iterator[int]:
    if not CASES.is_dir():
        pytest.skip("no inputs")
    with stub(tmp_path_factory.mktemp("stub")) as own:
        yield own


LIVE: dict[str, Check] = {
    "e01-reasoning-null": both(
        lambda f: 0 < f.values["unfinished_reasoning"] < 1, says("max_gen_toks")
    ),
    "e02-think-inline": has(lexical_diversity=0.0, reasoning_share=1.0),
    "e02b-think-end-token": has(lexical_diversity=0.0, identical_prompts=1.0),
    "e03-think-cut": both(has(unfinished_reasoning=1.0), says("max_gen_toks")),
    "e14-tools": lambda f: f.values["failed_rate"] + f.values["empty_rate"] == 1,
    "e15-surrogate": has(prompts=4),
    "e20-zh": unread,
    # Said before a model is asked, with the way to write the results.
    "e26-long-model-name": lambda f: f.is_error("File name too long", "-o DIR/results.json"),
    "e30-prompts-mixed": fine,
}


@pytest.mark.run
@pytest.mark.parametrize("name", LIVE)
def test_a_recorded_server(harness: Harness, copied: Path, port: int, name: str, monkeypatch):
    lines = (copied / name / "command.txt").read_text().splitlines()
    line = next(own for own in lines if own.startswith("lm_eval "))
    _, *arguments = shlex.split(line.replace(":18931/", f":{port}/"))
    prompts = copied / ("p01-mixed-types/p.jsonl" if name.startswith("e30") else "prompts4.jsonl")
    given = [a.replace("prompts4.jsonl", str(prompts)) for a in arguments]
    given = [a.replace('"p.jsonl"', json.dumps(str(prompts))) for a in given]
    refused = name.startswith("e26")
    done = harness(*given, ok=not refused)
    row = {} if refused else harness.results()["results"]["overton_diversity"]
    values = {key.partition(",")[0]: value for key, value in row.items()}
    assert LIVE[name](Outcome(done.returncode, values, done.stderr)), (values, done.stderr[-2000:])
    # What was paid for is kept.
    assert len(list(harness.cache.rglob("generations.jsonl"))) == (not refused)
