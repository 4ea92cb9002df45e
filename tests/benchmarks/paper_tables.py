"""Print the README's tables from the released outputs of arXiv 2406.17692.

Command: ``python tests/benchmarks/paper_tables.py [--no-clusters]``, with the outputs in
../shared/paper. The first table holds pooled units and the Overton index of every model, the
second how much of one model's words another one covers, beside both baselines.
"""

from __future__ import annotations

import argparse
from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np

from lm_eval_overton import stats
from lm_eval_overton.encoders import find_encoder, get_encoder
from lm_eval_overton.harness.frames import answer_of
from lm_eval_overton.recorded import read_responses
from lm_eval_overton.samples import Sample, clean
from lm_eval_overton.scoring import Bench, Prompt, score_prompts

OUTPUTS = Path(__file__).resolve().parents[3] / "shared" / "paper" / "LIMA-OE" / "outputs"
N = 5
SEED = 1234
WORDS = ("units_at_1_words", "units_at_n_words", "overton_index_words")
CLUSTERS = ("units_at_1_clusters", "units_at_n_clusters", "overton_index_clusters")
REFERENCE = (
    "reference_coverage_at_1_split",
    "reference_coverage_at_1_held_out",
    "reference_coverage_at_1_chance",
    "missing_from_reference_split",
    "missing_from_reference_held_out",
    "missing_from_reference_chance",
)


def samples(model: str) -> list[list[Sample]]:
    """Return the cleaned samples of a released model, one list per prompt."""
    stops = ["```"] if model == "llama-2-base" or "icl" in model else []
    entries = read_responses(OUTPUTS / f"{model}.jsonl").entries
    extract = answer_of if model.endswith("-cot") else None
    return [[clean(raw, stops, extract) for raw in entry.responses] for entry in entries]


def columns(prompts: Sequence[Prompt], names: Sequence[str], bench: Bench) -> dict[str, list]:
    """Return each metric's values over prompts."""
    rows = score_prompts(prompts, names, bench)
    return {name: [row[name] for row in rows] for name in names}


def units_table(models: Sequence[str], names: Sequence[str], bench: Bench) -> Iterator[str]:
    """Yield the lines of the table of pooled units."""
    yield f"| model | {' | '.join(names)} | prompts |"
    yield "|---|" + "---:|" * (len(names) + 1)
    for model in models:
        found = columns([Prompt({}, own) for own in samples(model)], names, bench)
        means = [np.nanmean(np.array(found[name], dtype=float)) for name in names]
        count = sum(value is not None for value in found[names[1]])
        shown = [f"{mean:.3f}" if mean < 1 else f"{mean:.1f}" for mean in means]
        yield f"| {model} | {' | '.join(shown)} | {count} |"


def reference_table(pairs: Sequence[tuple[str, str]], bench: Bench) -> Iterator[str]:
    """Yield the lines of the table of coverage of a reference, with 95 % intervals."""
    yield "| run | reference | what | this run | held-out reference | chance | prompts |"
    yield "|---|---|---|---|---|---|---:|"
    for run, reference in pairs:
        both = zip(samples(run), samples(reference), strict=True)
        found = columns([Prompt({}, own, ref) for own, ref in both], REFERENCE, bench)
        for what, names in (("covered by 1", REFERENCE[:3]), ("missing from 3", REFERENCE[3:])):
            table = np.array([found[name] for name in names], dtype=float).T
            kept = table[~np.isnan(table).any(axis=1)]
            cells = []
            for column in kept.T:
                interval = stats.mean_interval(column, np.random.default_rng(SEED))
                cells.append(f"{interval.estimate:.3f} [{interval.low:.3f}, {interval.high:.3f}]")
            yield f"| {run} | {reference} | {what} | {' | '.join(cells)} | {len(kept)} |"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--no-clusters", action="store_true", help="words only: no encoder, fast")
    args = parser.parse_args()
    bench = Bench(N, (), get_encoder(find_encoder()), SEED)
    models = sorted(path.stem for path in OUTPUTS.glob("*.jsonl"))
    names = WORDS if args.no_clusters else WORDS + CLUSTERS
    for line in units_table(models, names, bench):
        print(line, flush=True)
    print()
    pairs = [("llama-2-chat", "llama-2-base"), ("llama-2-base", "llama-2-chat")]
    for line in reference_table(pairs, bench):
        print(line, flush=True)


if __name__ == "__main__":
    main()
