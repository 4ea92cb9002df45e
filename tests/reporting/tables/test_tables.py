"""Compared runs as tables: what is printed, what is stored, what is undefined."""

import csv
import io
import json
import math
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from lm_eval_overton.comparison import Compared, Homogeneity, Pair, Row, Shift, compare
from lm_eval_overton.comparison.homogeneity import Mixing
from lm_eval_overton.errors import SettingsError
from lm_eval_overton.reporting.tables import (
    as_csv,
    as_json,
    as_markdown,
    frames,
    homogeneity_csv,
    homogeneity_markdown,
)
from lm_eval_overton.reporting.tables.cells import csv_text, table, text
from lm_eval_overton.runs.finished import FinishedRun, Judging, TaskResult
from lm_eval_overton.stats import Comparison, Interval

NAN = math.nan
NOTHING = Interval(NAN, NAN, NAN, 0)
TASK = "overton_diversity"

LEXICAL = Row(
    TASK,
    "lexical_diversity",
    True,
    Interval(0.9103, 0.9, 0.92, 50),
    Interval(0.72084, 0.70, 0.73, 50),
    Comparison(0.72, 0.91, -0.1895, -0.2, -0.18, 0.0001, 0.0123, 50),
    0.0002,
    TASK,
)
ONE_PROMPT = Row(
    TASK,
    "vendi",
    None,
    Interval(2.0, NAN, NAN, 1),
    NOTHING,
    Comparison(2.0, 2.0, 0.0, NAN, NAN, 1.0, NAN, 1),
    1.0,
    TASK,
)
SAMPLES = "What the samples are like"
UNDEFINED = Row(TASK, "cut_share", False, NOTHING, NOTHING, Comparison(*[NAN] * 7, 0), NAN, SAMPLES)
WORDS = replace(LEXICAL, metric="mean_words", higher_is_better=None, table=SAMPLES)
SHIFTS = (
    Shift("quality", "raw change", "lexical_diversity", NOTHING, "no judge: `overton judge a`"),
    Shift("quality", "remaining", "lexical_diversity", NOTHING, "no judge: `overton judge a`"),
    Shift("quality", "remaining", "semantic_diversity", NOTHING, "no judge: `overton judge a`"),
    Shift("aggregation", "change", "units_at_1_words", Interval(153.6, 140.0, 160.0, 49)),
    Shift("missing", "split", "missing_from_reference", Interval(0.5, 0.4, 0.6, 49), "against a"),
    Shift("missing", "chance - split", "missing_from_reference", Interval(0.3, 0.2, 0.4, 49)),
    Shift("recovered", "fixed (icl)", "jaccard", Interval(0.42, 0.39, 0.45, 50), "floor: a"),
    Shift("recovered", "knn (icl)", "cosine", NOTHING, "no floor"),
)


def finished(name):
    own = TaskResult(
        task=TASK,
        model=f"org/{name}",
        signature=f"{TASK}@1|n:5",
        ids=("p", "q"),
        values={"m": np.array([1.0, 2.0])},
        higher_is_better={"m": True},
        details=({}, {}),
        path=Path(f"{name}/results_x.json"),
        alarms=("same seed",),
        judge=Judging("quality@1"),
        bounds={"helpfulness": (2.5, 3.5), "depth": (NAN, NAN)},
    )
    return FinishedRun(name, Path("runs") / name, {TASK: own})


def compared(*rows, shifts=(), notes=(), run="chat"):
    pair = Pair("base", run, rows, tuple(shifts), tuple(notes))
    return Compared((finished("base"), finished(run)), (pair,))


def lines(markdown, begin):
    return [line for line in markdown.splitlines() if line.startswith(begin)]


# ------------------------------------------------------------------------------------ Markdown


def cells(line):
    return [cell.strip() for cell in line.strip("| ").split(" | ")]


