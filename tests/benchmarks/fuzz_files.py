"""Files that went wrong, read by every command that reads files: no traceback, no silent number.

Command: ``python tests/benchmarks/fuzz_files.py --seed 0 --files 500``, with an encoder that can be
found offline. Valid files are made first, by the package itself where it writes them; then, again
and again, one file of one command is changed (`fuzz_mutations`), and the command is run on it. It
prints how often each command refused, gave the same numbers, told what is different, or read an
edit as what it now says, and exits with 1 on a fault (`--keep DIR` writes the files of those):

- a traceback, or an exit code other than 0 and 2;
- a refusal that is not one line, or does not name the file (or, for runs, its folder);
- numbers that differ from those of the valid file without a warning that names it, and without
  another number of prompts, samples, or failed or empty responses.

An edit is allowed to move numbers only if it leaves the file's structure as it was, ids
included, and puts a text in place of a text, or a number in place of a number: nobody can know
that it was not meant. A text is more than blanks, and a number is finite. A file of responses may
also be another whole one under its name, and the order of its lines is that of the responses.
"""

from __future__ import annotations

import argparse
import contextlib
import gzip
import io
import json
import logging
import math
import os
import random
import re
import shutil
import sys
import tempfile
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import fuzz_judge
from fuzz_commands import COMMANDS, SCORED, Command
from fuzz_mutations import BYTES, ID_KEYS, PLACES, documents, leaves, swapped_file

from lm_eval_overton.cli import main as overton

PROMPTS = {
    "q0": "What makes a good city?",
    "q1": "Is tea better than coffee?",
    "q2": "How should one rest?",
}
OURS = [
    ["Parks and trees make a city good.", "Short ways to work matter.", "Cheap homes for all."],
    ["Tea is calmer.", "Coffee wakes you up faster.", "Both taste fine in the morning."],
    ["Sleep long hours.", "Walk by the sea daily.", "Read an old book quietly."],
]
OTHER = [
    ["Trees make a city good.", "Trees and parks.", "Trees, and clean air."],
    ["Tea is better.", "Tea, since it is calmer.", "Coffee."],
    ["Sleep.", "Sleep at night.", "One should sleep."],
]
VIEWS = [
    ["Green places.", "Good trains."],
    ["Tea calms.", "Coffee wakes."],
    ["Sleep is rest.", "Move outside."],
]
# How the names of files begin that hold responses.
RESPONSES = {"ours", "other", "floor", "long", "array", "generations", "samples"}
# How numbers say that there is less, or more, than there was.
COUNTS = re.compile(
    r'(?:prompts|samples|_rate|_n|items|unlabelled|\bn)(?:,none)?"?[ |:]+(-?[\d.]+)'
    r"|(\d+) (?:to write|prompts)"
)
ORDERED = "compression_ratio"
# What a signature says of the file of prompts; two files never have the same.
HASH = re.compile(r"\|data:[^|]*")
ON_PAGE = re.compile(r">[^<>]*expected[^<>]*<")
NUMBER = re.compile(r"-?\d+\.?\d*(?:e-?\d+)?")
TOLERANCE = 1e-6


@dataclass
class Ended:
    """How a command ended: exit code, what it said beside its output, and its numbers."""

    code: int
    said: list[str]
    output: str


def run(command: Command, folder: Path) -> Ended:
    """Run a command in a folder."""
    out, log = io.StringIO(), io.StringIO()
    handler = logging.StreamHandler(log)
    handler.setLevel(logging.WARNING)
    ours = logging.getLogger("lm_eval.overton")
    ours.addHandler(handler)
    err = io.StringIO()
    try:
        with inside(folder), contextlib.redirect_stdout(out):
            with contextlib.redirect_stderr(err):
                code = overton(command.argv)
            texts = [path.read_text() for path in sorted(Path().glob(command.written or "-"))]
    finally:
        ours.removeHandler(handler)
    said = [*log.getvalue().splitlines(), *err.getvalue().splitlines()]
    # A page says itself what it could not read.
    said += ON_PAGE.findall("".join(texts))
    return Ended(code, list(filter(is_message, said)), "\n".join(texts) or out.getvalue())


def is_message(line: str) -> bool:
    """Tell a message from the state of a progress bar, whose times are never the same."""
    return bool(line.strip()) and "%|" not in line and "it/s]" not in line


@contextlib.contextmanager
def inside(folder: Path) -> Iterator[None]:
    """Be in a folder for a while."""
    before = Path.cwd()
    os.chdir(folder)
    try:
        yield
    finally:
        os.chdir(before)


# ----------------------------------------------------------------------------------------- oracle


