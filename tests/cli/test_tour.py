"""The report of answers that come with the package."""

import json

import numpy as np

from lm_eval_overton.cli import main, tour
from lm_eval_overton.cli.tour import SIDES
from lm_eval_overton.comparison.loaded import load_run


def test_the_tour_shows_what_the_manners_of_the_answers_differ_in(tmp_path, capsys, monkeypatch):
    monkeypatch.setattr(tour, "N_QUESTIONS", 3)
    assert main(["tour", str(tmp_path / "tour")]) == 0
    *_, where, following = capsys.readouterr().out.splitlines()
    page = (tmp_path / "tour" / "report.html").read_text(encoding="utf-8")
    assert where == f"the report: {(tmp_path / 'tour' / 'report.html').resolve().as_uri()}"
    assert following.startswith("next: overton compare ")
    # Each answer is on the page, of whichever side.
    for side in SIDES:
        lines = (tmp_path / "tour" / "answers" / f"{side}.jsonl").read_text().splitlines()
        assert len(lines) == 3
        assert all(len(json.loads(line)["responses"]) == 3 for line in lines)
        assert side in page
    base, chat = (load_run(tmp_path / "tour" / side).tasks["overton_coverage"] for side in SIDES)
    # Who answers at length covers more, and argues both sides.
    for name in ("coverage_at_1", "p_both"):
        assert np.nanmean(chat.values[name]) > np.nanmean(base.values[name]), name


def test_where_a_file_stands_there_is_no_tour(tmp_path, capsys):
    (tmp_path / "tour").touch()
    assert main(["tour", str(tmp_path / "tour")]) == 2
    [line] = capsys.readouterr().err.splitlines()
    assert line.startswith("error: ")