def test_a_metric_is_one_line_with_three_digits():
    markdown = as_markdown(compared(LEXICAL))
    assert markdown.startswith("## chat against base\n\nNot computed: what changed between")
    assert "\n\n### overton_diversity\n\n| metric" in markdown
    [head] = lines(markdown, "| metric")
    assert cells(head) == [
        "metric",
        "base [95 % interval]",
        "chat [95 % interval]",
        "difference [95 % interval]",
        "p",
        "p (Holm)",
        "detectable",
        "n",
    ]
    [line] = lines(markdown, "| lexical")
    assert cells(line) == [
        "lexical_diversity ↑",
        "0.910 [0.900, 0.920]",
        "0.721 [0.700, 0.730]",
        "-0.190 [-0.200, -0.180]",
        "<0.001",
        "<0.001",
        "0.012",
        "50",
    ]


def test_undefined_is_empty_and_never_zero():
    markdown = as_markdown(compared(ONE_PROMPT))
    [vendi] = lines(markdown, "| vendi")
    assert [cell.strip() for cell in vendi.split("|")[1:-1]] == [
        "vendi",
        "2.000",
        "",
        "0.000",
        "1.000",
        "1.000",
        "",
        "1",
    ]
    assert "nan" not in markdown


def test_what_no_shared_prompt_defines_is_one_line_below_its_table():
    none = replace(UNDEFINED, metric="unparsed_rate")
    markdown = as_markdown(compared(LEXICAL, WORDS, UNDEFINED, none))
    _, samples = markdown.split("### What the samples are like")
    assert lines(samples, "| mean_words")
    assert not lines(markdown, "| cut_share")
    assert "|\n\nUndefined on every shared prompt: cut_share, unparsed_rate.\n\n" in samples
    # Without any other there is no table at all.
    alone = as_markdown(compared(LEXICAL, UNDEFINED)).split("### What the samples are like")[1]
    assert alone.startswith("\n\nUndefined on every shared prompt: cut_share.\n\nDifferences are")


def test_the_columns_of_a_table_are_aligned():
    table = lines(as_markdown(compared(LEXICAL, ONE_PROMPT)), "|")
    assert len({len(line) for line in table}) == 1
    assert table[1].startswith("| ---")
    assert table[1].endswith("-: |")


def test_each_task_has_a_table_and_the_samples_of_all_have_the_last():
    other = replace(LEXICAL, task="overton_coverage", table="overton_coverage")
    words = replace(WORDS, task="overton_coverage")
    markdown = as_markdown(compared(LEXICAL, other, WORDS, words))
    assert lines(markdown, "### ") == [
        "### overton_diversity",
        "### overton_coverage",
        "### What the samples are like",
    ]
    assert len(lines(markdown, "| lexical_diversity ↑")) == 2
    # One table for several tasks: there the metric alone would say too little.
    assert lines(markdown, "| overton_diversity.mean_words ")
    assert lines(markdown, "| overton_coverage.mean_words ")
    assert markdown.count("p (Holm) is corrected for all metrics of its table") == 1


def test_what_could_not_be_computed_is_one_line_for_each_reason():
    markdown = as_markdown(compared(LEXICAL, shifts=SHIFTS))
    quality, rest = markdown.split("### Explained by quality control")[1].split("### Aggregation")
    assert quality.strip() == (
        "Not computed:\n\n- lexical_diversity, semantic_diversity: no judge: `overton judge a`"
    )
    aggregation, rest = rest.split("### Missing from the reference run")
    assert cells(lines(aggregation, "| change")[0]) == [
        "change",
        "units_at_1_words",
        "+153.600 [+140.000, +160.000]",
        "49",
    ]
    assert "note" not in aggregation
    missing, recovered = rest.split("### Recovered in context")
    assert cells(lines(missing, "| split")[0])[2:] == ["0.500 [0.400, 0.600]", "49", "against a"]
    assert "+0.300 [+0.200, +0.400]" in lines(missing, "| chance - split")[0]
    assert cells(lines(recovered, "| fixed (icl)")[0])[1:3] == ["jaccard", "0.420 [0.390, 0.450]"]
    assert "- knn (icl) cosine: no floor" in recovered


def test_notes_come_last():
    markdown = as_markdown(compared(LEXICAL, notes=["frame differs", "two\nlines"]))
    assert markdown.endswith("Notes:\n\n- frame differs\n- two lines")


