"""Do what others do, in their way and in ours, on the same texts: the values and the time.

Command: ``OMP_NUM_THREADS=1 python tests/benchmarks/peers.py``, with rouge-score and bert-score
installed, an encoder that can be found offline, and the released outputs of arXiv 2406.17692 in
../shared/paper. All but the last part is on the five answers of llama-2-chat to each of some
prompts, on one thread, in seconds of processor time; where a model of pairs or of tokens is needed,
it is made here, of random weights. What others do is written here from its description:

- NoveltyBench's partition (arXiv:2504.05228): each answer against the first member of each class,
  pair by pair, until one is the same; by ROUGE-1 of rouge-score and by a classifier of pairs.
- The homogenization score of the package diversity 0.3 (arXiv:2309.05196, 2403.00553): the mean
  of a score over all ordered pairs, one at a time, each distinct pair once; by ROUGE-L of
  rouge-score and by bert-score. As released it leaves out the last document's mean and rounds to
  three digits; here is the whole mean, and how far the released one is from it.
- Self-BLEU (arXiv:1802.01886): sacrebleu's BLEU of each answer against the others.
- Mean pairwise cosine by encoding both texts of each pair again; on the first 100 words of the
  answers, since `SentenceTransformer.encode` cuts off in silence what exceeds its window.
- A run of `lm_eval` with a plain task of five repeats: see plain_repeats.py.

Exits with 1 if ours is slower where it does the same, by less than the printed limit, if the values
differ by more than printed, or if our whole run takes more than the printed seconds more.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
from collections.abc import Callable, Sequence
from functools import partial
from itertools import combinations, permutations
from pathlib import Path

import coverage_cost
import numpy as np
import numpy.typing as npt
import similarity_speed
from plain_repeats import whole_runs
from similarity_speed import OUTPUTS, Limits, Prompts, Result, compare, released

from lm_eval_overton.cli.demo import train
from lm_eval_overton.matchers.equivalence.equivalence import Answers, Equivalence
from lm_eval_overton.matchers.equivalence.lexical import ROUGE1_THRESHOLD, Rouge1Equivalence
from lm_eval_overton.matchers.equivalence.models import CLASSIFIER_TOKENS, ClassifierEquivalence
from lm_eval_overton.metrics.formulas.ngrams import gram_counts, gram_ids
from lm_eval_overton.metrics.formulas.self_bleu import BLEU_ORDER, self_bleu
from lm_eval_overton.metrics.formulas.semantic import cosine_diversity
from lm_eval_overton.metrics.formulas.similarity import mean_similarity, rouge_l_matrix
from lm_eval_overton.text.bertscore import BertScorer
from lm_eval_overton.text.bleu_words import bleu_words
from lm_eval_overton.text.encoder import Encoder
from lm_eval_overton.text.encoder_source import find_encoder
from lm_eval_overton.text.english import ENGLISH, first_words, rouge_tokens

Array = npt.NDArray[np.floating]
Score = Callable[[str, str], float]

MODEL = "llama-2-chat"
PROMPTS = 30
# As one model of pairs is, and so far from zero that probabilities differ from pair to pair.
CLASSIFIER = {
    "hidden_size": 256,
    "num_hidden_layers": 4,
    "num_attention_heads": 4,
    "intermediate_size": 1024,
    "initializer_range": 0.1,
}
# The partition and the pairs by bert-score, one at a time, are far slower than all else.
OF_MODELS = 8
OF_ROUGE = 10

ROUGE1_LIMITS = Limits(speed_up=3, difference=0)
CLASSIFIER_LIMITS = Limits(speed_up=1.05, difference=0)
ROUGE_L_LIMITS = Limits(speed_up=100, difference=1e-12)
BERT_LIMITS = Limits(speed_up=3, difference=1e-5)
BLEU_LIMITS = Limits(speed_up=3, difference=1e-12)
COSINE_LIMITS = Limits(speed_up=3, difference=1e-5)


# ------------------------------------------------------------------------------------- classes


def partition(texts: Sequence[str], same: Callable[[str, str], bool]) -> list[int]:
    """Return the class of each text: that of the first head that is the same, else its own."""
    heads: list[str] = []
    labels = []
    for text in texts:
        found = next((i for i, head in enumerate(heads) if same(head, text)), len(heads))
        if found == len(heads):
            heads.append(text)
        labels.append(found)
    return labels


def labelled(equivalence: Equivalence, prompts: Prompts) -> Array:
    """Return our classes of the texts of all prompts."""
    answers = [Answers(tuple(own)) for own in prompts]
    equivalence.prepare(answers)
    return np.array([label for own in answers for label in equivalence.labels(own) or ()])


def by_words(prompts: Prompts) -> Result:
    """Compare the classes by ROUGE-1, of texts that both sides take apart alike."""
    from rouge_score.rouge_scorer import RougeScorer

    # rouge-score knows no letters but those of ASCII.
    ascii_only = [[t.encode("ascii", "ignore").decode() for t in own] for own in prompts]
    scorer = RougeScorer(["rouge1"], use_stemmer=False)

    def same(head: str, text: str) -> bool:
        return bool(scorer.score(head, text)["rouge1"].fmeasure > ROUGE1_THRESHOLD)

    labelled(Rouge1Equivalence(), ascii_only[:1])
    return compare(
        "classes by ROUGE-1, as NoveltyBench makes them",
        lambda: np.array([label for own in ascii_only for label in partition(own, same)]),
        lambda: labelled(Rouge1Equivalence(), ascii_only),
        ROUGE1_LIMITS,
    )


def by_classifier(prompts: Prompts) -> Result:
    """Compare the classes by a classifier of pairs whose threshold about half of them exceed."""
    with tempfile.TemporaryDirectory() as name:
        texts = [text for own in prompts for text in own]
        coverage_cost.write_model(Path(name), texts, ("different", "same"), CLASSIFIER)
        score = pair_by_pair(name)
        some = [score(own[0], own[1]) for own in prompts]
        threshold = float(np.median(some)) + 1e-4
        ours = ClassifierEquivalence(name, threshold, "cpu")
        ours.pair_scores([("Loaded before the clock starts.", "So is this.")])
        return compare(
            "classes by a classifier of pairs, as NoveltyBench makes them",
            lambda: np.array(
                [i for own in prompts for i in partition(own, lambda a, b: score(a, b) > threshold)]
            ),
            lambda: labelled(ours, prompts),
            CLASSIFIER_LIMITS,
        )


def pair_by_pair(folder: str) -> Score:
    """Return what asks a classifier about one pair of texts, each cut at so many tokens."""
    import torch
    from transformers import AutoModelForSequenceClassification, AutoTokenizer

    tokenizer = AutoTokenizer.from_pretrained(folder)
    model = AutoModelForSequenceClassification.from_pretrained(folder).eval()

    def score(head: str, text: str) -> float:
        ids, kinds = [tokenizer.cls_token_id], [0]
        for kind, own in enumerate((head, text)):
            tokens = tokenizer(own, add_special_tokens=False)["input_ids"][:CLASSIFIER_TOKENS]
            ids += [*tokens, tokenizer.sep_token_id]
            kinds += [kind] * (len(tokens) + 1)
        with torch.inference_mode():
            logits = model(torch.tensor([ids]), token_type_ids=torch.tensor([kinds])).logits
        return float(logits[0].softmax(dim=-1)[1])

    return score


# ------------------------------------------------------------------------------ homogenization


def homogenization(texts: Sequence[str], score: Score) -> list[float]:
    """Return each text's mean score against the others, pair by pair, distinct pairs once."""
    known: dict[tuple[str, str], float] = {}
    for pair in permutations(texts, 2):
        if pair not in known:
            known[pair] = 1.0 if pair[0] == pair[1] else score(*pair)
    n = len(texts)
    return [
        sum(known[a, b] for j, b in enumerate(texts) if j != i) / (n - 1)
        for i, a in enumerate(texts)
    ]


