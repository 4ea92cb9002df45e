"""A report to look at before any model is at hand, on answers that were written for this project.

Each question has answers in six manners by people who saw nothing but the question. Three of them,
short, one-sided and rambling, stand for what a base model says, three for what an aligned one does:
long, as a list, hedging. So what differs is how answers were written to differ, and shows what each
part of a report says; no model is behind it.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

from lm_eval_overton.data import load_viewpoints, packaged_path, read_jsonl
from lm_eval_overton.data.json_text import json_lines

__all__ = ["SIDES", "take", "write_answers"]

TASKS = ("overton_coverage", "overton_diversity")
SIDES = {
    "base-like": ("short", "one_sided", "rambling"),
    "chat-like": ("long", "list", "hedging"),
}
QUESTIONS = "contested"
REPORT = "report.html"
# So many questions are scored within a minute.
N_QUESTIONS = 12


def write_answers(folder: Path) -> None:
    """Write each side's answers, their stances as readers labelled them, and the questions.

    Args:
        folder: Where to; it is made.
    """
    from lm_eval_overton.matchers.gold import gold_responses

    stances = {
        row["id"]: row["stance"]
        for _, row in read_jsonl(packaged_path("stance_gold"))
        if "id" in row
    }
    answers: dict[str, dict[str, Any]] = {}
    for gold in gold_responses():
        if gold.kind == "real" and gold.id in stances:
            answers.setdefault(gold.question_id, {})[gold.type] = gold
    chosen = dict(sorted(answers.items())[:N_QUESTIONS])
    docs = [doc for doc in load_viewpoints(QUESTIONS).docs if doc["id"] in chosen]
    folder.mkdir(parents=True, exist_ok=True)
    _write(folder / "questions.jsonl", docs)
    for side, manners in SIDES.items():
        own = [(doc, [chosen[doc["id"]][manner] for manner in manners]) for doc in docs]
        rows = [
            {
                "id": doc["id"],
                "prompt": doc["prompt"],
                "responses": [gold.response for gold in said],
            }
            for doc, said in own
        ]
        labels = [
            {"id": doc["id"], "labels": [stances[gold.id] for gold in said]} for doc, said in own
        ]
        _write(folder / f"{side}.jsonl", rows)
        _write(folder / f"{side}_stance.jsonl", labels)


def _write(path: Path, rows: Iterable[Mapping[str, Any]]) -> None:
    path.write_text(json_lines(rows), encoding="utf-8")


def take(folder: Path) -> Iterator[str]:
    """Score the answers, compare both sides and write the report.

    Args:
        folder: Where all of it goes.

    Yields:
        What was done, and what can be done next, a line each.

    Raises:
        OvertonError: If the sentence encoder is not installed, or the folder takes no files.
    """
    from lm_eval_overton.api import compare, report
    from lm_eval_overton.harness.replay import score
    from lm_eval_overton.runs.responses import read_responses
    from lm_eval_overton.runs.whole_file import require_folder

    require_folder(folder)
    given = folder / "answers"
    write_answers(given)
    yield f"{N_QUESTIONS} questions with 3 answers a side, written for this project: {given}"
    base, *_ = SIDES
    for side in SIDES:
        found = read_responses(given / f"{side}.jsonl")
        for task in TASKS:
            options = _metadata(given, side, task, None if side == base else base)
            prompts = str(given / "questions.jsonl") if task == TASKS[1] else None
            score(found, task, prompts=prompts, metadata=options, output=folder, name=side)
        yield f"scored {side}: {folder / side}"
    shown = report(compare(*(folder / side for side in SIDES)), folder / REPORT)
    sides = " ".join(str(folder / side) for side in SIDES)
    yield f"the report: {shown.resolve().as_uri()}"
    yield f"next: overton compare {sides}, or overton demo DIR for checkpoints to run"


def _metadata(given: Path, side: str, task: str, base: str | None) -> dict[str, Any]:
    """Return the settings of a side's scores."""
    settings: dict[str, Any] = {"n_samples": len(SIDES[side])}
    if base is not None:
        settings["reference_run"] = str(given / f"{base}.jsonl")
    if task != TASKS[0]:
        return settings
    labels = {"stance": str(given / f"{side}_stance.jsonl")}
    readers = {"name": "readers", "labels": labels}
    return {**settings, "viewpoints": str(given / "questions.jsonl"), "judge": readers}
