"""Published surveys, in the user's own copies: what becomes of them, and what is left out."""

import json

import pytest

from lm_eval_overton.cli import main
from lm_eval_overton.data.steerable import load_steerable
from lm_eval_overton.data.survey import load_survey
from lm_eval_overton.data.survey_sources import convert
from lm_eval_overton.errors import DataError
from tests.conftest import SHARED

PEERS = SHARED / "peers"
peers = pytest.mark.skipif(not PEERS.is_dir(), reason="needs the data of others")

GLOBAL = (
    "question,selections,options,source\n"
    "\"Is tea good?\",\"defaultdict(<class 'list'>, {'Peru': [0.5, 0.4, 0.1], 'Chile': [0.6, 0, "
    "0]})\",\"['Yes', 'No', 'DK/Refused']\",GAS\n"
    "Why?,\"defaultdict(<class 'list'>, {'Peru': [1.0]})\",\"['Yes']\",WVS\n"
)
MORAL = (
    "scenario_id,ambiguity,context,action1,action2\n"
    'H_1,high,"You see a spider, and it sees you.",I stay.,I run.\n'
    "C_1,low,It rains.,I take an umbrella.,I break the window.\n"
)
MODULAR = [
    {
        "question": "Question: Is tea good?\nOptions: A. Yes B. No\nAnswer:",
        "options": ["Yes", "No"],
        "attribute": group,
        "gold_distribution": shares,
        "pred_distribution": None,
        "id": number,
    }
    for number, (group, shares) in enumerate({"Peru": [0.25, 0.75], "Chile": [1, 0]}.items())
]


def write(tmp_path, name, content):
    path = tmp_path / name
    path.write_text(content if isinstance(content, str) else json.dumps(content))
    return path


def test_global_opinion_qa(tmp_path):
    found = convert(write(tmp_path, "global_opinions.csv", GLOBAL), ["DK/Refused"])
    assert found.rows == [
        {
            "id": "row-00001",
            "question": "Is tea good?",
            "options": ["Yes", "No", "DK/Refused"],
            "distributions": {"Peru": [0.5, 0.4, 0.1]},
            "refusal": [2],
        }
    ]
    assert "CC BY-NC-SA 4.0" in found.licence
    assert found.said[0] == "1 distributions are left out: their sum is not 1"
    assert found.said[1].startswith("1 questions are left out, the first: ")


def test_moral_choice_s_halves_are_groups_and_their_convention_is_said(tmp_path):
    found = convert(write(tmp_path, "scenarios.csv", MORAL))
    assert [row["distributions"] for row in found.rows] == [
        {"high_ambiguity": [0.5, 0.5]},
        {"low_ambiguity": [1.0, 0.0]},
    ]
    assert found.rows[0]["options"] == ["I stay.", "I run."]
    assert found.licence == "MIT"
    assert "no people were asked" in found.said[0]


def test_modular_pluralism_s_rows_of_a_question_are_one(tmp_path):
    [row] = convert(write(tmp_path, "rows.json", MODULAR)).rows
    assert row == {
        "id": "0",
        "question": "Is tea good?",
        "options": ["Yes", "No"],
        "distributions": {"Peru": [0.25, 0.75], "Chile": [1, 0]},
    }


def test_the_command_writes_what_the_task_reads_and_prints_the_licence(tmp_path, capsys):
    path, out = write(tmp_path, "rows.json", MODULAR), tmp_path / "new" / "own.jsonl"
    assert main(["survey-data", str(path), "-o", str(out)]) == 0
    first, second = capsys.readouterr().out.splitlines()
    assert first.startswith(f"{out}: 1 questions, 2 distributions, of inputs of Modular Pluralism")
    assert second.startswith("licence of the source: none of its own")
    [question] = load_survey(str(out)).questions
    assert question.people == {"Peru": (0.25, 0.75), "Chile": (1.0, 0.0)}


