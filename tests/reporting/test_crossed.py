"""Whose answers are likely under which model, in the report."""

from pathlib import Path

from lm_eval_overton.comparison import compare
from lm_eval_overton.reporting import crossed
from lm_eval_overton.reporting.page import page
from lm_eval_overton.runs.finished import FinishedRun
from tests.comparison.test_likelihood import cell, four


def test_a_report_has_a_row_for_whose_and_a_column_for_each_model():
    runs = four()
    shown = page(compare(runs[0], runs[1:]), None, 0, 1234, None)
    assert 'id="writers"' in shown
    [part] = [own for own in shown.split("<section") if 'id="writers"' in own]
    assert "by base" in part
    assert "by chat" in part
    # 4 nats in 8 bytes, and what chat's answers cost base more than chat: 3 nats.
    assert "0.721" in part
    assert "+3.000" in part


def test_what_cannot_be_told_is_said_with_its_reason():
    runs = [cell("chat", m, [1], source_model="x", drawn="") for m in ("base", "chat")]
    shown = str(crossed.tables(runs, 1234))
    assert "chat under base: expected the answers scored by the model that wrote" in shown
    assert "drawn with a temperature that is not known" in shown


def test_runs_without_likelihoods_have_no_part():
    assert not crossed.tables([FinishedRun("base", Path("base"), {})], 1234)