def test_a_name_cannot_break_the_table():
    markdown = as_markdown(compared(LEXICAL, run="a|b\n<script>"))
    assert markdown.startswith(r"## a\|b \<script\> against base")
    assert r"| a\|b \<script\> [95 % interval] |" in markdown


def test_a_note_cannot_break_the_document():
    markdown = as_markdown(compared(LEXICAL, notes=["alarm in <script>: a|b"]))
    assert markdown.endswith(r"- alarm in \<script\>: a\|b")


def test_a_table_is_aligned_and_loose_columns_are_not():
    # The widest cell has 3 characters, so has the shortest rule.
    assert table(["a", "n", "note"], [["x", "10", "long text"]], left=[0, 2], loose=[2]) == (
        "| a   |   n | note |\n| --- | --: | --- |\n| x   |  10 | long text |"
    )


def test_every_run_has_a_section_in_the_order_given():
    both = Compared((), tuple(Pair("base", name, (LEXICAL,), ()) for name in ("sft", "dpo", "rl")))
    assert lines(as_markdown(both), "## ") == [
        "## sft against base",
        "## dpo against base",
        "## rl against base",
    ]


def test_what_rounds_to_zero_has_no_sign():
    tiny = Shift("aggregation", "change", "m", Interval(-0.0001, -0.0004, 0.0004, 9))
    assert "0.000 [0.000, 0.000]" in as_markdown(compared(shifts=[tiny]))
    assert "-0.000" not in as_markdown(compared(shifts=[tiny]))


def test_of_the_shifts_differences_alone_have_a_sign():
    value = Interval(0.5, 0.4, 0.6, 9)
    parts = [
        ("quality", "remaining"),
        ("aggregation", "change"),
        ("aggregation", "ceiling over all runs"),
        ("missing", "split"),
        ("missing", "chance - split"),
    ]
    text = as_markdown(compared(shifts=[Shift(*part, "m", value) for part in parts]))
    signs = [line.split("|")[3].strip()[0] for line in text.splitlines() if "0.600]" in line]
    assert signs == ["+", "+", "0", "0", "+"]


ONE, ACROSS = Interval(0.75, 0.5, 1.0, 7), Interval(0.25, NAN, NAN, 7)
NO_PROMPT = Interval(NAN, NAN, NAN, 0)
ALIKE = Homogeneity(
    runs=("a", "b"),
    likeness="words",
    about="Jaccard of content words",
    cells=((ONE, ACROSS), (ACROSS, ONE)),
    collapse=((Interval(0.0, 0.0, 0.0, 7), ACROSS), (ACROSS, ONE)),
    mixing=(Mixing(ONE, 0.6), Mixing(NO_PROMPT, NAN)),
    overall=Mixing(ACROSS, 0.5),
    shared=((ONE, ACROSS), (NO_PROMPT, ONE)),
    notes=("b: a | note",),
)


def lines_below(text, title):
    """The cells of the lines of the table below a title."""
    below = text.partition(title)[2].partition("\n\n")[2].partition("\n\n")[0]
    return [[cell.strip() for cell in line[2:-2].split(" | ")] for line in below.splitlines()[2:]]


def test_alike_runs_are_a_symmetric_table():
    text = homogeneity_markdown(ALIKE)
    assert text.startswith("## How alike the samples are\n\n| samples of |")
    assert lines_below(text, "## How alike") == [
        ["a", "0.750 [0.500, 1.000]", "0.250"],
        ["b", "0.250", "0.750 [0.500, 1.000]"],
    ]
    assert "\n\nMean Jaccard of content words; prompts: 7.\n\n" in text


def test_what_belongs_to_alike_runs_stands_below():
    text = homogeneity_markdown(ALIKE)
    assert lines_below(text, "### Collapse: ") == [
        ["a", "0.000 [0.000, 0.000]", "+0.250"],
        ["b", "+0.250", "+0.750 [+0.500, +1.000]"],
    ]
    assert lines_below(text, "### Source mixing: ") == [
        ["a", "0.750 [0.500, 1.000]", "0.600"],
        ["b", "", ""],
        ["all runs", "0.250", "0.500"],
    ]
    assert lines_below(text, "### Shared 8-grams: ") == [
        ["a", "0.750 [0.500, 1.000]", "0.250"],
        ["b", "", "0.750 [0.500, 1.000]"],
    ]
    assert text.endswith("\n\nNotes:\n\n- b: a \\| note")


