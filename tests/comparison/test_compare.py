"""Runs side by side: hand-worked differences, what is refused, the shift table, the gates."""

import json
import math
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lm_eval_overton import stats
from lm_eval_overton.comparison import compare, fails, homogeneity
from lm_eval_overton.comparison.loaded import load_run
from lm_eval_overton.errors import DataError, SettingsError
from lm_eval_overton.metrics.measures import REGISTRY, is_about_samples
from lm_eval_overton.runs.finished import FinishedRun, Judging, TaskResult
from tests.conftest import PAPER

DIVERSITY, COVERAGE = "overton_diversity", "overton_coverage"
SIGNED = "data:open_ended-1:abc|frame:query-answer|n:5|stop:fence|emb:mini@1|seed:1234|temp:0.5"
PARTS = ("raw change", "explained by quality control", "remaining")


def task(name=DIVERSITY, ids=None, signed=SIGNED, judged=(), judge=None, alarms=(), **values):
    ids = ids or "pqrstuvw"[: max(map(len, values.values()), default=4)]
    return TaskResult(
        task=name,
        model="m",
        signature=f"{name}@1|{signed}",
        ids=tuple(ids),
        values={key: np.array(own, dtype=float) for key, own in values.items()},
        higher_is_better=dict.fromkeys(values, True),
        details=tuple({} for _ in ids),
        path=Path("results_x.json"),
        alarms=tuple(alarms),
        judge=judge,
        judged=frozenset(judged),
    )


def run(name, *tasks):
    return FinishedRun(name, Path("runs") / name, {own.task: own for own in tasks})


def pair(base, other, **options):
    return compare(run("base", base), [run("chat", other)], **options).pairs[0]


def row(found, metric):
    return next(one for one in found.rows if one.metric == metric)


def shift(found, part, metric):
    return next(one for one in found.shifts if (one.part, one.metric) == (part, metric))


def noted(found, text):
    return [note for note in found.notes if text in note]


# ------------------------------------------------------------------------------------ rows


def test_prompts_are_matched_by_id():
    base = task(ids="pqrs", m=[1, 2, 3, 4])
    other = task(ids="xsrq", m=[9, 5, 5, 5])
    found = pair(base, other)
    [one] = found.rows
    assert (one.task, one.metric, one.higher_is_better) == (DIVERSITY, "m", True)
    assert (one.base.estimate, one.base.n) == (2.5, 4)
    assert (one.run.estimate, one.run.n) == (6.0, 4)
    # On q, r, s: 5-2, 5-3, 5-4.
    assert (one.paired.mean_b, one.paired.mean_a) == (3.0, 5.0)
    assert (one.paired.difference, one.paired.n) == (2.0, 3)
    # All signs equal: 2 of the 8 choices of signs are as extreme.
    assert one.paired.p_value == 0.25
    assert noted(found, "3 prompts are in both runs: base has 4, chat has 4")


def test_undefined_values_are_left_out_and_counted():
    found = pair(task(m=[1, None, 3, 4]), task(m=[2, 2, None, 5]))
    assert (row(found, "m").base.n, row(found, "m").run.n, row(found, "m").paired.n) == (3, 3, 2)
    assert row(found, "m").paired.difference == 1.0
    nothing = row(pair(task(m=[None] * 4), task(m=[1] * 4)), "m")
    assert nothing.paired.n == 0
    assert math.isnan(nothing.paired.difference)
    assert math.isnan(nothing.p_holm)


def test_p_values_are_corrected_for_the_metrics_of_their_own_table():
    # Four equal signs: p = 2/16. The smaller of two counts twice; that of a table by itself counts
    # once, and so does that beside an undefined one.
    mixed = [1, 1, 1, -1]
    both, none = {"a": [1] * 4, "b": mixed}, {"c": [None] * 4}
    base = [task(a=[0] * 4, b=[0] * 4, mean_words=[0] * 4), task(COVERAGE, a=[0] * 4, **none)]
    other = [task(mean_words=[1] * 4, **both), task(COVERAGE, a=[1] * 4, **none)]
    found = compare(run("base", *base), [run("chat", *other)]).pairs[0]
    shown = [(one.table, one.metric, one.paired.p_value, one.p_holm) for one in found.rows]
    assert shown[:4] == [
        (DIVERSITY, "a", 0.125, 0.25),
        # 10 of the 16 choices of signs: all but the sums of 0, of which there are 6.
        (DIVERSITY, "b", 0.625, 0.625),
        (COVERAGE, "a", 0.125, 0.125),
        (COVERAGE, "c", pytest.approx(math.nan, nan_ok=True), pytest.approx(math.nan, nan_ok=True)),
    ]
    assert shown[4:] == [("What the samples are like", "mean_words", 0.125, 0.125)]


def test_rows_that_are_no_test_of_their_own_do_not_count_as_tests():
    # `same` has no difference, and `copy` has those of `a`: two tests, not four.
    zero, moved, mixed = [0] * 6, [1] * 6, [1, 1, 1, 1, 1, -1]
    base = task(a=zero, same=moved, copy=[5] * 6, b=zero)
    found = pair(base, task(a=moved, same=moved, copy=[6] * 6, b=mixed))
    p_of = {one.metric: (one.paired.p_value, one.p_holm) for one in found.rows}
    assert p_of["a"] == p_of["copy"] == (2 / 64, 4 / 64)
    # Sums of 4 or more: 1 + 6 choices of signs each way.
    assert p_of["b"] == (14 / 64, 14 / 64)
    assert p_of["same"] == (1, 1)


def test_what_the_samples_are_like_stands_in_one_table_after_those_of_the_tasks():
    columns = {"empty_rate": [0] * 4, "m": [1] * 4, "mean_words": [2] * 4}
    own = [task(**columns), task(COVERAGE, **columns)]
    found = compare(run("base", *own), [run("chat", *own)]).pairs[0]
    assert {title: [(r.task, r.metric) for r in rows] for title, rows in found.tables.items()} == {
        DIVERSITY: [(DIVERSITY, "m")],
        COVERAGE: [(COVERAGE, "m")],
        "What the samples are like": [
            (DIVERSITY, "empty_rate"),
            (DIVERSITY, "mean_words"),
            (COVERAGE, "empty_rate"),
            (COVERAGE, "mean_words"),
        ],
    }


@pytest.mark.parametrize("metric", list(filter(is_about_samples, REGISTRY)))
def test_every_metric_about_the_samples_can_be_gated(metric):
    found = compare(run("base", task(**{metric: [0.0] * 6})), [run("c", task(**{metric: [1] * 6}))])
    assert [row.table for row in found.pairs[0].rows] == ["What the samples are like"]
    assert len(fails(found, [f"{metric}>0.5", f"{DIVERSITY}.{metric}>1"])) == 1


