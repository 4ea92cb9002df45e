"""SimBench's rows: one question per text, groups in words, nothing made up."""

import csv

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from lm_eval_overton.cli import main
from lm_eval_overton.data.survey import load_survey
from lm_eval_overton.data.survey_simbench import simbench_rows
from lm_eval_overton.data.survey_sources import convert
from lm_eval_overton.errors import DataError

TEXT = "Do you trust the news?\n\nOptions:\n(A): Very much\n(B): Not at all"


def row(
    answers, template="You are from {country}.", places="{'country': 'Spain'}", text=TEXT, **more
):
    return {
        "dataset_name": "Own",
        "group_prompt_template": template,
        "group_prompt_variable_map": places,
        "input_template": text,
        "human_answer": answers,
        "group_size": 120,
        **more,
    }


def write_csv(tmp_path, rows):
    path = tmp_path / "SimBenchPop.csv"
    with path.open("w", newline="") as file:
        writer = csv.DictWriter(file, list(rows[0]))
        writer.writeheader()
        writer.writerows(rows)
    return path


ROWS = [
    row("{'A': 0.25, 'B': 0.75}"),
    row("{'A': 60, 'B': 40}", places="{'country': 'Peru'}", group_size="80.0"),
    row("{'1': 0.5, '2': 0.5}", "You live anywhere.", "{}", "From 1 to 2, how happy are you?"),
]


def test_a_csv_with_shares_and_per_cents_is_one_question_per_text(tmp_path, capsys):
    out = tmp_path / "own.jsonl"
    assert main(["survey-data", str(write_csv(tmp_path, ROWS)), "-o", str(out)]) == 0
    said = capsys.readouterr().out
    assert "2 questions, 3 distributions, of SimBench" in said
    assert "licence of the source: CC BY-NC-SA 4.0" in said
    news, happy = load_survey(str(out)).questions
    assert (news.text, news.options) == ("Do you trust the news?", ("Very much", "Not at all"))
    assert news.people == {
        "You are from Spain.": (0.25, 0.75),
        "You are from Peru.": (0.6, 0.4),
    }
    assert news.respondents == {"You are from Spain.": 120, "You are from Peru.": 80}
    assert (happy.options, happy.people) == (("1", "2"), {"You live anywhere.": (0.5, 0.5)})


def test_parquet_whose_objects_have_every_label(tmp_path):
    answers = [{"A": 0.25, "B": 0.75, "C": None}, {"A": 0.5, "B": None, "C": 0.5}]
    texts = [TEXT, TEXT.replace("(B): Not at all", "(B): A little\n(C): Not at all")]
    rows = [row(own, places={"country": "Spain"}, text=text)
            for own, text in zip(answers, texts, strict=True)]  # fmt: skip
    path = tmp_path / "own.parquet"
    pq.write_table(pa.Table.from_pylist(rows), path)
    two, three = convert(path).rows
    assert two["distributions"] == {"You are from Spain.": [0.25, 0.75]}
    # An option that nobody chose has no share.
    assert three["distributions"] == {"You are from Spain.": [0.5, 0.0, 0.5]}


@pytest.mark.parametrize(
    ("answers", "text"),
    [
        ("not a dict", TEXT),
        ("{'A': nan, 'B': 1}", TEXT),
        ("{'A': 'many', 'B': 'few'}", TEXT),
        ("{}", TEXT),
        # A share of an option that the text does not have, and labels without any text.
        ("{'A': 0.5, 'E': 0.5}", TEXT),
        ("{'A': 0.5, 'B': 0.5}", "Do you trust the news?"),
    ],
)
def test_what_cannot_be_read_is_left_out_and_counted(answers, text):
    rows, said = simbench_rows([row("{'A': 0.5, 'B': 0.5}"), row(answers, text=text)])
    assert len(rows) == 1
    assert said == [
        "1 rows are left out, the first row 2: no shares of options that the text names by their "
        "labels"
    ]


def test_a_group_s_question_counts_once(tmp_path):
    twice = [row("{'A': 0.5, 'B': 0.5}"), row("{'A': 0.1, 'B': 0.9}")]
    rows, [said] = simbench_rows(twice)
    assert rows[0]["distributions"] == {"You are from Spain.": [0.5, 0.5]}
    assert "their group has the same question before" in said


def test_shares_of_another_sum_are_left_out(tmp_path):
    rows = [row("{'A': 0.5, 'B': 0.5}"), row("{'A': 0.5, 'B': 0.2}", "You are 30.")]
    found = convert(write_csv(tmp_path, rows))
    assert list(found.rows[0]["distributions"]) == ["You are from Spain."]
    assert "1 distributions are left out: their sum is not 1" in found.said


def test_a_pickle_is_named(tmp_path):
    path = tmp_path / "SimBenchPop.pkl"
    path.write_bytes(b"\x80\x04\x95")
    with pytest.raises(DataError, match="a pickle"):
        convert(path)
