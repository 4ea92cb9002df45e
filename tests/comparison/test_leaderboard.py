"""Many runs in one table: order, ranks, refusals, and what the files of real runs give."""

import csv
import io
import json
import math
import re
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lm_eval_overton.comparison.leaderboard import find_runs, leaderboard
from lm_eval_overton.errors import DataError, SettingsError
from lm_eval_overton.harness.replay import score
from lm_eval_overton.metrics.formulas.lexical import jaccard_diversity
from lm_eval_overton.reporting.tables.leaderboard import as_csv, as_json, as_markdown
from lm_eval_overton.runs.finished import FinishedRun, Judging, TaskResult
from lm_eval_overton.runs.responses import read_responses
from lm_eval_overton.text.english import ENGLISH
from tests.released import FENCE, samples

TASK = "overton_diversity"
SIGNATURE = f"{TASK}@1|data:mine:1a2b|frame:chat|n:5|stop:none|lm_eval:0.4.13|v:0.1.0|temp:0.5"


def run(name, *, task=TASK, signature=SIGNATURE, ids=None, directions=None, **columns):
    """Return a run of one task; further keywords are metrics with one value per prompt."""
    values = {
        key: np.array([math.nan if v is None else v for v in own], dtype=float)
        for key, own in columns.items()
        if isinstance(own, list)
    }
    rest = {key: own for key, own in columns.items() if key not in values}
    ids = tuple(ids or (f"p{i}" for i in range(len(next(iter(values.values()))))))
    known = {"lexical_diversity": True, "compression_ratio": False, **(directions or {})}
    result = TaskResult(
        task,
        name,
        signature,
        ids,
        values,
        {k: known.get(k) for k in values},
        (),
        Path(name),
        **rest,
    )
    return FinishedRun(name, Path(name), {task: result})


def names_and_ranks(board):
    return [(row.run, row.rank) for row in board.rows]


# ------------------------------------------------------------------------------- order and ranks


def test_the_best_comes_first_with_its_mean_interval_and_count():
    low = run("low", lexical_diversity=[0.1, 0.2, 0.3] * 2 + [0.2])
    # The mean of .7, .8 and .9; the undefined prompt does not count.
    high = run("high", lexical_diversity=[0.7, 0.8, 0.9] * 2 + [None])
    board = leaderboard([low, high], "lexical_diversity")
    assert names_and_ranks(board) == [("high", 1), ("low", 2)]
    first = board.rows[0].score
    assert first.estimate == pytest.approx(0.8)
    assert first.n == 6
    assert 0.699 < first.low < 0.8 < first.high < 0.901


def test_a_row_that_cannot_be_told_from_the_row_above_shares_its_rank():
    a = run("a", lexical_diversity=[0.5, 0.6, 0.5, 0.6] * 2)
    # Paired differences to a: -.1, +.1, -.1, +.06; their interval contains 0.
    b = run("b", lexical_diversity=[0.6, 0.5, 0.6, 0.54] * 2)
    # Below b on every prompt.
    c = run("c", lexical_diversity=[0.1, 0.1, 0.2, 0.1] * 2)
    board = leaderboard([c, a, b], "lexical_diversity")
    # Means .56, .55 and .125.
    assert names_and_ranks(board) == [("b", 1), ("a", 1), ("c", 3)]


def test_a_row_says_how_it_differs_from_the_row_above():
    a = run("a", lexical_diversity=[0.5, 0.6, 0.5, 0.6] * 2)
    b = run("b", lexical_diversity=[0.6, 0.5, 0.6, 0.54] * 2)
    c = run("c", lexical_diversity=[0.1, 0.1, 0.2, None] * 2)
    board = leaderboard([c, a, b], "lexical_diversity")
    first, second, third = (row.above for row in board.rows)
    assert first is None
    # b less a: -.1, +.1, -.1, +.06, twice, turned.
    assert (second.difference, second.n) == (pytest.approx(0.01), 8)
    assert not second.is_clear
    # Without the prompts that c lacks .4, .5 and .3, twice.
    assert (third.difference, third.n) == (pytest.approx(0.4), 6)
    assert third.is_clear
    text = as_markdown(board)
    assert re.search(r"\| +1 \| a \|.*\| \+0\.010 \(-0\.\d+ to \+0\.\d+\) \|", text)
    assert "p is below 5 %): 1 of 2: a from c." in text
    assert "the runs define lexical_diversity on different prompts: scores are over each" in text
    records = json.loads(as_json(board))["rows"]
    assert [record["told_apart"] for record in records] == [None, False, True]
    assert [record["above_n"] for record in records] == [None, 8, 6]
    assert records[2]["above_low"] == third.ci_low > 0