def test_a_run_beside_itself_has_no_difference():
    own = task(m=[1, 2, 3, None])
    found = compare(run("base", own), [run("base", own)]).pairs[0]
    paired = row(found, "m").paired
    assert (paired.difference, paired.ci_low, paired.ci_high, paired.p_value) == (0, 0, 0, 1)


def test_several_runs_keep_their_order_and_one_base():
    runs = [run(name, task(m=[i] * 4)) for i, name in enumerate(("sft", "dpo", "rl"), start=1)]
    compared = compare(run("base", task(m=[0, 0, 0, 1])), runs)
    assert [one.name for one in compared.runs] == ["base", "sft", "dpo", "rl"]
    assert [(one.base, one.run) for one in compared.pairs] == [
        ("base", "sft"),
        ("base", "dpo"),
        ("base", "rl"),
    ]
    assert [one.rows[0].paired.difference for one in compared.pairs] == [0.75, 1.75, 2.75]


def test_an_interval_does_not_depend_on_what_else_is_compared():
    base, other = [1.0, 2.0, 4.0, 8.0, 5.5, 7.3], [3.0, 1.0, 9.0, 9.0, 4.1, 8.8]
    alone = row(pair(task(m=base), task(m=other)), "m")
    among = row(pair(task(a=other, m=base), task(a=base, m=other)), "m")
    assert (alone.base, alone.run, alone.paired) == (among.base, among.run, among.paired)
    assert row(pair(task(m=base), task(m=other), seed=1), "m").paired != alone.paired


@settings(max_examples=20, deadline=None)
@given(st.lists(st.tuples(st.floats(0, 1), st.floats(0, 1)), min_size=2, max_size=8))
def test_swapping_the_runs_turns_the_sign(both):
    ids = [str(i) for i in range(len(both))]
    base, other = (task(ids=ids, m=own) for own in zip(*both, strict=True))
    there, back = row(pair(base, other), "m"), row(pair(other, base), "m")
    assert there.paired.difference == pytest.approx(-back.paired.difference)
    assert there.paired.p_value == back.paired.p_value
    assert there.p_holm >= there.paired.p_value


def test_direction_is_that_of_whichever_run_knows():
    base = replace(task(m=[1] * 4), higher_is_better={})
    found = pair(base, replace(task(m=[1] * 4), higher_is_better={"m": False}))
    assert row(found, "m").higher_is_better is False


# ------------------------------------------------------------------------------------ settings


def test_what_is_brought_out_of_a_model_is_compared_with_its_first_answers():
    direct, more = f"{SIGNED}|max:700", f"{SIGNED}|max:3500"
    elicited = more.replace("|seed", "|elicit:list-1+5|seed")
    found = pair(task(signed=direct, m=[1] * 4), task(signed=elicited, m=[1] * 4))
    assert noted(found, "elicit differs (base: unset, chat: list-1+5)")
    assert noted(found, "max differs (base: 700, chat: 3500)")
    # More room alone is another setting.
    with pytest.raises(SettingsError, match="max differs"):
        pair(task(signed=direct, m=[1] * 4), task(signed=more, m=[1] * 4))


def test_what_the_frame_implies_is_only_noted():
    other = task(signed=SIGNED.replace("query-answer", "chat").replace("fence", "none"), m=[1] * 4)
    found = pair(task(m=[1] * 4), other)
    assert noted(found, "frame differs (base: query-answer, chat: chat)")
    assert noted(found, "stop differs (base: fence, chat: none)")
    assert found.rows


def test_a_system_prompt_is_only_noted():
    found = pair(task(m=[1] * 4), task(signed=f"{SIGNED}|system:ab", m=[1] * 4))
    assert noted(found, "system differs (base: unset, chat: ab)")


def test_what_an_api_model_never_gets_is_no_difference():
    local, api = f"{SIGNED}|rep:1|top_k:0", f"{SIGNED}|api_seeds:auto"
    found = pair(task(signed=local, m=[1] * 4), task(signed=api, m=[1] * 4))
    assert not noted(found, "differs")
    with pytest.raises(SettingsError, match=r"top_k differs \(base: 50, chat: unset\)"):
        pair(task(signed=f"{SIGNED}|top_k:50", m=[1] * 4), task(signed=api, m=[1] * 4))


@pytest.mark.parametrize(
    ("old", "new", "shown"),
    [
        ("n:5", "n:10", r"n differs \(base: 5, chat: 10\)"),
        ("temp:0.5", "temp:1", r"temp differs \(base: 0.5, chat: 1\)"),
        ("|seed:1234", "", r"seed differs \(base: 1234, chat: unset\)"),
        (":abc", ":def", r"data differs \(base: open_ended-1:abc, chat: open_ended-1:def\)"),
    ],
)
def test_other_settings_have_to_be_equal_unless_forced(old, new, shown):
    other = task(signed=SIGNED.replace(old, new), m=[1] * 4)
    with pytest.raises(SettingsError, match=shown) as raised:
        pair(task(m=[1] * 4), other)
    assert str(raised.value).startswith("overton_diversity: expected the same settings in base")
    assert "\n" not in str(raised.value)
    assert noted(pair(task(m=[1] * 4), other, force=True), shown.split()[0] + " differs (base")


def test_all_differing_settings_are_named_at_once():
    other = task(signed=SIGNED.replace("n:5", "n:9").replace("0.5", "1"), m=[1] * 4)
    with pytest.raises(SettingsError, match=r"n differs \(.*\); temp differs \("):
        pair(task(m=[1] * 4), other)


def test_another_version_of_the_task_is_another_setting():
    other = replace(task(m=[1] * 4), signature=f"{DIVERSITY}@2|{SIGNED}")
    with pytest.raises(
        SettingsError, match=r"task differs \(base: overton_diversity@1, chat: .*@2"
    ):
        pair(task(m=[1] * 4), other)


def test_recorded_prompts_may_be_named_after_their_files():
    found = pair(task(m=[1] * 4), task(signed=SIGNED.replace("open_ended-1", "chat"), m=[1] * 4))
    assert not noted(found, "data differs")


