"""Compared runs as a terminal shows them."""

from dataclasses import replace

import pytest

from lm_eval_overton.comparison import ByTag, Shift, TagRow
from lm_eval_overton.metrics.measures import REGISTRY
from lm_eval_overton.reporting.tables import as_brief
from lm_eval_overton.reporting.tables.brief import WIDTH
from lm_eval_overton.stats import Interval
from tests.reporting.tables.test_tables import LEXICAL, UNDEFINED, WORDS, cells, compared, lines

EAD = replace(LEXICAL, metric="ead_1", p_holm=0.5)
COVERAGE = replace(LEXICAL, task="overton_coverage", table="overton_coverage", metric="ead_2")
LONG = "a-run-with-a-name-that-is-longer-than-any-table-has-room-for"


def of_metrics(*names):
    return [replace(LEXICAL, metric=name) for name in names]


def test_a_metric_is_one_line_of_both_means_and_the_difference():
    shown = as_brief(compared(LEXICAL))
    assert cells(lines(shown, "| metric")[0]) == [
        "metric", "base", "chat", "difference", "p (Holm)", "n"
    ]  # fmt: skip
    assert cells(lines(shown, "| lexical")[0]) == [
        "lexical_diversity ↑", "0.910", "0.721", "-0.190 [-0.200, -0.180]", "<0.001", "50"
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("base", "run", "head"),
    [
        ("llama-2-base", "llama-2-chat", ["…a-2-base", "…a-2-chat"]),
        ("a-long-name-x-and-so-on", "a-long-name-y-and-so-on", ["base", "run"]),
        ("first-of-all", "second-of-all", ["first-of…", "second-o…"]),
        ("模型模型模型一", "模型模型模型二", ["…型模型一", "…型模型二"]),
    ],
)
def test_runs_whose_names_begin_alike_are_told_by_their_ends(base, run, head):
    [pair] = compared(LEXICAL).pairs
    shown = as_brief(replace(compared(LEXICAL), pairs=(replace(pair, base=base, run=run),)))
    assert cells(lines(shown, "| metric")[0])[1:3] == head


def test_the_main_task_and_its_headline_come_first():
    names = ["ead_1", "vendi", "ead_2", "self_bleu", "distinct_2", "compression_ratio"]
    rows = [COVERAGE, *of_metrics(*names, "lexical_diversity", "semantic_diversity"), WORDS]
    shown = as_brief(compared(*rows))
    assert lines(shown, "### ") == [
        "### overton_diversity",
        "### overton_coverage",
        "### What the samples are like",
    ]
    own = shown.split("### overton_coverage")[0]
    first = [cells(line)[0] for line in lines(own, "| ")[2:]]
    assert first == ["semantic_diversity ↑", "lexical_diversity ↑", "vendi ↑", "distinct_2 ↑",
                     "compression_ratio ↑"]  # fmt: skip


def test_what_else_differs_is_named_and_what_does_not_is_counted():
    few = of_metrics("semantic_diversity", "lexical_diversity", "distinct_k", "units_at_1_words",
                     "overton_index_words", "vendi")  # fmt: skip
    shown = as_brief(compared(*few, EAD, replace(WORDS, p_holm=0.5), UNDEFINED))
    assert "Metrics further: 2; p (Holm) is below 0.05 for vendi -0.190 [-0.200, -0.180]." in shown
    assert "Metrics in all: 1; no difference can be seen." in shown
    assert f"Undefined on every shared prompt: {UNDEFINED.metric}." in shown


def test_a_task_without_a_defined_metric_says_so_alone():
    none = replace(UNDEFINED, table="overton_diversity")
    assert "| metric" not in as_brief(compared(none))
    assert "Undefined on every shared prompt: cut_share." in as_brief(compared(none))


@pytest.mark.parametrize("run", [LONG, "漢字" * 20, "chat"])
def test_nothing_is_wider_than_a_terminal(run):
    far = Interval(-12345.678, -22345.678, -2345.678, 10_000)
    shifts = [
        Shift("quality", "change", "semantic_diversity", far, "a note of some words " * 12),
        Shift("missing", "split - held_out", max(REGISTRY, key=len) * 2, far),
        Shift("recovered", "in context", "jaccard", Interval(*[float("nan")] * 3, 0), "why " * 60),
    ]
    rows = [LEXICAL, *of_metrics(*REGISTRY), WORDS, UNDEFINED]
    whole = compared(*rows, shifts=shifts, notes=["some words and " * 20], run=run)
    tags = ByTag("base", run, tuple(TagRow("tag" * 20, row) for row in rows))
    for line in as_brief(whole, [tags]).splitlines():
        assert len(line) <= WIDTH or line.startswith("## "), line


def test_words_that_are_to_be_copied_stay_whole():
    command = "`overton judge " + "deep/" * 30 + "run --judge FILE`"
    shown = as_brief(compared(LEXICAL, notes=[f"complete it with {command} and so on"]))
    assert "deep/" * 30 + "run" in shown
