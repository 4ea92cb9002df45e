"""What changed by tag: hand-worked rows, tests that are made and not made, what is noted."""

import math
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from lm_eval_overton.comparison import by_tag, compare
from lm_eval_overton.comparison.by_tag import HEADLINE, MOST_TAGS, means_by_tag
from lm_eval_overton.metrics.measures import REGISTRY
from tests.comparison.test_compare import COVERAGE, DIVERSITY, run, task
from tests.comparison.test_tagged import tagged

LEXICAL, UNITS = "lexical_diversity", "units_at_1_words"


def of_tags(base, *others):
    """The pairs by tag of tasks, each a run of its own."""
    runs = [run(f"run{i}", own) for i, own in enumerate(others)]
    return by_tag(compare(run("base", base), runs))


def rows(found, metric=LEXICAL):
    return {own.tag: own.row for own in found.rows if own.row.metric == metric}


def test_a_prompt_counts_for_each_of_its_tags():
    # Changes of 1, 2, 3 and 4; the tag b has the second and the third, c the last.
    base = tagged(task(lexical_diversity=[0] * 4), ["a"], ["a", "b"], ["b", "a"], ["c"])
    [found] = of_tags(base, task(lexical_diversity=[1, 2, 3, 4]))
    own = rows(found)
    assert {tag: (one.paired.difference, one.paired.n) for tag, one in own.items()} == {
        "a": (2, 3),
        "b": (2.5, 2),
        "c": (4, 1),
    }
    assert (own["b"].base.estimate, own["b"].run.estimate) == (0, 2.5)
    assert found.notes == (
        "overton_diversity: no test for fewer than 6 prompts in both runs: a (3), b (2), c (1)",
    )


def test_fewer_than_six_prompts_have_no_test_and_do_not_count_as_one():
    # Six equal signs: p = 2/64; five would have 2/32.
    base = tagged(task(ids="abcdefghijk", lexical_diversity=[0] * 11), *[["x"]] * 6, *[["y"]] * 5)
    [found] = of_tags(base, task(ids="abcdefghijk", lexical_diversity=[1] * 11))
    own = rows(found)
    assert (own["x"].paired.p_value, own["x"].p_holm) == (2 / 64, 2 / 64)
    assert (own["y"].paired.n, own["y"].paired.difference) == (5, 1)
    assert math.isnan(own["y"].paired.p_value)
    assert math.isnan(own["y"].p_holm)
    assert found.notes[0].endswith("no test for fewer than 6 prompts in both runs: y (5)")


def test_p_values_are_corrected_for_all_tags_and_metrics_of_the_task():
    # Of six signs all equal: p = 2/64; five of them: 14/64. The words of x do not move, which is no
    # test: there are three, and the smaller ones of 2/64 count three times.
    keys = "abcdefghijkl"
    tags = [["x"]] * 6 + [["y"]] * 6
    base = tagged(task(ids=keys, lexical_diversity=[0] * 12, units_at_1_words=[5] * 12), *tags)
    moved = {LEXICAL: [1] * 6 + [1, 1, 1, 1, 1, -1], UNITS: [5] * 6 + [7] * 6}
    [found] = of_tags(base, task(ids=keys, **moved))
    corrected = {(o.tag, o.row.metric): (o.row.paired.p_value, o.row.p_holm) for o in found.rows}
    assert corrected == {
        ("x", LEXICAL): (2 / 64, 6 / 64),
        ("y", LEXICAL): (14 / 64, 14 / 64),
        ("x", UNITS): (1, 1),
        ("y", UNITS): (2 / 64, 6 / 64),
    }


def test_rows_stand_by_task_and_metric_with_the_most_frequent_tag_first():
    tags = [["z", "b"], ["z", "a"], ["z"], []]
    own = [
        tagged(task(units_at_1_words=[1] * 4, lexical_diversity=[1] * 4, vendi=[1] * 4), *tags),
        tagged(task(COVERAGE, coverage_at_1=[0] * 4), *[["w"]] * 4),
    ]
    [found] = by_tag(compare(run("base", *own), [run("chat", *own)]))
    assert [(one.row.task, one.row.metric, one.tag) for one in found.rows] == [
        *((DIVERSITY, UNITS, tag) for tag in "zab"),
        *((DIVERSITY, LEXICAL, tag) for tag in "zab"),
        (COVERAGE, "coverage_at_1", "w"),
    ]
    assert list(found.tables) == [DIVERSITY, COVERAGE]
    assert "overton_diversity: 1 of 4 prompts in both runs have no tag" in found.notes


