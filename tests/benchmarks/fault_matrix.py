"""Let a server fail in every way that is known, and see what becomes of a run, then of its rerun.

Command: ``python tests/benchmarks/fault_matrix.py [--seed 0] [--model-only | --judge-only]
[--fate NAME]``. Each fault befalls some requests of a real `lm_eval` (8 prompts, 3 samples each) or
of a real `overton judge`; then the server is well and the same command is run again. The server
notes what it said to each request, and that is what everything is held against:

    lost         requests without an answer in the end; answers that were there and were asked for
                 again; passing faults that cost an answer
    invented     answers and verdicts that are not what the server said, or values that differ from
                 those of a run without faults
    unfinished   reruns that do not end, or not well
    tracebacks   in the output
    keys         files and outputs that hold the key
    exit codes   other than documented: 0, or 2 above `max_failed`, or 1 and one line if there was
                 no answer at all; of a judge 0, or 2 if there was no verdict at all

Exits with 1 if one of these is not 0. The client's waits are shortened; see `tests/impatient.py`.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

# Found from wherever the script is started.
sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from lm_eval_overton.judge.cache import ReplyCache
from lm_eval_overton.judge.client.replies import CUT, REFUSED, as_reply
from tests.conftest import ROOT, WarmStart, copied_harness, overton
from tests.misbehaving_server import (
    Asked,
    MisbehavingServer,
    broken,
    misbehaving,
    odd,
    refusals,
    thinking,
    unlike_verdicts,
)

KEY = "sk-matrix-3f9c1d7e5b2a4680"
TASK = "overton_diversity"
PROMPTS, SAMPLES, SEED = 8, 3, 1234
SHARE, MAX_FAILED = 0.3, 0.2
CONCURRENCY = 4
INTERRUPTED = 130
TOTALS = ("lost", "invented", "unfinished", "tracebacks", "keys", "exit_codes")
# What shows that a program did not expect what happened.
SIGNS = ("Traceback", "never retrieved", "Unclosed", "was never awaited", "Exception ignored")
WAYS = {
    "chat": ("local-chat-completions", "chat/completions", ["--apply_chat_template"]),
    "completions": ("local-completions", "completions", []),
    "messages": ("anthropic-chat", "messages", ["--apply_chat_template"]),
}


@dataclass(frozen=True)
class Fault:
    """What befalls which requests.

    Attributes:
        fate: The fate's name.
        whom: Which requests, as `tests/misbehaving_server.py` has it.
        way: The protocol: `chat`, `completions` or `messages`.
        passes: Whether it costs no answer, since it passes.
        stop_after: The replies after which the run is interrupted.
    """

    fate: str
    whom: Mapping[str, Any] = field(default_factory=lambda: {"share": SHARE})
    way: str = "chat"
    passes: bool = False
    stop_after: int | None = None

    @property
    def name(self) -> str:
        """Its name in the table."""
        whom = ", ".join(f"{key} {value}" for key, value in self.whom.items())
        beside = "" if self.way == "chat" else f" ({self.way})"
        return f"{self.fate}{beside}: {whom or 'all'}"


ALL: dict[str, Any] = {}
FIRST, ONCE, LATER = {"only": [1]}, {"share": SHARE, "times": 1}, {"after": 10}
ONE = {"only": [5]}
EXAMPLE = Asked("So it is.", "/chat/completions", "")
# These pass if they befall a request once, or if the server says when to come again.
PASSING = (
    *("429", "429_wait", "429_at_once", "429_date", "529", "408", "500", "502", "503", "503_wait"),
    *("hang", "disconnect", "half_body", "garbage", "html", "null", "error_in_200", "truncated"),
)
COMMON = [
    *(Fault(fate) for fate in [*refusals(EXAMPLE), *broken(EXAMPLE)] if fate != "exit"),
    *(Fault(fate, ONCE, passes=True) for fate in PASSING),
    *(Fault(fate, ONE) for fate in ("429_at_once", "429_day", "400", "500", "hang", "null")),
    *(Fault(fate, FIRST) for fate in ("400", "hang", "filter")),
    *(
        Fault(fate, ALL)
        for fate in (
            *("429", "429_at_once", "429_day", "429_spent", "500", "503", "401", "402", "400"),
            *("404", "redirect", "hang", "disconnect", "html", "wrong_schema", "null", "charset"),
        )
    ),
    *(Fault(fate, LATER) for fate in ("429_spent", "401", "503", "exit")),
    Fault("gone", ALL),
    *(Fault(fate) for fate in [*odd(EXAMPLE), *thinking(EXAMPLE)]),
]
OF_MODEL = [
    *COMMON,
    Fault("right", ALL, stop_after=10),
    *(
        Fault(fate, way="completions")
        for fate in ("null", "choices_empty", "number", "filter", "filter_after_text", "cut", "400")
    ),
    *(
        Fault(fate, way="messages")
        for fate in ("null", "number", "no_choices", "error_in_200", "529", "cut", "thinking_parts")
    ),
]
OF_JUDGE = [
    *COMMON,
    *(Fault(fate) for fate in unlike_verdicts(EXAMPLE)),
    Fault("no_structure", ALL, passes=True),
    Fault("right", ALL, stop_after=10),
    *(Fault(fate, way="completions") for fate in ("null", "choices_empty", "number", "cut")),
]


@dataclass
class Found:
    """What became of one fault."""

    fault: Fault
    seconds: float = 0.0
    failed: int = 0
    codes: tuple[int, ...] = ()
    counts: Counter[str] = field(default_factory=Counter)
    words: list[str] = field(default_factory=list)

    def add(self, total: str, count: int, words: str) -> None:
        """Take note of something that must not be."""
        if count:
            self.counts[total] += count
            self.words.append(f"{total} {count}: {words}"[:1500])

    def line(self, whose: str) -> str:
        """Return the table's line."""
        numbers = " ".join(f"{self.counts[total]:>10}" for total in TOTALS)
        codes = ", ".join(map(str, self.codes))
        return (
            f"{whose:5} {self.fault.name:44} {self.failed:>6} {codes:>7} {numbers} "
            f"{self.seconds:>7.1f}"
        )


