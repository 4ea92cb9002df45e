"""Prompts with one right answer stay out of the headline; whose tags count."""

from dataclasses import replace

import pytest

from lm_eval_overton.comparison import compare
from lm_eval_overton.comparison.tagged import tags_of
from lm_eval_overton.reporting.estimates import Estimates
from lm_eval_overton.reporting.glance import at_a_glance
from lm_eval_overton.reporting.html import Markup
from lm_eval_overton.reporting.tables import as_markdown
from tests.comparison.test_compare import COVERAGE, DIVERSITY, noted, pair, row, run, shift, task

ONE = ["one_answer"]


def tagged(own, *tags):
    """A task whose prompts have these tags, one list for each; None where none are kept."""
    kept = [{} if one is None else {"tags": one} for one in tags]
    details = [{**old, **new} for old, new in zip(own.details, kept, strict=True)]
    return replace(own, details=tuple(details))


def glance(estimates):
    """The head of the page, without figures."""
    return at_a_glance(estimates, lambda _: Markup(""))


def test_what_has_one_right_answer_is_in_the_table_and_not_in_the_headline():
    # All prompts: 1, 1, 1, 1, -3, -3; without the last two every change is 1.
    units = {"units_at_1_words": [5] * 6}
    base = tagged(task(lexical_diversity=[3] * 6, **units), *[["a"]] * 4, ONE, [*ONE, "a"])
    units = {"units_at_1_words": [6, 6, 6, 6, 2, 2]}
    found = pair(base, task(lexical_diversity=[4, 4, 4, 4, 0, 0], **units))
    in_table = row(found, "lexical_diversity").paired
    assert (in_table.n, in_table.difference) == (6, pytest.approx(-1 / 3))
    [in_headline, _] = found.headline
    assert (in_headline.paired.n, in_headline.paired.difference) == (4, 1)
    assert (in_headline.base.n, in_headline.base.estimate) == (4, 3)
    moved = shift(found, "change", "units_at_1_words").value
    assert (moved.n, moved.estimate) == (4, 1)
    said = "overton_diversity: 2 of 6 prompts have one right answer (tag one_answer), where"
    assert [line[: len(said)] for line in found.left_out] == [said]
    assert noted(found, said) == list(found.left_out)


def test_the_tiles_show_the_headline_and_how_many_prompts_it_leaves_out():
    base = tagged(task(lexical_diversity=[3] * 6), *[["a"]] * 4, ONE, ONE)
    other = task(lexical_diversity=[4, 4, 4, 4, 0, 0])
    compared = compare(run("base", base), [run("chat", other)])
    tiles = glance(Estimates(compared))
    assert "+1.000" in tiles
    assert "on 4 of 6 prompts" in tiles
    assert "2 of 6 prompts have one right answer" in tiles
    text = as_markdown(compared)
    assert "2 of 6 prompts have one right answer" in text
    assert "-0.333" in text


@pytest.mark.parametrize("tags", [None, [], ["advice"], ["one answer"]])
def test_without_such_prompts_the_headline_is_the_table(tags):
    base = tagged(task(lexical_diversity=range(6)), *[tags] * 6)
    found = pair(base, task(lexical_diversity=[2] * 6))
    assert found.headline == found.rows
    assert found.left_out == ()
    assert not noted(found, "one right answer")


def test_where_all_prompts_have_one_right_answer_nothing_is_left_to_be_shown():
    values = {
        "lexical_diversity": [1] * 4,
        "units_at_1_words": [5] * 4,
        "degenerate_share": [0] * 4,
    }
    base = tagged(task(**values), *[ONE] * 4)
    compared = compare(run("base", base), [run("chat", task(**values))])
    [found] = compared.pairs
    assert row(found, "lexical_diversity").paired.n == 4
    assert {one.paired.n for one in found.headline} == {0}
    assert shift(found, "change", "units_at_1_words").note == "undefined on every shared prompt"
    assert "4 of 4 prompts have one right answer" in glance(Estimates(compared))