def test_neighbours_of_different_rank_need_not_be_told_apart():
    # The first is better than the third for sure; the second is told from neither.
    first = run("first", lexical_diversity=[0.50, 0.51, 0.52] * 4)
    second = run("second", lexical_diversity=[0.30, 0.60, 0.59] * 4)
    third = run("third", lexical_diversity=[0.47, 0.48, 0.49] * 4)
    board = leaderboard([third, second, first], "lexical_diversity")
    assert names_and_ranks(board) == [("first", 1), ("second", 1), ("third", 2)]
    assert not board.rows[2].above.is_clear
    assert "p is below 5 %): 0 of 2." in as_markdown(board)


def test_where_lower_is_better_the_difference_from_the_row_above_is_below_zero():
    a, b = (run(n, compression_ratio=[2.0 + k, 3.0 + k] * 4) for n, k in (("a", 0), ("b", 1)))
    board = leaderboard([b, a], "compression_ratio")
    assert board.rows[1].above.difference == -1
    assert board.rows[1].above.is_clear


def test_one_row_has_no_neighbour():
    assert "Neighbours" not in as_markdown(leaderboard([run("a", x=[1.0])], "x"))


def test_prompts_are_paired_by_id_and_not_by_position():
    a = run("a", lexical_diversity=[0.1, 0.2, 0.4, 0.5, 0.6, 0.8], ids=[*"pqrstu"])
    # .1 above a for every prompt; by position the differences would be of both signs.
    b = run("b", lexical_diversity=[0.9, 0.7, 0.6, 0.5, 0.3, 0.2], ids=[*"utsrqp"])
    assert names_and_ranks(leaderboard([a, b], "lexical_diversity")) == [("b", 1), ("a", 2)]


def test_lower_comes_first_where_lower_is_better():
    a = run("a", compression_ratio=[3.0, 3.1, 3.2] * 2)
    b = run("b", compression_ratio=[2.0, 2.1, 2.2] * 2)
    board = leaderboard([a, b], "compression_ratio")
    assert names_and_ranks(board) == [("b", 1), ("a", 2)]
    assert board.rows[0].score.estimate == pytest.approx(2.1)
    assert "sorted by compression_ratio: lower is better." in as_markdown(board)


def test_the_highest_comes_first_where_neither_is_better():
    a = run("a", mean_words=[10.0, 11.0] * 3)
    b = run("b", mean_words=[20.0, 21.0] * 3)
    board = leaderboard([a, b], "mean_words")
    assert names_and_ranks(board) == [("b", 1), ("a", 2)]
    assert "neither direction is better, the highest comes first" in as_markdown(board)


def test_the_direction_is_that_of_any_run_that_knows_it():
    unknown = run("a", compression_ratio=[2.0, 2.1] * 3, directions={"compression_ratio": None})
    board = leaderboard([unknown, run("b", compression_ratio=[1.0, 1.1] * 3)], "compression_ratio")
    assert board.higher_is_better is False
    assert names_and_ranks(board) == [("b", 1), ("a", 2)]


def test_ranks_of_few_prompts_say_so():
    runs = [run(name, lexical_diversity=[i / 4] * 5) for i, name in enumerate("abc")]
    board = leaderboard(runs, "lexical_diversity")
    assert {row.rank for row in board.rows} == {1}
    assert "ranks need at least 6 prompts, there are 5" in " ".join(board.notes)
    [alone] = leaderboard(runs[:1], "lexical_diversity").rows
    assert alone.rank == 1


fractions = st.lists(st.floats(0, 1), min_size=4, max_size=4)


@settings(max_examples=25, deadline=None)
@given(st.lists(fractions, min_size=1, max_size=4), st.booleans())
def test_rows_are_in_order_and_ranks_never_fall(table, higher):
    runs = [run(f"r{i}", x=own, directions={"x": higher}) for i, own in enumerate(table)]
    board = leaderboard(runs, "x")
    scores = [row.score.estimate if higher else -row.score.estimate for row in board.rows]
    assert all(a >= b - 1e-12 for a, b in pairwise(scores))
    ranks = [row.rank for row in board.rows]
    # A rank is that of the row above, or the position.
    expected = [r in (i + 1, ranks[i - 1] if i else 1) for i, r in enumerate(ranks)]
    assert all(expected)
    assert sorted(row.run for row in board.rows) == [own.name for own in runs]