@dataclass
class Stage:
    """Where commands are run and who answers them."""

    folder: Path
    warm: WarmStart
    server: MisbehavingServer

    def run(self, cell: Path, fault: Fault, *command: str) -> subprocess.CompletedProcess[str]:
        """Run a command for a cell."""
        env = {"OVERTON_CACHE_DIR": str(cell / "cache")}
        env |= {"OPENAI_API_KEY": KEY, "ANTHROPIC_API_KEY": KEY}
        stop = [] if fault.stop_after is None else ["--stop-after", str(fault.stop_after)]
        return self.warm.run("tests.impatient", [*stop, *command], env)


@dataclass
class Cell:
    """The runs of one fault: with it, and without.

    Subclasses know the command and where its answers are.
    """

    stage: Stage
    fault: Fault
    name: str
    found: Found = field(init=False)

    def __post_init__(self) -> None:
        self.found = Found(self.fault)
        self.folder.mkdir()

    @property
    def folder(self) -> Path:
        """Where its files are."""
        return self.stage.folder / self.name

    @cached_property
    def arguments(self) -> str:
        """How the server is reached."""
        url = self.stage.server.url(self.name, WAYS[self.fault.way][1])
        more = ",tokenizer_backend=None" if self.fault.way == "completions" else ""
        return f"base_url={url},model=m,num_concurrent={CONCURRENCY},max_retries=2,timeout=1{more}"

    @property
    def command(self) -> list[str]:
        """The command."""
        raise NotImplementedError

    def answers(self) -> dict[Any, Any]:
        """Return what the command has, None where an answer is lacking, by what was asked."""
        raise NotImplementedError

    def code(self, kept: int) -> int:
        """Return the exit code that is right for so many answers."""
        raise NotImplementedError

    def values(self) -> Any:
        """Return the newest results."""
        raise NotImplementedError

    def said(self) -> dict[Any, set[Any]]:
        """Return what the server said to each request, by what was asked."""
        raise NotImplementedError

    # ----------------------------------------------------------------------------------- checks

    def settle(self, reference: Any) -> Found:
        """Run the command with the fault and without it, and return what became of it."""
        begin, server = time.monotonic(), self.stage.server
        fate = "right" if self.fault.fate == "gone" else self.fault.fate
        server.set_fate(self.name, fate=fate, **self.fault.whom)
        if self.fault.fate == "gone":
            server.stop()
        first = self.run(self.fault)
        self._check_faulty(first)
        asked = len(server.log(self.name))
        before = self.said()
        server.set_fate(self.name)
        healthy = Fault("right", way=self.fault.way)
        second = self.run(healthy)
        again = {key for entry in server.log(self.name)[asked:] for key in self.keys(entry)}
        # What was under way when a run was interrupted has not arrived.
        spared = 0 if self.fault.stop_after is None else CONCURRENCY
        twice = max(0, len(again & before.keys()) - spared)
        self.found.add("lost", twice, "answered, and asked for again")
        self._check_healthy(second, reference)
        self._check_keys(first, second)
        self.found.seconds = time.monotonic() - begin
        return self.found

    def run(self, fault: Fault) -> subprocess.CompletedProcess[str]:
        """Run the command."""
        result = self.stage.run(self.folder, fault, *self.command)
        self.found.codes += (result.returncode,)
        shown = result.stdout + result.stderr
        for sign in SIGNS:
            self.found.add("tracebacks", shown.count(sign), shown[shown.find(sign) :][:1500])
        return result

    def keys(self, entry: Mapping[str, Any]) -> list[Any]:
        """Return what a line of the server's log is about."""
        return [entry["key"]]

    def _check_faulty(self, result: subprocess.CompletedProcess[str]) -> None:
        said = self.said()
        self.found.failed = PROMPTS * SAMPLES - len(said)
        if self.fault.stop_after is not None:
            right = result.returncode == INTERRUPTED
            self.found.add("exit_codes", not right, f"{result.returncode} {result.stderr[-900:]}")
            return
        if self.fault.passes:
            self.found.add("lost", self.found.failed, "answers that a passing fault cost")
        right = self.code(len(said))
        words = f"{result.returncode} for {right} {result.stderr[-900:]}"
        self.found.add("exit_codes", result.returncode != right, words)
        if right == 1:
            lines = [own for own in result.stderr.splitlines() if own.startswith("error: ")]
            self.found.add("exit_codes", len(lines) != 1, f"{len(lines)} lines with an error")
            return
        self._compare(said)

    def _check_healthy(self, result: subprocess.CompletedProcess[str], reference: Any) -> None:
        self.found.add("unfinished", result.returncode != 0, result.stderr[-1500:])
        if result.returncode:
            return
        said = self.said()
        self.found.add("lost", PROMPTS * SAMPLES - len(said), "never answered")
        self._compare(said)
        if reference is not None and self.all_right():
            different = self.values() != reference
            self.found.add("invented", different, f"{self.values()} for {reference}")

    def _compare(self, said: Mapping[Any, set[Any]]) -> None:
        answers = self.answers()
        lost = [key for key, own in answers.items() if own is None and key in said]
        self.found.add("lost", len(lost), f"answered, and not kept: {lost[:2]}")
        others = {
            key: own
            for key, own in answers.items()
            if own is not None and own not in said.get(key, ())
        }
        shown = [(own, said.get(key)) for key, own in others.items()][:2]
        self.found.add("invented", len(others), f"{shown}")

    def _check_keys(self, *results: subprocess.CompletedProcess[str]) -> None:
        files = [path for path in self.folder.rglob("*") if path.is_file()]
        holding = [path.name for path in files if KEY.encode() in path.read_bytes()]
        holding += ["output" for own in results if KEY in own.stdout + own.stderr]
        self.found.add("keys", len(holding), ", ".join(holding))

    def all_right(self) -> bool:
        """Tell whether all that the server said was as without faults."""
        log = self.stage.server.log(self.name)
        return all(entry["fate"] == "right" for entry in log if entry["said"] is not None)


