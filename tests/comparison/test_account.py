"""What is said of a pair in sentences: the numbers of its tables, and nothing where 0 is within."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from lm_eval_overton.comparison import Compared, Gain, Pair, Row, Shift
from lm_eval_overton.comparison.account import TOPICS, UNKNOWN, account
from lm_eval_overton.comparison.account.phrases import changed, is_clear, told, verdict
from lm_eval_overton.stats import Comparison, Interval
from tests.reporting import made

DIVERSITY, COVERAGE = made.DIVERSITY, made.COVERAGE
NAN = float("nan")
UNDEFINED = Interval(NAN, NAN, NAN, 0)


def compare(a, b, low, high, p=0.001, n=20):
    return Comparison(a, b, a - b, low, high, p, 0.1, n)


def row(metric, comparison, task=DIVERSITY):
    return Row(task, metric, None, UNDEFINED, UNDEFINED, comparison, comparison.p_value, task)


FELL = row("semantic_diversity", compare(0.25, 0.75, -0.6, -0.4))
SAME = row("lexical_diversity", compare(0.5, 0.5, -0.1, 0.1, p=0.9))


def said(*shifts, rows=(), gains=(), others=()):
    """What is said of a pair of these rows and shifts, by topic."""
    runs = (made.finished(0, "b"), made.finished(1, "a"), made.finished(2, "c"))
    pair = Pair("b", "a", tuple(rows), shifts, headline=tuple(rows), gains=tuple(gains))
    compared = Compared(runs, (pair, Pair("b", "c", (), tuple(others))))
    found: dict[str, list[str]] = {}
    for statement in account(compared, 0):
        found.setdefault(statement.topic, []).append(statement.text)
    return {key: " ".join(texts) for key, texts in found.items()}


def parts_of(group, metric, **values):
    return [Shift(group, part, metric, value) for part, value in values.items()]


def quality(raw, explained, remaining, metric="semantic_diversity"):
    names = ("raw change", "explained by quality control", "remaining")
    values = zip(names, (raw, explained, remaining), strict=True)
    return [Shift("quality", part, metric, value) for part, value in values]


def test_what_fell_is_said_with_its_interval_and_its_prompts():
    text = said(rows=[FELL])["change"]
    assert text == (
        "The samples of a differ less from each other than those of b: semantic diversity fell "
        "from 0.750 to 0.250, by 0.500 [0.400, 0.600], on 20 prompts."
    )


def test_where_the_interval_holds_0_no_difference_can_be_seen():
    text = said(rows=[SAME])["change"]
    assert text == (
        "Between the samples of a and those of b nothing can be told: no difference can be seen "
        "in lexical diversity (0.000 [−0.100, 0.100] on 20 prompts)."
    )


def test_what_moves_both_ways_is_not_one_verdict():
    rose = row("lexical_diversity", compare(0.75, 0.5, 0.2, 0.3))
    text = said(rows=[FELL, rose])["change"]
    assert text.startswith("How much the samples of a differ did not move one way: semantic")
    assert "lexical diversity rose from 0.500 to 0.750, by 0.250 [0.200, 0.300]" in text


def test_a_rise_beside_more_noise_may_be_noise():
    rose = row("semantic_diversity", compare(0.75, 0.5, 0.2, 0.3))
    noise = row("degenerate_share", compare(0.2, 0.1, 0.05, 0.15))
    assert "Part of this may be noise: " in said(rows=[rose, noise])["change"]
    assert "noise" not in said(rows=[FELL, noise])["change"]


def test_few_prompts_tell_nothing_and_neither_does_a_large_p():
    # Five pairs have 2 / 2 ** 5 = .06 as their least p.
    few = row("x", compare(0.1, 0.3, -0.3, -0.1, p=0.06, n=5))
    assert changed("x", few).endswith("on 5 prompts, too few to tell it from chance")
    large = row("x", compare(0.1, 0.3, -0.3, -0.1, p=0.06))
    assert changed("x", large).endswith("on 20 prompts, which may be chance (p = 0.06)")
    assert verdict(large.paired) == "may be chance, p = 0.06"
    assert verdict(few.paired) == "too few prompts to tell"
    assert [verdict(own.paired) for own in (FELL, SAME)] == ["fell", "no difference can be seen"]
    equal = row("x", compare(0.5, 0.5, 0.0, 0.0, p=1.0))
    assert changed("x", equal) == "x is the same on each of 20 prompts"
    assert told("x", Interval(0.2, NAN, NAN, 1)).startswith("x differs by +0.200 on 1 prompt, ")


def test_a_change_is_what_bad_answers_account_for_and_what_remains():
    raw, explained, remaining = (
        Interval(-0.5, -0.6, -0.4, 20), Interval(-0.1, -0.2, -0.05, 20),
        Interval(-0.4, -0.5, -0.3, 20),
    )  # fmt: skip
    start = "On the 20 prompts where both have two or more answers above the quality bar: "
    of = "of the fall of 0.500 [0.400, 0.600] in semantic diversity "
    assert said(*quality(raw, explained, remaining))["quality"] == (
        f"{start}{of}bad answers account for 0.100 [0.050, 0.200], and 0.400 [0.300, 0.500] "
        "remains among good answers alone."
    )
    open_one = Interval(-0.1, -0.2, 0.05, 20)
    text = said(*quality(raw, open_one, open_one))["quality"]
    assert "no part can be seen to come from bad answers (−0.100 [−0.200, 0.050])" in text
    assert "among good answers alone no difference can be seen (−0.100 [−0.200, 0.050])" in text
    hidden = Interval(0.1, 0.05, 0.2, 20)
    text = said(*quality(raw, hidden, remaining))["quality"]
    assert "bad answers hide some: without them it is 0.100 [0.050, 0.200] larger" in text
    assert "no difference can be seen in semantic" in said(*quality(open_one, raw, open_one))[
        "quality"
    ]  # fmt: skip


def test_without_a_quality_judge_classes_tell_of_bad_answers():
    names = ("change", "change above the quality bar", "change below the quality bar")
    values = Interval(-1, -1.5, -0.5, 20), Interval(-0.9, -1.4, -0.4, 20), Interval(-0.1, -1, 1, 20)
    shifts = [
        Shift("classes", part, "distinct_k", value)
        for part, value in zip(names, values, strict=True)
    ]
    text = said(*shifts)["quality"]
    assert "those above the quality bar fell by 0.900 [0.400, 1.400]" in text
    assert "no difference can be seen in those below the quality bar (−0.100" in text


def test_one_answer_covers_more_or_is_only_longer():
    longer = row("units_at_1_words", compare(90, 60, 20, 40))
    above = Gain("coverage_at_1 above coverage_echo", compare(0.4, 0.3, 0.05, 0.15))
    level = row("coverage_at_1", compare(0.4, 0.3, 0.05, 0.15), COVERAGE)
    echo = row("coverage_echo", compare(0.05, 0.05, NAN, NAN), COVERAGE)
    text = said(rows=[longer, level, echo], gains=[above])["breadth"]
    assert text == (
        "One answer covers more, and is not only longer: the share of the viewpoints that one "
        "answer covers above its echo rose by 0.100 [0.050, 0.150], on 20 prompts. One answer of "
        "a covers 0.400 of the viewpoints, one of b 0.300, and the question repeated without an "
        "opinion (its echo) 0.050 (20 prompts). One answer holds 30.0 [20.0, 40.0] more content "
        "words (20 prompts)."
    )
    none = Gain("coverage_at_1 above coverage_echo", compare(0.3, 0.3, -0.1, 0.1, p=0.9))
    text = said(rows=[longer], gains=[none])["breadth"]
    assert text.startswith("One answer is longer, but that it covers more cannot be seen: no ")
    less = Gain("x", compare(0.2, 0.3, -0.15, -0.05))
    assert said(gains=[less])["breadth"].startswith("One answer covers less: x fell by 0.100")
    assert said(gains=[less, above])["breadth"].startswith("Whether one answer covers more depends")
    unknown = said(rows=[longer], gains=[Gain("x", why="no y: `do y`")])
    assert unknown["breadth"].endswith("which says nothing of what it covers.")
    assert "Not computed: x (no y: `do y`)." in unknown[UNKNOWN]


def test_noise_leaves_open_whether_an_answer_covers_more():
    above = Gain("x", compare(0.4, 0.3, 0.05, 0.15))
    noise = row("degenerate_share", compare(0.2, 0.1, 0.05, 0.15))
    text = said(rows=[noise], gains=[above])["breadth"]
    assert text.startswith("Whether one answer covers more cannot be said, since more answers are")


@pytest.mark.parametrize(
    ("beyond", "words"),
    [
        (Interval(0.1, 0.05, 0.2, 20), "0.100 [0.050, 0.200] more than its own other samples"),
        (Interval(-0.1, -0.2, -0.05, 20), "less than its own other samples lack: no loss of words"),
        (Interval(0.1, -0.2, 0.3, 20), "no difference can be seen (+0.100 [−0.200, 0.300])"),
    ],
)
def test_what_is_no_longer_said_is_what_the_base_itself_does_not_lack(beyond, words):
    parts = {"split": Interval(0.5, 0.4, 0.6, 20), "split - held_out": beyond,
             "chance - split": Interval(0.3, 0.2, 0.4, 20)}  # fmt: skip
    text = said(*parts_of("missing", "missing_from_reference", **parts))["missing"]
    assert "those of a lack 0.500 [0.400, 0.600] (20 prompts)" in text
    assert words in text
    assert text.endswith("; answers to other prompts lack 0.300 [0.200, 0.400] more.")


def gap(part, metric, value, low=None):
    low = value - 0.1 if low is None else low
    return Shift("recovered", part, metric, Interval(value, low, value + 0.1, 20))


def test_what_comes_back_is_said_of_each_strategy_and_nothing_where_0_is_within():
    text = said(gap("fixed", "cosine", 0.6), gap("fixed", "jaccard", 0.05, -0.1))["recovered"]
    assert text == (
        "In context, of the gap between the base's answers and the reference's, 60.0% [50.0%, "
        "70.0%] by meaning comes back with fixed, nothing can be seen to come back by words (5.0% "
        "[−10.0%, 15.0%]), on 20 prompts."
    )


def test_of_many_strategies_those_are_named_that_bring_back_most_and_no_peer():
    shifts = [gap(f"s{i}", "cosine", 0.1 * i) for i in range(2, 7)]
    text = said(*shifts, gap("zeroshot (peer)", "cosine", 0.9))["recovered"]
    assert "peer" not in text
    assert all(f"s{i}" in text for i in (4, 5, 6))
    assert "s2" not in text
    assert text.endswith("; 2 further bring back less.")


def test_a_pair_without_in_context_runs_has_what_stands_with_the_others():
    lacks = Shift("recovered", "in context", "cosine", UNDEFINED, "no in-context run: `add one`")
    found = said(lacks, others=[gap("fixed", "cosine", 0.6)])
    assert "60.0%" in found["recovered"]
    assert UNKNOWN not in found
    assert "what comes back in context (no in-context run: `add one`)" in said(lacks)[UNKNOWN]


def test_what_lacks_the_same_is_said_once_and_always_with_a_command():
    why = "no reference run in a: `overton score`"
    lacks = Shift("missing", "split", "missing_from_reference", UNDEFINED, why)
    found = said(lacks, rows=[FELL], gains=[Gain("what it covers", why=why)])[UNKNOWN]
    assert f"Not computed: what it covers and what of the base is no longer said ({why})." in found
    few = Shift("quality", "raw change", "semantic_diversity", UNDEFINED, "no prompt has enough")
    found = said(few, rows=[FELL])[UNKNOWN]
    assert "how much of it was bad answers (no prompt has enough: run `lm_eval" in found


def test_a_run_of_in_context_tasks_alone_is_asked_only_what_comes_back():
    assert list(said(gap("fixed", "cosine", 0.6))) == ["recovered"]


def test_every_topic_is_told_or_named_as_not_computed():
    bare = replace(made.finished(1, "a"), tasks={})
    pair = Pair("b", "a", (FELL,), ())
    texts = account(Compared((made.finished(0, "b"), bare), (pair,)), 0)
    unknown = " ".join(own.text for own in texts if own.topic == UNKNOWN)
    assert all(question in unknown for question in TOPICS.values())
    assert all("`" in own.text for own in texts if own.topic == UNKNOWN)


@given(st.floats(-2, 2), st.floats(0, 1), st.floats(0, 1), st.integers(0, 30))
def test_a_change_is_clear_only_where_its_interval_leaves_0_out(value, below, above, n):
    interval = Interval(value, value - below, value + above, n)
    if is_clear(interval):
        assert not interval.low <= 0 <= interval.high
    else:
        assert n < 6 or interval.low <= 0 <= interval.high


def test_made_runs_are_told_of_with_the_numbers_of_their_tables():
    compared = made.compared()
    texts = {own.topic: own.text for own in account(compared, 1)}
    shift = next(s for s in compared.pairs[1].shifts if s.part == "remaining")
    assert f"{abs(shift.value.estimate):.3f} [" in texts["quality"]
    found = next(r for r in compared.pairs[1].headline if r.metric == "semantic_diversity")
    assert f"{np.abs(found.paired.difference):.3f} [" in texts["change"]
