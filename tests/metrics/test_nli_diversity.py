"""Diversity by inference, with probabilities that are given."""

from dataclasses import replace
from itertools import permutations

import numpy as np
import pytest

from lm_eval_overton.data import load_prompts
from lm_eval_overton.harness.instruments import Instruments
from lm_eval_overton.harness.material import Material
from lm_eval_overton.matchers.equivalence.lexical import ExactEquivalence
from lm_eval_overton.metrics.measures import REGISTRY
from lm_eval_overton.metrics.measures.nli_diversity import NLI_DIVERSITY
from lm_eval_overton.metrics.metric import Need
from lm_eval_overton.metrics.score import Bench, Prompt, score_prompts
from lm_eval_overton.settings.task import Settings
from lm_eval_overton.text.samples import clean
from tests.released import NoEncoder

NAME = NLI_DIVERSITY.name
# Contradiction less entailment; what is not here is neutral.
KNOWN = {("Yes.", "No."): 1.0, ("No.", "Yes."): 0.5, ("Yes.", "Yes."): -1.0}


class GivenNli:
    """Knows what pairs are worth, and which sets it was told of together."""

    def __init__(self):
        self.told = []

    def prepare(self, sets):
        self.told.append(list(sets))

    def scores(self, texts):
        return np.array([KNOWN.get(pair, 0.0) for pair in permutations(texts, 2)])


def scored(*sets, nli=None):
    bench = Bench(5, (), NoEncoder(), seed=1, nli=nli)
    prompts = [Prompt({}, [clean(raw) for raw in raws]) for raws in sets]
    return [row[NAME] for row in score_prompts(prompts, [NAME], bench)]


def test_it_is_the_mean_over_ordered_pairs_whatever_n_is():
    # (1 + 1/2) / 2; with a neutral third text the same sum over six pairs.
    sets = [["Yes.", "No."], ["Yes.", None, "Perhaps.", "No."], ["Yes.", "Yes."]]
    assert scored(*sets, nli=GivenNli()) == [0.75, 0.25, -1]
    assert not NLI_DIVERSITY.grows_with_n


def test_texts_that_have_nothing_to_do_with_each_other_gain_nothing():
    assert scored(["Ants.", "Seven.", "Oil."], nli=GivenNli()) == [0]


@pytest.mark.parametrize("raws", [[], ["Yes."], ["Yes.", None, ""]])
def test_without_a_pair_it_is_undefined(raws):
    assert scored(raws, nli=GivenNli()) == [None]


def test_all_prompts_are_seen_together():
    nli = GivenNli()
    scored(["Yes.", "No."], ["Ants."], nli=nli)
    assert nli.told == [[["Yes.", "No."], ["Ants."]]]


def test_without_a_model_it_is_no_metric_of_the_task():
    material = Material(load_prompts("open_ended"), {})
    tools = Instruments(Settings(), NoEncoder(), ExactEquivalence())
    assert Need.CONTRADICTIONS in tools.absent(material, None)
    assert Need.CONTRADICTIONS not in replace(tools, nli=GivenNli()).absent(material, None)
    assert Need.CONTRADICTIONS in REGISTRY[NAME].needs
    assert scored(["Yes.", "No."]) == [None]
