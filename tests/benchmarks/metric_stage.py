"""Time the whole metric stage of overton_diversity against bare encoding of the same windows.

Command: ``python tests/benchmarks/metric_stage.py``, with the released outputs of arXiv
2406.17692 in ../shared/paper and an encoder that can be found offline. Both sides get the 250
answers of llama-2-chat, the same loaded model and windows; the bare side is
``SentenceTransformer.encode`` in batches of 32 and in float32; ours starts each time with
an encoder that remembers nothing. It is timed on all answers with all metrics but those on sentence
clusters, and on 50 answers with these too: they embed each sentence as well, as the bare side does.
With ``--dtype bfloat16`` our side encodes in that precision, which is faster where the processor
has instructions for it, and the largest change of a metric's mean on the 50 answers is printed: at
most .001, the last digit that is printed.
Both sides take the prompts in slices, in turns, several times over; for each slice the least wall
time of each side counts. On a machine that is busy otherwise, ``--threads 1`` takes processor time
instead. Exits with 1 if ours takes more than .9 times the bare encoding.
"""

from __future__ import annotations

import argparse
import json
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path

import numpy as np
import numpy.typing as npt
import torch

from lm_eval_overton.harness.replay import task_class
from lm_eval_overton.metrics.score import Bench, Prompt, Values, score_prompts
from lm_eval_overton.settings.task import Settings
from lm_eval_overton.text.encoder import Encoder
from lm_eval_overton.text.encoder_source import find_encoder
from lm_eval_overton.text.forward import DTYPES
from lm_eval_overton.text.samples import clean

Clock = Callable[[], float]

SHARED = Path(__file__).resolve().parents[3] / "shared"
RESPONSES = SHARED / "paper" / "LIMA-OE" / "outputs" / "llama-2-chat.jsonl"
TASK = "overton_diversity"
SENTENCES = "_clusters"
SLICE = 5
SENTENCE_PROMPTS = 10
LIMIT = 0.9
ROUNDS = 3
LOSS = 1e-3
SENTENCES_TOO = "all metrics, sentences embedded too"


class RecordingEncoder(Encoder):
    """An encoder that notes what it is asked to encode, and computes nothing."""

    def __init__(self, loaded: Encoder) -> None:
        super().__init__(loaded.source)
        self.model = loaded.model
        self.texts: dict[str, None] = {}

    def encode(self, texts: Sequence[str]) -> npt.NDArray[np.float32]:
        self.texts |= dict.fromkeys(texts)
        return np.ones((len(texts), 1), dtype=np.float32)

    def is_overlong(self, text: str) -> bool:
        return False

    def decoded_windows(self) -> list[str]:
        """Return the windows of each text, every text once."""
        ids = [window for own in self.windows(list(self.texts)) for window in own]
        return list(self.model.tokenizer.batch_decode(ids))


@dataclass
class Case:
    """Some metrics on a slice of the prompts, the windows they need, and the least seconds."""

    names: Sequence[str]
    prompts: Sequence[Prompt]
    windows: Sequence[str]
    stage: float = float("inf")
    bare: float = float("inf")

    def measure(self, ours: Encoder, loaded: Encoder, clock: Clock) -> None:
        """Time both sides once and keep what is less."""
        fresh = forgetful(ours)
        self.stage = min(self.stage, seconds(clock, partial(metric_stage, self, fresh)))
        self.bare = min(self.bare, seconds(clock, partial(bare_encoding, self.windows, loaded)))


def forgetful(loaded: Encoder) -> Encoder:
    """Return an encoder with the same model that has encoded nothing."""
    fresh = Encoder(loaded.source, dtype=loaded.dtype)
    fresh.model = loaded.model
    return fresh


def metric_stage(case: Case, encoder: Encoder) -> list[Values]:
    """Compute the metrics of a slice as the task does."""
    settings = Settings()
    bench = Bench(settings.n_samples, [], encoder, settings.seed)
    return score_prompts(case.prompts, case.names, bench)


def means(own: Sequence[Case], encoder: Encoder) -> dict[str, float]:
    """Return the mean of each metric over the prompts of some cases."""
    rows = [row for case in own for row in metric_stage(case, forgetful(encoder))]
    return {
        name: float(np.mean([row[name] for row in rows if row[name] is not None] or [0]))
        for name in rows[0]
    }


