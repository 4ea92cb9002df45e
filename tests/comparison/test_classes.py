"""What a change of the number of classes is made of: classes above and below the quality bar."""

import math
import re
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lm_eval_overton.comparison import compare
from lm_eval_overton.comparison.classes import PARTS, SHARE
from lm_eval_overton.metrics.formulas.classes import heads_by_bar
from lm_eval_overton.reporting.tables import as_markdown
from lm_eval_overton.runs.finished import FinishedRun, TaskResult

TASK = "overton_diversity"
SCALE = {"most": 10, "bar": 8.0}


def run(name, rows, task=TASK, scale=SCALE, **left_out):
    """A run of which each prompt is given as the ratings of the samples by class."""
    details, values = [], []
    for own in rows:
        labels = [label for label, of_class in enumerate(own) for _ in of_class]
        kept = {
            "classes": labels,
            "ratings": [rating for of_class in own for rating in of_class],
            "scale": scale,
        }
        details.append({key: one for key, one in kept.items() if key not in left_out})
        values.append(len(own))
    ids = tuple(f"p{i}" for i in range(len(rows)))
    result = TaskResult(
        task, "m", f"{task}@1|data:mine:1", ids, {"distinct_k": np.array(values, dtype=float)},
        {"distinct_k": True}, tuple(details), Path("runs") / name / "results.json",
    )  # fmt: skip
    return FinishedRun(name, Path("runs") / name, {task: result})


def parts(base, *others, which=0):
    found = compare(base, others).pairs[which].shifts
    return {one.part: one for one in found if one.group == "classes"}


# Two prompts, thrice: 3 classes of which 2 are good become 2 of which 2 are; 2 of which 1 is
# become 1 that is not.
BEFORE = [[[9, 1], [8], [7.5]], [[10], [2, 9]]] * 3
AFTER = [[[9, 1, 9], [8]], [[5, 10, 10]]] * 3


def test_a_change_is_that_of_classes_above_and_that_of_classes_below_the_bar():
    own = parts(run("base", BEFORE), run("chat", AFTER))
    # Above: 0 and -1; below: -1 and 0; of a class only the first sample counts.
    assert [own[part].value.estimate for part in PARTS] == [-1, -0.5, -0.5]
    assert own[SHARE].value.estimate == 0.5
    assert {one.value.n for one in own.values()} == {6}
    assert {one.note for one in own.values()} == {""}
    assert own[PARTS[1]].value.low < -0.5 < own[PARTS[1]].value.high
    assert [own[part].is_difference for part in (*PARTS, SHARE)] == [True, True, True, False]
    text = as_markdown(compare(run("base", BEFORE), [run("chat", AFTER)]))
    assert "### Classes above and below the quality bar" in text
    assert re.search(r"\| change below the quality bar \| distinct_k \| +-0.500 \[", text)


def test_what_is_above_is_a_rating_that_reaches_the_bar():
    assert heads_by_bar([0, 1, 0, 2], [8, 7.99, 1, 10], 8) == (2, 1)
    assert heads_by_bar([0, 1, 1], [4, 3, math.nan], 4) == (1, 1)
    assert all(map(math.isnan, heads_by_bar([0, 1], [4, math.nan], 4)))


ratings = st.none() | st.integers(1, 10)
classes = st.lists(st.lists(ratings, min_size=1, max_size=3), min_size=1, max_size=4)


@settings(deadline=None, max_examples=50)
@given(st.lists(st.tuples(classes, classes), min_size=1, max_size=6))
def test_the_parts_add_up(pairs):
    base, chat = (
        run(name, list(rows)) for name, rows in zip("ab", zip(*pairs, strict=True), strict=True)
    )
    own = parts(base, chat)
    counted = [
        (len(after), len(before))
        for before, after in pairs
        if None not in [one[0] for one in (*before, *after)]
    ]
    change, above, below = (own[part].value for part in PARTS)
    assert change.n == above.n == below.n == len(counted)
    if not counted:
        assert math.isnan(change.estimate)
        assert own[SHARE].note == (
            f"of {len(pairs)} shared prompts none has a rating of the first sample of each class "
            "in both runs"
        )
        return
    # Classes are whole: over the prompts the sums are exact.
    total, good, bad = (round(one.estimate * one.n) for one in (change, above, below))
    assert total == good + bad == sum(after - before for after, before in counted)
    assert change.estimate == pytest.approx(above.estimate + below.estimate, abs=1e-12)
    left = len(pairs) - len(counted)
    assert own["change"].note == (
        f"without {left} of {len(pairs)} shared prompts: too few samples, or no rating of the "
        "first of a class"
        if left
        else ""
    )


def test_a_change_that_may_be_none_has_no_share():
    own = parts(run("base", BEFORE), run("same", BEFORE))
    assert own["change"].value.estimate == 0
    assert math.isnan(own[SHARE].value.estimate)
    assert own[SHARE].note == "the change cannot be told from none"


@pytest.mark.parametrize(
    ("left_out", "note"),
    [
        ("classes", r"no classes of samples are kept in chat \(.*\): score the responses anew"),
        ("ratings", "no ratings of samples in chat: they come from `overton judge RUN"),
    ],
)
def test_what_is_not_kept_is_told(left_out, note):
    own = parts(run("base", BEFORE), run("chat", AFTER, **{left_out: True}))
    assert len(own) == 4
    for one in own.values():
        assert math.isnan(one.value.estimate)
        assert re.match(note, one.note)


@pytest.mark.parametrize("scale", [{"most": 5, "bar": 8.0}, {"most": 10, "bar": 6.0}])
def test_ratings_of_different_scales_are_not_compared(scale):
    own = parts(run("base", BEFORE), run("chat", AFTER, scale=scale))
    assert {one.note for one in own.values()} == {
        "the ratings of the two runs are on different scales, or have different bars"
    }


def test_without_the_number_of_classes_there_is_nothing_to_take_apart():
    own = run("base", BEFORE).tasks[TASK]
    bare = {TASK: replace(own, values={"vendi": own.values["distinct_k"]})}
    assert parts(*(FinishedRun(name, Path(name), bare) for name in "ab")) == {}
