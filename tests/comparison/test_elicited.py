"""What is accessible directly of what a better prompt brings out, by hand and by two runs."""

import json
import math

import pytest

from lm_eval_overton.comparison import compare
from lm_eval_overton.comparison.elicited import GROUP, accessible, calibrated
from lm_eval_overton.comparison.loaded import load_run
from lm_eval_overton.harness.replay import score
from lm_eval_overton.matchers.equivalence.lexical import ExactEquivalence
from lm_eval_overton.runs.responses import read_responses

TASK = "overton_diversity"


def test_by_hand():
    same = ExactEquivalence()
    # a, b; then c besides.
    assert accessible("aab", "abc", 3, same) == (2, 3)
    # What was said directly is no news, whatever comes after.
    assert accessible("ab", "ba", 2, same) == (2, 2)
    assert accessible("aa", "bc", 2, same) == (1, 3)
    # The first n of each.
    assert accessible("aabz", "acdz", 3, same) == (2, 4)
    assert accessible("aa", "bcd", 3, same) is None


def run(tmp_path, name, replies, **metadata):
    path = tmp_path / f"{name}.jsonl"
    rows = [{"id": str(i), "prompt": f"p{i}", "responses": own} for i, own in enumerate(replies)]
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    settings = {"n_samples": 2, "equivalence": "exact", **metadata}
    found, output = read_responses(path), tmp_path / name
    score(found, TASK, metadata=settings, output=output, name=name, only=ONLY)
    return load_run(tmp_path / name)


ONLY = {"distinct_k"}


def test_a_direct_and_an_elicited_run_of_one_model(tmp_path):
    said = [["tea", "tea"], ["tea", "milk"], ["tea", None]]
    more = [[json.dumps({"answers": own})] for own in (["tea", "rain"], ["rum", "gin"], ["a", "b"])]
    direct = run(tmp_path, "direct", said)
    elicited = run(tmp_path, "more", more, elicit="list", elicit_k=2)
    for base, other in ((direct, elicited), (elicited, direct)):
        [pair] = compare(base, [other]).pairs
        [shift] = [own for own in pair.shifts if own.group == GROUP]
        # 1 of 2, then 2 of 4; of the third prompt one sample failed.
        assert shift.value.estimate == pytest.approx(3 / 6)
        assert shift.value.n == 2
        assert shift.note == "1 of 3 prompts lack 2 samples in both runs"
    assert not [own for own in compare(direct, [direct]).pairs[0].shifts if own.group == GROUP]


def test_calibration_by_hand():
    # Half and half against three quarters and a quarter.
    direct, elicited = {"answers": [0, 1, None]}, {"stated": [0.75, 0.25, 0]}
    middle = [0.625, 0.375]
    divergence = sum(
        p * math.log2(p / m) / 2
        for shares in ([0.5, 0.5], [0.75, 0.25])
        for p, m in zip(shares, middle, strict=True)
    )
    assert calibrated(direct, elicited) == pytest.approx(1 - math.sqrt(divergence))
    assert calibrated({"answers": [0]}, {"stated": [1, 0]}) == 1
    assert calibrated({"answers": [0]}, {"stated": [0, 1]}) == 0
    for lacking in ({}, {"answers": [None]}, {"answers": [5]}):
        assert math.isnan(calibrated(lacking, elicited))
    assert math.isnan(calibrated(direct, {"answers": [0]}))


CLOSED = "overton_enumerable"
SETS = [
    {"id": "coin", "prompt": "Toss a coin.", "answers": ["heads", "tails"]},
    {"id": "suit", "prompt": "Draw a suit.", "answers": ["hearts", "spades", "clubs", "diamonds"]},
]


def closed(tmp_path, name, replies, **metadata):
    prompts, path = tmp_path / "sets.jsonl", tmp_path / f"{name}.jsonl"
    prompts.write_text("".join(json.dumps(own) + "\n" for own in SETS))
    rows = [{"id": own["id"], "responses": r} for own, r in zip(SETS, replies, strict=True)]
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    settings = {"n_samples": 4, "answer_sets": str(prompts), **metadata}
    score(read_responses(path), CLOSED, metadata=settings, output=tmp_path / name, name=name)
    return load_run(tmp_path / name)


def verbalized(**shares):
    return json.dumps({"answers": [{"text": t, "probability": p} for t, p in shares.items()]})


def test_what_is_stated_stands_against_what_is_sampled(tmp_path):
    said = [["heads", "heads", "heads", "Tails."], ["hearts"] * 3 + ["no idea"]]
    stated = [
        # Whatever its sum, each reply counts the same; what is no answer does not count.
        [verbalized(heads="50%", tails="50%"), verbalized(heads=0.2, edge=0.3)],
        [verbalized(hearts=0.1, spades=0.1), "hearts, I would say"],
    ]
    direct = closed(tmp_path, "direct", said)
    more = closed(tmp_path, "more", stated, elicit="verbalized", elicit_k=2)
    assert [own["stated"] for own in more.tasks[CLOSED].details] == [[0.75, 0.25], [0.5, 0.5, 0, 0]]
    assert direct.tasks[CLOSED].details[1]["answers"] == [0, 0, 0, None]
    for base, other in ((direct, more), (more, direct)):
        [pair] = compare(base, [other]).pairs
        [shift] = [own for own in pair.shifts if own.group == GROUP]
        one = calibrated({"answers": [0]}, {"stated": [0.5, 0.5]})
        assert shift.metric == "elicit_calibration"
        assert shift.value.estimate == pytest.approx((1 + one) / 2)
        assert (shift.value.n, shift.note) == (2, "")


def test_a_list_states_no_probabilities(tmp_path):
    said = [["heads"] * 4, ["hearts"] * 4]
    listed = [[json.dumps(["heads", "tails"])] * 2, [json.dumps(["clubs", "hearts"])] * 2]
    direct = closed(tmp_path, "direct", said)
    more = closed(tmp_path, "more", listed, elicit="list", elicit_k=2)
    [shift] = [own for own in compare(direct, [more]).pairs[0].shifts if own.group == GROUP]
    assert math.isnan(shift.value.estimate)
    assert "2 of 2 prompts lack" in shift.note
