"""Compute what the notes of `overton replicate` say of the expected numbers on cut texts.

Command: ``python tests/benchmarks/replicate_notes.py ../shared/paper``. Two of the numbers that
were expected for summary-first answers come out if texts are cut at 256 tokens and compared with
the chat model's first sample, and if what cannot be parsed is left in. It encodes 500 answers with
sentence-transformers alone, and exits with 1 if a number is not the expected or not the note's.
"""

from __future__ import annotations

import argparse
import json
import re
import sys
from collections.abc import Callable
from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np

from lm_eval_overton.replicate.expected import COT, LIMA, UNPARSED, expected
from lm_eval_overton.text.encoder_source import DEFAULT_ENCODER, find_encoder

Encode = Callable[[list[str]], Any]


def responses(paper: Path, model: str) -> list[list[str]]:
    """Return the released answers of a model, those of a prompt together."""
    lines = (paper / LIMA / "outputs" / f"{model}.jsonl").read_text("utf-8").splitlines()
    return [json.loads(line)["responses"] for line in lines]


def whole_or_answer(raw: str) -> str:
    """Return the answer, also one to a query of the model's own; all where there is none."""
    _, mark, after = raw.partition("# Answer")
    if not mark:
        return raw
    inside = re.sub(r"^:?\s*```", "", after.partition("# Query")[0])
    return inside.partition("```")[0].strip()


def measured(raw: list[list[str]], first: Any, encode: Encode) -> dict[str, float]:
    """Return the mean cosine to the first chat samples, and the mean diversity."""
    cosines, diversities = [], []
    # Together, so that texts of like length share a batch.
    encoded = iter(encode([text for own in raw for text in own]))
    for own, chat in zip(raw, first, strict=True):
        vectors = np.stack(list(islice(encoded, len(own))))
        cosines.append(float((vectors @ chat).mean()))
        pairs = np.triu_indices(len(own), 1)
        diversities.append(1 - float((vectors @ vectors.T)[pairs].mean()))
    return {"cosine": np.mean(cosines), "semantic diversity": np.mean(diversities)}


def main() -> int:
    """Print each number beside the expected one; return the exit status."""
    from sentence_transformers import SentenceTransformer

    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("paper", type=Path, help="the released data")
    paper = parser.parse_args().paper
    model = SentenceTransformer(str(find_encoder(DEFAULT_ENCODER).folder), device="cpu")
    model.max_seq_length = 256

    def encode(texts: list[str]) -> Any:
        return model.encode(texts, normalize_embeddings=True)

    first = encode([own[0] for own in responses(paper, "llama-2-chat")])
    wrong = 0
    for suffix, read in ((UNPARSED, str), ("", whole_or_answer)):
        raw = [[read(text) for text in own] for own in responses(paper, COT)]
        for column, mean in measured(raw, first, encode).items():
            known = expected(LIMA, column, COT + suffix)
            noted = f"gives {mean:.4f}".replace("0.", ".", 1) in known.note
            wrong += not noted or f"{mean:.3f}" != known.printed
            print(f"{COT + suffix} {column}: {mean:.4f}, expected {known.printed}, noted: {noted}")
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
