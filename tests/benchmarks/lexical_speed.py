"""Time the lexical part of 2,000 responses against the NLTK tokenisation that it contains.

Command: ``python tests/benchmarks/lexical_speed.py``. The responses are released ones of arXiv
2406.17692 in ../shared/paper (400 prompts of 5, from several models), else synthetic ones. Both
sides take the prompts in slices, in turns, several times over; for each slice the least processor
time of each side counts, so that other work on the machine hardly matters. Exits with 1 if the
lexical part takes more than 1.2 times the tokenisation alone.
"""

from __future__ import annotations

import argparse
import json
import random
import sys
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from itertools import accumulate, islice
from pathlib import Path

from nltk.tokenize.destructive import NLTKWordTokenizer
from nltk.tokenize.punkt import PunktSentenceTokenizer

from lm_eval_overton.metrics.score import Bench, Prompt, score_prompts
from lm_eval_overton.text.encoder import Encoder
from lm_eval_overton.text.encoder_source import EncoderSource
from lm_eval_overton.text.samples import clean

Prompts = Sequence[Prompt]

OUTPUTS = Path(__file__).resolve().parents[3] / "shared" / "paper" / "LIMA-OE" / "outputs"
LEXICAL = (
    "lexical_diversity",
    "distinct_2",
    "compression_ratio",
    "mean_words",
    "list_share",
    "refusal_share",
)
PROMPTS, SAMPLES, WORDS = 400, 5, 300
SLICE = 20
LIMIT = 1.2
ROUNDS = 5


def released() -> Iterator[Prompt]:
    """Yield the cleaned answers to a prompt, model after model, where all of them came."""
    for path in sorted(OUTPUTS.glob("*.jsonl")):
        # Chat models were asked without the frame that a fence ends.
        stops = ["```"] if "-icl" in path.stem or "-base" in path.stem else []
        for line in path.read_text(encoding="utf-8").splitlines():
            samples = [clean(text, stops) for text in json.loads(line)["responses"]]
            if all(sample.status == "valid" for sample in samples):
                yield Prompt({}, samples)


def synthetic(n_prompts: int, n_words: int, seed: int = 1234) -> Iterator[Prompt]:
    """Yield prompts with `SAMPLES` seeded responses of `n_words` words, some of them lists."""
    rng = random.Random(seed)
    syllables = [consonant + vowel for consonant in "bdfgklmnprst" for vowel in "aeiou"]
    rare = ("".join(rng.choices(syllables, k=rng.randint(1, 4))) for _ in range(20_000))
    words = ["the", "of", "and", "to", "it's", "don't", "you", "(or", "that)", "is", *rare]
    # Word frequencies fall with the rank, as in natural text.
    weights = list(accumulate(1 / (rank + 3) for rank in range(len(words))))
    for _ in range(n_prompts):
        drawn = rng.choices(words, cum_weights=weights, k=SAMPLES * n_words)
        for last in range(14, len(drawn), 15):
            drawn[last] += rng.choice([".", "?", ".\n\n", ".\n- ", ", and so on.\n1. "])
        texts = (drawn[start : start + n_words] for start in range(0, len(drawn), n_words))
        yield Prompt({}, [clean(" ".join(text)) for text in texts])


def lexical_part(prompts: Prompts) -> None:
    """Compute all that `overton_diversity` measures on words."""
    never_loaded = Encoder(EncoderSource("none", None, "hub"))
    score_prompts(prompts, LEXICAL, Bench(SAMPLES, [], never_loaded, seed=1234))


def tokenisation(prompts: Prompts) -> None:
    """Tokenise each response with NLTK and drop the tokens."""
    punkt, words = PunktSentenceTokenizer(), NLTKWordTokenizer()
    for prompt in prompts:
        for text in prompt.texts:
            for sentence in punkt.tokenize(text):
                words.tokenize(sentence)


def seconds(compute: Callable[[Prompts], None], prompts: Prompts) -> float:
    """Return the processor time of a computation."""
    start = time.process_time()
    compute(prompts)
    return time.process_time() - start


def least_seconds(prompts: Prompts, rounds: int) -> tuple[float, float]:
    """Return the least time of the lexical part and of the tokenisation, summed over slices."""
    slices = [prompts[start : start + SLICE] for start in range(0, len(prompts), SLICE)]
    best = [(float("inf"), float("inf"))] * len(slices)
    for _ in range(rounds):
        now = [(seconds(lexical_part, own), seconds(tokenisation, own)) for own in slices]
        print("lexical part {:.2f} s, tokenisation {:.2f} s".format(*_sums(now)), flush=True)
        best = [(min(a, c), min(b, d)) for (a, b), (c, d) in zip(best, now, strict=True)]
    return _sums(best)


def _sums(pairs: Iterable[tuple[float, float]]) -> tuple[float, float]:
    ours, theirs = zip(*pairs, strict=True)
    return sum(ours), sum(theirs)


def main() -> int:
    """Print both times and their ratio; return the exit status."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--rounds", type=int, default=ROUNDS)
    rounds = parser.parse_args().rounds
    kind = "released" if OUTPUTS.is_dir() else "synthetic"
    source = released() if OUTPUTS.is_dir() else synthetic(PROMPTS, WORDS)
    prompts = list(islice(source, PROMPTS))
    texts = [text for prompt in prompts for text in prompt.texts]
    words = sum(len(text.split()) for text in texts) / len(texts)
    print(f"{len(texts):,} {kind} responses of {words:.0f} words on average")
    # Imports and first calls are not what is measured.
    lexical_part(prompts[:1]), tokenisation(prompts[:1])
    ours, theirs = least_seconds(prompts, rounds)
    verdict = "ok" if ours / theirs <= LIMIT else "OUTSIDE"
    print(
        f"best of {rounds}: lexical part {ours:.2f} s, tokenisation {theirs:.2f} s, "
        f"ratio {ours / theirs:.3f} (at most {LIMIT:g}) {verdict}"
    )
    return 0 if ours / theirs <= LIMIT else 1


if __name__ == "__main__":
    sys.exit(main())
