"""What changed by tag as tables: what is printed, what is stored, what is undefined."""

import csv
import io
import json

from lm_eval_overton.comparison import by_tag, compare
from lm_eval_overton.reporting.tables import as_json, as_markdown, by_tag_csv
from lm_eval_overton.reporting.tables.by_tag import COLUMNS
from tests.comparison.test_compare import run, task
from tests.comparison.test_tagged import tagged

HOSTILE = "=1+1 | <b>"


def compared(*tags):
    base = tagged(task(lexical_diversity=[0.5] * 8), *tags)
    return compare(run("base", base), [run("chat", task(lexical_diversity=[0.25] * 8))])


def two_tags():
    return compared(*[["all"]] * 6, *[["all", HOSTILE]] * 2)


def cells(line):
    return [cell.strip() for cell in line.strip("| ").split(" | ")]


def test_a_line_per_metric_and_tag_stands_after_the_main_table():
    found = two_tags()
    shown = as_markdown(found, by_tag(found))
    lines = shown[shown.index("### overton_diversity by tag") :].splitlines()
    assert cells(lines[2])[:5] == [
        "metric",
        "tag",
        "base [95 % interval]",
        "chat [95 % interval]",
        "difference [95 % interval]",
    ]
    # Eight equal signs: p = 2/256.
    assert [cells(line)[:2] + cells(line)[5:] for line in lines[4:6]] == [
        ["lexical_diversity ↑", "all", "0.008", "0.008", "", "8"],
        ["lexical_diversity ↑", r"=1+1 \| \<b\>", "", "", "", "2"],
    ]
    assert r"- overton_diversity: no test for fewer than 6 prompts in both runs: =1+1" in shown
    assert shown.index("### overton_diversity\n") < shown.index("by tag") < shown.index("Notes:")
    assert "by tag" not in as_markdown(found)


def test_where_no_prompt_has_a_tag_it_is_said_how_to_get_one():
    found = compared(*[None] * 8)
    assert 'No table by tag: no prompt has a tag: give prompts "tags":' in as_markdown(
        found, by_tag(found)
    )
    assert by_tag_csv(by_tag(found)) == ",".join(COLUMNS)


def test_what_is_stored_is_unrounded_and_undefined_is_empty():
    found = two_tags()
    pairs = by_tag(found)
    [stored] = json.loads(as_json(found, tagged=pairs))["by_tag"]
    assert [(row["tag"], row["difference"], row["p"], row["n"]) for row in stored["rows"]] == [
        ("all", -0.25, 2 / 256, 8),
        (HOSTILE, -0.25, None, 2),
    ]
    assert stored["notes"] == list(pairs[0].notes)
    rows = list(csv.DictReader(io.StringIO(by_tag_csv(pairs))))
    assert [(row["tag"], row["p"], row["p_holm"]) for row in rows] == [
        ("all", str(2 / 256), str(2 / 256)),
        # A spreadsheet takes it for no formula.
        (f"'{HOSTILE}", "", ""),
    ]
