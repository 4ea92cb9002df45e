"""The functions for notebooks, from files that `overton score` wrote."""

import json
import sys

import pytest

import lm_eval_overton
from lm_eval_overton import compare, frames, load_run, report
from lm_eval_overton.cli import main
from lm_eval_overton.errors import DataError

PROMPTS = ["Why is the sky blue?", "What makes bread rise?"]
SAMPLES = {
    "base": [
        ["Light scatters.", "Oceans mirror upwards."],
        ["Yeast.", "Gas from yeast swells it."],
    ],
    "chat": [
        ["Light scatters in air.", "Light scatters."],
        ["Yeast makes gas.", "Yeast makes gas"],
    ],
}


@pytest.fixture(scope="module")
def runs(tmp_path_factory):
    folder = tmp_path_factory.mktemp("runs")
    for name, samples in SAMPLES.items():
        rows = [
            {"prompt": prompt, "responses": own}
            for prompt, own in zip(PROMPTS, samples, strict=True)
        ]
        path = folder / f"{name}.jsonl"
        path.write_text("\n".join(map(json.dumps, rows)))
        metadata = json.dumps({"n_samples": 2})
        assert main(["score", str(path), "-o", str(folder / name), "--metadata", metadata]) == 0
    return folder


def test_runs_are_compared_by_folder_or_loaded(runs):
    found = compare(runs / "base", load_run(runs / "chat"))
    [pair] = found.pairs
    [row] = [row for row in pair.rows if row.metric == "lexical_diversity"]
    # Base: no word in common, then {Yeast} and {Gas, yeast, swells}: 1 and 1. Chat: {Light,
    # scatters} of {Light, scatters, air}, then the same words: 1/3 and 0.
    assert row.base.estimate == 1
    assert row.run.estimate == pytest.approx((1 / 3 + 0) / 2)
    assert row.paired.difference == pytest.approx(1 / 6 - 1)


def test_tables_are_frames_where_pandas_is_there_and_records_elsewhere(runs, monkeypatch):
    pandas = pytest.importorskip("pandas")
    found = compare(runs / "base", runs / "chat")
    table = frames(found)["rows"]
    assert isinstance(table, pandas.DataFrame)
    assert "lexical_diversity" in set(table["metric"])
    monkeypatch.setitem(sys.modules, "pandas", None)
    plain = frames(found)["rows"]
    assert isinstance(plain, list)
    assert [row["metric"] for row in plain] == list(table["metric"])


def test_a_report_is_written_of_a_comparison_and_of_one_run(runs, tmp_path):
    both = report(compare(runs / "base", runs / "chat"), tmp_path / "both.html").read_text()
    assert "Oceans mirror upwards." in both
    assert "Yeast makes gas." in both
    one = report(runs / "chat", tmp_path / "one.html").read_text()
    assert "Yeast makes gas." in one
    assert "Oceans" not in one


def test_a_folder_without_results_is_refused(tmp_path):
    with pytest.raises(DataError, match="results"):
        compare(tmp_path, tmp_path)


def test_another_name_is_no_attribute():
    with pytest.raises(AttributeError, match="no attribute 'nothing'"):
        _ = lm_eval_overton.nothing


# ------------------------------------------------------------------------ what notebooks show


def test_objects_are_short_in_a_notebook(runs):
    found = compare(runs / "base", runs / "chat")
    base, _ = found.runs
    assert repr(base) == "FinishedRun('base', overton_diversity: 2 prompts)"
    assert repr(found) == "Compared('chat' against 'base')"
    assert repr(base.tasks["overton_diversity"]).startswith(
        "TaskResult('overton_diversity', 'base', 2 prompts, "
    )
    assert repr(found.pairs[0]).startswith("Pair('chat' against 'base', ")
    assert max(len(repr(one)) for one in (*found.runs, found, *found.pairs)) < 100


def test_they_are_tables_there(runs):
    found = compare(runs / "base", runs / "chat")
    shown = found._repr_html_()
    assert shown.count("<table>") == 1
    assert "<td>lexical_diversity</td><td>1.000</td><td>0.167</td><td>-0.833</td>" in shown
    # What the samples are like is in the tables of `frames`.
    assert "mean_words" not in shown
    alone = load_run(runs / "base")._repr_html_()
    assert "<td>overton_diversity</td><td>base</td><td>2</td>" in alone


def test_names_are_shown_as_they_are_whatever_markup_they_hold(runs):
    odd = load_run(runs / "base", name="<script>")
    for shown in (odd._repr_html_(), compare(odd, runs / "chat")._repr_html_()):
        assert "<script>" not in shown
        assert "&lt;script&gt;" in shown


def test_a_report_is_a_link(runs, tmp_path):
    path = report(runs / "base", tmp_path / "a & b.html")
    assert path == tmp_path / "a & b.html"
    assert path.read_text().startswith("<!")
    assert f'<a href="{tmp_path.as_posix()}/a%20%26%20b.html">' in path._repr_html_()
    assert ">" + str(tmp_path / "a &amp; b.html") + "</a>" in path._repr_html_()
