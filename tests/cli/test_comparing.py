"""The commands that compare finished runs, on files that `overton score` wrote."""

import csv
import io
import json
import os
import shutil
from functools import cache

import pytest

from lm_eval_overton import replicate
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
    asked = [{"prompt": f"Say {i}.", "tags": ["all", "few"][: 1 + (i < 2)]} for i in range(N)]
    prompts.write_text("\n".join(map(json.dumps, asked)))
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


def test_score_ends_with_its_headline_and_the_next_commands(runs, tmp_path, capsys):
    out = tmp_path / "out"
    settings = json.dumps({"n_samples": 2})
    given = [runs.parent / "sft.jsonl", "--prompts", runs.parent / "asked.jsonl"]
    text = output(capsys, "score", *given, "--metadata", settings, "-o", out)
    table, _, block = text.partition("overton: means with 95 % intervals")
    assert table.index("semantic_diversity") < table.index("ead_1") < table.index("mean_words")
    # The constant 2/3 on 8 prompts: others may be u nearer to 0 or 1, exactly.
    u = 1 - 0.025 ** (1 / 8)
    bounds = f"[{2 / 3 * (1 - u):.3f}, {2 / 3 + u / 3:.3f}]"
    assert f"  lexical_diversity    0.667 {bounds}\n" in block
    assert f"next: overton report {out}\n      overton compare BASE {out}\n" in block


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
    assert "\n\n## How alike the samples are\n\n" in out
    assert "0.600" in out.partition("## How alike")[2].partition("###")[0]


def alike(capsys, *arguments):
    """The similarities, by pair of runs."""
    found = json.loads(output(capsys, "compare", *arguments, "--homogeneity", "--json"))
    return {(own["run"], own["other"]): own["similarity"] for own in found["homogeneity"]}


def rescored(place, shared, task="overton_diversity", **metadata):
    """Score samples into the folder of a run."""
    place.parent.mkdir(exist_ok=True)
    path = place.parent / f"{shared}.jsonl"
    rows = [{"prompt": f"Say {i}.", "responses": samples(i, shared)} for i in range(N)]
    path.write_text("\n".join(map(json.dumps, rows)))
    options = ["--task", task, "--name", "m", "--metadata", json.dumps({"n_samples": 2} | metadata)]
    assert main(["score", str(path), "-o", str(place), *options]) == 0
    return place


def test_homogeneity_is_of_what_was_compared(tmp_path, capsys):
    base = rescored(tmp_path / "base", 0)
    chat = rescored(tmp_path / "chat", 3)
    # A folder may hold other tasks, with other samples.
    rescored(base, 2, "overton_icl_zeroshot", reference=str(tmp_path / "3.jsonl"), example_ids=[])
    found = alike(capsys, base, chat)
    # Within chat three of five words are shared.
    assert (found["base", "base"], found["chat", "chat"]) == (0.0, pytest.approx(3 / 5))


def test_homogeneity_takes_the_newest_by_name_whatever_was_copied_last(tmp_path, capsys):
    base = rescored(tmp_path / "base", 0)
    old = next(base.rglob("samples_*.jsonl"))
    rescored(base, 2)
    os.utime(old, (2e9, 2e9))
    found = alike(capsys, base, rescored(tmp_path / "chat", 3))
    assert found["base", "base"] == pytest.approx(1 / 3)


def test_homogeneity_of_runs_in_folders_of_one_name(tmp_path, capsys):
    one, other = rescored(tmp_path / "a" / "run", 0), rescored(tmp_path / "b" / "run", 3)
    a, b = (f"run (.../{name}/run)" for name in "ab")
    assert alike(capsys, one, other) == {
        (a, a): 0.0,
        # The first samples are equal, the second of b has one of its words from that of a.
        (a, b): pytest.approx((1 + 3 / 5 + 0 + 1 / 7) / 4),
        (b, b): pytest.approx(3 / 5),
    }


def test_homogeneity_needs_a_task_that_all_runs_have(runs, tmp_path, capsys):
    own = {"reference": str(tmp_path / "0.jsonl"), "example_ids": []}
    icl = rescored(tmp_path / "icl", 0, "overton_icl_zeroshot", **own)
    assert main(["compare", str(runs / "base"), str(icl), "--homogeneity"]) == 2
    error = capsys.readouterr().err.splitlines()[-1]
    assert error.startswith("error: expected the samples of a task that all runs have, got none")


