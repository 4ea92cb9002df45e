"""Many runs for a terminal: a line per metric, nothing wider than the terminal, nothing lost."""

import re
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from lm_eval_overton.comparison import compare
from lm_eval_overton.reporting.tables import as_trend
from lm_eval_overton.reporting.tables.brief import WIDTH
from lm_eval_overton.reporting.tables.many import BARS
from tests.comparison.test_compare import COVERAGE, run, task
from tests.comparison.test_courses import IDS, SPREAD, named

STEPS = range(100, 2100, 100)


def shown(*runs, base=None):
    base = base or named("base", semantic_diversity=SPREAD + 0.5, refusal_share=0)
    return as_trend(compare(base, runs), 1)


def checkpoints(**more):
    return [
        named(
            f"checkpoint-{step}", semantic_diversity=SPREAD + (0.5 if step < 800 else 0.4), **more
        )
        for step in STEPS
    ]


def cells(text, metric):
    line = next(line for line in text.split("\n") if line.startswith(f"| {metric}"))
    return [cell.strip() for cell in line.strip("|").split("|")]


def test_a_line_holds_base_first_last_change_and_course():
    text = shown(*checkpoints(refusal_share=0))
    name, base, first, last, change, when, bars = cells(text, "semantic_diversity")
    assert name == "semantic_diversity ↑"
    assert (base, first, last, when) == ("0.500", "0.500", "0.400", "after 700")
    assert re.fullmatch(r"▼ −0\.100 \[−0\.1\d\d, −0\.\d+\]", change)
    # Two or three checkpoints to a bar: in the fourth 700 is high, 800 is low.
    assert bars == "███▄▁▁▁▁▁"
    assert cells(text, "refusal_share")[5:] == ["no", "▁" * 9]
    assert "## 20 checkpoints against base\n\nSteps 100 to 2,000.\n" in text
    assert "- semantic\\_diversity" not in text
    assert "- semantic_diversity: −0.100 between steps 700 and 800 [700 to 800]" in text


def test_steps_that_no_name_says_are_said_to_be_counted():
    runs = [named(f"model {i}x", semantic_diversity=SPREAD) for i in range(6)]
    assert (
        "Steps 1 to 6, counted in the order given since not every name says one of its own."
        in shown(*runs)
    )


def test_steps_that_several_names_say_are_counted_too():
    runs = [replace(named("step7", m=SPREAD + i), place=Path(f"{i}")) for i in range(6)]
    assert "since not every name says one of its own." in shown(*runs, base=named("base", m=0))


def test_the_base_as_the_last_checkpoint_is_no_change_from_itself():
    *runs, last = checkpoints()
    assert cells(shown(*runs, base=last), "semantic_diversity")[3:5] == ["0.400", "is the base"]


def test_means_that_differ_by_rounding_are_level():
    # Two or three of the same number have a mean that differs in its last digit.
    runs = [named(f"step{i}", m=np.full(12, 213.4123456789)) for i in range(40)]
    assert set(cells(shown(*runs, base=runs[0]), "m ")[-1]) == {BARS[0]}


def test_a_checkpoint_without_a_metric_leaves_a_gap():
    runs = checkpoints()[:7]
    runs[2] = named("checkpoint-300", refusal_share=0, m=0)
    text = shown(*runs, base=named("base", semantic_diversity=SPREAD, refusal_share=0))
    assert cells(text, "semantic_diversity")[-1][:4] == "▁▁·▁"


def test_what_cannot_be_tested_is_not_said_to_stay():
    runs = [run(f"step{i}", task(ids=IDS[:5], m=SPREAD[:5] + i)) for i in range(7)]
    text = shown(*runs[1:], base=runs[0])
    assert cells(text, "m ")[5] == "unknown"
    assert "- m: whether it changes is unknown: 5 prompts vary, and fewer than 6" in " ".join(
        text.split()
    )


def test_nothing_is_wider_than_the_terminal():
    long = "reference_coverage_at_1_held_out_of_a_very_long_name"
    runs = [
        run(
            f"checkpoint-{10**7 + i}",
            task(ids=IDS, semantic_diversity=SPREAD, **{long: SPREAD * i}),
            task(COVERAGE, ids=IDS, **{long: SPREAD + 10_000 * i}, m=SPREAD * 1e5),
            task("overton_likelihood", ids=IDS, m=SPREAD + 1e15 * i),
        )
        for i in range(8)
    ]
    base = replace(runs[0], name="base of a name as long as any\n| that *breaks* out")
    text = as_trend(compare(base, runs), 1)
    assert max(map(len, text.split("\n"))) <= WIDTH
    assert set(BARS) & set(text)


def test_alarms_and_notes_that_are_alike_are_said_once():
    runs = checkpoints(refusal_share=0)
    runs[8:] = [
        named(one.name, semantic_diversity=SPREAD + 0.1, refusal_share=0.5 + SPREAD + i / 99)
        for i, one in enumerate(runs[8:])
    ]
    few = run(runs[3].name, task(ids=IDS[:9], semantic_diversity=SPREAD[:9], alarms=["odd"]))
    text = " ".join(shown(*runs[:3], few, *runs[4:]).split())
    assert text.count("refusals: overton_diversity.refusal_share") == 1
    assert "- step 900: refusals" in text
    assert "(first of 12 alike)" in text
    assert "- step 400: alarm of the run: overton_diversity: odd" in text
    assert "alarm in checkpoint-400" not in text
    assert "9 prompts are in both runs: base has 12, checkpoint-400 has 9" in text
    assert "refusal_share: undefined at step 400" in text


@pytest.mark.parametrize("seed", [1, 2])
def test_equal_runs_give_equal_text(seed):
    rng = np.random.default_rng(seed)
    runs = [named(f"step{i}", semantic_diversity=rng.random(12)) for i in range(6)]
    assert shown(*runs) == shown(*runs)