def test_what_is_measured_against_another_reference_is_left_out():
    names = ("m", "reference_coverage_at_1", "missing_from_reference_split")
    columns = {name: [0.5] * 4 for name in names}
    base, other = (task(signed=f"{SIGNED}|reference:{ref}", **columns) for ref in ("aa", "bb"))
    found = pair(base, other)
    assert [one.metric for one in found.rows] == ["m"]
    assert noted(found, "reference differs (base: aa, chat: bb): what is measured against it is")
    assert len(pair(base, base).rows) == 3


def test_one_reference_needs_no_note():
    found = pair(task(m=[1] * 4), task(signed=f"{SIGNED}|reference:aa", m=[1] * 4))
    assert not noted(found, "reference differs")


def test_similarities_to_different_references_are_left_out():
    columns = {"jaccard": [0.5] * 4, "cosine_ceiling": [0.5] * 4, "mean_words": [3] * 4}
    base, other = (
        task("overton_icl_fixed", signed=f"{SIGNED}|reference:{ref}", **columns)
        for ref in ("aa", "bb")
    )
    assert [one.metric for one in pair(base, other).rows] == ["mean_words"]


def test_other_judges_have_to_be_forced():
    def judged(signature):
        return task(m=[1] * 4, helpfulness=[3] * 4, judged=["helpfulness"], judge=signature)

    base, other = judged(Judging("quality@1:gpt")), judged(Judging("quality@1:llama"))
    text = "judges differ: base has quality@1:gpt, chat has quality@1:llama"
    with pytest.raises(SettingsError, match=text):
        pair(base, other)
    assert noted(pair(base, other, force=True), text)
    assert not noted(pair(base, base), "judges differ")


def test_other_judges_do_not_matter_to_what_was_not_judged():
    base = task(m=[1] * 4, helpfulness=[3] * 4, judged=["helpfulness"], judge=Judging("a"))
    other = task(m=[1] * 4, p_yes=[3] * 4, judged=["p_yes"], judge=Judging("b"))
    found = pair(base, other)
    assert [one.metric for one in found.rows] == ["m"]
    assert noted(found, "judges differ")


def test_counts_of_verdicts_are_no_metrics():
    judge = Judging("a", {"quality": {"parsed": 20, "failed": 0}})
    columns = {"quality_pass_share": [1] * 4, "quality_parsed": [5] * 4, "quality_failed": [0] * 4}
    own = task(**columns, judged=columns, judge=judge)
    assert [one.metric for one in pair(own, own).rows] == ["quality_pass_share"]


def test_a_run_without_a_judge_is_named():
    base = task(m=[1] * 4, helpfulness=[3] * 4, judged=["helpfulness"], judge=Judging("a"))
    found = pair(base, task(m=[1] * 4))
    assert noted(found, "only one run was judged: complete chat with `overton judge runs/chat")


def test_alarms_are_noted():
    found = pair(task(m=[1] * 4), task(m=[1] * 4, alarms=["all the same"]))
    assert "overton_diversity: alarm in chat: all the same" in found.notes


def test_runs_of_one_name_are_told_apart_by_their_places():
    places = [FinishedRun("dpo", Path(place), {DIVERSITY: task(m=[1] * 4)}) for place in "ab"]
    compared = compare(run("base", task(m=[1] * 4)), places)
    assert [one.name for one in compared.runs] == ["base", "dpo (a)", "dpo (b)"]
    assert [one.run for one in compared.pairs] == ["dpo (a)", "dpo (b)"]
    found = compare(places[0], places[1:]).pairs[0]
    assert (found.base, found.run) == ("dpo (a)", "dpo (b)")
    # One run twice is no other run.
    assert compare(places[0], places[:1]).pairs[0].run == "dpo"


def test_verdicts_that_enter_no_mean_are_counted():
    counts = {"quality": {"parsed": 17, "refused": 0, "unreadable": 2, "failed": 1}}
    base = task(m=[1] * 4, judge=Judging("a", counts))
    other = task(m=[1] * 4, judge=Judging("a", {"quality": {"parsed": 20, "failed": 0}}))
    # 17 + 0 + 2 + 1 = 20.
    assert noted(pair(base, other), "verdicts in") == [
        "overton_diversity: verdicts in base that enter no mean: quality 2 unreadable, 1 failed "
        "of 20"
    ]


def test_a_note_on_several_tasks_is_made_once():
    def both(signed):
        return [task(name, signed=signed, m=[1] * 4) for name in (DIVERSITY, COVERAGE)]

    found = compare(
        run("base", *both(SIGNED)), [run("chat", *both(SIGNED.replace("fence", "none")))]
    ).pairs[0]
    [note] = noted(found, "stop differs")
    assert note.startswith("overton_diversity, overton_coverage: stop")


def test_runs_without_anything_in_common_are_refused():
    with pytest.raises(
        DataError, match=r"a task in common with base \(overton_diversity\), got ov"
    ):
        pair(task(m=[1] * 4), task(COVERAGE, m=[1] * 4))
    with pytest.raises(DataError, match="expected prompts in common with base, got none"):
        pair(task(m=[1] * 4), task(ids="wxyz", m=[1] * 4))
    columns = {"reference_coverage_at_1": [0.5] * 4}
    base, other = (task(signed=f"{SIGNED}|reference:{ref}", **columns) for ref in ("aa", "bb"))
    with pytest.raises(DataError, match=r"expected a metric in common with base .* got none in ov"):
        pair(base, other)
    with pytest.raises(SettingsError, match="expected a base and at least one other run"):
        compare(run("base", task(m=[1] * 4)), [])


AGAINST = {
    "reference_coverage_at_1": [0.3] * 4,
    "reference_coverage_at_n": [0.5] * 4,
    "missing_from_reference": [0.5] * 4,
    "missing_from_reference_split": [0.4] * 4,
    "missing_from_reference_chance": [0.9] * 4,
    "reference_samples_worth": [1] * 4,
}
ITSELF = AGAINST | {
    "reference_coverage_at_n": [1, 1, None, 1],
    "missing_from_reference": [0, 0, None, 0],
}


@pytest.mark.parametrize("order", [1, -1])
def test_what_a_run_that_is_its_own_reference_has_by_construction_is_no_finding(order):
    both = [task(m=[1] * 4, **columns) for columns in (ITSELF, AGAINST)][::order]
    found = pair(*both)
    assert [one.metric for one in found.rows] == ["m", "missing_from_reference_chance"]
    name = "base" if order == 1 else "chat"
    [note] = noted(found, f"{name} is its own reference, which decides reference_coverage_at_1, ")
    assert note.endswith("missing_from_reference_split, reference_samples_worth: left out")
    # Two others are compared on all of it.
    others = pair(*[task(m=[1] * 4, **AGAINST)] * 2)
    assert len(others.rows) == 7
    assert not noted(others, "own reference")


