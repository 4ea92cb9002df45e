"""What texts that say nothing score on every measure of variety, and what holds them down."""

import random
import string
from functools import cache

import pytest

from lm_eval_overton.judge.verdicts import Verdict
from lm_eval_overton.metrics.measures import REGISTRY
from lm_eval_overton.metrics.metric import BETWEEN, DIVERSITY, Need
from lm_eval_overton.metrics.ratings import RatingSource
from lm_eval_overton.metrics.score import Bench, Prompt, score_prompts
from lm_eval_overton.text.english import ENGLISH
from lm_eval_overton.text.samples import clean
from tests.released import NoEncoder

BY_WORDS = {Need.TOKENS, Need.CLASSES, Need.OTHER_PROMPTS}
VARIETY = [
    metric.name
    for metric in REGISTRY.values()
    if metric.family == BETWEEN
    and DIVERSITY in metric.tasks
    and metric.higher_is_better is not None
    and metric.needs <= BY_WORDS
    and not metric.judgement
]
RATED = ["utility_k", "utility_share", "diversity_coverage", "quality_heads", "quality_mean"]
CONTROLLED = ["lexical_diversity_qc", "distinct_k_qc"]

ONES = ("Apple", "Tuesday", "Seven", "Blue", "Norway")
ANSWERS = [
    "Plant trees along the road, since shade keeps walkers cool in July.",
    "A bus every ten minutes would help more people than a wider road.",
    "Ask the shop owners first; some of them fear losing parking.",
    "Money is short, so paint a bicycle lane before building anything.",
    "Close the street on Sundays and see whether children come to play.",
]


def letters(seed):
    rng = random.Random(seed)
    words = ["".join(rng.choices(string.ascii_lowercase, k=rng.randint(2, 8))) for _ in range(14)]
    return " ".join(words)


TRIVIAL = {
    "letters at random": [letters(seed) for seed in range(5)],
    "one word each": [f"{word}." for word in ONES],
    "a word in a loop": [f"{word} " * 40 for word in ("ha", "ho", "hi", "he", "hu")],
    "one answer": [ANSWERS[0]] * 5,
    "the question": ["What should the town do with its main street?"] * 5,
    "one excuse": [f"As an AI, I cannot say that. {word}." for word in ONES],
}
CLASSES = {
    "distinct_k",
    "distinct_at_m",
    "classes_hill1",
    "classes_hill2",
    "top_class_share",
    "class_collision",
}
SPANS = {"anchor_share", "anchor_opening", "shared_span_share"}
# Which measures of variety take them for at least as varied as five answers that differ. Whoever
# adds a measure finds its name here, or why it is not: it is to be read beside one of quality.
FLATTERED = {
    "letters at random": CLASSES
    | SPANS
    | {"lexical_diversity", "distinct_2", "ead_1", "ead_2", "self_bleu", "self_repetition"}
    | {"frame_share"},
    "one word each": CLASSES
    | SPANS
    | {"lexical_diversity", "distinct_2", "compression_ratio", "ead_1"},
    "a word in a loop": CLASSES | SPANS | {"lexical_diversity", "self_bleu", "frame_share"},
    "one answer": set(),
    "the question": set(),
    "one excuse": set(),
}


@cache
def scored(texts, rating):
    samples = [clean(text) for text in texts]
    quality = {"correctness": rating, "helpfulness": rating}
    prompt = Prompt(
        {},
        samples,
        ratings=[2.0 * rating] * len(samples),
        verdicts={"quality": [Verdict("parsed", quality, "{}")] * len(samples)},
    )
    bench = Bench(5, (), NoEncoder(), 1, tokenizer=ENGLISH, ratings=RatingSource("made"))
    [row] = score_prompts([prompt], [*VARIETY, *RATED, *CONTROLLED], bench)
    return row


@pytest.mark.parametrize("kind", TRIVIAL)
def test_what_each_measure_of_variety_makes_of_texts_that_say_nothing(kind):
    answers, trivial = scored(tuple(ANSWERS), 4), scored(tuple(TRIVIAL[kind]), 1)
    fooled = set()
    for name in VARIETY:
        theirs, own = trivial[name], answers[name]
        if theirs is None:
            continue
        if theirs >= own if REGISTRY[name].higher_is_better else theirs <= own:
            fooled.add(name)
    assert fooled == FLATTERED[kind]


@pytest.mark.parametrize("kind", TRIVIAL)
def test_who_rates_them_as_they_are_is_not_fooled(kind):
    answers, trivial = scored(tuple(ANSWERS), 4), scored(tuple(TRIVIAL[kind]), 1)
    for name in RATED:
        assert trivial[name] <= answers[name] / 4, name
    # None of them passes the bar, so that there is no pair of good samples that could differ.
    assert [trivial[name] for name in CONTROLLED] == [None, None]
    assert answers["distinct_k_qc"] == 2


def test_one_answer_that_is_good_is_good_and_not_varied():
    row = scored((ANSWERS[0],) * 5, 4)
    assert row["quality_mean"] == 8
    assert row["distinct_k"] == row["distinct_k_qc"] == 1
    assert row["utility_share"] < 0.25