class ModelCell(Cell):
    """Runs of `lm_eval`."""

    @property
    def command(self) -> list[str]:
        model, _, more = WAYS[self.fault.way]
        metadata = {"prompts": str(self.stage.folder / "prompts.jsonl"), "n_samples": SAMPLES}
        return [
            *("lm_eval", "--model", model, "--model_args", self.arguments, *more),
            *("--tasks", TASK, "--metadata", json.dumps(metadata)),
            *("--use_cache", str(self.folder / "kept"), "-o", str(self.folder / "out")),
        ]

    def answers(self) -> dict[Any, Any]:
        path = newest(self.folder, "generations.jsonl")
        rows = [json.loads(line) for line in path.read_text().splitlines()[1:]]
        return {(row["prompt"], i): text for row in rows for i, text in enumerate(row["responses"])}

    def said(self) -> dict[Any, set[Any]]:
        said: dict[Any, set[Any]] = {}
        for entry in self.stage.server.log(self.name):
            if entry["said"] is not None:
                for key in self.keys(entry):
                    said.setdefault(key, set()).add(without_key(entry["said"]))
        return said

    def keys(self, entry: Mapping[str, Any]) -> list[Any]:
        """Return which samples of which prompt a line of the server's log is about."""
        prompt = next(own for own in questions() if own in entry["prompt"])
        if entry["seed"] is None:
            # Without a seed all samples of a prompt are asked for in the same words.
            return [(prompt, i) for i in range(SAMPLES)]
        return [(prompt, entry["seed"] - SEED)]

    def code(self, kept: int) -> int:
        """Return the exit code that is right for so many answers."""
        if not kept:
            return 1
        return 2 if 1 - kept / (PROMPTS * SAMPLES) > MAX_FAILED else 0

    def values(self) -> Any:
        """Return the newest results."""
        return json.loads(newest(self.folder, "results_*.json").read_text())["results"]