def test_a_gate_on_what_is_left_out_says_why():
    compared = compare(
        run("base", task(m=[1] * 4, **ITSELF)), [run("chat", task(m=[1] * 4, **AGAINST))]
    )
    with pytest.raises(SettingsError, match=r"'missing_from_reference'; .*base is its own ref"):
        fails(compared, ["missing_from_reference>0.1"])


@pytest.mark.parametrize("baseline", ["held_out", "held_out_chance", "echo"])
def test_what_is_of_the_reference_alone_is_not_counted_among_the_tests(baseline):
    # All signs of a equal: p = 2/16, of one test.
    same = {f"reference_coverage_at_1_{baseline}": [0.2, None, 0.3, 0.4]}
    found = pair(task(a=[0] * 4, **same), task(a=[1] * 4, **same))
    assert [(one.metric, one.p_holm) for one in found.rows] == [("a", 0.125)]
    other = {f"reference_coverage_at_1_{baseline}": [0.2, 0.1, 0.3, 0.4]}
    assert len(pair(task(a=[0] * 4, **same), task(a=[1] * 4, **other)).rows) == 2


# ------------------------------------------------------------------------------------ quality


def test_a_change_is_explained_by_quality_control_plus_remaining():
    # Both are defined in both runs on p, q, r. Raw: -.4, -.2, -.6; controlled: -.1, -.2, 0.
    base = task(lexical_diversity=[0.9, 0.8, 0.7, 0.9], lexical_diversity_qc=[0.8, 0.8, 0.5, None])
    other = task(lexical_diversity=[0.5, 0.6, 0.1, 0.1], lexical_diversity_qc=[0.7, 0.6, 0.5, 0.1])
    found = pair(base, other)
    parts = [shift(found, part, "lexical_diversity") for part in PARTS]
    assert [one.group for one in parts] == ["quality"] * 3
    assert [one.value.estimate for one in parts] == pytest.approx([-0.4, -0.3, -0.1])
    assert [one.value.n for one in parts] == [3, 3, 3]
    # The parts are those of one mean, with an interval each.
    assert parts[0].value == stats.mean_interval(
        np.array([0.5, 0.6, 0.1]) - np.array([0.9, 0.8, 0.7]), np.random.default_rng(1234)
    )


def test_the_index_is_quality_controlled_at_two_samples():
    columns = {"overton_index_words_at_2": [0.2] * 4, "overton_index_qc": [0.6] * 4}
    other = {"overton_index_words_at_2": [0.3] * 4, "overton_index_qc": [0.65] * 4}
    found = pair(task(**columns), task(**other))
    # .1 = .05 + .05
    parts = [shift(found, part, "overton_index_words_at_2") for part in PARTS]
    assert [one.value.estimate for one in parts] == pytest.approx([0.1, 0.05, 0.05])


def test_without_a_quality_judge_the_runs_to_complete_are_named():
    both = {"lexical_diversity": [0.5] * 4}
    found = pair(task(**both, lexical_diversity_qc=[0.5] * 4), task(**both))
    for part in PARTS:
        missing = shift(found, part, "lexical_diversity")
        assert math.isnan(missing.value.estimate)
        assert missing.note == (
            "no quality judge: complete chat with `overton judge runs/chat --judge ...`"
        )
    neither = shift(pair(task(**both), task(**both)), "remaining", "lexical_diversity")
    assert "complete base and chat with `overton judge runs/base" in neither.note


def test_samples_that_all_fail_the_bar_leave_nothing():
    both = {"lexical_diversity": [0.5] * 4, "lexical_diversity_qc": [None] * 4}
    found = shift(pair(task(**both), task(**both)), "raw change", "lexical_diversity")
    assert (found.value.n, math.isnan(found.value.estimate)) == (0, True)
    assert found.note == "no prompt has enough samples above the quality bar in both runs"


def test_a_quality_without_a_prompt_in_common_says_so():
    both = {"lexical_diversity": [0.5] * 4, "lexical_diversity_qc": [0.5] * 4}
    base = run("base", task(**both), task(COVERAGE, m=[1] * 4))
    other = run("chat", task(ids="wxyz", **both), task(COVERAGE, m=[1] * 4))
    own = shift(compare(base, [other]).pairs[0], "raw change", "lexical_diversity")
    assert math.isnan(own.value.estimate)
    assert own.note == "no prompt of overton_diversity in common"


# ------------------------------------------------------------------------------------ aggregation


def test_what_one_sample_holds_more_stands_in_the_shift_table():
    base = task(units_at_1_words=[10, 20, 30, 40], overton_index_words=[0.2] * 4)
    other = task(units_at_1_words=[20, 32, 41, 49], overton_index_words=[0.3] * 4)
    found = pair(base, other)
    change = shift(found, "change", "units_at_1_words")
    # 10, 12, 11, 9
    assert (change.group, change.value.estimate, change.value.n) == ("aggregation", 10.5, 4)
    assert (change.value.low, change.value.high) == (
        row(found, "units_at_1_words").paired.ci_low,
        row(found, "units_at_1_words").paired.ci_high,
    )
    assert shift(found, "change", "overton_index_words").value.estimate == pytest.approx(0.1)


def test_what_one_sample_holds_more_says_why_it_is_not_known():
    found = pair(task(units_at_1_words=[None] * 4), task(units_at_1_words=[1] * 4))
    undefined = shift(found, "change", "units_at_1_words")
    assert undefined.note == "undefined on every shared prompt"
    assert shift(found, "change", "coverage_at_1").note == "no overton_coverage in base and chat"
    assert shift(found, "change", "units_at_1_clusters").note == (
        "no units_at_1_clusters in base and chat"
    )


def covering(*covered, ceiling):
    own = task(COVERAGE, ids="pqr"[: len(covered)], coverage_ceiling=ceiling)
    return replace(own, details=tuple({"sha": "s", "covered": each} for each in covered))


def test_the_ceiling_is_what_any_sample_of_any_run_covers():
    # Of four viewpoints: on p the base covers 0, the others 1 and 0 and 2; on q the base covers
    # nothing and one other 3; on r a matcher could not say of what the base answered.
    base = run("base", covering([[0], []], [[], []], [None], ceiling=[0.25, 0, None]))
    sft = run("sft", covering([[1], None], [[], [3]], [[0]], ceiling=[0.25, 0.25, 0.25]))
    dpo = run("dpo", covering([[0, 2]], [[]], [[1]], ceiling=[0.5, 0, 0.25]))
    compared = compare(base, [sft, dpo, run("diverse", task("overton_icl_fixed", m=[1] * 4))])
    for found in compared.pairs[:2]:
        own = shift(found, "ceiling over all runs", "coverage_ceiling")
        assert (own.group, own.is_difference) == ("aggregation", False)
        # p 3/4, q 1/4.
        assert (own.value.estimate, own.value.n) == (0.5, 2)
    # It is no reason to speak of aggregation.
    assert noted(compared.pairs[0], "whether this is aggregation is not known")


