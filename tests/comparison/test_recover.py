"""How much of an aligned model comes back: hand-worked gaps, tables, and the command."""

import csv
import io
import json
import math
import os

import numpy as np
import pytest

from lm_eval_overton.cli import main
from lm_eval_overton.comparison.recover import SIMILARITIES, Recovery, recover
from lm_eval_overton.errors import DataError, SettingsError
from lm_eval_overton.metrics.likeness import Likeness
from lm_eval_overton.reporting.tables.recovered import MEANS, as_csv, as_json, as_markdown
from lm_eval_overton.runs.answers import Run, read_run
from lm_eval_overton.text.samples import clean


class Fake:
    """Every text on one axis."""

    signature = "fake"

    def encode(self, texts):
        return np.ones((len(texts), 1))


def samples(**texts):
    return {key: [clean(text) for text in own] for key, own in texts.items()}


def run(name, hint_source=None, **texts):
    return Run(name, samples(**texts), hint_source)


def jaccard(runs, reference, floor, peer=None):
    return recover(runs, reference, floor, peer, Fake(), ("jaccard",))


# The ceiling is 1 everywhere: both samples have the words {ant, bee}.
REFERENCE = samples(**{key: ["ant bee", "bee ant"] for key in "pqrs"})
# Its similarities: 0, 0, 0 and 1/2.
FLOOR = run("zeroshot", p=["fox"], q=["fox"], r=["fox"], s=["ant"])
# 1/2, 1, 1/3 and 0.
HALF = run("half", p=["ant"], q=["ant bee"], r=["ant cow"], s=["fox"])


# ------------------------------------------------------------------------------------- the numbers


def test_the_gap_is_a_ratio_of_means():
    [row] = jaccard([HALF], REFERENCE, FLOOR)
    assert (row.run, row.similarity, row.n) == ("half", "jaccard", 4)
    assert row.score == pytest.approx(11 / 24)
    assert row.floor == pytest.approx(1 / 8)
    assert row.ceiling == 1.0
    # (11/24 - 3/24) / (21/24); the mean of the ratios 1/2, 1, 1/3 and -1 would be 5/24.
    assert row.gap == pytest.approx(8 / 21)
    assert row.low < row.gap < row.high
    assert math.isnan(row.peer)
    assert row.peer_n == 0


def test_a_peer_that_answered_some_prompts_says_how_many():
    # 1/2, and 0; no prompt r, and s failed.
    [row] = jaccard([HALF], REFERENCE, FLOOR, run("peer", p=["ant"], q=["fox"], s=[None]))
    assert (row.n, row.peer, row.peer_n) == (4, 1 / 4, 2)
    assert "| 1.000 | 0.250 (2) | 0.381 |" in as_markdown([row])
    assert json.loads(as_json([row]))[0]["peer_n"] == 2


def test_the_same_runs_give_the_same_interval():
    assert jaccard([HALF], REFERENCE, FLOOR)[0].low == jaccard([HALF], REFERENCE, FLOOR)[0].low


def test_what_runs_share_is_compared_once(monkeypatch):
    asked, whole = [], Likeness.of
    monkeypatch.setattr(
        Likeness, "of", lambda own, kind: asked.append(tuple(own.texts)) or whole(own, kind)
    )
    others = [run("other", p=["ant"], q=["bee"], r=["cow"], s=["elk"]), HALF]
    rows = jaccard(others, REFERENCE, FLOOR)
    # Three prompts of the floor, once for both runs, and one of the second run.
    assert asked.count(("fox",)) == 3 + 1
    assert rows == [row for own in others for row in jaccard([own], REFERENCE, FLOOR)]


def test_floor_and_reference_recover_nothing_and_all():
    again = Run("reference", REFERENCE)
    floor, top = jaccard([FLOOR, again], REFERENCE, FLOOR)
    assert floor.gap == 0.0
    # Self pairs are left out of its score as of the ceiling.
    assert (top.score, top.ceiling, top.gap) == (1.0, 1.0, 1.0)


def test_self_pairs_do_not_count_for_the_reference_itself():
    reference = samples(**{key: ["ant bee", "ant cow"] for key in "pqrs"})
    floor = run("zeroshot", **{key: ["fox"] for key in "pqrs"})
    row = jaccard([Run("reference", reference)], reference, floor)[0]
    assert row.score == row.ceiling == pytest.approx(1 / 3)
    assert row.gap == pytest.approx(1.0)


def test_a_floor_at_the_ceiling_leaves_nothing_to_recover():
    as_good = run("as good", **{key: ["ant bee"] for key in "pqrs"})
    row = jaccard([HALF], REFERENCE, as_good)[0]
    assert row.floor == row.ceiling == 1.0
    assert all(math.isnan(value) for value in (row.gap, row.low, row.high))


