import math
from dataclasses import replace
from functools import cache
from itertools import product

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lm_eval_overton.judge.verdicts import Verdict
from lm_eval_overton.metrics.formulas.stance import STANCES
from lm_eval_overton.metrics.measures import JUDGED, JUDGED_BY, REGISTRY, reported_by
from lm_eval_overton.metrics.metric import DIVERSITY
from lm_eval_overton.metrics.quality_bar import MAX_COMPLETIONS, completions, passes
from lm_eval_overton.metrics.score import (
    BOUNDS,
    Bench,
    Prompt,
    PromptView,
    score_prompts,
)
from lm_eval_overton.metrics.verdicts import COUNTS
from lm_eval_overton.text.samples import clean
from tests.released import NoEncoder

REFUSED = Verdict("refused", None, "I'm sorry, I can't.")
UNREADABLE = Verdict("unreadable", None, "Well.")
FAILED = Verdict("failed", None, None)
MISSING = st.sampled_from([REFUSED, UNREADABLE, FAILED])
SAMPLES = ["red tree hill", "red lake boat", "blue tree house", "red tree wood", "green lake boat"]


LOWER_IS_BETTER = "missing_from_reference_split_qc"
# What verdicts decide by themselves: no quality-controlled metric, and not what those of two
# samples are compared with.
VERDICTS_ALONE = [n for n in JUDGED_BY if not n.endswith(("_qc", "_at_2"))]


def bench(**changes):
    return replace(Bench(5, (), NoEncoder(), 1), **changes)


def quality(helpfulness, **others):
    aspects = ("helpfulness", "clarity", "factuality", "depth", "engagement")
    value = dict.fromkeys(aspects, 3) | {"helpfulness": helpfulness} | others
    return Verdict("parsed", value, "{}")


TWO_OF_THREE = [quality(5), quality(5), FAILED]


def stances(*labels):
    return [Verdict("parsed", label, label) if label else FAILED for label in labels]


def prompt(texts=SAMPLES, reference=(), reference_verdicts=(), **verdicts):
    """A prompt whose samples have the given verdicts, by judgement."""
    return Prompt(
        {"id": "p", "prompt": "Why?"},
        [clean(text, ()) for text in texts],
        [clean(text, ()) for text in reference],
        verdicts=verdicts,
        reference_verdicts={"quality": list(reference_verdicts)} if reference_verdicts else {},
    )


def bounded(name, own, **changes):
    """The metric, its worst and its best."""
    [values] = score_prompts([own], [name], bench(**changes), JUDGED)
    return tuple(values[key] for key in (name, f"{name}_worst", f"{name}_best"))


def test_every_judged_metric_has_its_judgement():
    assert set(VERDICTS_ALONE) < set(JUDGED_BY) == JUDGED < set(REGISTRY)
    beside = {"reference_quality", "viewpoints", "classes", "rating"}
    assert {name.rpartition("_")[0] for name in COUNTS} == {*JUDGED_BY.values(), *beside}


def test_an_aspect_is_the_mean_of_the_scores_that_came():
    # (5 + 3 + 4) / 3 = 4; worst (5 + 3 + 4 + 1 + 1) / 5 = 2.8; best (5 + 3 + 4 + 5 + 5) / 5 = 4.4.
    own = prompt(quality=[quality(5), quality(3), REFUSED, quality(4), FAILED])
    assert bounded("helpfulness", own) == pytest.approx((4, 2.8, 4.4))


def test_an_aspect_that_does_not_apply_is_missing_for_this_aspect_alone():
    # Factuality: 2, and one that could not be judged: worst (2 + 1) / 2, best (2 + 5) / 2.
    own = prompt(SAMPLES[:2], quality=[quality(4, factuality=2), quality(4, factuality=None)])
    assert bounded("factuality", own) == pytest.approx((2, 1.5, 3.5))
    assert bounded("helpfulness", own) == (4, 4, 4)


def test_the_share_that_passes_and_its_bounds():
    # 2 of the 3 known pass; worst 2 of 5, best 4 of 5. With the bar 3 all 3 known pass.
    own = prompt(quality=[quality(5), quality(3), UNREADABLE, quality(4), FAILED])
    assert bounded("quality_pass_share", own) == pytest.approx((2 / 3, 2 / 5, 4 / 5))
    assert bounded("quality_pass_share", own, bar=3) == pytest.approx((1, 3 / 5, 1))