def test_without_viewpoints_there_is_no_ceiling():
    found = pair(task(m=[1] * 4), task(m=[1] * 4))
    own = shift(found, "ceiling over all runs", "coverage_ceiling")
    assert own.note == "no overton_coverage in base and chat"
    both = [task(COVERAGE, coverage_ceiling=[1] * 4)] * 2
    assert shift(pair(*both), own.part, own.metric).note == (
        "no prompt of which every run knows what it covers"
    )


# ------------------------------------------------------------------------------------ missing


def missing(split, held_out, chance):
    names = [f"missing_from_reference_{kind}" for kind in ("split", "held_out", "chance")]
    return dict(zip(names, (split, held_out, chance), strict=True))


def test_what_is_missing_stands_beside_its_two_baselines():
    # Defined together on p, q, r.
    columns = missing([0.5, 0.6, 0.4, 0.9], [0.7, 0.7, 0.7, None], [0.8, 0.9, 0.7, 0.9])
    own = replace(task(m=[1] * 4, **columns), reference_run="runs/base")
    found = pair(task(m=[1] * 4), own)
    parts = [one for one in found.shifts if one.metric == "missing_from_reference"]
    assert [one.part for one in parts] == [
        "split",
        "held_out",
        "chance",
        "split - held_out",
        "chance - split",
    ]
    assert [one.value.estimate for one in parts] == pytest.approx([0.5, 0.7, 0.8, -0.2, 0.3])
    assert {one.value.n for one in parts} == {3}
    assert {(one.group, one.note) for one in parts} == {("missing", "against runs/base")}
    # .3 on every prompt.
    assert (parts[4].value.low, parts[4].value.high) == pytest.approx((0.3, 0.3))


def test_a_reference_that_may_not_be_the_base_is_shown_as_the_run_names_it():
    own = replace(task(m=[1] * 4, **missing([0.5] * 4, [0.6] * 4, [1] * 4)), reference_run="a/sft")
    found = pair(task(m=[1] * 4), own)
    note = "reference as the run names it: a/sft"
    assert shift(found, "split", "missing_from_reference").note == note
    assert not noted(found, "which is not base")


@pytest.mark.parametrize(
    ("columns", "reference"),
    [
        # The base does not cover the same reference.
        (AGAINST, "aa"),
        # The base is its own reference, and that is another one.
        (ITSELF, "bb"),
    ],
)
def test_a_reference_that_is_not_the_base_is_noted(columns, reference):
    base = task(m=[1] * 4, signed=f"{SIGNED}|reference:{reference}", **columns)
    own = task(m=[1] * 4, signed=f"{SIGNED}|reference:aa", **missing([0.5] * 4, [0.6] * 4, [1] * 4))
    found = pair(base, replace(own, reference_run="a/sft"))
    assert noted(found, "chat is measured against a/sft, which is not base: what it misses is")
    assert shift(found, "split", "missing_from_reference").note == "against a/sft"


def test_a_base_that_is_its_own_reference_is_that_of_the_others_wherever_it_lay():
    base = task(m=[1] * 4, signed=f"{SIGNED}|reference:aa", **ITSELF)
    own = task(m=[1] * 4, signed=f"{SIGNED}|reference:aa", **missing([0.5] * 4, [0.6] * 4, [1] * 4))
    found = pair(base, replace(own, reference_run="a/base.jsonl"))
    assert shift(found, "split", "missing_from_reference").note == "against a/base.jsonl"
    assert not noted(found, "which is not base")


@pytest.mark.parametrize(
    ("shas", "note"),
    [
        ("abcd", "against a/sft"),
        # Texts that a file could not hold as they were.
        ("abyz", "against a/sft"),
        ("axyz", "against a/sft"),
        # Known on no prompt.
        ([None] * 4, "reference as the run names it: a/sft"),
    ],
)
def test_the_base_is_the_reference_whose_answers_it_gave(shas, note):
    columns = missing([0.5] * 4, [0.6] * 4, [1] * 4)
    base = replace(task(m=[1] * 4), details=tuple({"sha": own} for own in "abcd"))
    known = tuple({} if own is None else {"reference_sha": own} for own in shas)
    own = replace(task(m=[1] * 4, **columns), reference_run="a/sft", details=known)
    found = pair(base, own)
    assert shift(found, "split", "missing_from_reference").note == note
    assert len(noted(found, "a/sft, which is not base")) == (shas == "axyz")


def test_what_no_prompt_defines_is_not_computed():
    columns = missing([0.5, None, 0.5, None], [0.7, 0.7, None, None], [None, 0.8, 0.8, 0.8])
    own = shift(
        pair(task(m=[1] * 4), task(m=[1] * 4, **columns)), "split", "missing_from_reference"
    )
    assert (math.isnan(own.value.estimate), own.value.n) == (True, 0)
    assert own.note == "undefined on every prompt"


def test_with_a_judge_only_valid_units_count_beside_all():
    columns = missing([0.5] * 4, [0.7] * 4, [0.8] * 4)
    found = pair(task(m=[1] * 4), task(m=[1] * 4, **columns))
    assert shift(found, "split", "missing_from_reference_qc").note == (
        "no quality judge: complete chat with `overton judge runs/chat --judge ...`"
    )
    columns |= {f"{key}_qc": [value / 2 for value in own] for key, own in columns.items()}
    found = pair(task(m=[1] * 4), task(m=[1] * 4, **columns))
    own = shift(found, "split - held_out", "missing_from_reference_qc")
    assert own.value.estimate == pytest.approx(-0.1)
    assert shift(found, "chance", "missing_from_reference").value.estimate == 0.8


def test_without_a_reference_run_the_command_is_named():
    found = pair(task(m=[1] * 4), task(m=[1] * 4))
    for metric in ("missing_from_reference", "reference_coverage_at_1"):
        own = shift(found, "split", metric)
        assert math.isnan(own.value.estimate)
        assert "overton score RESPONSES --task overton_diversity --reference runs/base" in own.note
        assert '{"reference_run": "runs/base"}' in own.note