def test_a_task_of_which_nothing_is_left_leaves_the_others_as_they_are():
    own = [tagged(task(m=[1] * 4), *[ONE] * 4), task(COVERAGE, coverage_at_1=[0.5] * 4)]
    other = [task(m=[2] * 4), task(COVERAGE, coverage_at_1=[1] * 4)]
    found = compare(run("base", *own), [run("chat", *other)]).pairs[0]
    counts = {one.metric: one.paired.n for one in found.headline}
    assert counts == {"m": 0, "coverage_at_1": 4}
    assert [line.partition(":")[0] for line in found.left_out] == [DIVERSITY]


def test_what_comes_back_in_context_leaves_them_out_too():
    def icl(strategy, *values):
        return task(f"overton_icl_{strategy}", jaccard=values, jaccard_ceiling=[1] * 6)

    tags = [["a"]] * 4 + [ONE] * 2
    floor = tagged(icl("zeroshot", 0, 0, 0, 0, 0, 0), *tags)
    half = tagged(icl("fixed", 0.5, 0.5, 0.5, 0.5, 1, 1), *tags)
    base = run("base", task(m=[1] * 6), floor, half)
    found = compare(base, [run("chat", task(m=[1] * 6))]).pairs[0]
    [gap] = [one for one in found.shifts if (one.group, one.metric) == ("recovered", "jaccard")]
    assert (gap.value.estimate, gap.value.n) == (0.5, 4)


def test_prompts_of_one_run_alone_are_left_out_of_its_means():
    base = tagged(task(ids="pqrs", m=[1, 1, 9, 9]), ["a"], ["a"], ["a"], ONE)
    other = tagged(task(ids="pqtu", m=[2, 2, 9, 4]), None, None, ONE, ["a"])
    found = pair(base, other)
    [one] = found.headline
    assert (one.base.n, one.run.n, one.paired.n) == (3, 3, 2)
    assert (row(found, "m").base.n, row(found, "m").run.n) == (4, 4)
    assert noted(found, "2 of 6 prompts have one right answer")


# ---------------------------------------------------------------------------------- whose tags


def test_the_tags_of_the_first_run_that_has_some_count():
    first = run("a", tagged(task(ids="pq", m=[1] * 2), ["x"], None))
    second = run("b", tagged(task(ids="pqr", m=[1] * 3), ["y"], ["y"], ["z"]))
    third = run("c", task(COVERAGE, ids="p", m=[1]))
    expected = {"p": ("x",), "q": ("y",), "r": ("z",)}
    assert tags_of([first, second, third]) == {DIVERSITY: expected, COVERAGE: {}}


def test_tags_that_differ_between_runs_are_told():
    base = tagged(task(ids="pqr", m=[1] * 3), ["x", "y"], ["x"], None)
    other = tagged(task(ids="pqr", m=[2] * 3), ["y", "x"], ["y"], ["y"])
    found = pair(base, other)
    [note] = noted(found, "prompts whose tags differ between runs")
    assert note == (
        "overton_diversity: prompts whose tags differ between runs: 1 (q); those of the first run "
        "count"
    )


def test_results_of_before_there_were_tags_compare_with_those_of_now_without_a_word():
    signed = "data:open_ended-1:87e50a36|frame:chat|n:5|lm_eval:0.4.13|v:0.1.0"
    keys = ("oe-001", "oe-002", "oe-003")
    old = task(ids=keys, signed=signed, m=[1, 2, 3])
    own = [old.tags[key] for key in keys]
    assert all(own)
    new = tagged(task(ids=keys, signed=signed, m=[1, 2, 3]), *map(list, own))
    for first, second in ((old, new), (new, old)):
        notes = pair(first, second).notes
        assert [note for note in notes if "differ" in note or "tag" in note] == []
