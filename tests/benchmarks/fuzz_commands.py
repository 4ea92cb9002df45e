"""The commands that `fuzz_files` runs, and which files of each it changes."""

from __future__ import annotations

from dataclasses import dataclass

SCORED = ["--metadata", '{"n_samples": 3}', "-o", "out"]


@dataclass
class Command:
    """A command, the files (as patterns) that are changed for it, and where its numbers are."""

    argv: list[str]
    files: list[str]
    written: str = ""


COMMANDS: dict[str, Command] = {
    **{
        f"score {name}": Command(["score", name, *SCORED], [name], "out/**/results_*.json")
        for name in ("ours.jsonl", "long.jsonl", "array.json", "ours.jsonl.gz", "generations.jsonl")
    },
    "score samples": Command(
        ["score", "samples.jsonl", *SCORED], ["samples.jsonl"], "out/**/results_*.json"
    ),
    "score --prompts": Command(
        ["score", "bare.jsonl", "--prompts", "prompts.jsonl", *SCORED],
        ["bare.jsonl", "prompts.jsonl"],
        "out/**/results_*.json",
    ),
    "score --reference": Command(
        ["score", "ours.jsonl", "--reference", "other.jsonl", *SCORED],
        ["other.jsonl"],
        "out/**/results_*.json",
    ),
    "score viewpoints": Command(
        [
            "score",
            "ours.jsonl",
            "--task",
            "overton_coverage",
            "-o",
            "out",
            "--metadata",
            '{"n_samples": 3, "viewpoints": "viewpoints.jsonl"}',
        ],
        ["viewpoints.jsonl"],
        "out/**/results_*.json",
    ),
    "check": Command(
        ["check", "--tasks", "overton_diversity", "--metadata", '{"prompts": "prompts.jsonl"}'],
        ["prompts.jsonl"],
    ),
    "compare": Command(["compare", "runs/a", "runs/b", "--json"], ["runs/a/**/results_*.json"] * 2),
    "compare --homogeneity": Command(
        ["compare", "runs/a", "runs/b", "--homogeneity", "--json"],
        ["runs/a/**/samples_*.jsonl", "runs/a/**/results_*.json"],
    ),
    "report": Command(
        ["report", "runs/a", "runs/b", "-o", "report.html"],
        ["runs/a/**/results_*.json", "runs/b/**/samples_*.jsonl"],
        "report.html",
    ),
    "leaderboard": Command(
        ["leaderboard", "runs", "--metric", "lexical_diversity", "--json"],
        ["runs/a/**/results_*.json"],
    ),
    "recover": Command(
        ["recover", "runs/a", "--reference", "runs/b", "--floor", "floor.jsonl", "--json"],
        ["floor.jsonl", "runs/a/**/samples_*.jsonl", "runs/a/**/results_*.json"],
    ),
    "judge --dry-run": Command(
        ["judge", "runs/a", "--judge", '{"model": "dummy"}', "--dry-run"],
        ["runs/a/**/samples_*.jsonl", "runs/a/**/results_*.json"],
    ),
    "calibrate": Command(
        [
            "calibrate",
            "--judgement",
            "stance",
            "--responses",
            "ours.jsonl",
            "--labels",
            "labels.jsonl",
            "--judge",
            "judge.yaml",
            "--json",
        ],
        ["labels.jsonl", "judge.yaml", "ours.jsonl"],
    ),
    "hints": Command(
        ["hints", "--responses", "ours.jsonl", "--model", "dummy", "-o", "hints.jsonl"],
        ["ours.jsonl"],
    ),
}