def test_viewpoints_against_a_reference_run_are_shown_apart():
    base = [task(m=[1] * 4), task(COVERAGE, m=[1] * 4)]
    other = [task(m=[1] * 4), task(COVERAGE, m=[1] * 4, **missing([0.5] * 4, [0.6] * 4, [1] * 4))]
    found = compare(run("base", *base), [run("chat", *other)]).pairs[0]
    part = shift(found, "split - held_out", f"{COVERAGE}.missing_from_reference")
    assert part.value.estimate == pytest.approx(-0.1)


# ------------------------------------------------------------------------------------ recovered

FLOOR = [0.1, 0.0, 0.1, 0.0]
CEILING = [0.5, 0.4, 0.6, 0.5]


def icl(name, jaccard, signed=SIGNED, **more):
    columns = {"jaccard": jaccard, "jaccard_ceiling": CEILING, **more}
    return task(f"overton_icl_{name}", signed=f"{signed}|reference:aa", **columns)


def recovered(compared, i=0):
    return [
        one
        for one in compared.pairs[i].shifts
        if one.group == "recovered" and one.metric == "jaccard"
    ]


def chat():
    return run("chat", task(m=[1] * 4))


def test_what_comes_back_is_a_ratio_of_means():
    base = run("base", task(m=[1] * 4), icl("zeroshot", FLOOR), icl("fixed", [0.3, 0.2, None, 0.4]))
    [own] = recovered(compare(base, [chat()]))
    # On p, q, s: scores .9/3, floor .1/3, ceiling 1.4/3: .8 / 1.3.
    assert own.value.estimate == pytest.approx(0.8 / 1.3)
    assert (own.part, own.value.n) == ("fixed (base)", 3)
    assert own.note == "floor: zeroshot of base"
    assert own.value.low < own.value.estimate < own.value.high


def test_in_context_runs_of_their_own_join_every_pair():
    base, runs = run("base", task(m=[1] * 4)), [chat(), run("zero", icl("zeroshot", FLOOR))]
    runs.append(run("examples", icl("fixed", CEILING)))
    compared = compare(base, runs)
    assert [(one.part, one.value.estimate) for one in recovered(compared)] == [
        ("fixed (examples)", pytest.approx(1.0))
    ]
    assert recovered(compared)[0].note == "floor: zeroshot of zero"
    examples = compared.pairs[2]
    assert examples.rows == ()
    assert {one.group for one in examples.shifts} == {"recovered"}
    assert noted(examples, "no task in common with base")


def test_each_folder_of_strategies_has_its_own_floor():
    base = run("base", task(m=[1] * 4))
    runs = [chat(), *(run(n, icl("zeroshot", FLOOR), icl("knn", CEILING)) for n in ("a", "b"))]
    assert [(one.part, one.note) for one in recovered(compare(base, runs))] == [
        ("knn (a)", "floor: zeroshot of a"),
        ("knn (b)", "floor: zeroshot of b"),
    ]


def test_the_floor_is_the_base_model_s_where_it_has_one():
    base = run("base", task(m=[1] * 4), icl("zeroshot", FLOOR))
    aligned = run("chat", task(m=[1] * 4), icl("zeroshot", CEILING))
    [own] = recovered(compare(base, [aligned]))
    assert (own.part, own.note) == ("zeroshot (chat)", "floor: zeroshot of base")
    assert own.value.estimate == pytest.approx(1.0)


def test_without_a_floor_it_is_named():
    compared = compare(run("base", task(m=[1] * 4), icl("fixed", CEILING)), [chat()])
    [own] = recovered(compared)
    assert math.isnan(own.value.estimate)
    assert own.note == (
        "no overton_icl_zeroshot of base, the floor: run it on the same model, m, or `overton "
        "score` its responses with --name m"
    )


def test_another_model_without_examples_is_no_floor():
    aligned = replace(icl("zeroshot", [0.4] * 4), model="chat")
    runs = [run("chat", task(m=[1] * 4), aligned), run("icl", icl("fixed", CEILING))]
    compared = compare(run("base", task(m=[1] * 4)), runs)
    for own in recovered(compared):
        assert math.isnan(own.value.estimate)
        assert own.note.startswith("no overton_icl_zeroshot of base")
    # Nor is it one where no file says which model answered.
    nameless = [
        FinishedRun(one.name, one.place, {k: replace(v, model="") for k, v in one.tasks.items()})
        for one in compared.runs
    ]
    assert all(math.isnan(own.value.estimate) for own in recovered(compare(nameless[0], nameless)))


def test_without_in_context_runs_they_are_named():
    [own] = recovered(compare(run("base", task(m=[1] * 4)), [chat()]))
    assert own.note.startswith("no in-context run")


def test_a_gap_within_chance_is_undefined():
    # Ceiling minus floor: .4, -.4, .4, -.4.
    floor = [c - d for c, d in zip(CEILING, (0.4, -0.4, 0.4, -0.4), strict=True)]
    base = run("base", task(m=[1] * 4), icl("zeroshot", floor), icl("fixed", CEILING))
    [own] = recovered(compare(base, [chat()]))
    assert (math.isnan(own.value.estimate), own.value.n) == (True, 4)
    assert own.note == "ceiling and floor (base) cannot be told apart"


def test_a_floor_with_another_reference_is_no_floor():
    floor = replace(icl("zeroshot", FLOOR), signature=f"overton_icl_zeroshot@1|{SIGNED}")
    [own] = recovered(compare(run("base", task(m=[1] * 4), floor, icl("fixed", CEILING)), [chat()]))
    assert math.isnan(own.value.estimate)
    assert own.note == (
        "the floor, zeroshot of base, has other settings (reference unset, here aa)"
    )


STRATEGY = "strategy:fixed|k:5|order:nearest_last|max_context:99|examples:ab|hints:cd|bert:deb"


def with_floor(signed):
    floor = icl("zeroshot", FLOOR, signed=f"{SIGNED}|strategy:zeroshot")
    return run("base", task(m=[1] * 4), floor, icl("fixed", CEILING, signed=signed))


def test_what_makes_a_strategy_may_differ_from_the_floor():
    signed = SIGNED.replace("query-answer", "summary-answer").replace("fence", "none")
    [found] = recovered(compare(with_floor(f"{signed}|system:ab|{STRATEGY}"), [chat()]))
    assert found.value.estimate == pytest.approx(1.0)
    assert found.note == "floor: zeroshot of base"