def test_alike_runs_are_stored_once_per_pair():
    stored = json.loads(as_json(compared(LEXICAL), ALIKE), parse_constant=pytest.fail)
    assert [list(record.values()) for record in stored["homogeneity"]] == [
        ["a", "a", 0.75, 0.5, 1.0, 7],
        ["a", "b", 0.25, None, None, 7],
        ["b", "b", 0.75, 0.5, 1.0, 7],
    ]
    assert homogeneity_csv(ALIKE, "homogeneity").splitlines()[:3] == [
        "run,other,similarity,low,high,n",
        "a,a,0.75,0.5,1.0,7",
        "a,b,0.25,,,7",
    ]
    assert "homogeneity" not in json.loads(as_json(compared(LEXICAL)))


def test_what_belongs_to_alike_runs_is_stored_beside_them():
    stored = json.loads(as_json(compared(LEXICAL), ALIKE), parse_constant=pytest.fail)
    assert stored["similarity"] == {
        "name": "words",
        "mean_of": "Jaccard of content words",
        "notes": ["b: a | note"],
    }
    assert [record["run"] for record in stored["source_mixing"]] == ["a", "b", None]
    assert list(stored["source_mixing"][0].values()) == ["a", 0.75, 0.5, 1.0, 7, 0.6]
    assert homogeneity_csv(ALIKE, "source_mixing").splitlines()[1:] == [
        "a,0.75,0.5,1.0,7,0.6",
        "b,,,,0,",
        ",0.25,,,7,0.5",
    ]
    # Shares of one run's samples in another's are not symmetric.
    pairs = [(own["run"], own["other"], own["shared_ngrams"]) for own in stored["shared_ngrams"]]
    assert pairs == [("a", "a", 0.75), ("a", "b", 0.25), ("b", "a", None), ("b", "b", 0.75)]
    assert [own["collapse"] for own in stored["collapse"]] == [0.0, 0.25, 0.75]


# ------------------------------------------------------------------------------------ stored


def test_json_is_unrounded_with_null_for_undefined():
    whole = json.loads(
        as_json(compared(LEXICAL, UNDEFINED, shifts=SHIFTS, notes=["n"])),
        parse_constant=pytest.fail,
    )
    [pair] = whole["pairs"]
    assert (whole["base"], pair["base"], pair["run"], pair["notes"]) == (
        "base",
        "base",
        "chat",
        ["n"],
    )
    lexical, undefined = pair["rows"]
    assert lexical == {
        "base": "base",
        "run": "chat",
        "table": TASK,
        "task": TASK,
        "metric": "lexical_diversity",
        "higher_is_better": True,
        "base_mean": 0.9103,
        "base_low": 0.9,
        "base_high": 0.92,
        "base_n": 50,
        "run_mean": 0.72084,
        "run_low": 0.7,
        "run_high": 0.73,
        "run_n": 50,
        "difference": -0.1895,
        "difference_low": -0.2,
        "difference_high": -0.18,
        "p": 0.0001,
        "p_holm": 0.0002,
        "detectable": 0.0123,
        "n": 50,
        "seeds": 1,
        **dict.fromkeys(("seeds_sd", "seeds_low", "seeds_high", "prompts_low", "prompts_high")),
    }
    assert (undefined["difference"], undefined["p_holm"], undefined["n"]) == (None, None, 0)
    assert pair["shifts"][0]["value"] is None
    assert pair["shifts"][0]["note"] == "no judge: `overton judge a`"


def test_json_says_what_was_compared():
    [base, chat] = json.loads(as_json(compared(LEXICAL)))["runs"]
    assert (base["name"], chat["place"]) == ("base", "runs/chat")
    assert chat["tasks"] == {
        TASK: {
            "model": "org/chat",
            "signature": f"{TASK}@1|n:5",
            "judge": "quality@1",
            "bounds": {
                "helpfulness": {"worst": 2.5, "best": 3.5},
                "depth": {"worst": None, "best": None},
            },
            "prompts": 2,
            "results": "chat/results_x.json",
            "alarms": ["same seed"],
        }
    }