def test_the_interval_of_a_row_is_the_same_in_every_table_and_depends_on_the_seed():
    a = run("a", lexical_diversity=[0.21, 0.43, 0.64, 0.82, 0.11, 0.97, 0.35, 0.58])
    b = run("b", lexical_diversity=[0.9, 0.7, 0.5, 0.3, 0.9, 0.7, 0.5, 0.3])
    alone = leaderboard([a], "lexical_diversity").rows[0].score
    together = leaderboard([b, a], "lexical_diversity").rows
    assert {row.run: row.score for row in together}["a"] == alone
    assert leaderboard([a], "lexical_diversity", seed=1).rows[0].score != alone


# ------------------------------------------------------------------------------------- columns


def test_the_main_metrics_stand_beside_with_their_own_counts():
    a = run("a", lexical_diversity=[0.2, 0.4], semantic_diversity=[0.5, None], list_share=[0, 0])
    board = leaderboard([a, run("b", lexical_diversity=[0.1, 0.1])], "lexical_diversity")
    assert board.columns == ("semantic_diversity",)
    assert board.rows[0].beside == {"semantic_diversity": (0.5, 1)}
    assert math.isnan(board.rows[1].beside["semantic_diversity"][0])
    lines = as_markdown(board).splitlines()
    assert lines[4].split(" | ")[6] == "0.500 (1)"
    assert lines[5].split(" | ")[6] == ""
    assert "In brackets: the number of prompts, where it is not n." in lines


def test_a_task_of_unknown_metrics_shows_those_with_a_direction():
    directions = dict.fromkeys("abcd", True)
    columns = {name: [0.1, 0.2] for name in ("a", "plain", "b", "c", "d")}
    board = leaderboard([run("r", directions=directions, **columns)], "b")
    assert board.columns == ("a", "c", "d")


def test_the_frame_of_a_base_and_of_a_chat_model_may_differ_and_is_shown():
    base = SIGNATURE.replace("frame:chat", "frame:query-answer").replace("stop:none", "stop:fence")
    chat = SIGNATURE.replace("|n:5", "|system:9f8e|n:5")
    runs = [
        run("base", signature=base, lexical_diversity=[0.9, 0.8]),
        run("chat", signature=chat, lexical_diversity=[0.5, 0.4]),
    ]
    board = leaderboard(runs, "lexical_diversity")
    shown = [line.split(" | ")[-1] for line in as_markdown(board).splitlines()[4:6]]
    assert shown == ["query-answer stop:fence |", "chat stop:none system:9f8e |"]
    assert board.signature == f"{TASK}@1|data:mine:1a2b|n:5|lm_eval:0.4.13|v:0.1.0|temp:0.5"


def test_runs_without_the_metric_are_named_below_with_the_reason():
    runs = [
        run("a", lexical_diversity=[0.2, 0.4]),
        run("other", task="overton_coverage", coverage_at_1=[0.2, 0.4]),
        run("less", mean_words=[1.0, 2.0]),
        run("failed", lexical_diversity=[None, None]),
    ]
    board = leaderboard(runs, "lexical_diversity")
    assert [row.run for row in board.rows] == ["a"]
    assert (
        "Without lexical_diversity: other (no overton_diversity); less (not computed); "
        "failed (undefined for every prompt)."
    ) in as_markdown(board).splitlines()
    assert list(json.loads(as_json(board))["missing"]) == ["other", "less", "failed"]
    records = list(csv.DictReader(io.StringIO(as_csv(board))))
    assert [(r["run"], r["rank"], r["missing"]) for r in records][1:] == [
        ("other", "", "no overton_diversity"),
        ("less", "", "not computed"),
        ("failed", "", "undefined for every prompt"),
    ]


def test_a_metric_that_is_undefined_everywhere_leaves_no_row():
    board = leaderboard([run("a", lexical_diversity=[None])], "lexical_diversity")
    assert board.rows == ()
    assert "Without lexical_diversity: a (undefined for every prompt)." in as_markdown(board)


