"""Time ROUGE-L and BERTScore against rouge-score and bert-score, and compare the numbers.

Command: ``python tests/benchmarks/similarity_speed.py``, with rouge-score and bert-score
installed and the released outputs of arXiv 2406.17692 in ../shared/paper. ROUGE-L is timed on
1,000 released pairs, BERTScore on 250 released answers against the 5 reference answers of their
prompt, by a small RoBERTa with random weights that is made here. bert-score is called once per
reference, with its tokenizer corrected for transformers 5. Everything runs on one thread
and is timed in seconds of processor time. Exits with 1 if a speed-up or a difference lies outside
its limit.
"""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import product
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from lm_eval_overton.metrics.formulas.similarity import rouge_l_matrix
from lm_eval_overton.text.bertscore import BertScorer
from lm_eval_overton.text.english import rouge_tokens
from lm_eval_overton.text.forms import cut_at_stop

Prompts = list[list[str]]
Array = npt.NDArray[np.floating]

OUTPUTS = Path(__file__).resolve().parents[3] / "shared" / "paper" / "LIMA-OE" / "outputs"
CANDIDATES, REFERENCES = "llama-2-icl-chat-summary", "llama-2-chat"
ROUGE_PROMPTS = 40
VOCABULARY = 8_000
WINDOW = 512
MODEL = {
    "hidden_size": 128,
    "num_hidden_layers": 4,
    "num_attention_heads": 4,
    "intermediate_size": 512,
}


@dataclass(frozen=True)
class Limits:
    """The least speed-up and the largest absolute difference that pass."""

    speed_up: float
    difference: float


ROUGE_LIMITS = Limits(speed_up=50, difference=0.0)
BERTSCORE_LIMITS = Limits(speed_up=3, difference=1e-5)


@dataclass(frozen=True)
class Result:
    """What was timed, both times in seconds of one CPU, and the largest absolute difference."""

    name: str
    pairs: int
    theirs: float
    ours: float
    difference: float
    limits: Limits

    def kept(self) -> bool:
        """Return whether speed-up and difference lie within their limits."""
        fast = self.theirs / self.ours >= self.limits.speed_up
        return fast and self.difference <= self.limits.difference

    def __str__(self) -> str:
        """Return one printed line."""
        return (
            f"{self.name}: {self.pairs} pairs, theirs {self.theirs:.3f} s of one CPU, ours "
            f"{self.ours:.3f} s, {self.theirs / self.ours:.1f} x (at least "
            f"{self.limits.speed_up:g} x), max difference {self.difference:.1e} "
            f"(at most {self.limits.difference:g}) {'ok' if self.kept() else 'OUTSIDE'}"
        )


def released(model: str, stops: Sequence[str]) -> Prompts:
    """Return the cleaned answers of a released model, per prompt."""
    lines = (OUTPUTS / f"{model}.jsonl").read_text(encoding="utf-8").splitlines()
    return [[cut_at_stop(text, stops) for text in json.loads(line)["responses"]] for line in lines]


def timed(compute: Callable[[], Array]) -> tuple[float, Array]:
    """Return the seconds of processor time that a computation took, and its result."""
    # On one thread they are those of the clock, except for what other processes took meanwhile.
    start = time.process_time()
    result = compute()
    return time.process_time() - start, result


def rouge(candidates: Prompts, references: Prompts) -> Result:
    """Time ROUGE-L over all pairs of the given prompts; both sides tokenise."""
    from rouge_score.rouge_scorer import RougeScorer

    scorer = RougeScorer(["rougeL"], use_stemmer=False)
    prompts = list(zip(candidates, references, strict=True))

    def theirs() -> Array:
        pairs = (pair for own, refs in prompts for pair in product(own, refs))
        return np.array([scorer.score(ref, text)["rougeL"].fmeasure for text, ref in pairs])

    def ours() -> Array:
        matrices = [
            rouge_l_matrix([rouge_tokens(t) for t in own], [rouge_tokens(t) for t in refs])
            for own, refs in prompts
        ]
        return np.concatenate([matrix.ravel() for matrix in matrices])

    # Imports and first calls are not what is measured.
    rouge_l_matrix([["a"]], [["a"]])
    return compare("ROUGE-L", theirs, ours, ROUGE_LIMITS)