def test_csv_is_unrounded_with_empty_for_undefined():
    rows = list(csv.DictReader(io.StringIO(as_csv(compared(LEXICAL, UNDEFINED)))))
    assert [float(rows[0][key]) for key in ("run_mean", "difference")] == [0.72084, -0.1895]
    assert (rows[1]["metric"], rows[1]["difference"], rows[1]["n"]) == ("cut_share", "", "0")
    assert [one["table"] for one in rows] == [TASK, "What the samples are like"]
    shifts = list(csv.DictReader(io.StringIO(as_csv(compared(shifts=SHIFTS), "shifts"))))
    assert [one["value"] for one in shifts[:4]] == ["", "", "", "153.6"]
    assert shifts[4]["note"] == "against a"
    with pytest.raises(SettingsError, match="expected the table rows or shifts, got 'row'"):
        as_csv(compared(), "row")


@pytest.mark.parametrize(
    ("words", "shown"),
    [
        ("![x](http://a.b/c.png)", r"!\[x\](http://a.b/c.png)"),
        ("*a* <b> a|b\\", r"\*a\* \<b\> a\|b\\"),
        ("_a_ and __b__", r"\_a\_ and \_\_b\_\_"),
        ("overton_index_qc", "overton_index_qc"),
        ("`overton judge a`\n- b", "`overton judge a` - b"),
        ("\ud800", r"\\ud800"),
    ],
)
def test_text_is_not_read_as_markup(words, shown):
    assert text(words) == shown


@pytest.mark.parametrize("begin", ["=", "+", "-", "@", "\t", "\r"])
def test_no_text_is_a_formula_to_a_spreadsheet(begin):
    written = csv_text(["run", f"{begin}1"], [{"run": f"{begin}1", f"{begin}1": -1.5}])
    inert = f"'{begin}1".replace("\r", "\n")
    read = list(csv.reader(io.StringIO(written, newline="")))
    assert read == [["run", inert], [inert, "-1.5"]]


def test_half_a_surrogate_pair_can_be_written_to_any_file():
    odd = compared(replace(LEXICAL, metric="\ud800"))
    for written in (as_markdown(odd), as_csv(odd), as_json(odd)):
        assert "ud800" in written.encode("utf-8").decode("utf-8")
    assert json.loads(as_json(odd))["pairs"][0]["rows"][0]["metric"] == "\ud800"


def test_frames_hold_every_pair():
    pandas = pytest.importorskip("pandas")
    both = frames(compared(LEXICAL, UNDEFINED, shifts=SHIFTS))
    assert list(both["rows"]["metric"]) == ["lexical_diversity", "cut_share"]
    assert pandas.isna(both["rows"]["difference"][1])
    assert list(both["rows"]["table"]) == [TASK, "What the samples are like"]
    assert len(both["shifts"]) == len(SHIFTS)
    # The columns are there also where there is no line.
    assert "p_holm" in frames(compared())["rows"].columns


def test_without_pandas_frames_are_lists(monkeypatch):
    monkeypatch.setitem(sys.modules, "pandas", None)
    both = frames(compared(LEXICAL, shifts=SHIFTS))
    assert both["rows"][0]["difference"] == -0.1895
    assert both["shifts"][3]["metric"] == "units_at_1_words"


def test_a_comparison_is_printed_from_beginning_to_end():
    base, chat = finished("base"), finished("chat")
    whole = compare(base, [chat])
    # 1 and 2 in both: the mean is 1.5, the difference 0.
    [line] = lines(as_markdown(whole), "| m ↑")
    assert cells(line)[1].startswith("1.500 [")
    assert cells(line)[3:6] == ["0.000 [0.000, 0.000]", "1.000", "1.000"]
    assert json.loads(as_json(whole))["pairs"][0]["rows"][0]["base_mean"] == 1.5
    assert "overton_diversity: alarm in chat: same seed" in as_markdown(whole)
