"""Measure how processor time and memory grow with the samples that are scored and judged.

Command: ``OMP_NUM_THREADS=1 python tests/benchmarks/scale.py``. Each size of each kind of work
has a process of its own and samples of 100 words that are made here, 5 of each prompt, no two
alike: scoring by words, embeddings, sentence clusters and classes; coverage of 4 viewpoints by the
default matcher; judging by a server on this machine that answers at once; and `overton score` from
a file to results. There an encoder draws vectors by each text's hash: a real one would take nearly
all of the time, and does not change what is held. `encoding` is a real one of two layers that is
made here. ``--large`` adds 200,000 samples, which take ten times as long.

Memory is the most resident memory beyond what the process held when the samples were there. Exits
with 1 if ten times the samples take more than 12 times the processor time, or if memory exceeds
what blocks and the encoder's vectors may take, `CONSTANT_MB`, and `PER_SAMPLE` bytes of each kind.
"""

from __future__ import annotations

import argparse
import json
import logging
import os
import random
import resource
import subprocess
import sys
import tempfile
import time
import zlib
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, dataclass
from itertools import accumulate, pairwise
from pathlib import Path
from typing import Any

# Found from wherever the script is started.
sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

import numpy as np
import numpy.typing as npt

from lm_eval_overton.harness.replay import score
from lm_eval_overton.judge.ask import Judged, judge_prompts
from lm_eval_overton.judge.client.model import HarnessJudge
from lm_eval_overton.matchers.hybrid import HybridMatcher
from lm_eval_overton.metrics.score import Bench, Prompt, score_and_keep
from lm_eval_overton.runs.responses import read_responses
from lm_eval_overton.settings.judge import read_spec
from lm_eval_overton.text.encoder import Encoder
from lm_eval_overton.text.encoder_source import DEFAULT_ENCODER, EncoderSource
from lm_eval_overton.text.samples import clean
from tests.judge_server import judging

SIZES, LARGE = (2_000, 20_000), 200_000
SAMPLES, WORDS, SENTENCE, VIEWPOINTS = 5, 100, 12, 4
DIM = 384
SCORED = (
    "lexical_diversity",
    "semantic_diversity",
    "distinct_k",
    "units_at_n_clusters",
    "duplicate_share",
)
COVERED = ("coverage_at_1", "coverage_at_n", "overton_index")
RATIO_LIMIT = 12.0
# The encoder's vectors and those of one block more are 256 MB and 130 MB; the sentences that they
# are of are some 80 MB, and the words of the texts of late some 50 MB.
CONSTANT_MB = 550

Vectors = npt.NDArray[np.float32]


class DrawnEncoder(Encoder):
    """An encoder whose vectors are drawn by each text's hash; what it remembers is real."""

    def __init__(self) -> None:
        super().__init__(EncoderSource(DEFAULT_ENCODER, None, "drawn"))
        self.n_encoded = 0

    def _encode_new(self, texts: Sequence[str]) -> Vectors:
        self.n_encoded += len(texts)
        self._window_counts.update(dict.fromkeys(texts, 1))
        rows = np.empty((len(texts), DIM), dtype=np.float32)
        for row, text in zip(rows, texts, strict=True):
            draws = np.random.default_rng(zlib.crc32(text.encode()))
            row[:] = draws.standard_normal(DIM, dtype=np.float32)
        return rows / np.linalg.norm(rows, axis=1, keepdims=True)


@dataclass(frozen=True)
class Usage:
    """What a process used: processor seconds, most memory in bytes before and at the end."""

    kind: str
    samples: int
    seconds: float
    before: int
    peak: int
    said: str

    @property
    def memory(self) -> float:
        """Bytes beyond what was held before."""
        return self.peak - self.before

    def __str__(self) -> str:
        """Return one printed line."""
        return (
            f"{self.kind} {self.samples:,}: {self.seconds:.1f} s, {self.memory / 1e6:.0f} MB "
            f"beyond {self.before / 1e6:.0f} MB{self.said}"
        )


def texts(count: int, n_words: int, seed: int = 1234) -> Iterator[str]:
    """Yield texts of sentences; frequencies fall with the rank, as in natural text."""
    rng = random.Random(seed)
    syllables = [consonant + vowel for consonant in "bdfgklmnprst" for vowel in "aeiou"]
    rare = ("".join(rng.choices(syllables, k=rng.randint(1, 4))) for _ in range(20_000))
    words = ["the", "of", "and", "to", "it", "you", "that", "is", *rare]
    weights = list(accumulate(1 / (rank + 3) for rank in range(len(words))))
    for _ in range(count):
        drawn = rng.choices(words, cum_weights=weights, k=n_words)
        parts = [drawn[i : i + SENTENCE] for i in range(0, n_words, SENTENCE)]
        yield " ".join(f"{' '.join(part).capitalize()}." for part in parts)


