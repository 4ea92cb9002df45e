"""The figure of what a change is made of: its parts add up, and what is not known is not drawn."""

from dataclasses import replace

import numpy as np
import pytest

from lm_eval_overton.comparison import Compared, Pair, Shift
from lm_eval_overton.reporting import svg
from lm_eval_overton.reporting.decomposition import decomposition
from lm_eval_overton.reporting.estimates import Estimates
from lm_eval_overton.stats import Interval
from tests.reporting import made


def of_shifts(*shifts):
    runs = (made.finished(0, "b"), made.finished(1, "a"))
    return decomposition(Estimates(Compared(runs, (Pair("b", "a", (), shifts),))), 0)


def test_what_remains_begins_where_what_bad_answers_account_for_ends():
    picture = decomposition(Estimates(made.compared()), 1)
    axes = picture.draw().axes[0]
    raw, explained, remaining = axes.patches
    assert raw.get_x() == explained.get_x() == 0
    assert remaining.get_x() == pytest.approx(explained.get_width())
    assert remaining.get_x() + remaining.get_width() == pytest.approx(raw.get_width())


def test_coverage_stands_beside_its_echo():
    compared = made.compared(("b", "a"))
    pair = compared.pairs[0]
    row = next(row for row in pair.headline if row.metric == "coverage_at_1")
    echo = replace(
        row, metric="coverage_echo", run=Interval(0.125, 0.1, 0.2, 45),
        paired=replace(row.paired, difference=0.0),
    )  # fmt: skip
    pair = replace(pair, headline=(*pair.headline, echo))
    picture = decomposition(Estimates(replace(compared, pairs=(pair,))), 0)
    assert f"a {row.run.estimate:.3f}; echo at 0.125." in picture.label
    axes = next(own for own in picture.draw().axes if "Viewpoints" in own.get_title("left"))
    assert 0.125 in [line.get_xdata()[0] for line in axes.lines]


def test_where_no_viewpoints_were_looked_for_the_words_of_the_base_stand_in():
    names = ("split", "held_out", "chance")
    metric = "reference_coverage_at_1"
    shifts = [
        Shift("missing", part, metric, Interval(0.1 * k, 0.05 * k, 0.15 * k, 9))
        for k, part in enumerate(names, start=1)
    ]
    label = of_shifts(*shifts).label
    assert label == "The base's words in one answer (9 prompts): another of b 0.200; a 0.100; " + (
        "chance at 0.300."
    )


def test_recovery_stands_between_floor_and_ceiling_by_meaning_first():
    gaps = [
        Shift("recovered", "fixed <b>", metric, Interval(0.5, 0.4, 0.6, 9))
        for metric in ("jaccard", "rouge_l", "cosine")
    ]
    picture = of_shifts(*gaps)
    assert "fixed <b>, by meaning 0.500; fixed <b>, by words 0.500; floor at" in picture.label
    text = svg.inline(picture.draw(), picture.key, picture.label)
    assert "fixed &lt;b&gt;, by words</text>" in text
    assert "ceiling</text>" in text


def test_what_nothing_is_known_of_has_no_figure():
    nothing = Interval(np.nan, np.nan, np.nan, 0)
    assert of_shifts() is None
    assert of_shifts(Shift("recovered", "x", "cosine", nothing, "why")) is None
