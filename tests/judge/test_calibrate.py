import json
import math

import krippendorff
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.metrics import cohen_kappa_score

from lm_eval_overton.errors import DataError, SettingsError
from lm_eval_overton.judge.calibrate import Item, calibrate
from lm_eval_overton.judge.calibration import as_json, as_lines
from lm_eval_overton.judge.judgements.quality import QUALITY_ASPECTS
from lm_eval_overton.judge.labels import align, read_labels
from lm_eval_overton.judge.verdicts import Verdict
from tests.conftest import PAPER

SCORES = [1, 2, 3, 4, 5]
STANCES = ["yes", "no", "both", "other"]
FAILED = Verdict("failed", None, None)


def parsed(value):
    return Verdict("parsed", value, "raw")


def item(label, *judged, prompt=0, model="m", words=10):
    return Item(model, prompt, words, label, [FAILED if v is None else parsed(v) for v in judged])


def one(items, judgement, seed=1):
    (calibration,) = calibrate(items, judgement, np.random.default_rng(seed))
    return calibration


def bias(calibration, kind, of):
    return {b.group: b.difference for b in calibration.bias if (b.kind, b.of) == (kind, of)}


def figures(calibration):
    return [calibration.share, calibration.kappa, calibration.alpha]


def simulated(seed, n_prompts=60, per_prompt=3):
    """Noisy scores: model "b" is rated half a point too high on average, "a" is not."""
    rng = np.random.default_rng(seed)
    items = []
    for prompt in range(n_prompts):
        for i in range(per_prompt):
            label = int(rng.integers(2, 5))
            model = "ab"[i % 2]
            moved = rng.choice([0, 1] if model == "b" else [-1, 0, 1])
            items.append(item(label, label + int(moved), prompt=prompt, model=model, words=100 * i))
    return items


def test_stance_by_hand():
    # Table: yes/yes 20, yes/no 5, no/yes 10, no/no 15. Equal: 35 / 50 = .7. By chance
    # (25 x 30 + 25 x 20) / 2500 = .5: kappa = .4. Labels and verdicts together: 55 yes, 45 no; two
    # of the 100 differ by chance with 2 x 55 x 45 / (100 x 99) = .5: alpha = 1 - .3 / .5 = .4.
    pairs = [("yes", "yes")] * 20 + [("yes", "no")] * 5 + [("no", "yes")] * 10 + [("no", "no")] * 15
    found = one([item(a, b, prompt=i) for i, (a, b) in enumerate(pairs)], "stance")
    assert [figure.estimate for figure in figures(found)] == pytest.approx([0.7, 0.4, 0.4])
    assert found.confusion == [[20, 5, 0, 0], [10, 15, 0, 0], [0] * 4, [0] * 4]
    # The judge says yes 30 times, the labels 25 times, of 50.
    assert bias(found, "all", "yes")["all"].estimate == pytest.approx(0.1)
    assert bias(found, "all", "no")["all"].estimate == pytest.approx(-0.1)
    assert bias(found, "all", "both")["all"].estimate == 0


def test_scores_by_hand():
    # Squared distances: 0 + 1 + 4 = 5 over 3 items; by chance 15 over 9: kappa = 1 - (5/3)/(15/9)
    # = 0. Judge minus label: (0 + 1 - 2) / 3.
    pairs = [(1, 1), (2, 3), (3, 1)]
    found = one([item(a, b, prompt=i) for i, (a, b) in enumerate(pairs)], "missing")
    assert found.kappa.estimate == pytest.approx(0)
    assert found.share.estimate == pytest.approx(1 / 3)
    assert bias(found, "all", "mean")["all"].estimate == pytest.approx(-1 / 3)


def alpha_of_the_package(ratings, labels, ordinal):
    coded = [[math.nan if own is None else labels.index(own) for own in row] for row in ratings]
    return krippendorff.alpha(
        reliability_data=coded, level_of_measurement="ordinal" if ordinal else "nominal"
    )


