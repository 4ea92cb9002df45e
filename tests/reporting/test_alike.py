import re
from xml.etree import ElementTree as ET

import pytest

from lm_eval_overton.comparison import homogeneity
from lm_eval_overton.reporting import alike as likeness
from lm_eval_overton.reporting import svg

NINE = "ant bee cow dog elk fox gnu hen owl"


def of(*runs, **options):
    names = ["base", "sft <b>", *(f"run {i}" for i in range(2, len(runs)))]
    return homogeneity(names[: len(runs)], [{"p": own} for own in runs], **options)


@pytest.fixture(scope="module")
def alike():
    # Within base 2/9; within sft 1; across (1 + 1 + 2/9 + 2/9) / 4.
    return of([NINE, "ant bee"], [NINE, NINE], ["gnu", "gnu"])


def drawn(found):
    picture = likeness.heat_map(found, len(found.runs))
    return svg.inline(picture.draw(), picture.key, picture.label, picture.titles)


def titles(text):
    """What each cell says, by its id."""
    return {
        part.get("id"): part[0].text
        for part in ET.fromstring(text).iter("g")
        if len(part) and part[0].tag == "title"
    }


def test_every_cell_is_printed_and_says_what_it_is(alike):
    text = drawn(alike)
    said = titles(text)
    assert len(said) == 9
    assert said["alike-cell-1-1"] == "within base: 0.222"
    assert said["alike-cell-1-2"] == "base and sft <b>: 0.611"
    assert said["alike-cell-2-1"] == "sft <b> and base: 0.611"
    assert said["alike-cell-2-2"] == "within sft <b>: 1.000"
    printed = re.findall(r">(\d\.\d{3})</text>", text)
    assert sorted(printed) == sorted(words.rpartition(": ")[2] for words in said.values())


def test_a_cell_with_an_interval_says_it():
    texts = [{"p": ["ant bee", "ant"], "q": ["ant", "ant"]}, {"p": ["ant"] * 2, "q": ["ant"] * 2}]
    found = homogeneity(["a", "b"], texts)
    own = found.cells[0][0]
    shown = f"0.750 [{own.low:.3f}, {own.high:.3f}]"
    assert titles(drawn(found))["alike-cell-1-1"] == f"within a: {shown}"
    assert shown in likeness.heat_map(found, 2).label
    number, interval = shown.split(" ", 1)
    assert f"{number} <small>{interval}</small>" in likeness.tables(found)


def test_an_undefined_cell_is_a_dash_and_says_so():
    text = drawn(of([NINE, NINE], [NINE, NINE], [NINE, NINE], unread={2}))
    said = titles(text)
    assert said["alike-cell-3-1"] == "run 2 and base: undefined"
    assert said["alike-cell-3-3"] == "within run 2: undefined"
    assert text.count(">–</text>") == 5


def test_where_nothing_is_defined_the_reason_stands_in_place_of_the_figure():
    picture = likeness.heat_map(of([NINE], [NINE, NINE]), 2)
    assert picture.draw is None
    assert picture.missing == (
        "Undefined: 0 of 1 prompts count, those with 2 valid samples of every run; fewer: base on 1"
    )


def test_what_was_not_asked_for_says_how_to_ask():
    assert likeness.heat_map(None, 2).missing == (
        "Not asked for: add `--homogeneity` to `overton report`."
    )
    assert "name further runs" in likeness.heat_map(None, 1).missing


def test_the_tables_hold_mixing_collapse_and_shared_words(alike):
    text = likeness.tables(alike)
    assert text.count("<table>") == 4
    # Across 11/18, less 2/9 within the base.
    assert "+0.389" in text
    # Of two samples of each of three runs.
    assert text.count("<td>0.800</td>") == 4
    assert "sft &lt;b&gt;" in text
    assert "<b>" not in text


def test_equal_similarities_and_many_runs_are_drawn():
    text = drawn(of(*[["ant", "ant"]] * 12))
    assert len(titles(text)) == 144