def test_alarms_and_unequal_prompts_are_noted():
    a = run("a", lexical_diversity=[0.2, 0.4], alarms=("all samples are identical",))
    b = run("b", lexical_diversity=[0.2, 0.4, 0.6])
    lines = as_markdown(leaderboard([a, b], "lexical_diversity")).splitlines()
    assert "Note: alarm of a: all samples are identical" in lines
    assert any(line.startswith("Note: the runs' prompts differ") for line in lines)


# ------------------------------------------------------------------------------------- refusals


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ("|n:5", "|n:10", r"n: 5 \(a\), 10 \(b\);"),
        ("temp:0.5", "temp:1", r"temp: 0\.5 \(a\), 1 \(b\);"),
        (f"{TASK}@1", f"{TASK}@2", rf"task: {TASK}@1 \(a\), {TASK}@2 \(b\);"),
        ("v:0.1.0", "v:0.2.0", r"v: 0\.1\.0 \(a\), 0\.2\.0 \(b\);"),
        ("lm_eval:0.4.13", "lm_eval:0.5", r"lm_eval: 0\.4\.13 \(a\), 0\.5 \(b\);"),
        ("|temp:0.5", "|temp:0.5|top_k:5", r"top_k: unset \(a\), 5 \(b\);"),
        ("data:mine:1a2b", "data:mine:3c4d", r"data: mine:1a2b \(a\), mine:3c4d \(b\);"),
    ],
)
def test_mixed_settings_are_refused_by_name(old, new, said):
    runs = [
        run("a", lexical_diversity=[0.2, 0.4]),
        run("b", signature=SIGNATURE.replace(old, new), lexical_diversity=[0.2, 0.4]),
    ]
    with pytest.raises(SettingsError, match=f"equal settings, got {said}") as caught:
        leaderboard(runs, "lexical_diversity")
    assert "\n" not in str(caught.value)
    assert "frame" not in str(caught.value)


@pytest.mark.parametrize(
    ("old", "new"),
    [
        # Recorded prompts are named after their file.
        ("data:mine:1a2b", "data:hers:1a2b"),
        # What is switched off, an API model does not get.
        ("|temp:0.5", "|temp:0.5|rep:1|top_k:0"),
        ("|lm_eval", "|api_seeds:auto|lm_eval"),
    ],
)
def test_settings_that_mean_the_same_stand_in_one_table(old, new):
    runs = [
        run("a", lexical_diversity=[0.2, 0.4] * 3),
        run("b", signature=SIGNATURE.replace(old, new), lexical_diversity=[0.3, 0.5] * 3),
    ]
    for both in (runs, runs[::-1]):
        board = leaderboard(both, "lexical_diversity")
        assert names_and_ranks(board) == [("b", 1), ("a", 2)]
        # Prompts go by their name in the first run.
        word = "data:hers:1a2b" if both[0].name == "b" and "hers" in new else "data:mine:1a2b"
        assert board.signature == f"{TASK}@1|{word}|n:5|lm_eval:0.4.13|v:0.1.0|temp:0.5"


def against(name, reference, **columns):
    return run(name, signature=f"{SIGNATURE}|reference:{reference}", **columns)


def test_another_reference_matters_only_to_what_is_measured_against_it():
    runs = [
        run("base", lexical_diversity=[0.9, 0.8]),
        against("sft", "aa", lexical_diversity=[0.5, 0.4], reference_coverage_at_1=[0.1, 0.2]),
        against("dpo", "bb", lexical_diversity=[0.3, 0.2], reference_coverage_at_1=[0.3, 0.4]),
    ]
    board = leaderboard(runs, "lexical_diversity")
    assert [row.run for row in board.rows] == ["base", "sft", "dpo"]
    assert "reference" not in board.signature
    with pytest.raises(SettingsError, match=r"got reference: aa \(sft\), bb \(dpo\);"):
        leaderboard(runs, "reference_coverage_at_1")
    assert len(leaderboard(runs[:2], "reference_coverage_at_1").rows) == 1