def whole(means: Sequence[float]) -> float:
    """Return the mean over all documents."""
    return sum(means) / len(means)


def by_rouge_l(prompts: Prompts) -> Result:
    """Compare the mean ROUGE-L of all pairs; print how far the released score is from it."""
    from rouge_score.rouge_scorer import RougeScorer

    scorer = RougeScorer(["rougeL"], use_stemmer=False)
    kept: list[list[float]] = []

    def theirs() -> Array:
        kept[:] = [
            homogenization(own, lambda a, b: float(scorer.score(a, b)["rougeL"].fmeasure))
            for own in prompts
        ]
        return np.array([whole(own) for own in kept])

    def ours() -> Array:
        tokens = [[rouge_tokens(text) for text in own] for own in prompts]
        return np.array([mean_similarity(rouge_l_matrix(own, own), True, None) for own in tokens])

    rouge_l_matrix([["a"]], [["a"]])
    result = compare("homogenization by ROUGE-L, all pairs", theirs, ours, ROUGE_L_LIMITS)
    released_ones = [round(sum(own[:-1]) / len(own), 3) for own in kept]
    off = np.array([whole(own) for own in kept]) - np.array(released_ones)
    print(f"(the released score, without the last of the documents, is lower by {off.mean():.3f})")
    return result