def values(output: str) -> dict[Any, Any]:
    """Return the numbers of an output by their place; those of a page by their order."""
    try:
        whole = json.loads(output)
    except ValueError:
        return dict(enumerate(NUMBER.findall(HASH.sub("", output))))
    whole = whole.get("results", whole) if isinstance(whole, dict) else whole
    return {
        place: value
        for place, value in leaves(whole)
        if value is None or (isinstance(value, int | float) and not isinstance(value, bool))
    }


def unordered(numbers: Mapping[Any, Any]) -> dict[Any, Any]:
    """Return the numbers but for those of one text out of all responses, in their order."""
    return {key: own for key, own in numbers.items() if ORDERED not in str(key)}


def equal(one: Mapping[Any, Any], other: Mapping[Any, Any]) -> bool:
    """Tell whether numbers are the same but for rounding."""
    return one.keys() == other.keys() and all(
        own == other[key]
        or (
            None not in (own, other[key])
            and math.isclose(float(own), float(other[key]), abs_tol=TOLERANCE)
        )
        for key, own in one.items()
    )


def is_told(found: Ended, valid: Ended, names: list[str]) -> bool:
    """Tell whether a warning about the file, or another count, says that something is different."""
    new = [line for line in found.said if line not in valid.said]
    counts = [COUNTS.findall(ended.output) for ended in (found, valid)]
    return any(name in line for line in new for name in names) or counts[0] != counts[1]


def is_edit(before: bytes, after: bytes) -> bool:
    """Tell whether a file says other texts or numbers, in the same structure."""
    one, other = documents(before), documents(after)
    if one is None or other is None:
        return False
    own, changed = dict(leaves(one[0])), dict(leaves(other[0]))
    differing = [key for key in own if key in changed and not _same(own[key], changed[key])]
    return own.keys() == changed.keys() and all(
        _is_alike(own[key], changed[key]) and not set(ID_KEYS) & set(key) for key in differing
    )


def is_reordered(before: bytes, after: bytes) -> bool:
    """Tell whether a file has the same records in another order."""
    one, other = documents(before), documents(after)
    return None not in (one, other) and sorted(map(repr, one[0])) == sorted(map(repr, other[0]))


def _same(one: Any, other: Any) -> bool:
    return type(one) is type(other) and one == other


def _is_alike(one: Any, other: Any) -> bool:
    if isinstance(one, str):
        return isinstance(other, str) and bool(one.strip()) == bool(other.strip())
    numbers = (int, float)
    return type(one) in numbers and type(other) in numbers and abs(other) < 1e300


def outcome(
    found: Ended, valid: Ended, edited: bool, moved: bool, names: list[str]
) -> tuple[str, bool]:
    """Return what came of a changed file, and whether that is a fault."""
    if any("Traceback" in line for line in found.said):
        return "traceback", True
    if found.code == 2:
        last = found.said[-1] if found.said else ""
        errors = sum(line.startswith("error: ") for line in found.said)
        good = last.startswith("error: ") and errors == 1 and any(name in last for name in names)
        return ("refused", False) if good else ("refused without a name or line", True)
    if found.code != 0:
        return f"exit code {found.code}", True
    own, expected = values(found.output), values(valid.output)
    if equal(own, expected) or (moved and equal(unordered(own), unordered(expected))):
        return "same numbers", False
    if is_told(found, valid, names):
        return "told", False
    return ("read as edited", False) if edited else ("silent", True)


# ------------------------------------------------------------------------------------------- files


def write(path: Path, rows: list[Any]) -> None:
    """Write JSON lines."""
    path.write_text("".join(f"{json.dumps(row)}\n" for row in rows))


def records(answers: list[list[str]]) -> list[dict[str, Any]]:
    """Return responses in our own format."""
    return [
        {"id": key, "prompt": prompt, "responses": own}
        for (key, prompt), own in zip(PROMPTS.items(), answers, strict=True)
    ]