@pytest.mark.parametrize(
    "metric", ["missing_from_reference", "reference_coverage_at_1", "reference_samples_worth"]
)
def test_a_run_that_is_its_own_reference_has_no_rank(metric):
    def measured(name, at_n):
        columns = {
            "reference_coverage_at_n": [at_n, None, at_n],
            "missing_from_reference": [1 - at_n, None, 1 - at_n],
            "missing_from_reference_chance": [0.9, 0.9, 0.9],
            "reference_coverage_at_1": [0.2, 0.3, 0.2],
            "reference_samples_worth": [2, 3, 2],
        }
        return against(name, "aa", directions={"missing_from_reference": False}, **columns)

    runs = [measured("base", 1.0), measured("sft", 0.5), measured("dpo", 0.7)]
    board = leaderboard(runs, metric)
    assert {row.run for row in board.rows} == {"sft", "dpo"}
    assert board.missing == {"base": "its own reference"}
    # Answers to other prompts are no samples of the pool.
    assert len(leaderboard(runs, "missing_from_reference_chance").rows) == 3


def test_similarities_to_different_references_are_not_shown_together():
    icl = "overton_icl_fixed"
    columns = {"jaccard": [0.1, 0.2], "mean_words": [3.0, 4.0], "p_both": [0.1, 0.2]}
    columns = {key: own * 3 for key, own in columns.items()}
    runs = [
        run(name, task=icl, signature=f"{SIGNATURE}|reference:{of}", **columns)
        for name, of in (("a", "aa"), ("b", "bb"))
    ]
    board = leaderboard(runs, "mean_words")
    assert board.columns == ("p_both",)
    assert board.notes == ("left out, because the runs' references differ: jaccard",)
    with pytest.raises(SettingsError, match=r"reference: aa \(a\), bb \(b\);"):
        leaderboard(runs, "jaccard")


def test_many_names_are_cut_short():
    other = SIGNATURE.replace("n:5", "n:10")
    runs = [run(f"r{i}", lexical_diversity=[0.2, 0.4]) for i in range(5)]
    with pytest.raises(SettingsError, match=r"n: 5 \(r0, r1, r2 and 2 more\), 10 \(x\)"):
        leaderboard(
            [*runs, run("x", signature=other, lexical_diversity=[0.1, 0.2])], "lexical_diversity"
        )


def test_a_run_of_other_settings_without_the_metric_does_not_stand_in_the_way():
    other = run("b", signature=SIGNATURE.replace("n:5", "n:9"), mean_words=[3.0])
    board = leaderboard([run("a", lexical_diversity=[0.2]), other], "lexical_diversity")
    assert board.missing == {"b": "not computed"}


def judged(name, signature, **columns):
    counts = {"quality": {"parsed": 8, "refused": 1, "failed": 1}, "topics": {"failed": 9}}
    judge = Judging(signature, counts)
    return run(name, judge=judge, judged=frozenset({"helpfulness"}), **columns)


def test_a_judged_metric_needs_one_judge():
    a = judged("a", "judge:one", helpfulness=[3.0, 4.0] * 3, lexical_diversity=[0.1, 0.2] * 3)
    b = judged("b", "judge:two", helpfulness=[3.0, 4.0] * 3, lexical_diversity=[0.1, 0.2] * 3)
    with pytest.raises(SettingsError, match=r"judge: judge:one \(a\), judge:two \(b\);"):
        leaderboard([a, b], "helpfulness")
    # Another metric of the same runs does not rest on the judge.
    board = leaderboard([a, b], "lexical_diversity")
    assert len(board.rows) == 2
    assert board.columns == ()
    assert board.notes == ("left out, because the runs' judges differ: helpfulness",)


def test_a_judged_score_has_its_verdicts_and_bounds_beside_it():
    a = judged("a", "judge:one", helpfulness=[3.0, 4.0], bounds={"helpfulness": (3.0, 3.75)})
    # Judged before bounds were kept.
    b = judged("b", "judge:one", helpfulness=[2.0, 2.0])
    board = leaderboard([a, b], "helpfulness")
    # 8 of 8 + 1 + 1; it does not rest on topics.
    assert board.rows[0].verdicts == (8, 10)
    assert (board.rows[0].bounds, board.rows[1].bounds) == ((3.0, 3.75), None)
    first, second = [line for line in as_markdown(board).splitlines() if "| 8 of 10 |" in line]
    assert "| 8 of 10 | 3.000 to 3.750 |" in first
    assert "| 8 of 10 |  |" in second
    assert "if all missing verdicts were the worst, or the best." in as_markdown(board)
    assert as_markdown(board).endswith("Judge: judge:one")
    rows = json.loads(as_json(board))["rows"]
    assert [(row["worst"], row["best"]) for row in rows] == [(3.0, 3.75), (None, None)]


