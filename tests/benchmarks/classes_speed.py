"""Time the classes of 10,000 prompts of 10 samples by the words that they share.

Command: ``python tests/benchmarks/classes_speed.py``. The texts are drawn, about 120 words each; in
every prompt some repeat another's words, so that there are from one to ten classes. It prints the
processor time and exits with 1 if that is more than 60 s.
"""

from __future__ import annotations

import argparse
import random
import sys
import time
from collections.abc import Iterator
from itertools import accumulate

from lm_eval_overton.matchers.equivalence.equivalence import Answers
from lm_eval_overton.matchers.equivalence.lexical import Rouge1Equivalence

PROMPTS, SAMPLES, WORDS = 10_000, 10, 120
LIMIT = 60.0
SEED = 1234


def drawn(n_prompts: int) -> Iterator[Answers]:
    """Yield prompts whose samples are drawn words, some of them those of an earlier sample."""
    rng = random.Random(SEED)
    syllables = [consonant + vowel for consonant in "bdfgklmnprst" for vowel in "aeiou"]
    words = ["".join(rng.choices(syllables, k=rng.randint(1, 4))) for _ in range(20_000)]
    # Word frequencies fall with the rank, as in natural text.
    weights = list(accumulate(1 / (rank + 3) for rank in range(len(words))))
    for _ in range(n_prompts):
        kept = rng.random()
        texts: list[list[str]] = []
        for _ in range(SAMPLES):
            text = rng.choices(
                words, cum_weights=weights, k=rng.randint(WORDS // 2, WORDS * 3 // 2)
            )
            if texts:
                earlier = rng.choice(texts)
                text[: len(earlier)] = [
                    old if rng.random() < kept else new
                    for old, new in zip(earlier, text, strict=False)
                ]
            texts.append(text)
        yield Answers(tuple(" ".join(text).capitalize() + "." for text in texts))


def main() -> int:
    """Print the time; return the exit status."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--prompts", type=int, default=PROMPTS)
    answers = list(drawn(parser.parse_args().prompts))
    equivalence = Rouge1Equivalence()
    equivalence.labels(answers[0])
    start = time.process_time()
    classes = [max(equivalence.labels(own)) + 1 for own in answers]
    taken = time.process_time() - start
    verdict = "ok" if taken <= LIMIT else "OUTSIDE"
    print(
        f"{len(answers):,} prompts of {SAMPLES} samples, {min(classes)} to {max(classes)} classes, "
        f"{sum(classes) / len(classes):.2f} on average: {taken:.1f} s of processor time "
        f"(at most {LIMIT:g} s) {verdict}"
    )
    return int(taken > LIMIT)


if __name__ == "__main__":
    sys.exit(main())
