"""Many runs for a terminal: a line per metric, nothing wider than the terminal, nothing lost."""

import re
from dataclasses import replace

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
    assert "Steps 1 to 6, counted in the order given since not all names say one." in shown(*runs)


def test_nothing_is_wider_than_the_terminal():
    long = "reference_coverage_at_1_held_out_of_a_very_long_name"
    runs = [
        run(
            f"checkpoint-{10**7 + i}",
            task(ids=IDS, semantic_diversity=SPREAD, **{long: SPREAD * i}),
            task(COVERAGE, ids=IDS, **{long: SPREAD + 10_000 * i}, m=SPREAD * 1e5),
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
