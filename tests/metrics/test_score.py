import math
from dataclasses import replace
from functools import partial

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lm_eval_overton.matchers.question import Matcher
from lm_eval_overton.metrics import score, view
from lm_eval_overton.metrics.formulas.repetition import VOCABULARY
from lm_eval_overton.metrics.likeness import KINDS
from lm_eval_overton.metrics.measures import CLASSED, JUDGED, RATED, REFERENCE, REGISTRY, that_need
from lm_eval_overton.metrics.metric import Need
from lm_eval_overton.metrics.ratings import HELPFULNESS_SOURCE, RATING_SOURCE, RatingSource
from lm_eval_overton.metrics.score import (
    Bench,
    Prompt,
    PromptView,
    details,
    score_and_keep,
    score_prompts,
)
from lm_eval_overton.metrics.verdicts import COUNTS
from lm_eval_overton.runs.responses import read_responses
from lm_eval_overton.text.blocks import in_blocks
from lm_eval_overton.text.encoder import Encoder
from lm_eval_overton.text.encoder_source import OFFLINE_PACKAGE, find_encoder
from lm_eval_overton.text.samples import clean
from tests.conftest import PAPER

LIMA = PAPER / "LIMA-OE" / "outputs"
needs_paper = pytest.mark.skipif(not LIMA.is_dir(), reason="no released outputs")
FENCE = ("```",)
GIVEN_UNITS = {
    "coverage_at_1",
    "coverage_at_1_weighted",
    "coverage_at_n",
    "overton_index",
    "stance_balance",
    "coverage_echo",
    "coverage_floor",
    "coverage_ceiling",
    "mp_coverage",
    "mp_accuracy",
    # And without a question that yes or no answers.
    *that_need(Need.ENGLISH_QUESTION),
    # And without a model of inference.
    *that_need(Need.CONTRADICTIONS),
    # And where samples were asked for, not log-probabilities.
    *that_need(Need.LIKELIHOODS),
}
IN_CONTEXT = {name for name in REGISTRY if name.startswith((*KINDS, "bertscore_"))}
IN_CONTEXT.add("examples_dropped")
# What is defined without viewpoints and without a reference.
JUDGE = JUDGED | COUNTS.keys()
ELSEWHERE = (
    Need.SEVERAL,
    Need.ANSWERS,
    Need.ANSWER_MASSES,
    Need.LIKELIHOODS,
    Need.ANSWER_LIKELIHOODS,
)
NOT_PLAIN = REFERENCE | GIVEN_UNITS | IN_CONTEXT | JUDGE | RATED
NOT_PLAIN = NOT_PLAIN.union(*map(that_need, ELSEWHERE))
PLAIN = tuple(name for name in REGISTRY if name not in NOT_PLAIN)


class FakeEncoder:
    """Points east, or north for a text that holds "north"; long texts are overlong."""

    def __init__(self):
        self.calls = []

    def encode(self, texts):
        self.calls.append(list(texts))
        rows = [[0.0, 1.0] if "north" in text else [1.0, 0.0] for text in texts]
        return np.array(rows, dtype=np.float32).reshape(-1, 2)

    def is_overlong(self, text):
        return len(text) > 20


def bench(n=2, stops=(), encoder=None):
    return Bench(n, stops, encoder or FakeEncoder(), seed=1234)


def values(raws, names=PLAIN, **changes):
    bench_ = bench(**changes)
    samples = [clean(raw, bench_.stops) for raw in raws]
    [row] = score_prompts([Prompt({}, samples)], names, bench_)
    return row