def test_a_floor_that_cannot_be_told_from_the_ceiling():
    # The floor is above the ceiling for one prompt, below it for the other.
    reference = samples(p=["ant bee", "bee ant"], q=["ant", "bee"])
    unsure = run("unsure", p=["fox"], q=["ant bee"])
    row = jaccard([run("x", p=["ant"], q=["ant"])], reference, unsure)[0]
    # The ceilings are 1 and 0; the floor 0 and 1/2.
    assert (row.ceiling, row.floor) == (0.5, 0.25)
    assert math.isnan(row.gap)


def test_the_prompts_are_those_that_all_three_have():
    some = run("some", p=["ant"], q=["ant bee"], s=[None], t=["ant bee"])
    floor = run("zeroshot", p=["fox"], q=["fox"], r=["fox"], s=["fox"], t=["fox"])
    # r was not asked, s failed, t has no reference.
    row = jaccard([some], REFERENCE, floor)[0]
    assert row.n == 2
    assert (row.score, row.floor, row.ceiling) == (0.75, 0.0, 1.0)
    assert row.gap == 0.75


def test_a_run_whose_requests_all_failed_is_undefined():
    row = jaccard([run("failed", p=[None], q=[None])], REFERENCE, FLOOR)[0]
    assert row.n == 0
    assert all(math.isnan(getattr(row, name)) for name in (*MEANS, "low", "high"))


def test_a_run_of_other_prompts():
    with pytest.raises(DataError, match="other: expected prompts in common with the floor and"):
        jaccard([run("other", z=["ant"])], REFERENCE, FLOOR)


def test_the_source_of_a_hint_counts_for_nobody():
    # Sample 0 is {elk}; without it the others are {ant, bee} and {ant}.
    reference = samples(**{key: ["elk", "ant bee", "ant"] for key in "pq"})
    texts = {key: ["elk ant"] for key in "pq"}
    floor = run("zeroshot", p=["ant cow"], q=["ant cow"])
    peer = run("peer", p=["ant"], q=["ant"])
    hinted, plain = jaccard([run("hint", 0, **texts), run("hint", **texts)], reference, floor, peer)
    # {elk, ant} to {ant, bee} 1/3, to {ant} 1/2, to {elk} 1/2.
    assert hinted.score == pytest.approx((1 / 3 + 1 / 2) / 2)
    assert plain.score == pytest.approx((1 / 3 + 1 / 2 + 1 / 2) / 3)
    # {ant, cow}: 1/3, 1/2 and 0.
    assert hinted.floor == pytest.approx((1 / 3 + 1 / 2) / 2)
    assert plain.floor == pytest.approx((1 / 3 + 1 / 2) / 3)
    # {ant}: 1/2, 1 and 0.
    assert hinted.peer == pytest.approx(3 / 4)
    assert plain.peer == pytest.approx(3 / 6)
    # Of the six pairs of references the two with the column {elk} are 0, as those with its row;
    # {ant, bee} and {ant} are 1/2: in 2 of 4 pairs and in 2 of 6.
    assert hinted.ceiling == pytest.approx(1 / 4)
    assert plain.ceiling == pytest.approx(1 / 6)


def test_every_similarity_of_every_run():
    rows = recover([HALF, FLOOR], REFERENCE, FLOOR, None, Fake())
    expected = [(name, kind) for name in ("half", "zeroshot") for kind in SIMILARITIES]
    assert [(row.run, row.similarity) for row in rows] == expected


# -------------------------------------------------------------------------------------- the tables

ROWS = [
    Recovery("half", "jaccard", 0.5, 0.125, 1.0, math.nan, 3 / 7, 0.25, 0.75, 4, 0),
    Recovery("as good", "jaccard", 0.5, 1.0, 1.0, 0.5, *[math.nan] * 3, 4, 4),
]


def test_markdown():
    first, second = as_markdown(ROWS).splitlines()[2:]
    assert first == "| half | jaccard | 0.500 | 0.125 | 1.000 |  | 0.429 | 0.250 to 0.750 | 4 |"
    assert second == "| as good | jaccard | 0.500 | 1.000 | 1.000 | 0.500 |  |  | 4 |"
    assert "nan" not in as_markdown(ROWS)


def test_a_name_cannot_break_the_table():
    row = Recovery("a|b\n<i>", "jaccard", -0.0001, *[1.0] * 4, -0.5, 1.0, 4, 4)
    line = as_markdown([row]).splitlines()[-1]
    # What rounds to zero has no sign.
    assert line.startswith(r"| a\|b \<i\> | jaccard | 0.000 | 1.000 |")
    assert line.endswith("| -0.500 to 1.000 | 4 |")