def make(folder: Path) -> None:
    """Make the valid files."""
    rows, others = records(OURS), records(OTHER)
    write(folder / "ours.jsonl", rows)
    write(folder / "other.jsonl", others)
    write(folder / "floor.jsonl", [{**row, "responses": row["responses"][::-1]} for row in others])
    long = [
        {"id": r["id"], "prompt": r["prompt"], "response": t} for r in rows for t in r["responses"]
    ]
    write(folder / "long.jsonl", long)
    (folder / "array.json").write_text(json.dumps(rows, indent=1))
    (folder / "ours.jsonl.gz").write_bytes(gzip.compress((folder / "ours.jsonl").read_bytes()))
    write(folder / "bare.jsonl", [{"responses": row["responses"]} for row in rows])
    write(folder / "prompts.jsonl", [{"id": row["id"], "prompt": row["prompt"]} for row in rows])
    views = [
        [{"id": f"{i}-{j}", "side": "yes", "text": t} for j, t in enumerate(v)]
        for i, v in enumerate(VIEWS)
    ]
    asked = [{"id": r["id"], "prompt": r["prompt"]} for r in rows]
    write(
        folder / "viewpoints.jsonl",
        [a | {"viewpoints": v} for a, v in zip(asked, views, strict=True)],
    )
    write(folder / "labels.jsonl", [{"id": r["id"], "labels": ["yes", "no", "both"]} for r in rows])
    # JSON is YAML too, and its values can be changed one by one.
    judge = {"model": fuzz_judge.NAME, "mode": "text", "max_tokens": 64, "judgements": ["stance"]}
    (folder / "judge.yaml").write_text(json.dumps(judge))
    head = {"n_prompts": 3, "n_samples": 3, "stops": [], "frame": "none", "settings": {}}
    header = {"overton_generations": 1, "tasks": {"overton_diversity": head}}
    write(
        folder / "generations.jsonl", [header, *({"task": "overton_diversity"} | r for r in rows)]
    )
    for name, source in (("a", "ours.jsonl"), ("b", "other.jsonl")):
        code = run(Command(["score", source, *SCORED[:2], "-o", f"runs/{name}"], []), folder).code
        assert code == 0
    [samples] = folder.glob("runs/a/**/samples_*.jsonl")
    shutil.copy(samples, folder / "samples.jsonl")


def change(rng: random.Random, path: Path, others: list[Path]) -> tuple[str, bool, bool]:
    """Change a file; return how, and whether it is an edit, and whether but another order."""
    if rng.random() < 0.08:
        in_place = rng.choice(PLACES)
        in_place(path)
        return in_place.__name__, False, False
    mutation, before, other = rng.choice(BYTES), path.read_bytes(), rng.choice(others)
    after = mutation(rng, before, other.read_bytes())
    path.write_bytes(after)
    # Whole and of its kind, the other file says nothing of which of the two was meant.
    both = {own.name.partition(".")[0].partition("_")[0] for own in (path, other)}
    exchanged = mutation is swapped_file and both <= RESPONSES
    return mutation.__name__, exchanged or is_edit(before, after), is_reordered(before, after)


def fuzz(rng: random.Random, name: str, valid: Ended, source: Path, keep: Path | None) -> str:
    """Run one command on one changed file; return what came of it, with a mark on a fault."""
    command = COMMANDS[name]
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary) / "files"
        shutil.copytree(source, folder)
        path = rng.choice(sorted(folder.glob(rng.choice(command.files))))
        beside = [own for own in sorted(source.rglob("*.json*")) if own.is_file()]
        how, edited, moved = change(rng, path, beside)
        # A run is named by its folder, or by its name in a list of all; prompts by their file's.
        run_name = path.relative_to(folder).parts[:2] if "runs" in path.parts else ("", path.stem)
        names = [path.name, "/".join(run_name).strip("/"), *(f"{m}{run_name[1]}:" for m in " (")]
        found = run(command, folder)
        what, is_fault = outcome(found, valid, edited, moved, names)
        if not is_fault:
            return what
        said = "\n    ".join(found.said[-6:])
        print(f"FAULT {what}: {name}, {how} of {path.name}\n    {said}")
        if keep and path.is_file():
            keep.mkdir(parents=True, exist_ok=True)
            number = len(list(keep.iterdir()))
            shutil.copy(path, keep / f"{number:03d}-{name.replace(' ', '_')}-{how}-{path.name}")
    return f"FAULT {what}"


def main(argv: list[str] | None = None) -> int:
    """Run, print the counts, and return the exit code."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--files", type=int, default=500)
    parser.add_argument("--keep", type=Path, help="folder for the files of faults")
    args = parser.parse_args(argv)
    rng, counts = random.Random(args.seed), Counter[tuple[str, str]]()
    with tempfile.TemporaryDirectory() as temporary:
        source = Path(temporary) / "valid"
        source.mkdir()
        os.environ["OVERTON_CACHE_DIR"] = str(Path(temporary) / "cache")
        make(source)
        valid = {name: _valid(name, source) for name in COMMANDS}
        assert not [name for name, own in valid.items() if own.code]
        for number in range(args.files):
            name = list(COMMANDS)[number % len(COMMANDS)]
            counts[name, fuzz(rng, name, valid[name], source, args.keep)] += 1
    for (name, what), n in sorted(counts.items()):
        print(f"{name:24} {what:32} {n:4}")
    faults = sum(n for (_, what), n in counts.items() if what.startswith("FAULT"))
    print(f"{args.files} files with seed {args.seed}: {faults} faults")
    return int(faults > 0)


def _valid(name: str, source: Path) -> Ended:
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary) / "files"
        shutil.copytree(source, folder)
        return run(COMMANDS[name], folder)


if __name__ == "__main__":
    sys.exit(main())