@pytest.mark.parametrize(
    ("old", "new", "shown"),
    [("temp:0.5", "temp:1", "temp 0.5, here 1"), ("|seed:1234", "", "seed 1234, here unset")],
)
def test_a_floor_with_other_settings_has_to_be_forced(old, new, shown):
    base = with_floor(f"{SIGNED.replace(old, new)}|{STRATEGY}")
    [own] = recovered(compare(base, [chat()]))
    assert math.isnan(own.value.estimate)
    assert own.note == f"the floor, zeroshot of base, has other settings ({shown})"
    [forced] = recovered(compare(base, [chat()], force=True))
    assert forced.value.estimate == pytest.approx(1.0)
    assert forced.note == f"floor: zeroshot of base, which has other settings ({shown})"


@pytest.mark.parametrize(("old", "new"), [(":abc", ":def"), ("emb:mini", "emb:other")])
def test_a_floor_of_other_prompts_or_another_encoder_cannot_be_forced(old, new):
    base = with_floor(f"{SIGNED.replace(old, new)}|{STRATEGY}")
    [own] = recovered(compare(base, [chat()], force=True))
    assert math.isnan(own.value.estimate)
    assert own.note.startswith("the floor, zeroshot of base, has other settings (")


def test_a_hint_that_the_floor_still_counts_is_told():
    hinted = icl("summary", CEILING, signed=f"{SIGNED}|exclude_hint_source:True")
    base = run("base", task(m=[1] * 4), icl("zeroshot", FLOOR), hinted)
    [own] = recovered(compare(base, [chat()]))
    assert "which counts the reference sample of the hint too" in own.note


def test_a_similarity_that_was_not_measured_is_named():
    base = run("base", task(m=[1] * 4), icl("zeroshot", FLOOR), icl("fixed", CEILING))
    found = compare(base, [chat()]).pairs[0]
    assert shift(found, "fixed (base)", "cosine").note.startswith("no cosine of the prompts")


# ------------------------------------------------------------------------------------ homogeneity


def test_samples_are_compared_within_and_across_runs():
    texts = [
        {"p": ["ant bee", "ant"], "q": ["ant", "ant"], "r": ["ant", "bee"]},
        {"q": ["bee", "ant"], "p": ["ant", "cow"], "s": ["ant", "ant"]},
    ]
    found = homogeneity(["a", "b"], texts)
    assert found.runs == ("a", "b")
    # Within a: p 1/2, q 1. Within b: 0, 0. Across: p (1/2 + 0 + 1 + 0) / 4, q (0 + 1 + 0 + 1) / 4.
    estimates = [[cell.estimate for cell in line] for line in found.cells]
    assert estimates == [[pytest.approx(0.75), pytest.approx(0.4375)], [pytest.approx(0.4375), 0]]
    assert found.cells[0][1] == found.cells[1][0]
    assert {cell.n for line in found.cells for cell in line} == {2}


def test_a_prompt_with_one_sample_counts_nowhere():
    texts = [{"p": ["ant"], "q": ["ant", "ant"]}, {"p": ["ant"] * 2, "q": ["ant"] * 2}]
    found = homogeneity(["a", "b"], texts)
    assert {(cell.estimate, cell.n) for line in found.cells for cell in line} == {(1.0, 1)}


def test_alike_runs_cannot_be_computed_without_two_that_share_a_prompt():
    with pytest.raises(SettingsError, match="expected at least 2 runs, got 1"):
        homogeneity(["a"], [{"p": ["ant"]}])
    with pytest.raises(DataError, match="expected a prompt that a, b all answer, got none"):
        homogeneity(["a", "b"], [{"p": ["ant"]}, {"q": ["ant"]}])


def test_two_runs_of_one_name_are_two():
    found = homogeneity(["a", "a"], [{"p": ["ant", "bee"]}, {"p": ["ant", "ant"]}])
    # Within the first 0, within the second 1, across (1 + 1 + 0 + 0) / 4.
    assert [[cell.estimate for cell in line] for line in found.cells] == [[0, 0.5], [0.5, 1]]


# ------------------------------------------------------------------------------------ gates


@pytest.fixture
def fallen():
    # The difference is -.3, -.2, -.3, ...; each task has a mean_words.
    base = [task(vendi=[0.8] * 6, mean_words=[9] * 6), task(COVERAGE, mean_words=[9] * 6)]
    other = [
        task(vendi=[0.5, 0.6] * 3, mean_words=[9] * 6),
        task(COVERAGE, mean_words=[99] * 6),
    ]
    return compare(run("base", *base), [run("chat", *other)])


def test_an_interval_wholly_beyond_the_bound_fails(fallen):
    [line] = fails(fallen, ["vendi<-0.1"])
    assert line.startswith("chat against base: overton_diversity.vendi changed by -0.250 [")
    assert line.endswith("wholly beyond -0.1 (p = 0.031, n = 6)")
    assert fails(fallen, [" overton_diversity.vendi < -.1 ", "mean_words>1e1"]) == [
        line,
        "chat against base: overton_coverage.mean_words changed by 90.000 [90.000, 90.000], wholly "
        "beyond 10 (p = 0.031, n = 6)",
    ]


@pytest.mark.parametrize(
    "held",
    ["vendi<-0.25", "vendi<-0.3", "vendi>-0.25", "vendi>0", "overton_diversity.mean_words>0"],
)
def test_an_interval_that_reaches_the_bound_does_not_fail(fallen, held):
    assert fails(fallen, [held]) == []


@pytest.mark.parametrize(
    "malformed",
    ["", "vendi", "vendi<", "vendi=1", "<1", "vendi<a", "vendi<nan", "vendi<<1", "a.b.c<1"],
)
def test_an_expression_that_cannot_be_read_is_refused(fallen, malformed):
    with pytest.raises(SettingsError, match="expected METRIC<NUMBER or METRIC>NUMBER"):
        fails(fallen, [malformed])


def test_an_unknown_metric_is_refused_with_near_names(fallen):
    with pytest.raises(SettingsError, match="got 'vend'; near: vendi"):
        fails(fallen, ["vend<0"])
    with pytest.raises(SettingsError, match=r"near: overton_coverage\.mean_words"):
        fails(fallen, ["overton_coverage.mean_wods<0"])
    with pytest.raises(SettingsError, match="there are: mean_words, vendi"):
        fails(fallen, ["xyz<0"])


