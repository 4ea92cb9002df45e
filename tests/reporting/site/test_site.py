"""The files of a site: small where all load them, whole where two models are compared."""

import html
import json
from pathlib import Path

import numpy as np
import pytest

from lm_eval_overton.cli import main
from lm_eval_overton.errors import SettingsError
from lm_eval_overton.reporting.site import write_site
from tests.comparison.test_boards import tagged
from tests.comparison.test_leaderboard import run

SCRIPT = "</script><script>alert(1)</script>"


def runs():
    low, high = [0.1, 0.2, 0.3, None] * 3, [0.7, 0.8, 0.9, 1 / 3] * 3
    first = tagged(run("a", lexical_diversity=low, mean_words=[4.0] * 12), "few", "all")
    second = tagged(run(SCRIPT, lexical_diversity=high, alarms=("a line",)))
    return [first, second]


def data(folder: Path, key: str):
    """What a data file holds, read as the page does, which calls `Board.take(key, value)`."""
    text = (folder / "data" / f"{key}.js").read_text(encoding="utf-8")
    assert text.startswith("Board.take(")
    named, value = json.loads(f"[{text.removeprefix('Board.take(').rstrip().removesuffix(');')}]")
    assert named == key
    return value


@pytest.fixture(scope="module")
def folder(tmp_path_factory) -> Path:
    place = tmp_path_factory.mktemp("site")
    assert write_site(runs(), place) == place / "index.html"
    return place


def test_the_page_asks_nothing_of_a_network(folder):
    page = html.unescape((folder / "index.html").read_text(encoding="utf-8"))
    assert "default-src 'none'" in page
    assert "://" not in page.replace("data:,", "")
    names = {path.name for path in folder.iterdir()}
    assert names >= {"style.css", "site.css", "paired.js", "site.js", "data"}
    assert all(f'"{name}"' in page for name in names - {"index.html", "data"})


def test_a_name_that_is_a_script_cannot_end_the_data(folder):
    text = (folder / "data" / "index.js").read_text(encoding="utf-8")
    assert "<" not in text
    assert data(folder, "index")["runs"] == [["a", None], [SCRIPT, None]]


def test_a_table_has_means_intervals_counts_and_ranks(folder):
    table = data(folder, "board-0")
    mean, low, high, n, first, last = table["cells"]["lexical_diversity"]
    # (.1 + .2 + .3) / 3, and (.7 + .8 + .9 + 1/3) / 4 in six digits.
    assert mean == [0.2, 0.683333]
    assert low[0] < 0.2 < high[0]
    assert (n, first, last) == ([9, 12], [2, 1], [2, 1])
    assert table["missing"]["mean_words"] == {"1": "not computed"}
    assert (table["alarms"], table["frames"]) == ([0, 1], ["chat stop:none"] * 2)


def test_a_model_s_values_are_whole(folder):
    own = data(folder, "run-1")["boards"]["0"]
    assert own["values"]["lexical_diversity"][3] == 1 / 3
    assert own["prompts"] == list(range(12))
    assert data(folder, "run-0")["boards"]["0"]["values"]["lexical_diversity"][3] is None


def test_a_tag_has_a_table_and_its_prompts(folder):
    [board] = data(folder, "index")["boards"]
    assert board["tags"] == [["all", 6], ["few", 6]]
    table = data(folder, "board-0-tag-1")
    assert table["prompts"] == [0, 2, 4, 6, 8, 10]
    # .1, .3, .1, ...: the others are tagged otherwise.
    assert table["cells"]["lexical_diversity"][0][0] == pytest.approx(0.2)


def test_the_generator_s_state_is_that_of_the_seed(tmp_path):
    write_site(runs(), tmp_path, seed=7)
    state = np.random.default_rng(7).bit_generator.state["state"]
    said = data(tmp_path, "index")["random"]
    assert {key: int(number, 16) for key, number in said.items()} == state


def test_what_a_larger_site_left_is_removed_and_nothing_else(tmp_path):
    (tmp_path / "data").mkdir()
    for name in ("run-9.js", "board-3-tag-1.js", "mine.js"):
        (tmp_path / "data" / name).write_text("x")
    write_site(runs()[:1], tmp_path)
    left = {path.name for path in (tmp_path / "data").iterdir()}
    assert "mine.js" in left
    assert not {"run-9.js", "board-3-tag-1.js"} & left


def test_what_no_run_has_is_one_line(tmp_path):
    for asked in ({"metric": "vendi"}, {"task": "overton_coverage"}):
        with pytest.raises(SettingsError, match=r"expected results of .*; name another"):
            write_site(runs(), tmp_path, **asked)
    assert list(tmp_path.iterdir()) == []


def test_limits_without_an_end_are_none(folder):
    metrics = data(folder, "index")["metrics"]
    assert metrics["lexical_diversity"][3] == [0, 1]
    assert metrics["mean_words"][3] is None


def test_the_command_writes_the_site(folder, tmp_path, monkeypatch, capsys):
    monkeypatch.setattr("lm_eval_overton.comparison.leaderboard.find_runs", lambda _: runs())
    arguments = ["leaderboard", "runs", "--html", str(tmp_path / "s"), "--metric", "mean_words"]
    assert main(arguments) == 0
    assert capsys.readouterr().out == f"written to {tmp_path / 's' / 'index.html'}\n"
    assert data(tmp_path / "s", "index")["boards"][0]["by"] == "mean_words"