@pytest.mark.parametrize(
    ("verdict", "passed"),
    [(quality(4), True), (quality(3), False), (quality(None), None), (FAILED, None), (None, None)],
)
def test_a_sample_passes_from_the_bar_on(verdict, passed):
    assert passes(verdict, 4) is passed


def test_quality_controlled_diversity_is_that_of_the_samples_that_pass():
    # Samples 0, 1, 3 pass. Jaccard: 0-1 share red of 5 words, 1/5; 0-3 share red and tree of 4,
    # 2/4; 1-3 share red of 5, 1/5: mean 3/10, diversity 7/10.
    # Worst: 4 does not pass: the same. Best: 4 passes too: 0-4 and 3-4 share nothing, 1-4 share
    # lake and boat of 4, 2/4: (1/5 + 2/4 + 1/5 + 0 + 2/4 + 0) / 6 = 1.4 / 6.
    own = prompt(quality=[quality(5), quality(4), quality(1), quality(4), REFUSED])
    assert bounded("lexical_diversity_qc", own) == pytest.approx((0.7, 0.7, 1 - 1.4 / 6))


def test_fewer_than_two_passing_samples_leave_quality_controlled_metrics_undefined():
    own = prompt(quality=[quality(5), quality(1), quality(1), quality(1), FAILED])
    # Only where the failed one passes is it defined: 0-4 have no word in common.
    assert bounded("lexical_diversity_qc", own) == (None, 1, 1)
    assert bounded("overton_index_qc", own) == (None, 0.5, 0.5)
    # One sample holds 3 words; at best two hold 3 each.
    assert bounded("units_at_1_words_qc", own) == (3, 3, 3)


def test_quality_controlled_bounds_reach_to_what_one_missing_verdict_can_do_either_way():
    # Passing: red tree hill, red lake boat: 1 of 5 words in common, 4/5. With the third, which
    # repeats the first: (1/5 + 1 + 1/5) / 3 in common, 8/15. So the worst is below the value.
    own = prompt(["red tree hill", "red lake boat", "red tree hill"], quality=TWO_OF_THREE)
    assert bounded("lexical_diversity_qc", own) == pytest.approx((0.8, 8 / 15, 0.8))
    # Two that are the same; the best is that the third alone joins them, 2/3, not that all do, 1/2.
    texts = ["red tree hill", "red tree hill", "green lake boat", "red tree hill"]
    own = prompt(texts, quality=[*TWO_OF_THREE, FAILED])
    assert bounded("lexical_diversity_qc", own) == pytest.approx((0, 0, 2 / 3))


def test_quality_controlled_pools_are_of_two_samples():
    # Passing: 0 (red tree hill), 1 (red lake boat), 3 (red tree wood). Each holds 3 words; the
    # union of two has 5, 4, 5 words. Of 6 words in all: coverage at 1 is 3/6, at 2 is 14/18; the
    # index is (3/6) / (14/18) = 9/14.
    own = prompt(quality=[quality(5), quality(4), quality(1), quality(4), quality(2)])
    assert bounded("overton_index_qc", own) == pytest.approx((9 / 14,) * 3)


def test_what_is_missing_from_the_passing_part_of_the_reference():
    # The reference's passing samples are the first two; one of them is held against one of ours.
    reference = ["red tree hill", "blue boat sea", "stone"]
    verdicts = [quality(5), quality(4), quality(1)]
    own = prompt(["red tree hill"] * 2, reference, verdicts, quality=[quality(5)] * 2)
    # Each of ours holds all of the first one's words and none of the second's: half is missing.
    assert bounded("missing_from_reference_split_qc", own) == (0.5, 0.5, 0.5)
    # The first one's words are not in the second, and the other way round.
    assert bounded("missing_from_reference_held_out_qc", own)[0] == 1


def test_missing_verdicts_on_the_reference_bound_what_is_missing_from_it():
    reference = ["red tree hill", "blue boat sea"]
    own = prompt(["red tree hill"] * 2, reference, [quality(5), FAILED], quality=[quality(5)] * 2)
    # Of the first one's words none is missing; if the second passes, half: that is the worst.
    assert bounded("missing_from_reference_split_qc", own) == (0, 0.5, 0)
    # The two have no word in common; one by itself leaves nothing to hold it against.
    assert bounded("missing_from_reference_held_out_qc", own) == (None, 1, 1)
    view = PromptView(own, bench())
    assert view.incomplete
    assert COUNTS["reference_quality_failed"](view) == 1
    assert COUNTS["quality_failed"](view) == 0