def test_a_similarity_is_asked_for_by_its_name(runs, capsys):
    two = ["compare", runs / "base", runs / "dpo", "--json"]
    words, cosine = (
        json.loads(output(capsys, *two, "--similarity", name)) for name in ("words", "cosine")
    )
    assert words == json.loads(output(capsys, *two, "--homogeneity"))
    assert cosine["similarity"]["name"] == "cosine"
    own = cosine["pairs"][0]["rows"]
    (row,) = [one for one in own if one["metric"] == "semantic_diversity"]
    # Within a run the mean cosine is what its diversity leaves.
    within = {one["run"]: one["similarity"] for one in cosine["homogeneity"]
              if one["run"] == one["other"]}  # fmt: skip
    assert within["base"] == pytest.approx(1 - row["base_mean"])
    assert within["dpo"] == pytest.approx(1 - row["run_mean"])


def test_csv_holds_the_table_that_was_chosen(runs, capsys):
    two = ["compare", runs / "base", runs / "dpo", "--csv"]
    columns = {
        "rows": "p_holm",
        "shifts": "group",
        "by_tag": "tag",
        "homogeneity": "similarity",
        "source_mixing": "chance",
        "shared_ngrams": "shared_ngrams",
        "collapse": "collapse",
    }
    for table, column in columns.items():
        head, *rows = output(capsys, *two, "--table", table).splitlines()
        assert column in head.split(",")
        assert rows
    assert output(capsys, *two) == output(capsys, *two, "--table", "rows")
    for wrong in (
        [*two, "--homogeneity"],
        [*two, "--similarity", "words"],
        [*two, "--by-tag"],
        [*two[:3], "--table", "shifts"],
    ):
        assert main([str(argument) for argument in wrong]) == 2
        err = capsys.readouterr().err
        assert err.startswith("error: --")
        assert err.count("\n") == 1


def test_compare_says_what_changed_for_the_prompts_of_a_tag(runs, tmp_path, capsys):
    two = ["compare", runs / "base", runs / "dpo"]
    assert "by tag" not in output(capsys, *two)
    shown = output(capsys, *two, "--by-tag")
    table = shown.index("### overton_diversity by tag")
    assert (
        shown.index("### overton_diversity\n")
        < table
        < shown.index("### Explained by quality control")
    )
    found = json.loads(output(capsys, *two, "--by-tag", "--json"))
    assert "by_tag" not in json.loads(output(capsys, *two, "--json"))
    [of_pair] = found["by_tag"]
    rows = {r["tag"]: r for r in of_pair["rows"] if r["metric"] == "lexical_diversity"}
    [whole] = [r for r in found["pairs"][0]["rows"] if r["metric"] == "lexical_diversity"]
    same = ("difference", "difference_low", "difference_high", "p", "n", "base_mean", "run_low")
    assert {key: rows["all"][key] for key in same} == {key: whole[key] for key in same}
    assert (rows["few"]["n"], rows["few"]["p"]) == (2, None)
    text = output(capsys, *two, "--csv", "--table", "by_tag")
    assert [r["tag"] for r in csv.DictReader(io.StringIO(text))] == [
        r["tag"] for r in of_pair["rows"]
    ]
    page = tmp_path / "r.html"
    output(capsys, "report", *two[1:], "-o", page)
    assert "overton_diversity by tag: dpo minus base" in page.read_text()
    output(capsys, "report", two[1], "-o", page)
    assert "overton_diversity by tag: mean over the prompts that define it" in page.read_text()


def test_the_seed_draws_every_interval_of_a_report(runs, tmp_path):
    pages, figures = [], []
    for seed in ("1", "1", "2"):
        page, plots = tmp_path / "report.html", tmp_path / seed
        arguments = [
            "report",
            str(runs / "sft"),
            "-o",
            str(page),
            "--plots",
            str(plots),
            "--seed",
            seed,
        ]
        assert main(arguments) == 0
        pages.append(page.read_text())
        figures.append({path.name: path.read_bytes() for path in plots.iterdir()})
    assert pages[0] == pages[1] != pages[2]
    # One axis of these runs is constant: what is drawn are values, and no interval.
    assert figures[0] == figures[1] == figures[2]


@pytest.mark.parametrize(
    "command", [["compare", "a", "b"], ["report", "a"], ["leaderboard", "a", "--metric", "vendi"]]
)
def test_a_negative_seed_is_one_line(command, capsys):
    assert main([*command, "--seed", "-1"]) == 2
    assert capsys.readouterr().err == "error: --seed: expected an integer of at least 0, got -1\n"