def test_all_metrics_of_three_valid_samples():
    raws = ["- sun\n- moon\n```", "sun north\n```", "sun north", None, "```"]
    assert values(raws, stops=FENCE) == pytest.approx(
        {
            # Words {sun, moon}, {sun, north}, {sun, north}: similarities 1/3, 1/3, 1.
            "lexical_diversity": 1 - 5 / 9,
            # Cosines 0, 0, 1.
            "semantic_diversity": 2 / 3,
            # Pairs: orthogonal (2), orthogonal (2), equal (1).
            "vendi": 5 / 3,
            # The first two: short texts that are not equal, and not three.
            "distinct_k": 2,
            "distinct_at_m": None,
            "classes_hill1": 2,
            "classes_hill2": 2,
            "top_class_share": 0.5,
            "class_collision": 0,
            # Pairs: "- sun", "sun -", "- moon" and "sun north" are 4 of 4, twice; 1 of 2.
            "distinct_2": 2.5 / 3,
            # Pairs: 22 bytes in 28, twice; 19 bytes in 20.
            "compression_ratio": (22 / 28 + 22 / 28 + 19 / 20) / 3,
            # Distinct words of the pairs: 3, 3 and 2; four draws are expected to give almost 4.
            "ead_1": (3 + 3 + 2) / 3 / (4 - 6 / VOCABULARY + 4 / VOCABULARY**2),
            # Distinct word pairs 2, 2 and 1; two draws meet once in as many pairs as there are.
            "ead_2": (2 + 2 + 1) / 3 / (2 - 1 / VOCABULARY),
            # Pairs: of "- sun - moon" 1 of 4 tokens is matched, then 1/2 of one of 3, 1/4 of one of
            # 2, 1/8 of 1; of "sun north" 1 of 2, 1/2 of one of 1, at half of the length; equal.
            "self_bleu": (2 * ((1 / 4 / 6 / 8 / 8) ** 0.25 + 0.5 / math.e) / 2 + 1) / 3,
            # Two words are no run of four, five or six.
            "self_repetition": None,
            "anchor_share": 0.0,
            "anchor_opening": 0.0,
            "shared_span_share": 0.0,
            "frame_share": None,
            # Words {sun, moon}, {sun, north}, {sun, north}; pairs hold 3, 3 and 2.
            "units_at_1_words": 2,
            "units_at_n_words": 8 / 3,
            "overton_index_words": 2 / (8 / 3),
            # "sun" and "moon" point east, "sun north" north; pairs hold 2, 2 and 1 clusters.
            "units_at_1_clusters": 1,
            "units_at_n_clusters": 5 / 3,
            "overton_index_clusters": 1 / (5 / 3),
            # Words 4, 2, 2.
            "mean_words": 8 / 3,
            "list_share": 1 / 3,
            "refusal_share": 0.0,
            "failed_rate": 1 / 5,
            "unparsed_rate": 0.0,
            "empty_rate": 1 / 5,
            "duplicate_share": 1 / 3,
            "identical_prompts": 0.0,
            # Four came, three of them with the fence.
            "cut_share": 0.25,
            # A list ends with its last line; two words are no sentence.
            "unended_share": 2 / 3,
            "degenerate_share": 1.0,
            "overlong_share": 0.0,
            "reasoning_share": 0.0,
            "reasoning_words": None,
            "unfinished_reasoning": 0.0,
        }
    )


def test_a_prompt_without_valid_samples_has_only_rates():
    row = values([None, "", " \r\n"])
    rates = {"failed_rate": 1 / 3, "unparsed_rate": 0.0, "empty_rate": 2 / 3}
    # Of the two that came, none reasons.
    rates |= {"reasoning_share": 0.0, "unfinished_reasoning": 0.0}
    assert row == {**dict.fromkeys(PLAIN), **rates}


def test_one_sample_has_no_diversity_but_shares():
    row = values(["I can’t help with that."])
    undefined = {name for name, value in row.items() if value is None}
    pairwise = {"lexical_diversity", "semantic_diversity", "identical_prompts"}
    fixed_n = {name for name in PLAIN if REGISTRY[name].grows_with_n}
    fixed_n |= {"distinct_at_m", "class_collision"}
    pooled = {"units_at_n_words", "overton_index_words"}
    pooled |= {"units_at_n_clusters", "overton_index_clusters"}
    assert undefined == pairwise | fixed_n | pooled | {"cut_share", "reasoning_words"}
    assert (row["refusal_share"], row["overlong_share"]) == (1.0, 1.0)