def test_bounds_of_another_metric_are_not_shown():
    own = {"bounds": {"helpfulness": (3.0, 3.75)}, "judged": frozenset({"helpfulness"})}
    board = leaderboard([run("a", lexical_diversity=[0.5], **own)], "lexical_diversity")
    assert board.rows[0].bounds is None
    assert "worst" not in as_markdown(board)


def test_a_metric_of_two_tasks_needs_the_task():
    runs = [
        run("a", task="overton_icl_fixed", jaccard=[0.1, 0.2]),
        run("b", task="overton_icl_knn", jaccard=[0.3, 0.4]),
    ]
    with pytest.raises(SettingsError, match="got overton_icl_fixed, overton_icl_knn; choose"):
        leaderboard(runs, "jaccard")
    board = leaderboard(runs, "jaccard", "overton_icl_knn")
    assert [row.run for row in board.rows] == ["b"]


@pytest.mark.parametrize(
    ("metric", "task", "said"),
    [
        ("nope", None, "expected a task with the metric 'nope', got results of overton_diversity"),
        ("nope", TASK, "expected a metric of overton_diversity, got 'nope'; there are mean_words"),
        ("mean_words", "overton_x", "expected runs of overton_x, got results of overton_diversity"),
    ],
)
def test_a_metric_that_no_run_has(metric, task, said):
    with pytest.raises(SettingsError, match=said):
        leaderboard([run("a", mean_words=[1.0])], metric, task)


def test_two_runs_of_one_name():
    with pytest.raises(SettingsError, match="different names, got a twice"):
        leaderboard([run("a", x=[1.0]), run("a", x=[2.0])], "x")


# --------------------------------------------------------------------------------------- output


def test_json_and_csv_are_unrounded_and_undefined_is_null_or_empty():
    # A single prompt has no interval.
    board = leaderboard([run("a", lexical_diversity=[1 / 3])], "lexical_diversity")
    record = json.loads(as_json(board), parse_constant=pytest.fail)["rows"][0]
    assert (record["score"], record["ci_low"], record["system"]) == (1 / 3, None, None)
    [row] = csv.DictReader(io.StringIO(as_csv(board)))
    assert (float(row["score"]), row["ci_low"], row["n"], row["frame"]) == (1 / 3, "", "1", "chat")


def test_a_name_cannot_break_the_table():
    board = leaderboard([run("a|b\nc", lexical_diversity=[0.1, 0.2])], "lexical_diversity")
    lines = as_markdown(board).splitlines()
    assert lines[4].startswith("| 1 | a\\|b c | 0.150 |")


def test_a_text_of_a_run_cannot_add_lines_or_markup_below_the_table():
    runs = [
        run("a", lexical_diversity=[0.1, 0.2], alarms=("one\nSignature: <b>",)),
        run("x\n<script>", mean_words=[1.0]),
    ]
    lines = as_markdown(leaderboard(runs, "lexical_diversity")).splitlines()
    assert "Without lexical_diversity: x \\<script\\> (not computed)." in lines
    assert "Note: alarm of a: one Signature: \\<b\\>" in lines
    assert sum(line.startswith("Signature:") for line in lines) == 1


def test_what_rounds_to_zero_has_no_sign():
    board = leaderboard([run("a", gap=[-0.0001, -0.0002])], "gap")
    assert "| a | 0.000 | 0.000 to 0.000 |" in as_markdown(board)


# ---------------------------------------------------------------------------------- from files

PLAIN = ["The ants walk home.", "The ants run home.", "Bees fly away."]
SAME = ["Ants walk home.", "Ants walk home.", "Ants walk home."]


def scored(folder, name, responses, n=3, **metadata):
    """Score responses to six prompts as the command does; the results go into the folder."""
    folder.mkdir(parents=True, exist_ok=True)
    prompts, source = folder / "prompts.jsonl", folder / "responses.jsonl"
    rows = [{"prompt": f"Question {i}?"} for i in range(6)]
    prompts.write_text("".join(json.dumps(row) + "\n" for row in rows))
    source.write_text("".join(json.dumps({**row, "responses": responses}) + "\n" for row in rows))
    score(
        read_responses(source, TASK),
        TASK,
        prompts=str(prompts),
        metadata={"n_samples": n, **metadata},
        only={"lexical_diversity", "mean_words"},
        output=folder,
        name=name,
    )