def test_no_run_is_a_table_without_lines():
    assert as_json([]) == "[]"
    assert as_csv([]) == "run,similarity,score,floor,ceiling,peer,gap,low,high,n,peer_n"
    assert len(as_markdown([]).splitlines()) == 2


def test_json_has_null_and_no_nan():
    first, second = json.loads(as_json(ROWS), parse_constant=pytest.fail)
    assert first["gap"] == 3 / 7
    assert first["peer"] is None
    assert [second[key] for key in ("gap", "low", "high", "n")] == [None, None, None, 4]


def test_csv_is_empty_where_undefined():
    first, second = csv.DictReader(io.StringIO(as_csv(ROWS)))
    assert float(first["gap"]) == 3 / 7
    assert first["peer"] == second["gap"] == ""
    assert "nan" not in as_csv(ROWS)


# ------------------------------------------------------------------------------------ finished runs


def write(path, *rows):
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("".join(json.dumps(row) + "\n" for row in rows), "utf-8")
    return path


def responses(path, **texts):
    return write(path, *({"prompt": f"{key}?", "responses": own} for key, own in texts.items()))


def generations(path, *tasks):
    """Our own file: a header and one row per task and prompt."""
    header = {"overton_generations": 1, "tasks": {task: {"stops": ["```"]} for task in tasks}}
    rows = [
        {"task": task, "id": "1", "prompt": "p?", "responses": [f"{task}\n```\nmore"]}
        for task in tasks
    ]
    return write(path, header, *rows)


def harness_samples(folder, task, day=1, text=None):
    return write(
        folder / f"samples_{task}_2026-01-0{day}T00-00-00.jsonl",
        {
            "doc_id": 0,
            "doc": {"id": "1", "prompt": "p?"},
            "filter": "none",
            "resps": [[f"{text or task}\n```"]],
            "arguments": {"gen_args_0": {"arg_0": "p?", "arg_1": {"until": ["```"]}}},
        },
    )


def texts(finished):
    return {key: [sample.text for sample in own] for key, own in finished.samples.items()}


def test_a_responses_file_is_named_after_itself(tmp_path):
    path = responses(tmp_path / "icl.jsonl", p=["a ``` b", None])
    finished = read_run(str(path), None, None)
    assert finished == Run("icl", finished.samples)
    assert texts(finished) == {"p?": ["a ``` b", ""]}
    assert texts(read_run(str(path), None, ["```"])) == {"p?": ["a", ""]}


def test_a_name_and_a_place(tmp_path):
    path = responses(tmp_path / "icl.jsonl", p=["a"])
    assert read_run(f"mine={path}", None, None).name == "mine"


def test_a_path_may_hold_an_equals_sign(tmp_path):
    path = responses(tmp_path / "temp=0.5" / "icl.jsonl", p=["a"])
    assert read_run(str(path), None, None).name == "icl"
    assert read_run(f"mine={path}", None, None).name == "mine"


@pytest.mark.parametrize(
    ("name", "source"),
    [("icl_summary", 0), ("x-summary", 0), ("fixed", None), ("summary_cot", None)],
)
def test_the_name_says_whether_there_was_a_hint(tmp_path, name, source):
    path = responses(tmp_path / f"{name}.jsonl", p=["# Answer:\n```\na\n```"])
    assert read_run(str(path), None, None).hint_source == source


@pytest.mark.parametrize("name", ["overton_icl_summary_cot", "llama-2-summary-cot"])
def test_of_a_summary_first_only_the_answer_is_read(tmp_path, name):
    path = responses(tmp_path / "r.jsonl", p=["Sum.\n```\n\n# Answer:\n```\nYes.\n```\n", "Sum."])
    finished = read_run(f"{name}={path}", None, None)
    assert [s.status for s in finished.samples["p?"]] == ["valid", "unparsed"]
    assert texts(finished)["p?"] == ["Yes.", ""]


def test_a_run_s_folder_with_the_harness_samples(tmp_path):
    harness_samples(tmp_path / "model", "overton_icl_summary")
    finished = read_run(str(tmp_path), None, None)
    assert (finished.name, finished.hint_source) == ("overton_icl_summary", 0)
    assert texts(finished) == {"p?": ["overton_icl_summary"]}


def test_the_newest_samples_are_those_of_the_last_time_in_a_name(tmp_path):
    harness_samples(tmp_path, "overton_icl_knn", day=2, text="new")
    old = harness_samples(tmp_path, "overton_icl_knn", day=1, text="old")
    os.utime(old, (2e9, 2e9))
    assert texts(read_run(str(tmp_path), None, None)) == {"p?": ["new"]}


def test_a_name_without_a_place_is_refused():
    with pytest.raises(SettingsError, match="expected a run as NAME=PLACE or a place, got 'mine='"):
        read_run("mine=", None, None)


