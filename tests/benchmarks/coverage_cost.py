"""Measure what matching viewpoints costs: by embeddings, and by entailment in batches.

Command: ``python tests/benchmarks/coverage_cost.py``, with
../shared/peers/valuekaleidoscope_overton_small.json and an encoder that can be found offline.
That file gives situations and, for each, explanations of the values at stake, which serve as
viewpoints; it holds no responses, so two are built per situation: the first, third, ... of its
own explanations as one paragraph, and those of the next situation.

(a) The embedding matcher on 200 situations: seconds of wall time with the model loaded and
nothing remembered, and which viewpoints it finds: those the response holds word for word, the
others of the same situation, and any in a response to another situation.

(b) The NLI matcher on 20 of them, with a BERT of 2 layers and 32 dimensions with random weights
that is made here: in batches against one pair at a time, in seconds of processor time on one
thread. Exits with 1 if batches are less than 5 times as fast, or a number differs by more than
1e-5.
"""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
import time
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from lm_eval_overton.matchers.embedding import EmbeddingMatcher
from lm_eval_overton.matchers.nli import NliMatcher
from lm_eval_overton.matchers.question import ViewpointQuestion
from lm_eval_overton.text.encoder import Encoder
from lm_eval_overton.text.encoder_source import find_encoder
from lm_eval_overton.text.english import ENGLISH

PEERS = Path(__file__).resolve().parents[3] / "shared" / "peers"
SITUATIONS = PEERS / "valuekaleidoscope_overton_small.json"
SPEED_UP = 5.0
DIFFERENCE = 1e-5
ROUNDS = 3
VOCABULARY = 30_000
WINDOW = 512
MODEL = {
    "hidden_size": 32,
    "num_hidden_layers": 2,
    "num_attention_heads": 4,
    "intermediate_size": 128,
    # Far from zero, so that probabilities differ from pair to pair.
    "initializer_range": 0.3,
}
LABELS = ("contradiction", "ENTAILMENT", "neutral")

Array = npt.NDArray[np.float64]


def explanations() -> list[list[str]]:
    """Return the explanations of each situation of the file."""
    rows = json.loads(SITUATIONS.read_text(encoding="utf-8"))
    return [row["explanation"] for row in rows]


def questions(viewpoints: Sequence[list[str]]) -> list[ViewpointQuestion]:
    """Return per situation its two responses and its viewpoints."""
    half = [" ".join(views[::2]) for views in viewpoints]
    following = [*half[1:], half[0]]
    return [
        ViewpointQuestion([own, other], views)
        for own, other, views in zip(half, following, viewpoints, strict=True)
    ]


def pairs_of(asked: Sequence[ViewpointQuestion]) -> list[list[list[tuple[str, str]]]]:
    """Return the sentence and viewpoint pairs: per question, per response."""
    return [
        [[(piece, view) for piece in ENGLISH.sentences(text) for view in views] for text in texts]
        for texts, views, _ in asked
    ]


def count(asked: Sequence[ViewpointQuestion]) -> str:
    """Return the sizes of a benchmark in words."""
    n_sentences = sum(len(ENGLISH.sentences(text)) for texts, _, _ in asked for text in texts)
    n_views = sum(len(views) for _, views, _ in asked)
    return f"{len(asked)} situations, {n_views} viewpoints, {n_sentences} sentences"


def n_texts(asked: Sequence[ViewpointQuestion]) -> int:
    """Return how many distinct sentences and viewpoints there are: what is encoded."""
    pieces = {piece for texts, _, _ in asked for text in texts for piece in ENGLISH.sentences(text)}
    return len(pieces.union(*(views for _, views, _ in asked)))


def n_pairs(asked: Sequence[ViewpointQuestion]) -> int:
    """Return how many sentence and viewpoint pairs there are."""
    return sum(len(own) for question in pairs_of(asked) for own in question)


def timed(compute: Callable[[], Any], clock: Callable[[], float]) -> tuple[float, Any]:
    """Return the seconds that a computation took, and its result."""
    start = clock()
    result = compute()
    return clock() - start, result


def embedding(asked: Sequence[ViewpointQuestion]) -> None:
    """Print the embedding matcher's cost and what it finds."""
    loaded = Encoder(find_encoder())
    loaded.encode(["Loaded before the clock starts."])
    ENGLISH.sentences("So are the tokenizers.")
    fresh = Encoder(loaded.source)
    fresh.model = loaded.model
    matcher = EmbeddingMatcher(fresh)
    seconds, scores = timed(lambda: matcher.scores(asked), time.perf_counter)
    pairs = n_pairs(asked)
    print(
        f"embedding: {count(asked)}, {pairs} pairs in {seconds:.1f} s: "
        f"{pairs / seconds:.0f} pairs/s, {n_texts(asked) / seconds:.0f} distinct texts/s"
    )
    found = [own >= matcher.threshold for own in scores]
    shares = {
        "held word for word": [own[0, ::2] for own in found],
        "others of the same situation": [own[0, 1::2] for own in found],
        "all, own response": [own[0] for own in found],
        "all, response to another situation": [own[1] for own in found],
    }
    for name, rows in shares.items():
        print(f"  covered viewpoints, {name}: {np.concatenate(rows).mean():.3f}")