@pytest.mark.run
def test_results_files_of_real_runs_become_a_table(tmp_path, monkeypatch):
    monkeypatch.setenv("OVERTON_CACHE_DIR", str(tmp_path / "cache"))
    top = tmp_path / "runs"
    scored(top, "plain", PLAIN)
    scored(top, "same", SAME)
    # Another folder with a model of the same name, and results of somebody else's task.
    scored(top / "again", "same", PLAIN)
    (top / "mmlu").mkdir()
    (top / "mmlu" / "results_2026.json").write_text('{"configs": {"mmlu": {"metadata": {}}}}')
    runs = find_runs(top)
    assert [own.name for own in runs] == ["same (again/same)", "plain", "same (same)"]
    board = leaderboard(runs, "lexical_diversity")
    # Jaccard of {The, ants, walk, home} and {The, ants, run, home} is 3/5, of the others 0.
    assert board.rows[0].score.estimate == pytest.approx(1 - (3 / 5) / 3)
    assert names_and_ranks(board) == [("same (again/same)", 1), ("plain", 1), ("same (same)", 3)]
    assert board.rows[-1].score.estimate == 0.0

    # The newest result counts.
    scored(top, "same", PLAIN)
    newest = {own.name: own for own in find_runs(top)}["same (same)"]
    assert newest.tasks[TASK].values["lexical_diversity"].tolist() == pytest.approx([0.8] * 6)

    scored(top / "other", "two", PLAIN, n=2)
    with pytest.raises(SettingsError, match=r"n: 3 \(.*\), 2 \(two\)"):
        leaderboard(find_runs(top), "lexical_diversity")


@pytest.mark.run
def test_each_model_of_one_folder_has_its_own_judgements(tmp_path, monkeypatch):
    monkeypatch.setenv("OVERTON_CACHE_DIR", str(tmp_path / "cache"))
    top = tmp_path / "runs"
    for name, helpful in (("plain", 4.0), ("same", 2.0)):
        scored(top, name, PLAIN)
        folder = top / name
        [path] = folder.glob("results_*.json")
        content = json.loads(path.read_text())
        report = content["configs"][TASK]["metadata"]["overton"]
        ids = json.loads(report["values"]["prompts"])
        # Both gave the same responses; their judgements lie in one folder, under one time's names.
        content["results"][TASK] |= {"helpfulness_worst,none": 1.0, "helpfulness_best,none": 4.5}
        values = {"prompts": json.dumps(ids), "helpfulness": json.dumps([helpful] * len(ids))}
        report |= {"values": values, "judge": {"signature": "j", "metrics": ["helpfulness"]}}
        stamp = path.stem.rpartition("_")[2]
        path.rename(top / path.name)
        (top / f"judged_{TASK}_{stamp}.json").write_text(json.dumps(content))
    board = leaderboard(find_runs(top), "helpfulness")
    assert [(row.run, row.score.estimate) for row in board.rows] == [("plain", 4.0), ("same", 2.0)]
    assert {row.bounds for row in board.rows} == {(1.0, 4.5)}


@pytest.mark.run
def test_a_real_run_with_a_reference_stands_beside_its_reference(tmp_path, monkeypatch):
    monkeypatch.setenv("OVERTON_CACHE_DIR", str(tmp_path / "cache"))
    top = tmp_path / "runs"
    scored(top, "base", PLAIN)
    base = tmp_path / "base.jsonl"
    base.write_bytes((top / "responses.jsonl").read_bytes())
    scored(top, "chat", SAME, reference_run=str(base))
    runs = find_runs(top)
    signatures = [own.tasks[TASK].signature for own in runs]
    assert ["reference:" in signature for signature in signatures] == [False, True]
    board = leaderboard(runs, "lexical_diversity")
    # As above: 1 - (3/5)/3, and three equal samples.
    assert [row.score.estimate for row in board.rows] == pytest.approx([0.8, 0.0])
    assert names_and_ranks(board) == [("base", 1), ("chat", 2)]


def test_a_folder_without_results(tmp_path):
    with pytest.raises(DataError, match=r"expected results_\*\.json at any depth, got none"):
        find_runs(tmp_path)
    (tmp_path / "results_1.json").write_text('{"configs": {}}')
    with pytest.raises(DataError, match="expected results of an overton task, got those of other"):
        find_runs(tmp_path)


