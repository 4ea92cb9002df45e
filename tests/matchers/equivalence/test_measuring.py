"""An equivalence against labelled pairs, by hand and from the command line."""

import json

import numpy as np
import pytest

from lm_eval_overton.cli import main
from lm_eval_overton.errors import DataError
from lm_eval_overton.judge.verdicts import Verdict
from lm_eval_overton.matchers.equivalence.judged import JudgeEquivalence
from lm_eval_overton.matchers.equivalence.lexical import Rouge1Equivalence
from lm_eval_overton.matchers.equivalence.measuring import (
    LabelledPair,
    measure_pairs,
    read_pairs,
)

SIX = "one two three four five six"
# The measure is 1, 5/6, 1/6 and 0.
PAIRS = [
    LabelledPair("p", (SIX, SIX), True),
    LabelledPair("q", (SIX, SIX.replace("six", "seven")), False),
    LabelledPair("r", (SIX, "one a b c d e"), True),
    LabelledPair("s", (SIX, "f a b c d e"), False),
]


def measured(equivalence, pairs=PAIRS):
    lines = [line.rpartition(" [")[0] or line for line in measure_pairs(equivalence, pairs)]
    return dict(line.rsplit(" ", 1) for line in lines)


def test_by_hand():
    found = measured(Rouge1Equivalence())
    # Of four pairs of unlike labels one is in the wrong order; one hit, one false alarm, one miss.
    assert found["AUC"] == "0.750"
    assert found["F1"] == found["precision"] == found["recall"] == found["accuracy"] == "0.500"
    assert found["kappa"] == "0.000"
    # Above 0 there are three, two of which are the same.
    assert found["threshold of the best F1 on these pairs:"] == "0.000"


def test_the_area_is_what_counting_pairs_gives():
    rng = np.random.default_rng(3)
    words = ["a", "b", "c", "d", "e", "f", "g", "h", "i", "j"]
    pairs = [
        LabelledPair(str(i % 40), tuple(" ".join(rng.choice(words, 8)) for _ in "ab"), bool(i % 3))
        for i in range(60)
    ]
    scores = np.array(Rouge1Equivalence().pair_scores([pair.texts for pair in pairs]))
    same = np.array([pair.same for pair in pairs])
    above = scores[same][:, None] - scores[~same]
    area = np.mean((above > 0) + 0.5 * (above == 0))
    assert float(measured(Rouge1Equivalence(), pairs)["AUC"]) == pytest.approx(area, abs=5e-4)


class Half:
    """Says that all are the same, and nothing of the prompt s."""

    signature = "half"

    def ask(self, questions):
        return [
            Verdict("failed", None, None)
            if question.texts["prompt"] == "s"
            else Verdict("parsed", [0, 0], "{}")
            for question in questions
        ]


def test_a_pair_without_a_verdict_is_left_out_and_said():
    lines = list(measure_pairs(JudgeEquivalence(Half()), PAIRS))
    assert lines[2] == "left out: 1 pairs without a verdict"
    # Two of the three are the same.
    assert any(line.startswith("precision 0.667") for line in lines)
    assert not any(line.startswith("AUC") for line in lines)


def written(tmp_path, *records):
    path = tmp_path / "pairs.jsonl"
    path.write_text("".join(json.dumps(record) + "\n" for record in records))
    return path


def test_the_command_measures_a_file(tmp_path, capsys):
    record = {"prompt": "p", "generation_0": SIX, "generation_1": SIX, "similar": 1}
    other = {**record, "prompt": "q", "generation_1": "f a b c d e", "similar": 0}
    path = written(tmp_path, record, other)
    assert main(["matcher", "--equivalence", "exact", "--pairs", str(path)]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines[0] == "equivalence: exact"
    assert lines[1] == "pairs: 2 of 2 prompts, 1 of them the same"
    assert main(["matcher", "--equivalence", "rouge1"]) == 0
    assert "AUC of rouge1 .776" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("record", "message"),
    [
        ({"prompt": "p", "generation_0": "a", "similar": 1}, 'similar" 0 or 1, got'),
        ({"prompt": "p", "generation_0": "a", "generation_1": "b", "similar": "yes"}, "0 or 1"),
        ({"prompt": "p", "generation_0": "a", "generation_1": "b", "similar": 1}, "both labels"),
    ],
)
def test_files_of_something_else_are_refused(tmp_path, record, message):
    with pytest.raises(DataError, match=message):
        read_pairs(written(tmp_path, record))


@pytest.mark.parametrize("name", ["nope", "recorded", "classifier"])
def test_what_compares_no_texts_is_refused(name, capsys):
    assert main(["matcher", "--equivalence", name]) == 2
    assert len(capsys.readouterr().err.splitlines()) == 1