def by_bert_score(prompts: Prompts) -> Result:
    """Compare the mean BERTScore F of all pairs."""
    texts = [text for own in prompts for text in own]
    with tempfile.TemporaryDirectory() as folder:
        similarity_speed.write_model(Path(folder), texts)
        their_scorer = similarity_speed.corrected_bert_score(folder)
        layers = similarity_speed.MODEL["num_hidden_layers"]
        our_scorer = BertScorer(folder, layers, device="cpu")
        our_scorer.encode(["Loaded before the clock starts."])

        def theirs() -> Array:
            def score(a: str, b: str) -> float:
                return float(their_scorer.score([a], [b])[2])

            return np.array([whole(homogenization(own, score)) for own in prompts])

        def ours() -> Array:
            matrices = [own.f1 for own in our_scorer.pairs(prompts, prompts)]
            return np.array([mean_similarity(own, True, None) for own in matrices])

        return compare("homogenization by BERTScore, all pairs", theirs, ours, BERT_LIMITS)


def by_bleu(prompts: Prompts) -> Result:
    """Compare self-BLEU."""
    import sacrebleu

    def one(texts: Sequence[str], i: int) -> float:
        others = [*texts[:i], *texts[i + 1 :]]
        return float(sacrebleu.sentence_bleu(texts[i], others).score) / 100

    def ours() -> Array:
        found = []
        for own in prompts:
            ids = gram_ids(bleu_words(own, ENGLISH), BLEU_ORDER)
            found.append(self_bleu([gram_counts(of_n) for of_n in ids]))
        return np.array(found)

    return compare(
        "self-BLEU",
        lambda: np.array([np.mean([one(own, i) for i in range(len(own))]) for own in prompts]),
        ours,
        BLEU_LIMITS,
    )


# -------------------------------------------------------------------------------------- cosine


def by_cosine(prompts: Prompts) -> Result:
    """Compare one minus the mean pairwise cosine."""
    loaded = Encoder(find_encoder(), "cpu")
    loaded.encode(["Loaded before the clock starts."])
    fresh = Encoder(loaded.source, "cpu")
    fresh.model = loaded.model
    short = [[first_words(text) for text in own] for own in prompts]

    def cosine(pair: tuple[str, str]) -> float:
        a, b = (loaded.model.encode(text, show_progress_bar=False) for text in pair)
        return float(a @ b / np.linalg.norm(a) / np.linalg.norm(b))

    def ours() -> Array:
        fresh.encode([text for own in short for text in own])
        return np.array([cosine_diversity(fresh.encode(own)) for own in short])

    return compare(
        "cosine diversity, both texts of each pair encoded",
        lambda: np.array([1 - np.mean([*map(cosine, combinations(own, 2))]) for own in short]),
        ours,
        COSINE_LIMITS,
    )


def of_released(n: int) -> Sequence[Callable[[], Result]]:
    """Return the comparisons on released answers; none where there are no such."""
    if not OUTPUTS.is_dir():
        print(f"all but the whole runs skipped: the released outputs are not in {OUTPUTS}")
        return []
    prompts = released(MODEL, [])[:n]
    sizes = {by_rouge_l: OF_ROUGE, by_classifier: OF_MODELS, by_bert_score: OF_MODELS}
    parts = (by_words, by_bleu, by_cosine, by_rouge_l, by_classifier, by_bert_score)
    return [partial(part, prompts[: sizes.get(part)]) for part in parts]


def main() -> int:
    """Run all comparisons and return the exit status."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--prompts", type=int, default=PROMPTS, help=f"default: {PROMPTS}")
    parser.add_argument("--demo", type=Path, metavar="DIR", help="made by `overton demo DIR`")
    args = parser.parse_args()
    import torch

    torch.set_num_threads(1)
    results = []
    for part in of_released(args.prompts):
        results.append(part())
        print(results[-1], flush=True)
    with tempfile.TemporaryDirectory() as name:
        demo = args.demo or Path(name) / "demo"
        for _ in () if args.demo else train(demo):
            pass
        kept = whole_runs(Path(name), demo, min(args.prompts, OF_MODELS))
    return 0 if kept and all(result.kept() for result in results) else 1


if __name__ == "__main__":
    sys.exit(main())
