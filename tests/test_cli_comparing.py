"""The commands that compare finished runs, on files that `overton score` wrote."""

import csv
import io
import json
import shutil

import pytest

from lm_eval_overton.cli import main
from tests.conftest import PAPER

WORDS = [f"w{letter}x" for letter in "bcdfghjklmnpqrst"]
N = 8


def samples(prompt: int, shared: int) -> list[str]:
    """Two samples of four words, `shared` of which are in both."""
    start = 2 * prompt
    first = [WORDS[(start + i) % len(WORDS)] for i in range(4)]
    second = first[:shared] + [WORDS[(start + 8 + i) % len(WORDS)] for i in range(4 - shared)]
    return [" ".join(first), " ".join(second)]


# Jaccard of the pair: none shared 0, two of six 1/3, all but one 3/5.
MODELS = {"base": 0, "sft": 2, "dpo": 3}


@pytest.fixture(scope="module")
def runs(tmp_path_factory):
    folder = tmp_path_factory.mktemp("runs")
    settings = json.dumps({"n_samples": 2})
    prompts = folder / "asked.jsonl"
    prompts.write_text("\n".join(json.dumps({"prompt": f"Say {i}."}) for i in range(N)))
    for name, shared in MODELS.items():
        path = folder / f"{name}.jsonl"
        path.write_text("\n".join(json.dumps({"responses": samples(i, shared)}) for i in range(N)))
        arguments = ["score", str(path), "--prompts", str(prompts), "--metadata", settings]
        assert main([*arguments, "-o", str(folder / "all" / name)]) == 0
    return folder / "all"


def output(capsys, *arguments) -> str:
    capsys.readouterr()
    assert main([str(argument) for argument in arguments]) == 0
    return capsys.readouterr().out


def test_compare_prints_each_run_against_the_base(runs, capsys):
    out = output(capsys, "compare", runs / "base", f"tuned={runs / 'sft'}", runs / "dpo")
    assert out.index("## tuned against base") < out.index("## dpo against base")
    [row] = [
        line for line in out.partition("## dpo")[0].split("\n") if "lexical_diversity ↑" in line
    ]
    # From 1 to 1 - 1/3 on every prompt.
    assert "-0.333 [-0.333, -0.333]" in row
    assert "no quality judge" in out


def test_compare_gives_json_and_csv(runs, capsys):
    found = json.loads(output(capsys, "compare", runs / "base", runs / "dpo", "--json"))
    [row] = [r for r in found["pairs"][0]["rows"] if r["metric"] == "lexical_diversity"]
    assert row["difference"] == pytest.approx(-3 / 5)
    rows = csv.DictReader(
        io.StringIO(output(capsys, "compare", runs / "base", runs / "dpo", "--csv"))
    )
    [same] = [r for r in rows if r["metric"] == "lexical_diversity"]
    assert float(same["difference"]) == row["difference"]


def test_a_change_beyond_its_bound_fails_the_command(runs, capsys):
    two = [str(runs / "base"), str(runs / "dpo")]
    assert main(["compare", *two, "--fail-on", "lexical_diversity<-0.5"]) == 1
    assert "lexical_diversity" in capsys.readouterr().err
    assert main(["compare", *two, "--fail-on", "lexical_diversity<-0.7"]) == 0
    assert main(["compare", *two, "--fail-on", "lexical_diversty<-0.7"]) == 2
    assert "lexical_diversity" in capsys.readouterr().err


def test_homogeneity_is_within_and_across_runs(runs, capsys):
    out = output(capsys, "compare", runs / "base", runs / "dpo", "--homogeneity")
    # Within base none of the words is shared, within dpo three of five.
    assert "0.600" in out.rpartition("##")[2]


def test_report_of_several_runs_and_of_one(runs, capsys, tmp_path):
    page = tmp_path / "report.html"
    plots = tmp_path / "plots"
    three = [runs / name for name in MODELS]
    output(capsys, "report", *three, "-o", page, "--plots", plots)
    assert "wbx wcx wdx wfx" in page.read_text()
    assert {path.suffix for path in plots.iterdir()} == {".png", ".svg"}
    output(capsys, "report", runs / "sft", "-o", page)
    assert "dpo" not in page.read_text()


def test_leaderboard_sorts_and_shares_ranks(runs, capsys):
    board = output(capsys, "leaderboard", runs, "--metric", "lexical_diversity")
    assert board.index("base") < board.index("sft") < board.index("dpo")
    rows = list(
        csv.DictReader(
            io.StringIO(
                output(capsys, "leaderboard", runs, "--metric", "lexical_diversity", "--csv")
            )
        )
    )
    assert [row["rank"] for row in rows] == ["1", "2", "3"]


@pytest.mark.parametrize("command", ["compare", "report", "leaderboard"])
def test_a_place_without_results_is_one_line(command, tmp_path, capsys):
    options = ["--metric", "vendi"] if command == "leaderboard" else []
    assert main([command, str(tmp_path), *options]) == 2
    err = capsys.readouterr().err
    assert err.startswith("error: ")
    assert err.count("\n") == 1


@pytest.mark.paper_data
def test_replicate_writes_its_tables(tmp_path, capsys):
    data = tmp_path / "data" / "LIMA-OE"
    (data / "outputs").mkdir(parents=True)
    shutil.copy(PAPER / "LIMA-OE" / "prompts.jsonl", data)
    for model in ("llama-2-base", "llama-2-chat"):
        shutil.copy(PAPER / "LIMA-OE" / "outputs" / f"{model}.jsonl", data / "outputs")
    text = output(capsys, "replicate", tmp_path / "data", "--encoder", "")
    assert "0.9103030 (= 0.9103030)" in text
    file = tmp_path / "tables.json"
    output(capsys, "replicate", tmp_path / "data", "--encoder", "", "--json", "-o", file)
    assert json.loads(file.read_text())
    assert main(["replicate", str(tmp_path / "nothing")]) == 2
