import json
import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lm_eval_overton.replicate.expected import EXPECTED, expected
from lm_eval_overton.replicate.output import as_json, as_markdown, summary
from lm_eval_overton.replicate.table import Expected, Number, Row, Table


def an_expected(printed, **rest):
    return Expected("LIMA-OE", "column", "row", printed, **rest)


@pytest.mark.parametrize(
    ("value", "status"),
    [
        (0.258, "equal"),
        (0.25751, "equal"),
        # Half way between .258 and .259: both are right.
        (0.2585, "equal"),
        (0.25851, "unexplained"),
        (0.2574, "unexplained"),
        (math.nan, "unexplained"),
    ],
)
def test_equal_means_that_it_rounds_to_the_printed_digits(value, status):
    assert an_expected("0.258").status(value) == status


def test_a_note_explains_only_the_number_that_it_foresees():
    noted = an_expected("0.741", note="parsed", instead="0.791")
    assert [noted.status(v) for v in (0.741, 0.7912, 0.75)] == ["equal", "explained", "unexplained"]
    # A number without a note explains nothing.
    assert an_expected("0.741", instead="0.791").status(0.791) == "unexplained"


def test_a_tolerance_explains_what_lies_within_it():
    windowed = an_expected("0.1175", note="windows", within=2e-3)
    assert [windowed.status(v) for v in (0.1156, 0.1154)] == ["explained", "unexplained"]


@given(st.floats(-1e3, 1e3), st.integers(0, 8))
def test_a_number_is_equal_to_itself_as_printed(value, digits):
    assert an_expected(f"{value:.{digits}f}").status(value) == "equal"


def test_every_expected_number_has_a_place_of_its_own():
    places = [(entry.dataset, entry.column, entry.row) for entry in EXPECTED]
    assert len(set(places)) == len(places)
    assert expected("LIMA-OE", "Overton index", "llama-2-chat").printed == "0.378"
    assert expected("LIMA-OE", "Overton index", "nobody") is None


def test_what_a_note_foresees_is_not_what_was_expected():
    # Else the note would explain no difference.
    for entry in EXPECTED:
        assert bool(entry.note) == bool(entry.instead or entry.within)
        if entry.instead:
            assert entry.status(float(entry.instead)) == "explained"


def a_table():
    known = expected("LIMA-OE", "Overton index", "llama-2-chat")
    noted = expected("LIMA-OE", "cosine", "llama-2-icl-chat-summary-cot")
    cells = {"index": Number(0.3781, 0.3, 0.45, known), "count": 7, "none": Number(math.nan)}
    rows = [
        Row("first", cells),
        Row("second", {"index": Number(0.7908, expected=noted), "none": Number(1.5, 1, 2)}),
        Row("third", {"index": Number(math.nan, expected=known)}),
    ]
    return Table(
        "Subject", "LIMA-OE", "About.", ("index", "count", "none"), rows, ["No x."], {"none": 1}
    )


def test_markdown_shows_each_number_beside_the_expected_one():
    text = as_markdown([a_table()])
    assert "## Subject: LIMA-OE\n\nAbout.\n\n|  | index | count | none | note |\n" in text
    assert "| first | 0.378 (= 0.378) | 7 |  |  |\n" in text
    assert (
        "| second | 0.791 (≠ 0.741) |  | 1.5 | index: the expected number scored the 24 of 250"
        in text
    )
    assert "| third | undefined (≠ 0.378) |  |  |  |\n" in text
    assert "\n- No x.\n" in text


def test_intervals_are_shown_where_a_table_asks_for_them():
    table = a_table()
    shown = Table(**{**table.__dict__, "intervals": frozenset({"index"})})
    assert "| 0.378 [0.300, 0.450] (= 0.378) |" in as_markdown([shown])


def test_the_summary_counts_what_was_compared_and_what_could_not_be():
    # Three numbers have an expected one: equal, explained and undefined. Two distinct ones of
    # all that are expected are among them.
    assert summary([a_table()]) == (
        "3 numbers compared, 1 equal to the printed digit, 1 explained, 1 unexplained. "
        f"{len(EXPECTED) - 2} expected numbers have no data here."
    )


def test_json_is_unrounded_and_null_where_undefined():
    content = json.loads(as_json([a_table()]))
    first, second, third = (row["cells"] for row in content["tables"][0]["rows"])
    assert first["index"] == {
        "value": 0.3781,
        "ci_low": 0.3,
        "ci_high": 0.45,
        "expected": "0.378",
        "status": "equal",
    }
    assert (first["count"], first["none"]["value"]) == (7, None)
    assert second["index"]["status"] == "explained"
    assert second["index"]["note"].startswith("the expected number scored the 24")
    assert third["index"]["value"] is None
    assert len(content["without_data"]) == len(EXPECTED) - 2