NOT_USABLE = {
    "broken": '{"configs": {"overton_diversity"',
    "foreign": '{"exact_match": 0.5}',
    "old": '{"configs": {"overton_diversity": {"metadata": {"n_samples": 5}}}}',
    "answers": '{"configs": {"overton_diversity": {"metric_list": [{"metric": "bypass"}]}}}',
}


@pytest.mark.parametrize("content", NOT_USABLE.values(), ids=NOT_USABLE)
def test_a_file_that_cannot_be_used_costs_no_other_run(tmp_path, monkeypatch, caplog, content):
    monkeypatch.setenv("OVERTON_CACHE_DIR", str(tmp_path / "cache"))
    top = tmp_path / "runs"
    scored(top, "plain", PLAIN)
    names = ["results_2027-01-01T00-00-00.000000.json", "results_1.json"]
    bad = [top / "plain" / name for name in names] + [top / "chat" / name for name in names]
    for path in bad:
        path.parent.mkdir(exist_ok=True)
        path.write_text(content)
    caplog.clear()
    assert [own.name for own in find_runs(top)] == ["plain"]
    assert all(line.startswith("passed over: ") for line in caplog.messages)
    assert [sum(str(path) in line for line in caplog.messages) for path in bad] == [1, 1, 1, 1]
    with pytest.raises(DataError, match=r"2 that cannot be used, first .*results_2027"):
        find_runs(top / "chat")


def test_runs_under_names_of_ones_own_stand_beside_each_other_and_hidden_copies_do_not(
    tmp_path, monkeypatch
):
    monkeypatch.setenv("OVERTON_CACHE_DIR", str(tmp_path / "cache"))
    top = tmp_path / "runs"
    for name in ("plain", "same"):
        scored(top, name, PLAIN)
        [path] = (top / name).glob("results_*.json")
        hidden = top / ".ipynb_checkpoints" / f"{path.stem}-checkpoint.json"
        hidden.parent.mkdir(exist_ok=True)
        hidden.write_bytes(path.read_bytes())
        # As `lm_eval -o runs/NAME.json` calls it.
        path.rename(top / f"{name}_{path.stem.rpartition('_')[2]}.json")
    assert [own.name for own in find_runs(top)] == ["plain", "same"]


@pytest.mark.paper_data
def test_the_released_models_stand_in_the_papers_order():
    def released(model, stops):
        own = [
            jaccard_diversity(
                [ENGLISH.content_words(s.text) for s in prompt if s.status == "valid"]
            )
            for prompt in samples(model, stops)
        ]
        return run(model, lexical_diversity=own)

    board = leaderboard(
        [
            released("gpt-3.5-turbo", ()),
            released("llama-2-chat", ()),
            released("llama-2-icl-chat-summary", FENCE),
            released("llama-2-base", FENCE),
        ],
        "lexical_diversity",
    )
    # One minus the mean pairwise Jaccard of the paper's table.
    expected = {
        "llama-2-base": 1 - 0.0896970,
        "llama-2-icl-chat-summary": 1 - 0.2461125,
        "llama-2-chat": 1 - 0.2791760,
        "gpt-3.5-turbo": 1 - 0.2939643,
    }
    assert [row.run for row in board.rows] == list(expected)
    for row in board.rows:
        assert row.score.estimate == pytest.approx(expected[row.run], abs=1e-6)
    assert [row.rank for row in board.rows][:2] == [1, 2]


def test_a_redefined_metric_matters_to_itself_alone():
    columns = {"lexical_diversity": [0.4, 0.5], "degenerate_share": [0.0, 0.5]}
    runs = [
        run("old", **columns),
        run("new", signature=f"{SIGNATURE}|metrics:degenerate_share-2", **columns),
    ]
    board = leaderboard(runs, "lexical_diversity")
    assert [row.run for row in board.rows] == ["old", "new"]
    assert "degenerate_share" not in board.columns
    assert "left out, because the runs' definitions differ: degenerate_share" in board.notes
    with pytest.raises(SettingsError, match="metrics: "):
        leaderboard(runs, "degenerate_share")


def test_noise_stands_beside_the_metric_that_sorts():
    board = leaderboard([run("a", jaccard=[0.5, 0.6], degenerate_share=[0.0, 1.0])], "jaccard")
    assert "degenerate_share" in board.columns