class JudgeCell(Cell):
    """Runs of `overton judge`."""

    @property
    def command(self) -> list[str]:
        model = WAYS[self.fault.way][0]
        arguments = dict(own.split("=", 1) for own in self.arguments.split(","))
        arguments |= {"num_concurrent": CONCURRENCY, "max_retries": 2, "timeout": 1}
        judge = {"model": model, "model_args": arguments, "judgements": ["quality"]}
        metadata = {"n_samples": SAMPLES}
        return [
            *("lm_eval_overton", "judge", str(self.folder / "responses.jsonl"), "--task", TASK),
            *("--judge", json.dumps(judge), "--metadata", json.dumps(metadata)),
        ]

    def __post_init__(self) -> None:
        super().__post_init__()
        rows = [
            {"prompt": prompt, "responses": [f"Answer {i} to {prompt}" for i in range(SAMPLES)]}
            for prompt in questions()
        ]
        write_lines(self.folder / "responses.jsonl", rows)

    def answers(self) -> dict[Any, Any]:
        """Return the replies that are kept, by themselves, and the verdicts by their numbers."""
        raise NotImplementedError

    def kept(self) -> Counter[str]:
        """Return the replies that are kept."""
        with ReplyCache(self.folder / "cache" / "judge.sqlite") as cache:
            rows = cache._file.execute("SELECT reply FROM replies").fetchall()
        return Counter(reply.removeprefix(REFUSED).removeprefix(CUT) for (reply,) in rows)

    def said(self) -> dict[Any, set[Any]]:
        said: dict[Any, set[Any]] = {}
        for entry in self.stage.server.log(self.name):
            if entry["said"] is not None:
                said.setdefault(entry["key"], set()).add(entry["status"])
        return said

    def _compare(self, said: Mapping[Any, set[Any]]) -> None:
        log = self.stage.server.log(self.name)
        last = {own["key"]: own["said"] for own in log if own["said"] is not None}
        # The cache of replies is a file of UTF-8, which has no halves of pairs.
        written = (text.encode(errors="replace").decode() for text in last.values())
        replies = Counter(as_reply(without_key(text)) for text in written)
        kept = self.kept()
        self.found.add("lost", (replies - kept).total(), f"{[*(replies - kept)][:1]}")
        self.found.add("invented", (kept - replies).total(), f"{[*(kept - replies)][:1]}")
        right = Counter(max(own) for own in said.values())
        right["failed"] = PROMPTS * SAMPLES - right.total()
        counts = Counter(self.counts())
        self.found.add("lost", (right - counts)["parsed"], f"{counts} for {right}")
        self.found.add("invented", (counts - right)["parsed"], f"{counts} for {right}")
        self.found.add("invented", (right - counts)["failed"], f"{counts} for {right}")

    def _results(self) -> dict[str, Any]:
        return json.loads(newest(self.folder, "judged_*.json").read_text())

    def counts(self) -> dict[str, int]:
        """Return the verdicts of each status."""
        part = self._results()["configs"][TASK]["metadata"]["overton"]
        return part["judge"]["counts"]["quality"]

    def values(self) -> Any:
        """Return the newest results."""
        return self._results()["results"]

    def code(self, kept: int) -> int:
        """Return the exit code that is right for so many verdicts."""
        return 0 if kept else 2


