"""What is accessible directly of what a better prompt brings out, by hand and by two runs."""

import json

import pytest

from lm_eval_overton.comparison import compare
from lm_eval_overton.comparison.elicited import GROUP, accessible
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