@pytest.mark.parametrize(
    ("judgement", "labels"), [("stance", STANCES), ("missing", SCORES), ("equivalence", None)]
)
@pytest.mark.parametrize("seed", range(3))
def test_the_figures_agree_with_independent_implementations(judgement, labels, seed):
    labels = labels or ["same", "different"]
    rng = np.random.default_rng(seed)
    given_ = [labels[i] for i in rng.integers(0, len(labels), 80)]
    judged = [a if rng.random() < 0.6 else labels[rng.integers(0, len(labels))] for a in given_]
    judged[:5] = [None] * 5
    pairs = list(zip(given_, judged, strict=True))
    found = one([item(a, b, prompt=i // 4) for i, (a, b) in enumerate(pairs)], judgement)
    ordinal = judgement == "missing"
    weights = "quadratic" if ordinal else None
    kappa = cohen_kappa_score(given_[5:], judged[5:], labels=labels, weights=weights)
    assert found.kappa.estimate == pytest.approx(kappa)
    alpha = alpha_of_the_package([given_, judged], labels, ordinal)
    assert found.alpha.estimate == pytest.approx(alpha)
    assert found.share.estimate == pytest.approx(np.mean([a == b for a, b in pairs[5:]]))
    assert all(figure.low < figure.estimate < figure.high for figure in figures(found))


@pytest.mark.parametrize("judgement", ["stance", "missing"])
def test_alpha_over_repeats_agrees_with_an_independent_implementation(judgement):
    rng = np.random.default_rng(4)
    labels = SCORES if judgement == "missing" else STANCES
    codes = rng.integers(0, len(labels), 60)
    repeats = [
        [labels[code if rng.random() < 0.7 else rng.integers(0, len(labels))] for code in codes]
        for _ in range(3)
    ]
    # Of the first three items one lacks a verdict, one two, one all of them.
    repeats[0][:3] = [None] * 3
    repeats[1][1:3] = [None] * 2
    repeats[2][2] = None
    columns = zip(*repeats, strict=True)
    found = one([item(labels[0], *c, prompt=i) for i, c in enumerate(columns)], judgement)
    alpha = alpha_of_the_package(repeats, labels, judgement == "missing")
    assert found.self_alpha.estimate == pytest.approx(alpha)
    assert found.self_alpha.low < alpha < found.self_alpha.high


def test_repeats_are_compared_with_each_other():
    # Equal pairs: (yes, yes, no) 1 of 3, (no, no, no) 3 of 3; four of six pairs in all. Against
    # the labels: 2 + 3 of 6 verdicts.
    items = [
        item("yes", "yes", "yes", "no", prompt=0),
        item("no", "no", "no", "no", prompt=1),
    ]
    found = one(items, "stance")
    assert (found.repeats, found.compared) == (3, 6)
    assert found.self_share.estimate == pytest.approx(4 / 6)
    assert found.share.estimate == pytest.approx(5 / 6)


def test_without_repeats_a_judge_has_no_agreement_with_itself():
    found = one([item("yes", "yes"), item("no", "yes", prompt=1)], "stance")
    assert found.repeats == 1
    assert math.isnan(found.self_share.estimate)
    assert math.isnan(found.self_alpha.estimate)


def test_what_is_not_parsed_or_not_labelled_is_counted_and_left_out():
    items = [
        item("yes", "yes", None),
        item("no", None, prompt=1),
        item(None, "no", prompt=2),
    ]
    found = one(items, "stance")
    assert (found.items, found.unlabelled, found.compared) == (2, 1, 1)
    assert found.statuses == {"parsed": 1, "refused": 0, "unreadable": 0, "failed": 2}
    assert (found.share.estimate, found.share.n) == (1, 1)


def test_each_labelled_aspect_of_quality_is_calibrated():
    def scores(**given):
        return {**dict.fromkeys(QUALITY_ASPECTS), **given}

    items = [
        item(scores(depth=2, clarity=5), scores(depth=3, clarity=5, engagement=1)),
        item(scores(depth=4), scores(depth=4, clarity=1), prompt=1),
        item(scores(depth=4), scores(clarity=1), prompt=2),
    ]
    clarity, depth = calibrate(items, "quality", np.random.default_rng(1))
    assert [clarity.name, depth.name] == ["quality.clarity", "quality.depth"]
    assert (clarity.items, clarity.unlabelled, clarity.share.estimate) == (1, 2, 1)
    # The third verdict says that depth does not apply: parsed, not compared.
    assert (depth.items, depth.compared, depth.statuses["parsed"]) == (3, 2, 3)
    assert bias(depth, "all", "mean")["all"].estimate == 0.5


@pytest.mark.parametrize("labels", [["yes", "yes"], ["no"]])
def test_kappa_and_alpha_are_undefined_without_variation(labels):
    found = one([item(a, a, prompt=i) for i, a in enumerate(labels)], "stance")
    assert found.share.estimate == 1
    assert math.isnan(found.kappa.estimate)
    assert math.isnan(found.alpha.estimate)
    assert "  Cohen's kappa (unweighted): undefined" in as_lines(found)


def test_a_judge_that_never_answers_leaves_everything_undefined():
    found = one([item("yes", None), item("no", None, prompt=1)], "stance")
    assert found.compared == 0
    assert all(math.isnan(figure.estimate) for figure in figures(found))
    assert as_json(found)["share"] == {"estimate": None, "low": None, "high": None, "n": 0}


def test_a_known_bias_shows_within_its_interval():
    found = one(simulated(seed=3), "missing")
    by_model = bias(found, "model", "mean")
    assert by_model["b"].low < 0.5 < by_model["b"].high
    assert by_model["b"].low > 0
    assert by_model["a"].low < 0 < by_model["a"].high
    # Only the middle length, 100 words, is of model "b".
    by_length = bias(found, "words", "mean")
    assert list(by_length) == ["0 to 0 words", "100 to 100 words", "200 to 200 words"]
    assert by_length["100 to 100 words"].estimate == by_model["b"].estimate


def test_lengths_are_parted_into_thirds_and_equal_ones_stay_together():
    items = [item("yes", "yes", words=n, prompt=i) for i, n in enumerate([5, 1, 2, 2, 3, 4])]
    # Sorted 1 2 2 3 4 5: the second value ends the first third, the fourth ends the second.
    found = bias(one(items, "stance"), "words", "yes")
    assert list(found) == ["1 to 2 words", "3 to 3 words", "4 to 5 words"]
    assert [interval.n for interval in found.values()] == [3, 1, 2]
    alike = [item("yes", "yes", prompt=i) for i in range(4)]
    assert list(bias(one(alike, "stance"), "words", "yes")) == ["10 to 10 words"]


def test_prompts_are_resampled_and_not_items():
    # Five equal responses to each prompt tell no more than one does.
    single = [i for i in simulated(seed=5) if i.model == "b"]
    fivefold = [i for i in single for _ in range(5)]
    few, many = one(single, "missing"), one(fivefold, "missing")
    assert (few.share.n, many.share.n) == (60, 60)
    for a, b in ((few.share, many.share), (few.kappa, many.kappa)):
        assert (b.estimate, b.low, b.high) == pytest.approx((a.estimate, a.low, a.high))


def test_equal_seeds_give_equal_intervals():
    items = simulated(seed=6, n_prompts=20)
    first, second = (as_json(one(items, "missing", seed=2)) for _ in range(2))
    assert first == second
    assert first["kappa"]["low"] != one(items, "missing", seed=3).kappa.low


@settings(deadline=None, max_examples=25)
@given(
    st.lists(
        st.tuples(st.integers(0, 4), st.sampled_from(SCORES), st.sampled_from(SCORES)), min_size=1
    )
)
def test_swapping_judge_and_labels_changes_no_agreement_and_turns_the_bias(triples):
    there = one([item(a, b, prompt=p) for p, a, b in triples], "missing")
    back = one([item(b, a, prompt=p) for p, a, b in triples], "missing")
    for first, second in zip(figures(there), figures(back), strict=True):
        expected = pytest.approx((first.estimate, first.low, first.high), nan_ok=True)
        assert (second.estimate, second.low, second.high) == expected
    forth, turned = (bias(found, "all", "mean")["all"].estimate for found in (there, back))
    assert turned == pytest.approx(-forth)
    assert back.confusion == [list(column) for column in zip(*there.confusion, strict=True)]


@pytest.mark.parametrize("judgement", ["topics", "viewpoints", "tone"])
def test_a_judgement_without_single_labels_cannot_be_calibrated(judgement):
    with pytest.raises(SettingsError, match=rf"{judgement}: expected one of quality, .* cannot be"):
        one([item("yes", "yes")], judgement)


@pytest.mark.parametrize("judgement", ["stance", "quality"])
def test_labels_are_needed(judgement):
    with pytest.raises(DataError, match="at least one labelled response, got 2 without a label"):
        one([item(None, None), item(None, None, prompt=1)], judgement)


def test_a_label_of_another_judgement_is_refused():
    with pytest.raises(ValueError, match="expected one of the labels 1, 2, 3, 4, 5, got 'yes'"):
        one([item("yes", 1)], "missing")


def test_the_text_names_every_figure():
    items = [
        item("yes", "yes", "both"),
        item("no", "no", "no", prompt=1),
        item("both", "yes", None, prompt=2),
    ]
    lines = as_lines(one(items, "stance"))
    assert lines[:2] == [
        "stance: 3 labelled responses, 0 without a label",
        "  verdicts: 5 parsed, 0 refused, 0 unreadable, 1 failed; 5 compared, 3 prompts",
    ]
    # Equal: yes once, no twice, of five.
    assert lines[2].startswith("  equal: 0.600 [")
    assert any(line.startswith("  judge against itself, 2 repeats: equal 0.500") for line in lines)
    table = lines.index("  label (row) against verdict (column):")
    assert [line.split() for line in lines[table + 1 : table + 6]] == [
        ["yes", "no", "both", "other"],
        ["yes", "1", "0", "1", "0"],
        ["no", "0", "2", "0", "0"],
        ["both", "1", "0", "0", "0"],
        ["other", "0", "0", "0", "0"],
    ]
    # "both" is the verdict of one of the five pairs and the label of another.
    assert any(line.startswith("    all, both: +0.000 [") for line in lines)


def test_an_interval_that_is_undefined_is_shown_as_such():
    assert as_lines(one([item("yes", "yes")], "stance"))[2] == "  equal: 1.000 [undefined]"


def test_the_json_holds_no_nan():
    found = as_json(one([item("yes", "yes")], "stance"))
    again = json.loads(json.dumps(found, allow_nan=False))
    assert again["kappa"] == {"estimate": None, "low": None, "high": None, "n": 1}
    assert again["labels"] == STANCES
    assert again["bias"][0]["difference"]["estimate"] == 0


@pytest.mark.paper_data
class TestReleased:
    def items(self, name, model, verdict):
        folder = {"stance": ("ConflictingQA", 434), "quality": ("LIMA-OE", 50)}
        data, n_prompts = folder[name]
        path = PAPER / data / f"eval-{name}" / "outputs" / f"{model}.jsonl"
        table = align(read_labels(path, name), n_prompts, 5)
        return [
            Item(model, prompt, 100, label.value if label else None, [verdict(label)])
            for prompt, row in enumerate(table)
            for label in row
        ]

    def test_a_judge_that_gives_the_labels_agrees_fully(self):
        found = one(self.items("stance", "llama-2-icl", lambda label: label), "stance")
        assert (found.items, found.compared, found.share.n) == (2170, 2170, 434)
        assert [f.estimate for f in figures(found)] == [1, 1, 1]
        assert [(f.low, f.high) for f in figures(found)] == [(1, 1)] * 3
        assert all(b.difference.estimate == 0 for b in found.bias)

    def test_a_judge_that_says_both_is_biased_by_what_the_others_share(self):
        both = parsed("both")
        found = one(self.items("stance", "llama-2-base", lambda label: both), "stance")
        # The labels say "both" of .078 of the responses.
        assert found.share.estimate == pytest.approx(0.078, abs=5e-4)
        assert found.kappa.estimate == pytest.approx(0, abs=1e-12)
        lean = bias(found, "model", "both")["llama-2-base"]
        assert lean.estimate == pytest.approx(1 - found.share.estimate)
        assert lean.low < lean.estimate < lean.high

    def test_qualities_that_do_not_apply_are_not_compared(self):
        items = self.items("quality", "llama-2-base", lambda label: label or FAILED)
        found = calibrate(items, "quality", np.random.default_rng(1))
        assert [c.name.removeprefix("quality.") for c in found] == list(QUALITY_ASPECTS)
        assert all(c.items + c.unlabelled == 250 for c in found)
        assert all(c.alpha.estimate == 1 for c in found)