def test_a_folder_of_several_tasks_needs_a_name(tmp_path):
    for task in ("overton_icl_fixed", "overton_icl_knn", "overton_icl_knn_response"):
        harness_samples(tmp_path, task)
    with pytest.raises(DataError, match="expected the samples of one task, got those of overton"):
        read_run(str(tmp_path), None, None)
    chosen = read_run(f"overton_icl_knn={tmp_path}", None, None)
    assert texts(chosen) == {"p?": ["overton_icl_knn"]}


def test_of_several_tasks_that_nobody_names_the_preferred_one_is_taken(tmp_path):
    for task in ("overton_coverage", "overton_diversity", "overton_icl_knn"):
        harness_samples(tmp_path, task)
    for given, task in ((tmp_path, "overton_diversity"), (f"overton_icl_knn={tmp_path}",) * 2):
        chosen = read_run(str(given), None, None, "overton_diversity")
        assert chosen.name == str(task).partition("=")[0]


def test_a_folder_of_our_own_generations(tmp_path):
    generations(tmp_path / "run" / "generations.jsonl", "overton_icl_fixed", "overton_icl_knn")
    chosen = read_run(f"overton_icl_knn={tmp_path}", None, None)
    assert texts(chosen) == {"p?": ["overton_icl_knn"]}
    with pytest.raises(DataError, match="expected generations of one task, got those of overton"):
        read_run(str(tmp_path), None, None)


def test_a_place_with_nothing_in_it(tmp_path):
    with pytest.raises(DataError, match="expected a responses file or a run's folder"):
        read_run("mine=no/where", None, None)
    with pytest.raises(DataError, match=r"or generations\.jsonl, got none"):
        read_run(str(tmp_path), None, None)


# ------------------------------------------------------------------------------------- the command


@pytest.fixture
def files(tmp_path, monkeypatch):
    from lm_eval_overton.text import encoder, encoder_source

    monkeypatch.setattr(encoder_source, "find_encoder", lambda name: name)
    monkeypatch.setattr(encoder, "get_encoder", lambda found, device=None: Fake())
    responses(tmp_path / "chat.jsonl", **{key: ["ant bee", "bee ant"] for key in "pqrs"})
    responses(tmp_path / "base.jsonl", p=["fox"], q=["fox"], r=["fox"], s=["ant ``` bee"])
    # The same prompts in another order, under other ids.
    responses(tmp_path / "half.jsonl", s=["fox"], r=["ant cow"], q=["ant bee"], p=["ant"])
    responses(tmp_path / "peer.jsonl", **{key: ["ant"] for key in "pqrs"})
    return tmp_path


def command(files, *more):
    floor = ["--reference", str(files / "chat.jsonl"), "--floor", str(files / "base.jsonl")]
    return ["recover", f"half={files / 'half.jsonl'}", *floor, *more]


def test_the_command_prints_json(files, capsys):
    peer = ["--peer", str(files / "peer.jsonl")]
    assert main(command(files, "--stop", "```", "--json", *peer)) == 0
    rows = {row["similarity"]: row for row in json.loads(capsys.readouterr().out)}
    assert set(rows) == set(SIMILARITIES)
    assert rows["jaccard"]["gap"] == pytest.approx(8 / 21)
    assert rows["jaccard"]["peer"] == 0.5
    # All texts are one to this encoder: floor and ceiling cannot be told apart.
    assert rows["cosine"]["gap"] is None


def test_the_command_prints_tables(files, capsys):
    assert main(command(files, "--stop", "```")) == 0
    markdown = capsys.readouterr().out
    assert "| half | jaccard | 0.458 | 0.125 | 1.000 |  | 0.381 |" in markdown
    assert main(command(files, "--stop", "```", "--csv")) == 0
    assert capsys.readouterr().out.startswith("run,similarity,score,floor,ceiling,peer,gap,low")


def test_the_command_names_what_is_not_there(files, capsys):
    assert main(command(files, "--peer", "no/where.jsonl")) == 2
    error = capsys.readouterr().err
    assert error.startswith("error: no/where.jsonl: expected a responses file")
    assert error.count("\n") == 1


def test_responses_without_prompts_need_the_prompts(files, capsys):
    bare = write(files / "bare.jsonl", *({"responses": [t]} for t in ("ant", "ant", "ant", "ant")))
    given = command(files, "--json")
    given[1] = str(bare)
    assert main(given) == 2
    assert 'expected "prompt" in every line, or --prompts FILE' in capsys.readouterr().err
    prompts = write(files / "p.jsonl", *({"prompt": f"{key}?"} for key in "pqrs"))
    assert main([*given, "--prompts", str(prompts)]) == 0
    rows = json.loads(capsys.readouterr().out)
    assert {row["run"] for row in rows} == {"bare"}
    assert rows[1]["score"] == 0.5