def test_fewer_than_n_samples_leave_pairwise_means_defined():
    row = values(["sun", "moon"], n=3)
    assert row["lexical_diversity"] == 1.0
    assert [row[name] for name in ("vendi", "distinct_2", "compression_ratio")] == [None] * 3


@pytest.mark.parametrize(("raws", "flag"), [(["a", "a"], 1.0), (["a", "A"], 0.0), (["a"], None)])
def test_identical_samples_are_flagged(raws, flag):
    assert values(raws, ["identical_prompts"]) == {"identical_prompts": flag}


def test_words_without_content_leave_lexical_diversity_undefined():
    assert values(["...", "the of", "?!"], ["lexical_diversity"]) == {"lexical_diversity": None}


def test_more_sentences_than_can_be_compared_leave_clusters_undefined(monkeypatch):
    monkeypatch.setattr(view, "MAX_SENTENCES", 3)
    names = [name for name in PLAIN if name.endswith("_clusters")]
    encoder = FakeEncoder()
    raws = ["sun one.\nsun two.", "sun three.\nsun four."]
    rows = score_prompts([Prompt({}, [clean(raw) for raw in raws])], names, bench(2, (), encoder))
    assert rows == [dict.fromkeys(names)]
    assert encoder.calls == []


def test_all_texts_are_encoded_together_before_any_prompt_is_scored():
    encoder = FakeEncoder()
    prompts = [Prompt({}, [clean("a"), clean(None)]), Prompt({}, [clean(" b "), clean("c")])]
    score_prompts(prompts, ["vendi"], bench(encoder=encoder))
    assert encoder.calls[0] == ["a", "b", "c"]


@pytest.fixture
def small_blocks(monkeypatch):
    monkeypatch.setattr(score, "in_blocks", partial(in_blocks, most=6))


SCORED_IN_BLOCKS = [*PLAIN, *(f"reference_coverage_at_1_{part}" for part in ("chance", "echo"))]


def twelve_prompts():
    """Prompts of two samples and a reference of one, among them some without an answer."""
    own = [[f"Ant {i}. North {i} of it.", f"Bees {i // 2}. Ants."] for i in range(12)]
    own[3] = own[7] = [None, None]
    return [
        Prompt({"prompt": f"Why {i}?"}, [clean(raw) for raw in raws], [clean(f"ants bees {i}")])
        for i, raws in enumerate(own)
    ]


def test_blocks_of_prompts_are_encoded_one_after_the_other(small_blocks):
    encoder = FakeEncoder()
    score_prompts(twelve_prompts(), ["semantic_diversity"], bench(encoder=encoder))
    largest = max(map(len, encoder.calls))
    assert largest == 4
    assert {text for own in encoder.calls for text in own} == {
        text for prompt in twelve_prompts() for text in prompt.texts
    }


def test_scores_do_not_depend_on_blocks(monkeypatch):
    whole = score_and_keep(twelve_prompts(), SCORED_IN_BLOCKS, bench())
    monkeypatch.setattr(score, "in_blocks", partial(in_blocks, most=6))
    assert score_and_keep(twelve_prompts(), SCORED_IN_BLOCKS, bench()) == whole


def test_batches_of_another_block_move_a_score_by_less_than_a_millionth(monkeypatch):
    pytest.importorskip(OFFLINE_PACKAGE)
    names = ["semantic_diversity", "vendi", "units_at_n_clusters"]
    whole = score_prompts(twelve_prompts(), names, bench(encoder=Encoder(find_encoder())))
    monkeypatch.setattr(score, "in_blocks", partial(in_blocks, most=6))
    parts = score_prompts(twelve_prompts(), names, bench(encoder=Encoder(find_encoder())))
    for row, other in zip(whole, parts, strict=True):
        assert row == pytest.approx(other, abs=1e-6)