def test_report_of_several_runs_and_of_one(runs, capsys, tmp_path):
    page = tmp_path / "report.html"
    plots = tmp_path / "plots"
    three = [runs / name for name in MODELS]
    output(capsys, "report", *three, "-o", page, "--plots", plots)
    assert "wbx wcx wdx wfx" in page.read_text()
    assert {path.suffix for path in plots.iterdir()} == {".png", ".svg"}
    output(capsys, "report", runs / "sft", "-o", page)
    assert "dpo" not in page.read_text()


def test_a_report_shows_how_alike_runs_are_where_that_is_asked_for(runs, capsys, tmp_path):
    page, plots = tmp_path / "report.html", tmp_path / "plots"
    two = [runs / "base", runs / "dpo"]
    options = ["-o", page, "--plots", plots]
    output(capsys, "report", *two, *options)
    assert not (plots / "alike.svg").exists()
    assert "add <code>--homogeneity</code> to" in page.read_text()
    output(capsys, "report", *two, *options, "--similarity", "words")
    assert (plots / "alike.svg").is_file()
    assert "<title>within dpo: 0.600" in page.read_text()
    assert main(["report", str(two[0]), "-o", str(page), "--homogeneity"]) == 2
    assert capsys.readouterr().err == "error: homogeneity: expected at least 2 runs, got 1\n"


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
def test_replicate_writes_its_tables(tmp_path, capsys, monkeypatch):
    # Both forms show the same tables: they are made once.
    monkeypatch.setattr(replicate, "replicate", cache(replicate.replicate))
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


def checkpoints(runs):
    """Six runs whose names say steps, in another order."""
    steps = {300: "sft", 100: "base", 600: "dpo", 200: "base", 500: "dpo", 400: "dpo"}
    return [f"checkpoint-{step}={runs / name}" for step, name in steps.items()]


def test_many_runs_are_a_line_per_metric(runs, capsys):
    text = output(capsys, "compare", runs / "base", *checkpoints(runs))
    assert text.startswith("## 6 checkpoints against base\n\nSteps 100 to 600.\n")
    assert "between steps 200 and 300" in text
    whole = output(capsys, "compare", runs / "base", *checkpoints(runs), "-v")
    assert whole.count(" against base") == 6
    few = output(capsys, "compare", runs / "base", *checkpoints(runs)[:5])
    assert few.count("## checkpoint-") == 5


def test_the_report_of_checkpoints_is_the_page_of_their_trend(runs, tmp_path, capsys):
    page = tmp_path / "trend.html"
    text = output(capsys, "report", runs / "base", *checkpoints(runs)[:3], "--trend", "-o", page)
    assert text == f"written to {page}\n"
    assert "Where it changes" in page.read_text()
    assert main(["report", str(runs / "base"), "--trend"]) == 2
    assert "expected a base and its checkpoints" in capsys.readouterr().err


def test_a_page_of_counted_steps_says_so(runs, tmp_path, capsys):
    page = tmp_path / "trend.html"
    text = output(capsys, "report", *(runs / name for name in MODELS), "--trend", "-o", page)
    assert text.startswith("steps 1 to 2, counted in the order given since not every name says one")


def test_a_seed_is_neither_the_base_nor_another_seed(runs, capsys):
    file = next((runs / "sft").rglob("results_*.json"))
    for group in (f"g={runs / 'sft'},{file}", f"g={runs / 'sft'},{runs / 'base'}"):
        assert main(["compare", str(runs / "base"), group]) == 2
        assert "expected seeds of their own beside the base" in capsys.readouterr().err


def test_seeds_of_a_recipe_are_compared_together(runs, tmp_path, capsys):
    for name in ("one", "two"):
        shutil.copytree(runs / "sft", tmp_path / name)
    group = f"sft={tmp_path}/*"
    text = output(capsys, "compare", runs / "base", group)
    assert text.startswith("## sft against base\n")
    assert "difference over prompts alone" in text
    read = json.loads(output(capsys, "compare", runs / "base", group, "--json"))
    assert [pair["run"] for pair in read["pairs"]] == ["sft"]
    assert len(read["runs"]) == 3
    alone = json.loads(output(capsys, "compare", runs / "base", f"sft={tmp_path}/o*", "--json"))
    plain = json.loads(output(capsys, "compare", runs / "base", f"sft={tmp_path}/one", "--json"))
    assert alone == plain
    for refused in (("report", runs / "base", group), ("compare", group, runs / "base"),
                    ("compare", runs / "base", group, "--by-tag")):  # fmt: skip
        assert main([str(argument) for argument in refused]) == 2
        assert "expected" in capsys.readouterr().err