def without_key(text: str) -> str:
    return text.replace(KEY, "<redacted>")


def newest(folder: Path, pattern: str) -> Path:
    return max(folder.rglob(pattern), key=lambda path: path.stat().st_mtime_ns)


def questions() -> list[str]:
    return [f"Is it right to keep promise number {i}?" for i in range(PROMPTS)]


def write_lines(path: Path, rows: Sequence[Mapping[str, Any]]) -> None:
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))


@contextmanager
def staged(seed: int) -> Iterator[Stage]:
    """Start what runs the commands and the server, in a folder of their own."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        for own in ("warm", "logs", "vectors"):
            (folder / own).mkdir()
        env = {**os.environ, **copied_harness(folder / "site")}
        assert overton("link", env=env).returncode == 0
        write_lines(folder / "prompts.jsonl", [{"prompt": own} for own in questions()])
        script, vectors = ROOT / "tests" / "warm_start.py", folder / "vectors"
        command = [sys.executable, str(script), str(vectors)]
        pipe = subprocess.PIPE
        with (
            subprocess.Popen(command, env=env, stdin=pipe, stdout=pipe, text=True) as process,
            misbehaving(folder / "logs", seed) as server,
        ):
            yield Stage(folder, WarmStart(process, env, folder / "warm"), server)
            assert process.stdin is not None
            process.stdin.close()


def settled(
    stage: Stage, kind: type[Cell], whose: str, faults: Sequence[Fault], fate: str | None
) -> list[Found]:
    """Print the table's lines of a kind of runs, and return what they are made of."""
    references: dict[str, Any] = {}
    found = []
    for number, fault in enumerate(faults):
        if fate not in (None, fault.fate):
            continue
        if fault.way not in references:
            plain = kind(stage, Fault("right", ALL, way=fault.way), f"{whose}_{fault.way}")
            right = plain.settle(None)
            assert not right.words, right.words
            references[fault.way] = plain.values()
        found.append(kind(stage, fault, f"{whose}_{number}").settle(references[fault.way]))
        print(found[-1].line(whose), flush=True)
        for words in found[-1].words:
            print(f"      {words}", flush=True)
    return found


def main() -> int:
    """Print the table; return the exit status."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--model-only", action="store_true")
    parser.add_argument("--judge-only", action="store_true")
    parser.add_argument("--fate", help="the faults of this name alone")
    args = parser.parse_args()
    titles = " ".join(f"{title:>10}" for title in TOTALS)
    print(f"{'':5} {'fault':44} {'failed':>6} {'codes':>7} {titles} {'seconds':>7}")
    found: dict[str, list[Found]] = {}
    with staged(args.seed) as stage:
        if not args.judge_only:
            found["model"] = settled(stage, ModelCell, "model", OF_MODEL, args.fate)
        if not args.model_only:
            found["judge"] = settled(stage, JudgeCell, "judge", OF_JUDGE, args.fate)
    counts = sum((own.counts for whole in found.values() for own in whole), Counter[str]())
    faults = ", ".join(f"{len(whole)} faults of the {whose}" for whose, whole in found.items())
    totals = ", ".join(f"{title} {counts[title]}" for title in TOTALS)
    seconds = sum(own.seconds for whole in found.values() for own in whole)
    print(f"{faults}: {totals}, {seconds:.0f} s")
    return 1 if counts.total() else 0


if __name__ == "__main__":
    sys.exit(main())