def bertscore(candidates: Prompts, references: Prompts) -> Result:
    """Time BERTScore of every candidate against each reference of its prompt."""
    with tempfile.TemporaryDirectory() as folder:
        write_model(Path(folder), [text for own in (*candidates, *references) for text in own])
        their_scorer = corrected_bert_score(folder)
        our_scorer = BertScorer(folder, MODEL["num_hidden_layers"], device="cpu")
        our_scorer.encode(["Loaded before the clock starts."])
        flat = [text for own in candidates for text in own]

        def theirs() -> Array:
            by_reference = []
            for column in range(len(references[0])):
                of_each = [
                    refs[column]
                    for own, refs in zip(candidates, references, strict=True)
                    for _ in own
                ]
                by_reference.append(np.stack(their_scorer.score(flat, of_each)))
            return np.stack(by_reference, axis=-1)

        def ours() -> Array:
            scores = our_scorer.pairs(candidates, references)
            names = ("precision", "recall", "f1")
            return np.stack([np.concatenate([getattr(s, name) for s in scores]) for name in names])

        result = compare("BERTScore", theirs, ours, BERTSCORE_LIMITS)
        cut = sum(map(our_scorer.is_cut, flat))
        print(f"({cut} of {len(flat)} candidates exceed the window of {WINDOW} tokens)")
    return result


def compare(
    name: str, theirs: Callable[[], Array], ours: Callable[[], Array], limits: Limits
) -> Result:
    """Time both sides once and compare what they return."""
    their_seconds, expected = timed(theirs)
    our_seconds, values = timed(ours)
    assert values.shape == expected.shape
    difference = float(np.abs(values - expected).max())
    pairs = values.size if values.ndim == 1 else values[0].size
    return Result(name, pairs, their_seconds, our_seconds, difference, limits)


def corrected_bert_score(folder: str) -> Any:
    """Return bert-score's scorer, with the tokenizer that gives transformers 4's values."""
    from bert_score import BERTScorer
    from transformers import AutoTokenizer

    scorer = BERTScorer(model_type=folder, num_layers=MODEL["num_hidden_layers"], device="cpu")
    scorer._tokenizer = AutoTokenizer.from_pretrained(folder, add_prefix_space=True)
    scorer.score(["Loaded before the clock starts."], ["So is this."])
    return scorer


def write_model(folder: Path, texts: Sequence[str]) -> None:
    """Write a RoBERTa with random weights and a tokenizer trained on the texts."""
    import torch
    from tokenizers import ByteLevelBPETokenizer
    from transformers import RobertaConfig, RobertaModel

    tokenizer = ByteLevelBPETokenizer()
    special = ["<s>", "<pad>", "</s>", "<unk>", "<mask>"]
    tokenizer.train_from_iterator(texts, VOCABULARY, special_tokens=special, show_progress=False)
    tokenizer.save_model(str(folder))
    settings = {"tokenizer_class": "RobertaTokenizer", "model_max_length": WINDOW}
    (folder / "tokenizer_config.json").write_text(json.dumps(settings), encoding="utf-8")
    torch.manual_seed(0)
    config = RobertaConfig(
        vocab_size=tokenizer.get_vocab_size(), max_position_embeddings=WINDOW + 2, **MODEL
    )
    RobertaModel(config).save_pretrained(folder)


def main() -> int:
    """Run both comparisons and return the exit status."""
    argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0]).parse_args()
    if not OUTPUTS.is_dir():
        print(f"skipped: the released outputs are not in {OUTPUTS}")
        return 0
    import torch

    # Several threads wait for each other on a busy machine, which says nothing about the methods.
    torch.set_num_threads(1)
    candidates, references = released(CANDIDATES, ["```"]), released(REFERENCES, [])
    results = [
        rouge(candidates[:ROUGE_PROMPTS], references[:ROUGE_PROMPTS]),
        bertscore(candidates, references),
    ]
    for result in results:
        print(result)
    return 0 if all(result.kept() for result in results) else 1


if __name__ == "__main__":
    sys.exit(main())