class AskingMatcher(Matcher):
    """Covers everything, and notes how many questions come together."""

    threshold, asks, signature = 0.5, True, "asking"

    def __init__(self):
        self.prepared = []

    def prepare(self, questions):
        self.prepared.append(len(questions))

    def scores(self, questions):
        return [np.ones((len(own.texts), len(own.viewpoints))) for own in questions]


def test_a_judge_is_asked_about_all_blocks_at_once(small_blocks):
    views = [{"text": "ants", "side": "yes"}]
    prompts = [Prompt({**own.doc, "viewpoints": views}, own.samples) for own in twelve_prompts()]
    matcher = AskingMatcher()
    score_prompts(prompts, ["coverage_at_1"], replace(bench(), matcher=matcher))
    # Then each block of three prompts is prepared, of which the judge has told all.
    assert matcher.prepared == [12, 3, 3, 3, 3]


@given(st.lists(st.booleans(), max_size=12), st.integers(0, 5))
def test_other_prompts_are_drawn_from_all_that_have_answers_but_the_own(answered, seed):
    prompts = [Prompt({"id": i}, [clean("a" if own else None)]) for i, own in enumerate(answered)]
    found = score._others(prompts, replace(bench(), seed=seed))
    rng = np.random.default_rng(seed)
    for i, own in enumerate(found):
        rest = [other for j, other in enumerate(prompts) if j != i and other.texts]
        drawn = [rest[k] for k in rng.permutation(len(rest))[: score.CHANCE_PROMPTS["words"]]]
        assert [id(one) for one in own] == [id(one) for one in drawn]


def test_of_very_many_prompts_others_are_drawn_once_each_and_never_the_own():
    prompts = [Prompt({"id": i}, [clean("a" if i % 3 else None)]) for i in range(30)]
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(score, "MOST_ORDERED", 10)
        patch.setitem(score.CHANCE_PROMPTS, "words", 5)
        found, again = (score._others(prompts, bench()) for _ in range(2))
    drawn = [[other.doc["id"] for other in own] for own in found]
    assert drawn == [[other.doc["id"] for other in own] for own in again]
    assert all(len(set(own)) == 5 and i not in own for i, own in enumerate(drawn))
    assert {other for own in drawn for other in own} == {i for i in range(30) if i % 3}


@pytest.mark.parametrize("text", ["Ants dig, and bees fly; ants fly.", "and of the", ""])
def test_a_bag_that_is_remembered_is_that_of_the_tokenizer(text):
    own = bench()
    assert own.bag(text) == own.bag(text) == own.tokenizer.content_words(text)


def test_word_metrics_need_no_encoder():
    encoder = FakeEncoder()
    score_prompts([Prompt({}, [clean("a"), clean("b")])], ["distinct_2"], bench(encoder=encoder))
    assert encoder.calls == []


def test_no_prompt_has_no_values():
    assert score_prompts([], PLAIN, bench()) == []


texts = st.text(st.sampled_from("ab .\r\n-1’é"), max_size=30)


# The first text loads the tokenizers.
@settings(deadline=None)
@given(st.lists(st.none() | texts, max_size=5), st.randoms())
def test_values_are_finite_or_none_and_ignore_the_order_of_samples(raws, random):
    # How well text compresses depends on its order; classes are of the first n.
    names = [name for name in PLAIN if name not in {"compression_ratio", *CLASSED}]
    row = values(raws, names)
    assert all(value is None or math.isfinite(value) for value in row.values())
    assert values(random.sample(raws, len(raws)), names) == pytest.approx(row)


# ---------------------------------------------------------------- the paper's released responses


def mean_over_prompts(model, metric, stops, encoder=None):
    found = read_responses(LIMA / f"{model}.jsonl")
    prompts = [
        Prompt({}, [clean(raw, stops) for raw in entry.responses]) for entry in found.entries
    ]
    rows = score_prompts(prompts, [metric], bench(5, stops, encoder))
    defined = [row[metric] for row in rows if row[metric] is not None]
    return math.fsum(defined) / len(defined)