@pytest.mark.parametrize(
    ("name", "content", "said"),
    [
        ("a.csv", "x,y\n1,2\n", "got columns x, y"),
        ("a.csv", "question,selections,options\n", "a row below the head, got none"),
        ("a.csv", "question,selections,options\nQ,no,\"['a']\"\n", ":2: expected a dict as Python"),
        ("a.json", [{"question": "Q", "answer": "A"}], "got keys answer, question"),
        ("a.json", [*MODULAR, MODULAR[0]], "each group of a question once, got 'Peru' again"),
        ("a.json", [{**MODULAR[0], "gold_distribution": [3, 4]}], "expected a question that can"),
        ("absent.csv", None, "expected a readable CSV file"),
        ("absent.json", None, "absent.json"),
    ],
)
def test_what_is_none_of_them_is_refused_in_one_line(tmp_path, name, content, said):
    path = tmp_path / name if content is None else write(tmp_path, name, content)
    with pytest.raises(DataError) as error:
        convert(path)
    assert said in str(error.value)
    assert "\n" not in str(error.value)


def test_a_refusal_that_no_question_has_is_told(tmp_path):
    with pytest.raises(DataError, match="options that are called 'Dunno', got none"):
        convert(write(tmp_path, "rows.json", MODULAR), ["Dunno"])


@peers
def test_the_copies_of_others_are_read_whole(tmp_path):
    found = convert(PEERS / "globalopinionqa_small.json")
    assert len(found.rows) == 1270
    assert sum(len(row["distributions"]) for row in found.rows) == 5752
    assert not found.said
    assert not any("Options:" in row["question"] for row in found.rows)
    assert len(convert(PEERS / "moralchoice_small.json").rows) == 273
    # Three were taken apart at the wrong places by those who made them.
    steerable = convert(PEERS / "steerable_opinionqa_600.json")
    assert len(steerable.rows) == 455
    assert "every option once, got 'Ye'" in steerable.said[0]
    scenarios = PEERS / "moralchoice" / "scenarios"
    sizes = [
        len(convert(scenarios / f"moralchoice_{half}_ambiguity.csv").rows)
        for half in ("high", "low")
    ]
    # Of one scenario both actions are the same.
    assert sizes == [679, 687]


VALUES = [
    {
        "situation": "Selling ice",
        "vrd": "Thrift",
        "label_text": text,
        "label": "A",
        "input": "Question: ...",
        "output": None,
        "id": number,
    }
    for number, text in enumerate(("Supports", "Opposes", "Either", "Maybe"))
]


def test_situations_with_values_become_rows_of_their_own(tmp_path, capsys):
    source = write(tmp_path, "values.json", VALUES)
    found = convert(source)
    assert found.rows[1] == {
        "id": "1",
        "situation": "Selling ice",
        "value": "Thrift",
        "label": "oppose",
    }
    assert found.said == [
        f'1 situations are left out, the first: {source}: item 4: expected "label" to be support, '
        "oppose or either, got 'Maybe'; correct the file"
    ]
    main(["survey-data", str(source), "-o", str(tmp_path / "own.jsonl")])
    assert "3 situations with a value, for overton_steerable" in capsys.readouterr().out
    assert [row.label for row in load_steerable(str(tmp_path / "own.jsonl")).rows] == [0, 1, 2]


@pytest.mark.parametrize(
    ("rows", "refusals", "said"),
    [
        (VALUES[3:], [], "expected a situation that can be asked, got none"),
        ([VALUES[0], MODULAR[0]], [], "got keys attribute"),
        (VALUES, ["Either"], "expected questions with refusals, got situations"),
    ],
)
def test_situations_that_cannot_be_asked_are_refused(tmp_path, rows, refusals, said):
    with pytest.raises(DataError, match=said):
        convert(write(tmp_path, "values.json", rows), refusals)


@peers
def test_all_situations_of_a_published_file_are_kept(tmp_path):
    found = convert(PEERS / "steerable_valuekaleidoscope_600.json")
    assert (len(found.rows), found.said) == (600, [])