def test_missing_verdicts_on_other_prompts_bound_what_is_missing_by_chance():
    def one(texts, verdicts):
        return prompt(texts, ["red tree"] * 2, [quality(5)] * 2, quality=verdicts)

    first = one(["red tree"] * 2, [quality(5)] * 2)
    other = one(["red sea", "blue sea"], [quality(5), FAILED])
    names = ["missing_from_reference_chance_qc"]
    row, _ = score_prompts([first, other], names, bench(), JUDGED)
    # Red sea holds one of the two words; blue sea, if it passes, none: (1/2 + 1) / 2 is missing.
    assert [row[key] for key in sorted(row)] == [0.5, 0.75, 0.5]


def test_the_direction_of_a_bound_is_that_of_the_task():
    lower = {metric.name for metric in reported_by(DIVERSITY) if metric.higher_is_better is False}
    assert lower & JUDGED == {LOWER_IS_BETTER}


def test_stance_shares_and_their_bounds():
    # Known: yes, both, both. p_both 2/3; worst: the failed one is not, 2/4; best: it is, 3/4.
    own = prompt(SAMPLES[:4], stance=stances("yes", "both", None, "both"))
    assert bounded("p_both", own) == pytest.approx((2 / 3, 2 / 4, 3 / 4))
    assert bounded("p_no", own) == pytest.approx((0, 0, 1 / 4))
    # "other" at worst is some other label.
    assert bounded("p_other", own) == pytest.approx((0, 0, 1 / 4))


def test_stance_entropy_between_the_least_and_the_most_that_the_missing_can_make():
    # yes, yes, no: -(2/3 log2 2/3 + 1/3 log2 1/3) = 0.9183. The missing one as yes: 3 to 1, 0.8113;
    # as no: 1; as both or other: 2, 1, 1 of 4, 1.5.
    own = prompt(SAMPLES[:4], stance=stances("yes", "yes", "no", None))
    assert bounded("stance_entropy", own) == pytest.approx((0.9182958, 0.8112781, 1.5))


def test_stance_coverage_where_a_both_reaches_both():
    # Only yes is reached: 1/2; at worst the missing one is "other", at best "both".
    own = prompt(SAMPLES[:2], stance=stances("yes", None))
    assert bounded("stance_coverage", own) == (0.5, 0.5, 1)
    assert bounded("stance_coverage", prompt(SAMPLES[:1], stance=stances("both"))) == (1, 1, 1)


def test_missing_information_by_hand():
    # (2 + 5) / 2 = 3.5; with the missing one as 1: 8/3, as 5: 4.
    verdicts = [Verdict("parsed", 2, "2"), Verdict("parsed", 5, "5"), FAILED]
    own = prompt(SAMPLES[:3], missing=verdicts)
    assert bounded("missing_info", own) == pytest.approx((3.5, 8 / 3, 4))


def test_topic_shares_and_disagreement_by_hand():
    shares = {"only_reference": 0.5, "both": 0.25, "only_sample": 0.25}
    verdict = Verdict("parsed", {"shares": shares, "disagreement": 0.2}, "{}")
    own = prompt(SAMPLES[:2], topics=[verdict, UNREADABLE])
    assert bounded("topics_only_reference", own) == pytest.approx((0.5, 0.25, 0.75))
    # Less disagreement is better: worst (0.2 + 1) / 2, best (0.2 + 0) / 2.
    assert bounded("topics_disagreement", own) == pytest.approx((0.2, 0.6, 0.1))


def test_what_was_not_asked_is_neither_counted_nor_filled():
    own = prompt(SAMPLES[:3], quality=[quality(4), None, None])
    assert bounded("helpfulness", own) == (4, 4, 4)
    view = PromptView(own, bench())
    assert {s: COUNTS[f"quality_{s}"](view) for s in ("parsed", "failed")} == {
        "parsed": 1,
        "failed": 0,
    }


def test_counts_by_status():
    own = prompt(stance=[*stances("yes"), REFUSED, REFUSED, UNREADABLE, FAILED])
    view = PromptView(own, bench())
    names = ("parsed", "refused", "unreadable", "failed")
    assert [COUNTS[f"stance_{name}"](view) for name in names] == [1, 2, 1, 1]


def test_a_prompt_that_was_not_judged_has_no_value_and_no_bounds():
    for name in (*VERDICTS_ALONE, "lexical_diversity_qc"):
        own = prompt([]) if name.endswith("_qc") else prompt()
        assert bounded(name, own) == (None, None, None), name


