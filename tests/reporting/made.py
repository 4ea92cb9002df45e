"""Runs made by hand that hold everything a report can show, with text that tries to break out."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from lm_eval_overton.comparison import Compared, Homogeneity, compare, homogeneity
from lm_eval_overton.metrics.formulas.classes import discounted
from lm_eval_overton.runs.answers import Answers
from lm_eval_overton.runs.finished import FinishedRun, Judging, TaskResult
from lm_eval_overton.settings.signature import short_hash
from lm_eval_overton.text.samples import clean, scored_texts

SCRIPT = "<script>alert(1)</script>"
BREAK_OUT = '</script><img src=x onerror="alert(2)"> \u2028 & "quoted" \ud800'
PROMPTS, SAMPLES = 45, 3
TAGS = (["advice"], ["plan", SCRIPT], ["advice", "plan"], [])
VIEWPOINTS = [
    {"id": "a", "side": "yes", "text": "It saves the lives of those who wait."},
    {"id": "b", "side": "no", "text": f"It sells what no one may sell {SCRIPT}"},
    {"id": "c", "side": "depends", "text": "A tax credit would do as well."},
]
STANCES = ("yes", "no", "both", "other")

DIVERSITY, COVERAGE = "overton_diversity", "overton_coverage"
# Means of a base model and what training adds to them: diversity falls, coverage rises.
LEVELS = {
    DIVERSITY: {
        "lexical_diversity": (0.9, -0.08),
        "lexical_diversity_qc": (0.88, -0.07),
        "semantic_diversity": (0.5, -0.14),
        "semantic_diversity_qc": (0.47, -0.12),
        "vendi": (2.5, -0.4),
        "units_at_1_words": (60.0, 50.0),
        "units_at_1_clusters": (7.0, 4.0),
        "overton_index_words": (0.26, 0.05),
        "overton_index_clusters": (0.25, 0.05),
        "overton_index_qc": (0.5, 0.05),
        "helpfulness": (3.0, 0.7),
        "mean_words": (120.0, 120.0),
        "failed_rate": (0.01, 0.0),
        "empty_rate": (0.02, -0.005),
        "duplicate_share": (0.01, 0.02),
        "refusal_share": (0.02, 0.04),
    },
    COVERAGE: {
        "semantic_diversity": (0.45, -0.12),
        "coverage_at_1": (0.3, 0.12),
        "coverage_at_n": (0.7, 0.02),
        "overton_index": (0.43, 0.13),
        "stance_balance": (0.4, 0.15),
    },
}
NOISE = {"units_at_1_words": 15, "units_at_1_clusters": 2, "mean_words": 40, "helpfulness": 0.4}
WORDS = (
    "On the one hand the freedom to decide belongs to each person, and many would gain. "
    "On the other hand those who are poor would carry the risk. "
)


def ids(task: str, n: int = PROMPTS) -> tuple[str, ...]:
    return tuple(f"{task[8:10]}-{i:03d}" for i in range(n))


def responses(run: int, i: int) -> list[str | None]:
    """Samples of one prompt: in the first prompts some that are no ordinary text."""
    special: dict[int, list[str | None]] = {
        0: [SCRIPT, BREAK_OUT, None],
        1: ["", "A zebra crossing.", "<think>Are stripes meant?</think>Yes."],
    }
    longer = [f"Answer {k} to question {i}. " + WORDS * (1 + run * 2 + k) for k in range(SAMPLES)]
    return special.get(i, longer) if run else special.get(i, longer[:1] * SAMPLES)


def answers(run: FinishedRun, task: str) -> Answers:
    position = int(run.place.name)
    keys = ids(task)
    texts = [f"Question {i} about gardens?" for i in range(PROMPTS)]
    texts[0] = f"What does {SCRIPT} do?"
    return Answers(
        Path(f"{run.place.name}/generations.jsonl"),
        dict(zip(keys, texts, strict=True)),
        {key: responses(position, i) for i, key in enumerate(keys)},
        viewpoints=dict.fromkeys(keys, VIEWPOINTS) if task == COVERAGE else {},
    )


def details(run: int, i: int, task: str) -> dict:
    raw = responses(run, i)
    n = sum(clean(text).status == "valid" for text in raw)
    found: dict = {"sha": short_hash(raw), "tags": TAGS[i % len(TAGS)]}
    if task == COVERAGE:
        found["covered"] = [[k for k in range(3) if (i + j + run) % (k + 2) == 0] for j in range(n)]
        found["verdicts"] = {"stance": [STANCES[(i + j) % 4] for j in range(n)]}
    else:
        found |= classes(run, i)
        quality = {"helpfulness": 4, "clarity": None}
        found["verdicts"] = {"quality": [quality, None, quality][:n]}
    return found


def classes(run: int, i: int) -> dict:
    """Fewer classes and better ratings with more training; in one prompt a rating is missing."""
    labels = [0, 0, 0] if (i + run) % 4 else [0, 1, 2 - run % 2]
    ratings = [min(10.0, 3.0 + (i * 7 + j * 5) % 8 + run) for j in range(SAMPLES)]
    return {
        "classes": labels,
        "ratings": [None, *ratings[1:]] if i == 5 else ratings,
        "scale": {"most": 10, "bar": 8.0},
    }


def of_classes(run: int) -> dict[str, np.ndarray]:
    """What the metrics are of these classes."""
    kept = [classes(run, i) for i in range(PROMPTS)]
    known = [
        (own["classes"], [np.nan if rating is None else rating for rating in own["ratings"]])
        for own in kept
    ]
    utility = np.array([discounted(*one) for one in known])
    return {
        "distinct_k": np.array([len(set(labels)) for labels, _ in known], dtype=float),
        "quality_mean": np.array([float(np.mean(ratings)) for _, ratings in known]),
        "utility_k": utility,
        "utility_share": utility / 10,
    }


def values(run: int, task: str, rng: np.random.Generator) -> dict[str, np.ndarray]:
    table = {
        name: np.clip(level + step * run + rng.normal(0, NOISE.get(name, 0.06), PROMPTS), 0, None)
        for name, (level, step) in LEVELS[task].items()
    }
    if task == COVERAGE:
        sides = max(3 - run, 1)
        shares = rng.dirichlet((sides, sides, 1 + 2 * run, 1), PROMPTS)
        table |= {f"p_{stance}": shares[:, k] for k, stance in enumerate(STANCES)}
    # Undefined for a prompt each, as after too few valid samples.
    table["semantic_diversity"][3] = np.nan
    if task == DIVERSITY:
        table |= of_classes(run)
        table["units_at_1_words"][12] = np.nan
    return table


def in_context(run: int, strategy: str, level: float, rng: np.random.Generator) -> TaskResult:
    task = f"overton_icl_{strategy}"
    table = {}
    for kind, low, high in (("jaccard", 0.07, 0.28), ("rouge_l", 0.09, 0.27), ("cosine", 0.6, 0.9)):
        table[kind] = rng.normal(low + level * (high - low), 0.03, PROMPTS)
        table[f"{kind}_ceiling"] = rng.normal(high, 0.02, PROMPTS)
    signature = f"{task}@1|data:open_ended-1:abc|n:3|reference:12345678|emb:mini"
    empty = tuple({"sha": short_hash(responses(run, i))} for i in range(PROMPTS))
    return TaskResult(task, "made", signature, ids(task), table, {}, empty, Path("results.json"))


def result(run: int, task: str, name: str) -> TaskResult:
    rng = np.random.default_rng((run, len(task)))
    stop = "fence" if run == 0 else "none"
    return TaskResult(
        task=task,
        model=name,
        signature=f"{task}@1|data:made:abc|frame:made{run}|n:3|stop:{stop}|emb:mini|seed:1|v:0.1.0",
        ids=ids(task),
        values=values(run, task, rng),
        higher_is_better={"lexical_diversity": True, "coverage_at_1": True},
        details=tuple(details(run, i, task) for i in range(PROMPTS)),
        path=Path("results.json"),
        alarms=("all samples of a prompt are identical",) if run == 2 else (),
        judge=Judging("judge@1", {"quality": {"parsed": 130, "refused": 3, "unreadable": 2}}),
        judged=frozenset({"helpfulness", "lexical_diversity_qc", "semantic_diversity_qc"}),
        bounds={"helpfulness": (2.875, 4.125)} if task == DIVERSITY and run else {},
    )


def finished(run: int, name: str) -> FinishedRun:
    tasks = {task: result(run, task, name) for task in (DIVERSITY, COVERAGE)}
    if run == 0:
        rng = np.random.default_rng(7)
        levels = {"zeroshot": 0.0, "fixed": 0.42, "knn": 0.58, "summary": 0.7}
        tasks |= {own.task: own for own in (in_context(0, s, at, rng) for s, at in levels.items())}
    return FinishedRun(name, Path(str(run)), tasks)


def compared(names: tuple[str, ...] = ("base", "sft <b>&amp;", "dpo $x_1$ 模型")) -> Compared:
    """Compared runs, as many as there are names."""
    runs = [finished(i, name) for i, name in enumerate(names)]
    return compare(runs[0], runs[1:]) if len(runs) > 1 else Compared(tuple(runs), ())


def alike(made: Compared, n: int = 4) -> Homogeneity:
    """How alike the samples of made runs are on their first prompts."""
    keys = ids(DIVERSITY)[:n]
    texts = []
    for run in made.runs:
        answered = answers(run, DIVERSITY)
        texts.append({key: scored_texts(answered.samples(key)) for key in keys})
    return homogeneity([run.name for run in made.runs], texts)