def write_model(
    folder: Path,
    texts: Sequence[str],
    labels: Sequence[str] = LABELS,
    shape: Mapping[str, float] = MODEL,
) -> None:
    """Write a BERT pair classifier with random weights and a vocabulary trained on the texts."""
    import torch
    from tokenizers import BertWordPieceTokenizer
    from transformers import BertConfig, BertForSequenceClassification, BertTokenizerFast

    trained = BertWordPieceTokenizer()
    trained.train_from_iterator(texts, VOCABULARY, show_progress=False)
    trained.save_model(str(folder))
    tokenizer = BertTokenizerFast(str(folder / "vocab.txt"), model_max_length=WINDOW)
    tokenizer.save_pretrained(folder)
    torch.manual_seed(0)
    config = BertConfig(
        vocab_size=trained.get_vocab_size(),
        max_position_embeddings=WINDOW,
        id2label=dict(enumerate(labels)),
        label2id={label: index for index, label in enumerate(labels)},
        **shape,
    )
    BertForSequenceClassification(config).save_pretrained(folder)


def one_at_a_time(folder: str, asked: Sequence[ViewpointQuestion]) -> Callable[[], list[Array]]:
    """Return the other side: a loop over pairs without batch, padding or memory."""
    import torch
    from transformers import AutoModelForSequenceClassification, AutoTokenizer

    tokenizer = AutoTokenizer.from_pretrained(folder)
    model = AutoModelForSequenceClassification.from_pretrained(folder).eval()
    entailment = model.config.label2id["ENTAILMENT"]

    def probability(premise: str, hypothesis: str) -> float:
        features = tokenizer(premise, hypothesis, return_tensors="pt")
        with torch.inference_mode():
            return float(model(**features).logits[0].softmax(dim=-1)[entailment])

    def compute() -> list[Array]:
        return [
            np.stack([best(own, len(views)) for own in question])
            for question, (_, views, _) in zip(pairs, asked, strict=True)
        ]

    def best(own: Sequence[tuple[str, str]], n_views: int) -> Array:
        scores = np.array([probability(*pair) for pair in own])
        return np.asarray(scores.reshape(-1, n_views).max(axis=0))

    pairs = pairs_of(asked)
    return compute


def nli(folder: str, asked: Sequence[ViewpointQuestion], rounds: int) -> bool:
    """Print the NLI matcher's cost in both ways; return whether the limits are kept."""
    import torch

    # Several threads wait for each other on a busy machine, which says nothing about the methods.
    torch.set_num_threads(1)
    single = one_at_a_time(folder, asked)
    times = []
    for _ in range(rounds):
        # A new one remembers no score; the first pair loads the model, which is not measured.
        matcher = NliMatcher(folder, device="cpu")
        matcher.scores([ViewpointQuestion(["Loaded."], ["Before."])])
        ours, found = timed(partial(matcher.scores, asked), time.process_time)
        theirs, expected = timed(single, time.process_time)
        times.append((ours, theirs))
        print(f"  batches {ours:.2f} s, one at a time {theirs:.2f} s", flush=True)
    ours, theirs = map(min, zip(*times, strict=True))
    difference = max(float(np.abs(a - b).max()) for a, b in zip(found, expected, strict=True))
    kept = theirs / ours >= SPEED_UP and difference <= DIFFERENCE
    spread = float(np.ptp(np.concatenate([own.ravel() for own in found])))
    print(
        f"nli: {count(asked)}, {n_pairs(asked)} pairs, best of {rounds}: batches {ours:.2f} s, "
        f"one at a time {theirs:.2f} s of one CPU, {theirs / ours:.1f} x (at least {SPEED_UP:g} "
        f"x), max difference {difference:.1e} (at most {DIFFERENCE:g}; scores range over "
        f"{spread:.2f}) {'ok' if kept else 'OUTSIDE'}"
    )
    return kept


def main() -> int:
    """Run both parts and return the exit status."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--situations", type=int, default=200)
    parser.add_argument("--nli-situations", type=int, default=20)
    parser.add_argument("--rounds", type=int, default=ROUNDS)
    args = parser.parse_args()
    if not SITUATIONS.is_file():
        print(f"skipped: the situations are not there: {SITUATIONS}")
        return 0
    viewpoints = explanations()
    embedding(questions(viewpoints[: args.situations]))
    with tempfile.TemporaryDirectory() as folder:
        # A vocabulary of all the file's words, so that texts are as long as for a real model.
        write_model(Path(folder), [view for views in viewpoints for view in views])
        kept = nli(folder, questions(viewpoints[: args.nli_situations]), args.rounds)
    return 0 if kept else 1


if __name__ == "__main__":
    sys.exit(main())