def test_prompts_of_one_run_alone_count_in_its_own_mean():
    base = tagged(task(ids="pqr", lexical_diversity=[1, 1, 4]), ["a"], ["b"], ["a"])
    other = tagged(task(ids="pqs", lexical_diversity=[2, 2, 8]), ["a"], ["b"], ["a", "c"])
    [found] = of_tags(base, other)
    own = rows(found)["a"]
    assert (own.base.estimate, own.run.estimate, own.paired.difference) == (2.5, 5, 1)
    assert (own.base.n, own.run.n, own.paired.n) == (2, 2, 1)
    # No prompt of both runs has it: there is nothing to be compared.
    assert "c" not in rows(found)
    assert "c (0)" in found.notes[0]


def test_the_first_run_that_has_tags_says_them_in_every_pair():
    values = {"lexical_diversity": [1] * 2}
    first = tagged(task(**values), ["a"], None)
    second, third = tagged(task(**values), ["b"], ["b"]), task(**values)
    for found in of_tags(first, second, third):
        assert {tag: own.paired.n for tag, own in rows(found).items()} == {"a": 1, "b": 1}


def test_what_cannot_be_compared_is_in_no_table():
    base = tagged(task(lexical_diversity=[1] * 4, semantic_diversity=[1] * 4), *[["a"]] * 4)
    redefined = "data:open_ended-1:abc|frame:query-answer|n:5|stop:fence|emb:mini@1|seed:1234|"
    signed = f"{redefined}temp:0.5|metrics:semantic_diversity-2"
    other = task(signed=signed, lexical_diversity=[1] * 4, semantic_diversity=[1] * 4)
    [found] = of_tags(base, other)
    assert {own.row.metric for own in found.rows} == {LEXICAL}


def test_where_no_prompt_has_a_tag_there_are_no_rows_and_no_notes():
    [found] = of_tags(task(lexical_diversity=[1] * 4), task(lexical_diversity=[1] * 4))
    assert (found.rows, found.notes) == ((), ())
    assert means_by_tag(run("base", task(lexical_diversity=[1] * 4))) == []


def test_of_many_tags_the_most_frequent_are_shown_and_it_is_said():
    keys = [f"p{i}" for i in range(MOST_TAGS + 5)]
    own = task(ids=keys, lexical_diversity=[1] * len(keys))
    base = tagged(own, *[["all", f"t{i:03d}"] for i in range(len(keys))])
    [found] = of_tags(base, own)
    shown = list(rows(found))
    assert (len(shown), shown[:2]) == (MOST_TAGS, ["all", "t000"])
    assert found.notes[-1].endswith(
        f"of {len(keys) + 1} tags the {MOST_TAGS} most frequent are shown"
    )


def test_the_means_of_one_run():
    own = tagged(task(lexical_diversity=[1, 2, None, 6]), ["a"], ["a", "b"], ["a"], ["b"])
    found = means_by_tag(run("base", own))
    assert [(one.tag, one.mean.estimate, one.mean.n) for one in found] == [
        ("a", 1.5, 2),
        ("b", 4, 2),
    ]


def test_prompts_with_one_right_answer_stay_in_the_table_by_tag():
    base = tagged(task(lexical_diversity=[1] * 4), *[["one_answer"]] * 4)
    [found] = of_tags(base, task(lexical_diversity=[0] * 4))
    assert rows(found)["one_answer"].paired.difference == -1


def test_all_metrics_of_the_headline_are_declared():
    assert set(HEADLINE) <= set(REGISTRY)


@st.composite
def columns(draw):
    n = draw(st.integers(6, 12))
    values = st.none() | st.integers(0, 4).map(lambda v: v / 4)
    column = st.lists(values, min_size=n, max_size=n)
    tags = draw(st.lists(st.lists(st.sampled_from("ab"), max_size=2), min_size=n, max_size=n))
    return draw(column), draw(column), tags


@given(columns(), st.integers(0, 3))
def test_a_tag_that_all_prompts_have_gives_the_row_of_the_main_table(drawn, seed):
    before, after, tags = drawn
    keys = [f"p{i}" for i in range(len(tags))]
    base = tagged(task(ids=keys, lexical_diversity=before), *[["all", *own] for own in tags])
    compared = compare(
        run("base", base), [run("c", task(ids=keys, lexical_diversity=after))], seed=seed
    )
    [whole] = compared.pairs[0].rows
    [found] = by_tag(compared, seed)
    own = rows(found)["all"]
    if whole.paired.n < 6:
        whole = replace(whole, paired=replace(whole.paired, p_value=math.nan))
    np.testing.assert_equal(
        [own.base, own.run, vars_of(own.paired)], [whole.base, whole.run, vars_of(whole.paired)]
    )


def vars_of(paired):
    return [getattr(paired, name) for name in paired.__slots__]


@pytest.mark.parametrize("tags", [["a"], ["a", "a"]])
def test_a_tag_that_stands_twice_counts_once(tags):
    base = tagged(task(lexical_diversity=[1] * 4), *[tags] * 4)
    [found] = of_tags(base, task(lexical_diversity=[2] * 4))
    assert rows(found)["a"].paired.n == 4
