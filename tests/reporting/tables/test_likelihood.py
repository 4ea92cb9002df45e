"""The table of whose answers by which model, in each form."""

import csv
import io
import json

import pytest

from lm_eval_overton.cli import main
from lm_eval_overton.comparison import compare, crossed_of
from lm_eval_overton.reporting import tables
from tests.comparison.test_likelihood import cell, four
from tests.conftest import ROOT


@pytest.fixture
def crossed():
    return crossed_of([*four(), cell("other", "base", [2, 2])])


def test_markdown_has_a_line_for_whose_and_a_column_for_each_model(crossed):
    shown = tables.likelihood_markdown(crossed)
    lines = [line for line in shown.splitlines() if line.startswith("|")]
    head, _, base, chat, other = ([c.strip() for c in line.split("|")[1:-1]] for line in lines[:5])
    assert head == ["answers of", "by base", "by chat"]
    # 4 and 7 nats in 8 bytes.
    assert base[1].startswith("0.721")
    assert base[2].startswith("1.262")
    assert (chat[0], other[0], other[2]) == ("chat", "other", "")
    assert any("+3.000" in line for line in lines if line.startswith("| chat"))


def test_what_cannot_be_told_is_said_with_its_reason():
    crossed = crossed_of(
        [cell("chat", m, [1], source_model="x", drawn="") for m in ("base", "chat")]
    )
    shown = tables.likelihood_markdown(crossed)
    assert "- chat under base: expected the answers scored by the model that wrote" in shown
    assert "drawn with a temperature that is not known" in shown


def test_csv_and_json_are_unrounded(crossed):
    rows = list(csv.DictReader(io.StringIO(tables.likelihood_csv(crossed, "divergences"))))
    assert [(row["whose"], row["model"], float(row["nats_per_answer"])) for row in rows] == [
        ("base", "chat", 3.0),
        ("chat", "base", 3.0),
    ]
    cells = list(csv.DictReader(io.StringIO(tables.likelihood_csv(crossed, "likelihoods"))))
    assert len(cells) == 5
    compared = compare(four()[0], four()[1:])
    whole = json.loads(tables.as_json(compared, crossed=crossed), parse_constant=pytest.fail)
    assert len(whole["likelihoods"]) == 5
    assert whole["divergences"][0]["n"] == 4
    assert whole["likelihood_notes"] == []
    assert "likelihoods" not in json.loads(tables.as_json(compared))


def test_a_table_that_no_run_has_is_refused_in_one_line(capsys):
    run = str(next((ROOT / "tests" / "golden" / "results_0_1_0").glob("results_*.json")))
    assert main(["compare", run, run, "--csv", "--table", "likelihoods"]) == 2
    [line] = capsys.readouterr().err.splitlines()
    assert "--table likelihoods: expected runs with results of overton_likelihood" in line