def test_too_few_prompts_cannot_be_checked():
    # Of five prompts no p-value is below 2/32.
    six, five = [1, 1, 1, 1, 1, 1, None], [1, 1, 1, 1, 1, None, None]
    other = task(m=[2] * 7)
    assert fails(compare(run("base", task(m=six)), [run("chat", other)]), ["m<0"]) == []
    compared = compare(run("base", task(m=five)), [run("chat", other)])
    with pytest.raises(SettingsError, match=r"at least 6 prompts .* got 5: it cannot be checked"):
        fails(compared, ["m<0"])


def test_an_interval_beyond_the_bound_is_not_enough():
    # Wholly above -1, but 2 of the 8 choices of signs are as extreme.
    found = compare(run("base", task(m=[0] * 6)), [run("chat", task(m=[5, 5, 5, 0, 0, 0]))])
    paired = row(found.pairs[0], "m").paired
    assert paired.p_value == 0.25
    assert fails(found, ["m>-1"]) == []


def test_in_context_runs_alone_cannot_be_checked():
    compared = compare(run("base", task(m=[1] * 4)), [run("icl", icl("zeroshot", FLOOR))])
    with pytest.raises(SettingsError, match="got in-context runs only: it cannot be checked"):
        fails(compared, ["m<0"])


# ------------------------------------------------------------------------------------ real runs

BASE = [["ant bee", "cow dog", "elk"], ["ant", "bee", "cow dog"], ["ant bee", "ant", "fox gnu"]]
CHAT = [["ant bee cow", "ant bee dog elk"], ["ant bee", "ant bee cow"], ["ant fox", "ant fox gnu"]]


@pytest.fixture(scope="module")
def real(tmp_path_factory):
    """Folders of real results: base and chat, and base in context with chat as the reference."""
    from lm_eval_overton.harness.replay import score
    from lm_eval_overton.runs.responses import read_responses

    folder = tmp_path_factory.mktemp("real")

    def scored(name, texts, task, model=None, **metadata):
        path = folder / f"{name}.jsonl"
        entries = [
            {"id": f"p{i}", "prompt": f"{word}?", "responses": own}
            for i, (word, own) in enumerate(zip(("Why", "How", "When"), texts, strict=True))
        ]
        path.write_text("".join(json.dumps(entry) + "\n" for entry in entries))
        metadata = {"n_samples": 2, **metadata}
        score(read_responses(path), task, metadata=metadata, output=folder / name, name=model)

    scored("base", BASE, DIVERSITY)
    scored("chat", CHAT, DIVERSITY, reference_run=str(folder / "base.jsonl"))
    reference = {"reference": str(folder / "chat.jsonl"), "example_ids": []}
    scored("zeroshot", BASE, "overton_icl_zeroshot", "base", **reference)
    scored("fixed", [own[::-1] for own in CHAT], "overton_icl_fixed", "base", **reference)
    return [load_run(folder / name) for name in ("base", "chat", "zeroshot", "fixed")]


def test_real_runs_are_compared(real):
    base, *others = real
    compared = compare(base, others)
    found = compared.pairs[0]
    lexical = row(found, "lexical_diversity")
    # Base: pairs share nothing in p0 and p1, then 1/2, 0, 0: mean of 1, 1, 5/6.
    assert lexical.base.estimate == pytest.approx(17 / 18)
    # Chat: 2/5, 2/3, 2/3.
    assert lexical.run.estimate == pytest.approx(1 - 26 / 45)
    assert lexical.paired.difference == pytest.approx(19 / 45 - 17 / 18)
    # The prompts were named after their files.
    assert not noted(found, "data differs")
    units = shift(found, "change", "units_at_1_words")
    # Base: 5/3, 4/3, 5/3. Chat: 7/2, 5/2, 5/2.
    assert units.value.estimate == pytest.approx(17 / 6 - 14 / 9)
    # Three prompts are too few to tell.
    [note] = noted(found, "whether this is aggregation is not known")
    assert "beyond chance: expected at least 6 prompts that define it, got 3" in note
    assert shift(found, "raw change", "semantic_diversity").note.startswith("no quality judge")
    split = shift(found, "split", "missing_from_reference")
    assert split.note.endswith("base.jsonl")
    assert split.value.n > 0
    [fixed] = [
        one for one in found.shifts if one.part.startswith("fixed") and one.metric == "jaccard"
    ]
    # Among the same texts self pairs count, so that more than the gap comes back.
    assert fixed.value.estimate > 1
    # Floor and strategy were made alike.
    assert fixed.note == "floor: zeroshot of zeroshot"
    with pytest.raises(SettingsError, match="at least 6 prompts"):
        fails(compared, ["lexical_diversity<-0.1"])


# ------------------------------------------------------------------------------------ the paper


@pytest.mark.paper_data
def test_released_runs_give_the_known_parts():
    from lm_eval_overton.judge.parse import parse_released
    from lm_eval_overton.metrics.formulas.lexical import jaccard_diversity
    from lm_eval_overton.text.english import ENGLISH
    from tests.released import FENCE, samples

    def finished(model, stops):
        path = PAPER / "LIMA-OE" / "eval-quality" / "outputs" / f"{model}.jsonl"
        replies = [json.loads(line) for line in path.read_text().splitlines()]
        raw, controlled = [], []
        for own, judged in zip(samples(model, stops), scores(replies), strict=True):
            kept = [s.text for s, score in zip(own, judged, strict=True) if score >= 4 and s.text]
            for column, texts in ((raw, [s.text for s in own if s.text]), (controlled, kept)):
                column.append(jaccard_diversity([ENGLISH.content_words(text) for text in texts]))
        columns = {"lexical_diversity": raw, "lexical_diversity_qc": controlled}
        return run(model, task(ids=[str(i) for i in range(50)], **columns))

    def scores(replies):
        flat = [text for reply in replies for text in reply["responses"]]
        values = [parse_released("quality", text).value["helpfulness"] for text in flat]
        return [values[i : i + 5] for i in range(0, 250, 5)]

    compared = compare(finished("llama-2-base", FENCE), [finished("llama-2-chat", ())])
    parts = [shift(compared.pairs[0], part, "lexical_diversity").value for part in PARTS]
    assert [value.n for value in parts] == [36] * 3
    assert [value.estimate for value in parts] == pytest.approx([-0.205, -0.033, -0.172], abs=1e-3)
    assert parts[0].high < 0
    assert parts[2].high < 0


def test_a_metric_that_was_redefined_is_left_out_and_all_others_are_compared():
    old, new = (task(signed=f"{SIGNED}{m}", m=[1] * 4, kept=[2] * 4) for m in ("", "|metrics:m-2"))
    found = pair(old, new)
    assert [one.metric for one in found.rows] == ["kept"]
    assert noted(found, "m of different versions: left out")
