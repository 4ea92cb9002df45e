"""Time the whole metric stage of overton_diversity against bare encoding of the same windows.

Command: ``python tests/benchmarks/metric_stage.py``, with the released outputs of arXiv
2406.17692 in ../shared/paper and an encoder that can be found offline. Both sides get the 250
answers of llama-2-chat, the same loaded model, batch size and windows; ours starts each time with
an encoder that remembers nothing. It is timed with the metrics that embed whole responses, and
with all metrics of the task, of which those on sentence clusters embed each sentence as well.
Both sides take the prompts in slices, in turns, several times over; for each slice the least wall
time of each side counts. Exits with 1 if ours takes more than 1.15 times the bare encoding.
"""

from __future__ import annotations

import argparse
import json
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

from lm_eval_overton.encoders import BATCH_SIZE, Encoder, find_encoder
from lm_eval_overton.harness.replay import task_class
from lm_eval_overton.samples import clean
from lm_eval_overton.scoring import Bench, Prompt, score_prompts
from lm_eval_overton.settings import Settings

SHARED = Path(__file__).resolve().parents[3] / "shared"
RESPONSES = SHARED / "paper" / "LIMA-OE" / "outputs" / "llama-2-chat.jsonl"
TASK = "overton_diversity"
SENTENCES = "_clusters"
SLICE = 10
LIMIT = 1.15
ROUNDS = 3


class RecordingEncoder(Encoder):
    """An encoder that keeps the windows that it encodes, decoded."""

    def __init__(self, loaded: Encoder) -> None:
        super().__init__(loaded.source)
        self.model = loaded.model
        self.recorded: list[str] = []

    def windows(self, texts: Sequence[str]) -> list[list[list[int]]]:
        found = super().windows(texts)
        self.recorded += self.model.tokenizer.batch_decode([ids for own in found for ids in own])
        return found


@dataclass
class Case:
    """Some metrics on a slice of the prompts, the windows they need, and the least seconds."""

    names: Sequence[str]
    prompts: Sequence[Prompt]
    windows: Sequence[str]
    stage: float = float("inf")
    bare: float = float("inf")

    def measure(self, loaded: Encoder) -> None:
        """Time both sides once and keep what is less."""
        fresh = Encoder(loaded.source)
        fresh.model = loaded.model
        self.stage = min(self.stage, seconds(partial(metric_stage, self, fresh)))
        self.bare = min(self.bare, seconds(partial(bare_encoding, self.windows, loaded)))


def metric_stage(case: Case, encoder: Encoder) -> None:
    """Compute the metrics of a slice as the task does."""
    settings = Settings()
    bench = Bench(settings.n_samples, [], encoder, settings.seed)
    score_prompts(case.prompts, case.names, bench)


def bare_encoding(windows: Sequence[str], loaded: Encoder) -> None:
    """Encode texts with nothing around it."""
    loaded.model.encode(list(windows), batch_size=BATCH_SIZE, show_progress_bar=False)


def seconds(compute: Callable[[], Any]) -> float:
    """Return the wall time of a computation."""
    start = time.perf_counter()
    compute()
    return time.perf_counter() - start


def released() -> list[Prompt]:
    """Return the cleaned answers per prompt; chat answers have no stop sequence."""
    lines = RESPONSES.read_text(encoding="utf-8").splitlines()
    answers = (json.loads(line)["responses"] for line in lines)
    return [Prompt({}, [clean(text) for text in own]) for own in answers]


def cases(names: Sequence[str], loaded: Encoder) -> list[Case]:
    """Return one case per slice, all computed once: imports and first calls are not measured."""
    prompts = released()
    made = []
    for start in range(0, len(prompts), SLICE):
        recorder = RecordingEncoder(loaded)
        case = Case(names, prompts[start : start + SLICE], recorder.recorded)
        metric_stage(case, recorder)
        made.append(case)
    bare_encoding(made[0].windows[:BATCH_SIZE], loaded)
    return made


def report(title: str, own: Sequence[Case]) -> bool:
    """Print the sums over slices and return whether their ratio keeps the limit."""
    windows = sum(len(case.windows) for case in own)
    stage, bare = sum(case.stage for case in own), sum(case.bare for case in own)
    kept = stage / bare <= LIMIT
    print(
        f"{title}: metric stage {stage:.2f} s, bare encode of the same {windows} windows "
        f"{bare:.2f} s, ratio {stage / bare:.3f} (at most {LIMIT:g}) {'ok' if kept else 'OUTSIDE'}",
        flush=True,
    )
    return kept


def main() -> int:
    """Print times and ratios; return the exit status."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--rounds", type=int, default=ROUNDS)
    rounds = parser.parse_args().rounds
    if not RESPONSES.is_file():
        print(f"skipped: the released outputs are not there: {RESPONSES}")
        return 0
    loaded = Encoder(find_encoder())
    every = [entry["metric"] for entry in task_class(TASK)[1]["metric_list"]]
    responses = cases([name for name in every if not name.endswith(SENTENCES)], loaded)
    whole = cases(every, loaded)
    for done in range(1, rounds + 1):
        for case in (case for pair in zip(responses, whole, strict=True) for case in pair):
            case.measure(loaded)
        print(f"best of {done}")
        kept = [report("responses embedded", responses), report("and sentences", whole)]
    over = sum(case.stage for case in whole) / sum(case.bare for case in responses)
    print(f"(all metrics against the windows of the responses alone: {over:.2f}, no limit)")
    return 0 if all(kept) else 1


if __name__ == "__main__":
    sys.exit(main())
