"""Data sets of the hub by name: the same questions as those of a copy, and one line offline."""

import datasets
import pytest

from lm_eval_overton.cli import main
from lm_eval_overton.data.survey import load_survey
from lm_eval_overton.data.survey_hub import converted, open_survey
from lm_eval_overton.errors import DataError
from lm_eval_overton.harness.replay import task_class
from tests.data.test_survey_sources import GLOBAL, write

SELECTIONS = "defaultdict(<class 'list'>, {'Peru': [0.5, 0.4, 0.1]})"
ROWS = [
    {
        "question": "Is tea good?",
        "selections": SELECTIONS,
        "options": "['Yes', 'No', 'DK/Refused']",
        "source": "GAS",
    }
]
NAME = "hub:Anthropic/llm_global_opinions"


@pytest.fixture
def hub(monkeypatch):
    asked = []

    def load(name, config, revision):
        asked.append((name, config, revision))
        return {"train": datasets.Dataset.from_list(ROWS)}

    monkeypatch.setattr(datasets, "load_dataset", load)
    return asked


def test_it_is_what_a_copy_would_be(hub, tmp_path, capsys):
    copy = converted(str(write(tmp_path, "own.csv", GLOBAL)), ["DK/Refused"])
    out = tmp_path / "own.jsonl"
    assert main(["survey-data", NAME, "--refusal", "DK/Refused", "-o", str(out)]) == 0
    assert "CC BY-NC-SA 4.0" in capsys.readouterr().out
    assert [q.text for q in load_survey(str(out)).questions] == [copy.rows[0]["question"]]
    assert converted(NAME, ["DK/Refused"]).rows == copy.rows


def test_a_task_asks_it_and_its_signature_names_it(hub, caplog):
    cls, config = task_class("overton_survey")
    config["metadata"] = {**config["metadata"], "survey": NAME}
    task = cls(config=config)
    survey = open_survey(NAME)
    assert f"|data:Anthropic/llm_global_opinions:{survey.sha}|" in task.signature
    assert len(survey.sha) == 8
    assert "licence of the source: CC BY-NC-SA 4.0" in caplog.text
    changed = [{**ROWS[0], "question": "Is rum good?"}]
    ROWS.append(changed[0])
    try:
        assert open_survey(NAME).sha != survey.sha
    finally:
        ROWS.pop()


def test_configuration_and_revision(hub):
    converted(f"{NAME}:own@v1.0")
    assert hub == [("Anthropic/llm_global_opinions", "own", "v1.0")]


@pytest.mark.parametrize("name", ["hub:", "hub:tea", "hub:a/b/c", "hub:a/b:", "hub:../b@"])
def test_names_of_no_data_set_are_refused_before_anything_is_asked(hub, name):
    with pytest.raises(DataError, match="expected hub:OWNER/NAME"):
        converted(name)
    assert not hub


def test_offline_is_one_line(monkeypatch):
    def load(*args, **options):
        raise ConnectionError("Couldn't reach the Hub\n  (offline mode)")

    monkeypatch.setattr(datasets, "load_dataset", load)
    with pytest.raises(DataError, match=r"got Couldn't reach the Hub \(offline mode\); fetch it"):
        open_survey(NAME)


def test_another_data_set_is_named(monkeypatch):
    made = {"train": datasets.Dataset.from_list([{"text": "tea"}])}
    monkeypatch.setattr(datasets, "load_dataset", lambda *args, **options: made)
    with pytest.raises(DataError, match="got columns text"):
        open_survey(NAME)