@pytest.mark.paper_data
@needs_paper
@pytest.mark.parametrize(
    ("model", "stops", "similarity"),
    [
        ("llama-2-chat", (), 0.2791760),
        ("gpt-3.5-turbo", (), 0.2939643),
        ("llama-2-base", FENCE, 0.0896970),
        ("llama-2-icl-chat-summary", FENCE, 0.2461125),
    ],
)
def test_word_similarity_of_the_released_responses(model, stops, similarity):
    diversity = mean_over_prompts(model, "lexical_diversity", stops)
    assert 1 - diversity == pytest.approx(similarity, abs=1e-6)


def test_the_answers_of_the_reference_are_known_again():
    own, other = ([clean(raw) for raw in raws] for raws in (["ants", None], ["bees", "cows"]))
    of_run, of_reference = (
        details(PromptView(Prompt({}, *both), bench()), [])
        for both in ((own, other), (other, [clean(None)]))
    )
    assert of_run["reference_sha"] == of_reference["sha"] != of_run["sha"]
    assert "reference_sha" not in of_reference


def test_what_the_reference_has_of_its_own_words_by_chance_and_for_repeating_the_prompt():
    def asked(text, own, reference):
        samples = [[clean(raw) for raw in raws] for raws in (own, reference)]
        return Prompt({"prompt": text}, *samples)

    prompts = [
        asked("Why do ants dig?", ["ants"], ["ants dig", "bees"]),
        asked("Why do bees fly?", ["bees"], ["bees", "ants fly"]),
        asked("", ["sand"], []),
    ]
    names = [f"reference_coverage_at_1_{part}" for part in ("held_out_chance", "echo")]
    first, second, third = (list(row.values()) for row in score_prompts(prompts, names, bench()))
    # The units of one sample, "ants dig" or "bees". Of the other prompt's two samples "ants fly"
    # has one of the first's two words, "bees" the second's one: (1/4 + 1/2) / 2. The prompt has
    # both of the first's words and none of the second's.
    assert first == pytest.approx([3 / 8, 1 / 2])
    # "bees", then "ants fly": "bees" covers the first, "ants dig" half of the second; the prompt
    # has "bees" and "fly": (1 + 1/2) / 2.
    assert second == pytest.approx([(1 / 2 + 1 / 4) / 2, 3 / 4])
    assert third == [None, None]


def kept(names, n=3, **changes):
    """What is kept of four samples, the second of them empty, of which three are rated."""
    texts = ["Red tree hill", "", "red TREE hill ", "Blue boats go home"]
    prompt = Prompt({}, [clean(text) for text in texts], ratings=[8, None, None, 3.5])
    [(_, found)] = score_and_keep([prompt], names, replace(bench(n), **changes))
    return {key: own for key, own in found.items() if key != "sha"}


def test_classes_and_ratings_are_kept_where_metrics_of_them_were_computed():
    rated = {"ratings": RatingSource("recorded")}
    # Three samples are valid; the first two are the same but for case and white space.
    classes = {"classes": [0, 0, 1]}
    ratings = {"ratings": [8.0, None, 3.5], "scale": {"most": 10, "bar": 8.0}}
    assert kept(["utility_k"], **rated) == {**classes, **ratings}
    assert kept(["distinct_k"], **rated) == kept(["distinct_k"]) == classes
    assert kept(["quality_mean"], **rated) == ratings
    assert kept(["distinct_2"], **rated) == {}
    # The classes are those of the first n samples; there are none of fewer.
    assert kept(["distinct_k"], n=2) == {"classes": [0, 0]}
    assert kept(["distinct_k"], n=4) == {"classes": None}


def test_the_quality_bar_is_one_share_of_every_scale():
    assert [HELPFULNESS_SOURCE.bar(bar) for bar in (1, 4, 5)] == [1, 4, 5]
    assert [RATING_SOURCE.bar(bar) for bar in (1, 4, 5)] == [2, 8, 10]
    scale = kept(["quality_mean"], ratings=RatingSource("recorded"), bar=3)["scale"]
    assert scale == {"most": 10, "bar": 6}
