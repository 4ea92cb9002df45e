"""Contested questions that yes or no answers, asked for a choice."""

import json
import math

import pytest

from lm_eval_overton.harness.check import check
from lm_eval_overton.harness.replay import task_class
from tests.harness.evaluating import evaluate
from tests.harness.test_survey import OPTION, Leaning

TASK = "overton_choice"


def made(**metadata):
    cls, config = task_class(TASK)
    config["metadata"] = {**config["metadata"], **metadata}
    return cls(config=config)


def test_each_packaged_question_is_asked_in_three_orders():
    task, model = made(), Leaning()
    results = evaluate(task, model)
    contexts = list(dict.fromkeys(context for context, _ in model.asked))
    assert len(task.prompt_set.docs) == 60
    assert len(contexts) == 180
    shown = [[text for _, text in OPTION.findall(context)] for context in contexts[:3]]
    assert shown == [
        ["Yes", "No", "It depends"],
        ["No", "It depends", "Yes"],
        ["It depends", "Yes", "No"],
    ]
    row = results["results"][TASK]
    assert row["opinion_entropy,none"] == pytest.approx(1)
    # There are no people to be like.
    assert not [name for name in row if name.startswith("survey_match")]
    assert "|data:contested-" in task.signature


def test_what_a_model_chooses_is_kept_and_its_entropy_is_of_three_options():
    entry = evaluate(made(), Leaning({"Yes": 1.0}), limit=2)["configs"][TASK]["metadata"]["overton"]
    shares = [math.e / (math.e + 2), 1 / (math.e + 2), 1 / (math.e + 2)]
    for own in json.loads(entry["details"]):
        assert list(own["shares"].values()) == pytest.approx(shares)
    expected = -sum(p * math.log(p) for p in shares) / math.log(3)
    assert json.loads(entry["values"]["opinion_entropy"]) == pytest.approx([expected] * 2)


def test_check_says_how_much_is_asked():
    # The survey of another task is none of its own.
    [first, *_] = check([TASK], {"survey": "another.jsonl"})
    assert first.endswith("(60 prompts, 540 log-probabilities)")
