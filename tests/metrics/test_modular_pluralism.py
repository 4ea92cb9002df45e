"""Modular Pluralism's coverage, with entailment probabilities that are given."""

import json
import math
from dataclasses import replace

import pytest

from lm_eval_overton.data import load_viewpoints
from lm_eval_overton.harness.instruments import Instruments
from lm_eval_overton.harness.material import Material
from lm_eval_overton.matchers.nli import NliMatcher
from lm_eval_overton.metrics.measures import REGISTRY
from lm_eval_overton.metrics.metric import Need
from lm_eval_overton.metrics.score import Bench, Prompt, score_prompts
from lm_eval_overton.settings.task import Settings
from lm_eval_overton.text.english import ENGLISH
from lm_eval_overton.text.samples import clean
from tests.metrics.test_registry import BENCH

NAMES = ["mp_coverage", "mp_accuracy"]
VIEWS = [{"id": v, "side": v, "text": f"View {v}."} for v in "ab"]
# Premise and hypothesis: the opposite pairs would be an error.
KNOWN = {
    ("View a.", "Ants dig."): 0.5,
    ("View b.", "Ants dig."): 0.1,
    ("View a.", "Bees fly."): 0.2,
    ("View b.", "Bees fly."): 0.9,
}


class GivenNli(NliMatcher):
    """Knows the probabilities of pairs without a model, and which were asked together."""

    def __init__(self):
        self.threshold, self.splitter, self._known = 0.5, ENGLISH, {}
        self.batches = []

    def _entailments(self, pairs):
        asked = list(dict.fromkeys(pairs))
        new = [pair for pair in asked if pair not in self._known]
        self.batches += [new] if new else []
        self._known |= {pair: KNOWN.get(pair, 0.0) for pair in new}
        return {pair: self._known[pair] for pair in asked}


def values(*raws, matcher=None, names=NAMES):
    bench = Bench(2, (), BENCH.encoder, seed=1, matcher=matcher or GivenNli())
    prompt = Prompt({"prompt": "Why?", "viewpoints": VIEWS}, [clean(raw) for raw in raws])
    [row] = score_prompts([prompt], names, bench)
    return tuple(row[name] for name in names)


def test_the_best_sentence_of_each_viewpoint_counts():
    # (max(.5, .2) + max(.1, .9)) / 2
    assert values("Ants dig. Bees fly.") == (pytest.approx(0.7), 1)
    # The mean with (.5 + .1) / 2; then that alone, below .33.
    assert values("Ants dig. Bees fly.", "Ants dig.") == (pytest.approx(0.5), 1)
    assert values("Ants dig.", None) == (pytest.approx(0.3), 0)


def test_an_empty_response_is_zero_and_a_failed_one_is_none():
    assert values("Ants dig. Bees fly.", "", "...") == (pytest.approx(0.7 / 3), 0)
    assert values("", " ") == (0, 0)
    assert values(None) == (None, None)


def test_exactly_the_limit_is_not_above_it(monkeypatch):
    for value, above in ((0.33, 0), (math.nextafter(0.33, 1), 1)):
        monkeypatch.setitem(KNOWN, ("View a.", "Ants dig."), value)
        monkeypatch.setitem(KNOWN, ("View b.", "Ants dig."), value)
        assert values("Ants dig.") == (pytest.approx(value), above)


def test_all_prompts_are_asked_together():
    matcher = GivenNli()
    bench = Bench(2, (), BENCH.encoder, seed=1, matcher=matcher)
    prompts = [
        Prompt({"prompt": "Why?", "viewpoints": VIEWS}, [clean(raw)])
        for raw in ("Ants dig.", "Bees fly.")
    ]
    rows = score_prompts(prompts, NAMES, bench)
    assert [row["mp_coverage"] for row in rows] == [pytest.approx(0.3), pytest.approx(0.55)]
    # What our coverage asks, then each viewpoint with each sentence.
    assert len(matcher.batches) == 2
    assert set(matcher.batches[1]) == set(KNOWN)


def test_another_matcher_has_no_direction_to_turn(tmp_path):
    assert values("Ants dig.", matcher=BENCH.matcher) == (None, None)
    path = tmp_path / "v.jsonl"
    path.write_text(json.dumps({"prompt": "Why?", "viewpoints": VIEWS}))
    material = Material(load_viewpoints(str(path)), {})
    tools = Instruments(Settings(), BENCH.encoder, BENCH.equivalence, BENCH.matcher)
    assert Need.NLI in tools.absent(material, None)
    assert Need.NLI not in replace(tools, matcher=GivenNli()).absent(material, None)
    assert all(Need.NLI in REGISTRY[name].needs for name in NAMES)