def prompts(n: int) -> list[Prompt]:
    """Return prompts with viewpoints and n samples in all."""
    own, views = texts(n, WORDS), texts(n, 8, 7)
    made = []
    for i in range(n // SAMPLES):
        sides = [{"text": next(views), "side": "yes"} for _ in range(VIEWPOINTS)]
        doc = {"id": str(i), "prompt": f"Question {i}?", "viewpoints": sides}
        made.append(Prompt(doc, [clean(next(own)) for _ in range(SAMPLES)]))
    return made


# ---------------------------------------------------------------------------------- kinds of work


def scoring(n: int, folder: Path) -> tuple[Callable[[], Any], Callable[[], str]]:
    """Return what scores n samples, and what says how much was encoded."""
    return _scoring(n, SCORED, DrawnEncoder())


def coverage(n: int, folder: Path) -> tuple[Callable[[], Any], Callable[[], str]]:
    """Return what covers viewpoints in n samples by the default matcher."""
    encoder = DrawnEncoder()
    return _scoring(n, COVERED, encoder, HybridMatcher(encoder))


def _scoring(n: int, names: Sequence[str], encoder: DrawnEncoder, matcher: Any = None) -> Any:
    bench = Bench(SAMPLES, [], encoder, 1234, matcher)
    made = prompts(n)
    score_and_keep(made[:2], names, bench)
    encoder.n_encoded = 0
    return (
        lambda: score_and_keep(made, names, bench),
        lambda: f"; {encoder.n_encoded / n:.2f} vectors per sample",
    )


def encoding(n: int, folder: Path) -> tuple[Callable[[], Any], Callable[[], str]]:
    """Return what scores n samples by a real encoder's embeddings."""
    encoder = Encoder(EncoderSource("tiny", tiny_encoder(folder), "folder"))
    bench = Bench(SAMPLES, [], encoder, 1234)
    made, names = prompts(n), ["semantic_diversity"]
    score_and_keep(made[:2], names, bench)
    return lambda: score_and_keep(made, names, bench), lambda: ""


def judged(n: int, folder: Path) -> tuple[Callable[[], Any], Callable[[], str]]:
    """Return what asks a judge for the quality of n samples, into a file of replies."""
    spec = json.loads(os.environ["SCALE_JUDGE"])
    judge = HarnessJudge(read_spec(spec, "scale"), folder / "replies.sqlite")
    judge.set_up()
    made = [Judged(p.doc["id"], p.doc["prompt"], p.texts, range(SAMPLES)) for p in prompts(n)]
    verdicts: list[Any] = []

    def work() -> None:
        verdicts.extend(judge_prompts(judge, made, ["quality"]))

    def said() -> str:
        parsed = sum(v.status == "parsed" for own in verdicts for v in own["quality"])
        return f"; {parsed / n:.0%} parsed"

    return work, said


def results(n: int, folder: Path) -> tuple[Callable[[], Any], Callable[[], str]]:
    """Return what `overton score` does with a file of n samples."""
    path = folder / "answers.jsonl"
    with path.open("w", encoding="utf-8") as file:
        own = texts(n, WORDS)
        for i in range(n // SAMPLES):
            row = {"prompt": f"Question {i}?", "responses": [next(own) for _ in range(SAMPLES)]}
            file.write(f"{json.dumps(row)}\n")
    # What scoring takes is measured apart.
    few = ["duplicate_share", "list_share"]

    def work() -> None:
        score(read_responses(path), "overton_diversity", output=folder / "runs", chosen=few)

    return work, lambda: ""


KINDS = {
    "scoring": scoring,
    "coverage": coverage,
    "judging": judged,
    "results": results,
    "encoding": encoding,
}
# Bytes that a sample may leave beyond its text: values of its prompt; of a judge the question, its
# key, the verdict and the reply; of `overton score` the text itself, as read and as the harness
# keeps and writes it.
PER_SAMPLE = {
    "scoring": 2_000,
    "coverage": 2_000,
    "judging": 4_000,
    "results": 8_000,
    "encoding": 2_000,
}


def tiny_encoder(folder: Path) -> Path:
    """Make a sentence encoder of two layers with random weights; return its folder."""
    from sentence_transformers import SentenceTransformer
    from sentence_transformers.models import Pooling, Transformer
    from tokenizers import Tokenizer, models, pre_tokenizers
    from transformers import BertConfig, BertModel, PreTrainedTokenizerFast

    words = sorted({word for text in texts(2_000, WORDS) for word in text.lower().split()})
    known = {word: i for i, word in enumerate(["[PAD]", "[UNK]", "[CLS]", "[SEP]", *words])}
    tokenizer = Tokenizer(models.WordLevel(known, unk_token="[UNK]"))
    tokenizer.pre_tokenizer = pre_tokenizers.WhitespaceSplit()
    marks = {"pad_token": "[PAD]", "unk_token": "[UNK]", "cls_token": "[CLS]", "sep_token": "[SEP]"}
    PreTrainedTokenizerFast(tokenizer_object=tokenizer, **marks).save_pretrained(folder / "bert")
    sizes = {"hidden_size": 64, "num_hidden_layers": 2, "num_attention_heads": 2}
    config = BertConfig(vocab_size=len(known), intermediate_size=128, **sizes)
    BertModel(config).save_pretrained(folder / "bert")
    body = Transformer(str(folder / "bert"), max_seq_length=256)
    pooled = Pooling(body.get_word_embedding_dimension())
    SentenceTransformer(modules=[body, pooled]).save(str(folder / "tiny"))
    return folder / "tiny"


# ------------------------------------------------------------------------------------- measuring


def peak_memory() -> int:
    """Return the most resident memory of this process so far, in bytes."""
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak if sys.platform == "darwin" else peak * 1024


def measure(kind: str, n: int) -> Usage:
    """Do the work in this process."""
    logging.getLogger("lm_eval").setLevel(logging.ERROR)
    with tempfile.TemporaryDirectory() as name:
        work, said = KINDS[kind](n, Path(name))
        before, start = peak_memory(), time.process_time()
        work()
        seconds, peak = time.process_time() - start, peak_memory()
        return Usage(kind, n, seconds, before, peak, said())


def measure_apart(kind: str, n: int, judge: str) -> Usage:
    """Do the work in a process of its own."""
    command = [sys.executable, __file__, "--measure", kind, str(n)]
    environment = {**os.environ, "SCALE_JUDGE": judge, "OPENAI_API_KEY": "none"}
    done = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=True, env=environment)
    usage = Usage(**json.loads(done.stdout.splitlines()[-1]))
    print(usage, flush=True)
    return usage


def holds(small: Usage, big: Usage) -> bool:
    """Print how one size grows to the other; tell whether the limits are kept."""
    ratio = big.seconds / small.seconds
    slope = (big.memory - small.memory) / (big.samples - small.samples)
    limit = CONSTANT_MB * 1e6 + PER_SAMPLE[big.kind] * big.samples
    ok = ratio <= RATIO_LIMIT and big.memory <= limit
    print(
        f"  {small.samples:,} to {big.samples:,}: {ratio:.1f} x the time (at most "
        f"{RATIO_LIMIT:g} x), {slope / 1e3:.2f} MB more per 1,000 samples, "
        f"{big.memory / 1e6:.0f} MB (at most {limit / 1e6:.0f} MB) {'ok' if ok else 'OUTSIDE'}",
        flush=True,
    )
    return ok


def main() -> int:
    """Print time and memory against their limits; return the exit status."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--large", action="store_true", help=f"{LARGE:,} samples too")
    parser.add_argument("--kinds", default=",".join(KINDS), help="comma-separated")
    parser.add_argument("--measure", nargs=2, help=argparse.SUPPRESS)
    args = parser.parse_args()
    if args.measure:
        print(json.dumps(asdict(measure(args.measure[0], int(args.measure[1])))))
        return 0
    sizes, ok = [*SIZES, *([LARGE] if args.large else [])], True
    with tempfile.TemporaryDirectory() as name, judging(Path(name) / "log") as server:
        judge = json.dumps(server.spec(num_concurrent=16, timeout=60))
        for kind in args.kinds.split(","):
            used = [measure_apart(kind, n, judge) for n in sizes]
            for small, big in pairwise(used):
                ok &= holds(small, big)
    return 0 if ok else 1


if __name__ == "__main__":
    sys.exit(main())
