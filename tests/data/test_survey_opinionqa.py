"""OpinionQA's waves: weighted shares by group, refusals and scales as the files say."""

import pytest

from lm_eval_overton.cli import main
from lm_eval_overton.data.survey import load_survey
from lm_eval_overton.data.survey_sources import convert
from lm_eval_overton.errors import DataError

REFUSED = "99.0: 'Refused'}"
INFO = f""",key,option_mapping,question,references,option_ordinal
0,GUNS_W26,"{{1.0: 'Yes', 2.0: 'No', {REFUSED}",Own tea?,"['Yes', 'No', 'Refused']","[1.0, 2.0]"
1,WORRY_W26,"{{1.0: 'Up', 2.0: 'Down', 3.0: 'Same', {REFUSED}",Prices?,"['Up', 'Down', 'Same', \
'Refused']","[1.0, 2.0, 1.5]"
2,JOB_W26,"{{1.0: 'Tea', 2.0: 'Rum', {REFUSED}",Job?,"['Tea', 'Rum', 'Refused']","[1, 1]"
"""
RESPONSES = """QKEY,GUNS_W26,WORRY_W26,JOB_W26,SEX,POLPARTY,WEIGHT_W26,WEIGHT_W26_W27
1,Yes,Up,Tea,Male,Democrat,3.0,9
2,No,2.0,Tea,Female,Refused,1.0,9
3,Refused,Same,Rum,Male,nan,1.0,9
4,,Down,No idea,Female,Independent,1.0,9
"""
METADATA = """,key,options
0,SEX,"['Male', 'Female']"
1,POLPARTY,"['Republican', 'Democrat', 'Independent', 'Other']"
"""


@pytest.fixture
def wave(tmp_path):
    folder = tmp_path / "human_resp" / "American_Trends_Panel_W26"
    folder.mkdir(parents=True)
    for name, text in (("info", INFO), ("responses", RESPONSES), ("metadata", METADATA)):
        (folder / f"{name}.csv").write_text(text)
    return folder


@pytest.mark.parametrize("above", [0, 1, 2])
def test_a_wave_by_any_of_its_folders(wave, above, capsys):
    folder = [wave, *wave.parents][above]
    out = folder / "own.jsonl"
    assert main(["survey-data", str(folder), "-o", str(out)]) == 0
    said = capsys.readouterr().out
    assert "3 questions" in said
    assert "terms of Pew Research Center" in said
    assert "American_Trends_Panel_W26: 1 answers are none of the options" in said
    tea, prices, job = load_survey(str(out)).questions
    assert (tea.id, tea.text, tea.refusals) == ("GUNS_W26", "Own tea?", (2,))
    # Weights of 3, 1 and 1; who was not asked does not count.
    assert tea.people["all"] == (0.6, 0.2, 0.2)
    assert tea.people["sex: Male"] == (0.75, 0, 0.25)
    assert tea.people["sex: Female"] == (0, 1, 0)
    assert list(tea.people) == ["all", "sex: Male", "political party: Democrat", "sex: Female"]
    assert tea.respondents["all"] == 3
    # A code is as good as its option.
    assert prices.people["sex: Female"] == (0, 1, 0, 0)
    assert prices.positions[:3] == (1, 2, 1.5)
    assert job.positions is None


def test_without_weights_and_without_metadata_that_is_said(wave):
    (wave / "metadata.csv").unlink()
    text = RESPONSES.replace("WEIGHT", "W8")
    (wave / "responses.csv").write_text(text)
    found = convert(wave)
    assert found.rows[0]["distributions"]["all"] == [1 / 3] * 3
    assert any("no column WEIGHT" in said for said in found.said)


@pytest.mark.parametrize(
    ("name", "text", "said"),
    [
        ("info", "key,question\nA,B\n", "info.csv: expected a column references"),
        ("info", INFO.replace("\"['Yes', 'No', 'Refused']\"", "Yes"), "as Python prints it"),
        ("responses", RESPONSES.replace("3.0,9", "-3,9"), "responses.csv:2: expected a weight"),
        ("responses", RESPONSES.replace("WEIGHT_W26,", "WEIGHT_A,"), "one column of weights"),
        ("responses", "QKEY,A\n1,2\n", "expected a column for each key of info.csv"),
    ],
)
def test_files_that_cannot_be_used_are_named(wave, name, text, said):
    (wave / f"{name}.csv").write_text(text)
    with pytest.raises(DataError, match=said):
        convert(wave)


def test_missing_files_are_named(wave, tmp_path):
    (wave / "responses.csv").unlink()
    with pytest.raises(
        DataError, match=r"responses.csv: expected a readable CSV file, got No such"
    ):
        convert(wave)
    (tmp_path / "empty").mkdir()
    with pytest.raises(DataError, match="expected a wave of OpinionQA"):
        convert(tmp_path / "empty")