SCORES = st.integers(1, 5).map(quality) | st.just(quality(None)) | MISSING
LABELS = st.sampled_from(STANCES).map(lambda label: Verdict("parsed", label, label)) | MISSING
NUMBERS = st.integers(1, 5).map(lambda score: Verdict("parsed", score, "x")) | MISSING


@settings(deadline=None)
@given(st.lists(st.tuples(SCORES, LABELS, NUMBERS), min_size=1, max_size=5))
def test_a_metric_lies_between_its_bounds(rows):
    scores, labels, numbers = map(list, zip(*rows, strict=True))
    own = prompt(SAMPLES[: len(rows)], quality=scores, stance=labels, missing=numbers)
    names = ["helpfulness", "clarity", "quality_pass_share", "missing_info", "stance_coverage"]
    names += [f"p_{stance}" for stance in STANCES]
    [values] = score_prompts([own], names, bench(), JUDGED)
    for name in names:
        worst, best = (values[f"{name}_{fill}"] for fill in BOUNDS)
        assert worst <= best
        if values[name] is not None:
            assert worst - 1e-12 <= values[name] <= best + 1e-12
    view = PromptView(own, bench())
    for judgement in ("quality", "stance", "missing"):
        assert math.fsum(v(view) for k, v in COUNTS.items() if k.startswith(judgement)) == len(rows)


def with_verdicts(samples, verdicts):
    """Each way of giving a score that passes, or one that does not, to those without one."""
    choices = [(v,) if v.value and v.value["helpfulness"] else EITHER for v in verdicts]
    for chosen in product(*choices):
        yield [t for t, v in zip(samples, chosen, strict=True) if v.value["helpfulness"] >= 4]


EITHER = (quality(5), quality(1))
COMPLETED = ["lexical_diversity_qc", "units_at_1_words_qc", "overton_index_qc"]
COMPLETED += ["missing_from_reference_split_qc", "missing_from_reference_held_out_qc"]


@cache
def of_passing(samples, reference):
    """Each metric of the samples that pass alone. Examples share most of the 256 ways to pass."""
    view = PromptView(prompt(samples, reference), bench(n=2))
    return {name: REGISTRY[name].controlled.compute(view) for name in COMPLETED}


@settings(deadline=None, max_examples=60)
@given(st.lists(SCORES, min_size=5, max_size=5), st.lists(SCORES, min_size=3, max_size=3))
def test_whichever_samples_pass_a_quality_controlled_metric_lies_within_its_bounds(own, theirs):
    judged = prompt(SAMPLES, SAMPLES[2:], theirs, quality=own)
    [values] = score_prompts([judged], COMPLETED, bench(), JUDGED)
    found = {name: set() for name in COMPLETED}
    for passing, reference in product(
        with_verdicts(SAMPLES, own), with_verdicts(SAMPLES[2:], theirs)
    ):
        for name, value in of_passing(tuple(passing), tuple(reference)).items():
            if not math.isnan(value):
                found[name].add(value)
    for name in COMPLETED:
        ends = [values[f"{name}_{fill}"] for fill in BOUNDS]
        low, high = ends[::-1] if name == LOWER_IS_BETTER else ends
        assert (low is None) == (not found[name])
        if found[name]:
            assert (low, high) == pytest.approx((min(found[name]), max(found[name])))
        if values[name] is not None:
            assert low <= values[name] <= high


@given(st.integers(0, 12), st.integers(0, 9))
def test_completions_are_all_there_are_or_a_seeded_choice_with_both_ends(n, seed):
    ways = completions(n, seed)
    assert ways == completions(n, seed)
    assert len(ways) == min(2**n, MAX_COMPLETIONS)
    assert {(False,) * n, (True,) * n} <= set(ways)
    assert {len(way) for way in ways} == {n}
    assert n > 8 or len(set(ways)) == 2**n


@settings(deadline=None)
@given(st.lists(LABELS, min_size=1, max_size=4))
def test_the_bounds_of_the_entropy_hold_for_whatever_the_missing_say(labels):
    """Each way of filling in the missing ones lies within the bounds, and some way reaches them."""
    from lm_eval_overton.metrics.formulas.stance import stance_entropy

    own = prompt(SAMPLES[: len(labels)], stance=labels)
    _, worst, best = bounded("stance_entropy", own)
    choices = [STANCES if label.value is None else (label.value,) for label in labels]
    possible = [stance_entropy(filled) for filled in product(*choices)]
    assert (min(possible), max(possible)) == pytest.approx((worst, best))
