"""Compare the meaning of the paper's released samples with known numbers, over all 50 prompts.

Command: ``python tests/benchmarks/similarity_golden.py``. It encodes the samples of two models in
../shared with the default encoder, and prints the numbers of all prompts beside the known ones
and those of a few prompts beside what the tests expect of them. Exits with 1 if a number of all
prompts differs by more than .002, or one of the few by more than .00001.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from lm_eval_overton.metrics.formulas.semantic import cosine_diversity
from lm_eval_overton.metrics.formulas.similarity import cosine_matrix, mean_similarity
from lm_eval_overton.text.encoder import get_encoder
from lm_eval_overton.text.encoder_source import find_encoder
from lm_eval_overton.text.forms import cut_at_stop

OUTPUTS = Path(__file__).resolve().parents[3] / "shared" / "paper" / "LIMA-OE" / "outputs"
STOPS = {"llama-2-base": ("```",), "llama-2-chat": ()}
EVERY = range(50)
# Of one window and of five, of one token, and one with an empty sample.
FEW = (30, 32, 33, 42, 48)
# The known numbers are of windows of text, ours of windows of tokens.
KNOWN_LIMIT, LIMIT = 2e-3, 1e-5


class Meaning(NamedTuple):
    """Means over prompts: the base model's cosine to the chat model, and both diversities."""

    to_chat: float
    base: float
    chat: float


KNOWN = Meaning(to_chat=0.5985680, base=0.4882017, chat=0.1174698)
OF_FEW = Meaning(to_chat=0.3933988, base=0.6539060, chat=0.1188866)


def samples(model: str, prompts: Iterable[int]) -> list[list[str]]:
    """Return a model's samples that are not empty, per prompt."""
    lines = (OUTPUTS / f"{model}.jsonl").read_text(encoding="utf-8").splitlines()
    raw = [json.loads(lines[i])["responses"] for i in prompts]
    cut = [[cut_at_stop(text, STOPS[model]) for text in own] for own in raw]
    return [[text for text in own if text] for own in cut]


def meaning(prompts: Sequence[int]) -> Meaning:
    """Return the numbers of some prompts."""
    encoder = get_encoder(find_encoder())
    texts = [samples(model, prompts) for model in STOPS]
    # Together, so that texts of like length share a batch.
    encoder.encode([text for model in texts for own in model for text in own])
    base, chat = [[encoder.encode(own) for own in model] for model in texts]
    pairs = zip(base, chat, strict=True)
    return Meaning(
        float(np.mean([mean_similarity(cosine_matrix(*pair), False, None) for pair in pairs])),
        *(_diversity(model) for model in (base, chat)),
    )


def _diversity(vectors: list[npt.NDArray[np.float32]]) -> float:
    return float(np.nanmean([cosine_diversity(own) for own in vectors]))


def main() -> int:
    """Print the numbers; return the exit status."""
    far = 0
    for title, prompts, expected, limit in (
        ("all prompts", EVERY, KNOWN, KNOWN_LIMIT),
        ("a few", FEW, OF_FEW, LIMIT),
    ):
        for name, known, found in zip(Meaning._fields, expected, meaning(prompts), strict=True):
            far += abs(found - known) > limit
            print(f"{title}: {name} {found:.7f}, known {known:.7f}")
    return int(far > 0)


if __name__ == "__main__":
    sys.exit(main())