def largest_change(own: Sequence[Case], ours: Encoder, loaded: Encoder) -> bool:
    """Print by how much the means of metrics differ at most; return whether that is little."""
    exact, near = means(own, loaded), means(own, ours)
    changes = {name: abs(exact[name] - near[name]) for name in exact}
    worst = max(changes, key=lambda name: changes[name])
    print(
        f"{ours.dtype}: largest change of a mean {changes[worst]:.1e} ({worst}; at most {LOSS:g})"
    )
    return changes[worst] <= LOSS


def bare_encoding(windows: Sequence[str], loaded: Encoder) -> None:
    """Encode texts with nothing around it."""
    loaded.model.encode(list(windows), show_progress_bar=False)


def seconds(clock: Clock, compute: Callable[[], object]) -> float:
    """Return what a computation took by a clock."""
    start = clock()
    compute()
    return clock() - start


def released() -> list[Prompt]:
    """Return the cleaned answers per prompt; chat answers have no stop sequence."""
    lines = RESPONSES.read_text(encoding="utf-8").splitlines()
    answers = (json.loads(line)["responses"] for line in lines)
    return [Prompt({}, [clean(text) for text in own]) for own in answers]


def cases(names: Sequence[str], prompts: Sequence[Prompt], loaded: Encoder) -> list[Case]:
    """Return one case per slice of the prompts; all modules they need are imported by then."""
    made = []
    for start in range(0, len(prompts), SLICE):
        recorder = RecordingEncoder(loaded)
        case = Case(names, prompts[start : start + SLICE], [])
        metric_stage(case, recorder)
        made.append(replace(case, windows=recorder.decoded_windows()))
    return made


def report(title: str, own: Sequence[Case]) -> bool:
    """Print the sums over slices and return whether their ratio keeps the limit."""
    responses = sum(len(prompt.texts) for case in own for prompt in case.prompts)
    windows = sum(len(case.windows) for case in own)
    stage, bare = sum(case.stage for case in own), sum(case.bare for case in own)
    kept = stage / bare <= LIMIT
    print(
        f"{title}: {responses} responses, {windows} windows, metric stage {stage:.2f} s, "
        f"bare encode {bare:.2f} s, ratio {stage / bare:.3f} (at most {LIMIT:g}) "
        f"{'ok' if kept else 'OUTSIDE'}",
        flush=True,
    )
    return kept


def main() -> int:
    """Print times and ratios; return the exit status."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--rounds", type=int, default=ROUNDS)
    parser.add_argument("--threads", type=int, help="of the model; torch's choice if not given")
    parser.add_argument("--dtype", choices=DTYPES, default=DTYPES[0], help="of our side")
    args = parser.parse_args()
    if not RESPONSES.is_file():
        print(f"skipped: the released outputs are not there: {RESPONSES}")
        return 0
    if args.threads:
        torch.set_num_threads(args.threads)
    clock = time.process_time if args.threads == 1 else time.perf_counter
    loaded = Encoder(find_encoder())
    ours = loaded if args.dtype == loaded.dtype else Encoder(find_encoder(), dtype=args.dtype)
    cls, config = task_class(TASK)
    every = cls(config=config).metric_names
    without_sentences = [name for name in every if not name.endswith(SENTENCES)]
    prompts = released()
    titled = {
        "metrics that embed responses": cases(without_sentences, prompts, loaded),
        SENTENCES_TOO: cases(every, prompts[:SENTENCE_PROMPTS], loaded),
    }
    # First calls are slower, which is not what is measured.
    cases_together = [case for own in titled.values() for case in own]
    replace(cases_together[0]).measure(ours, loaded, clock)
    for done in range(1, args.rounds + 1):
        for case in cases_together:
            case.measure(ours, loaded, clock)
        print(f"best of {done}, {torch.get_num_threads()} threads, {clock.__name__}")
        kept = [report(title, own) for title, own in titled.items()]
    if ours is not loaded:
        kept.append(largest_change(titled[SENTENCES_TOO], ours, loaded))
    return 0 if all(kept) else 1


if __name__ == "__main__":
    sys.exit(main())
