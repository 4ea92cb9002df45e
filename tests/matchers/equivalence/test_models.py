"""Equivalences that ask a model of pairs: a real one, tiny and made here."""

import json

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lm_eval_overton.errors import SettingsError
from lm_eval_overton.matchers.equivalence.equivalence import Answers
from lm_eval_overton.matchers.equivalence.models import (
    CLASSIFIER_TOKENS,
    ClassifierEquivalence,
    ModelEquivalence,
    NliEquivalence,
)
from lm_eval_overton.matchers.equivalence.table import make_equivalence
from lm_eval_overton.settings.task import read_settings
from tests.matchers.test_matchers import probabilities, write_nli_model
from tests.released import NoEncoder

SAME = {0: "different", 1: "same"}
SETS = [
    Answers(("ab c", "d e f", "ab d", "q", "ab c")),
    Answers(("zz top", "q", "zz")),
    Answers(("alone",)),
    Answers(()),
]


@pytest.fixture(scope="module")
def classifier(tmp_path_factory):
    return write_nli_model(tmp_path_factory.mktemp("models") / "pairs", SAME)


@pytest.fixture(scope="module")
def inference(tmp_path_factory):
    return write_nli_model(tmp_path_factory.mktemp("models") / "nli")


def test_the_score_is_the_probability_of_the_label_same(classifier):
    [first, second] = ClassifierEquivalence(classifier).pair_scores([("ab", "c d"), ("c d", "ab")])
    assert first == pytest.approx(probabilities(classifier, "ab", "c d")[1], abs=1e-5)
    assert second == pytest.approx(probabilities(classifier, "c d", "ab")[1], abs=1e-5)


def test_inference_has_to_hold_both_ways(inference):
    [score] = NliEquivalence(inference).pair_scores([("ab", "c d")])
    both = [probabilities(inference, *pair)[1] for pair in (("ab", "c d"), ("c d", "ab"))]
    assert score == pytest.approx(min(both), abs=1e-5)


@pytest.mark.parametrize("kind", [ClassifierEquivalence, NliEquivalence])
@pytest.mark.parametrize("quantile", [0.2, 0.5, 0.8])
def test_all_prompts_at_once_give_the_classes_of_one_at_a_time(
    kind, quantile, classifier, inference
):
    model = classifier if kind is ClassifierEquivalence else inference
    pairs = [(a, b) for own in SETS for a in own.texts for b in own.texts if a != b]
    threshold = float(np.quantile(kind(model).pair_scores(pairs), quantile))
    together, alone = kind(model, threshold), kind(model, threshold)
    together.prepare(SETS)
    known = set(together.model._known)
    labels = [together.labels(own) for own in SETS]
    assert labels == [alone.labels(own) for own in SETS]
    # What was prepared is all that is wanted of the model, and no more than that.
    assert set(together.model._known) == set(alone.model._known) == known
    assert labels[2:] == [[0], []]


class ByLetter(ModelEquivalence):
    """Texts with one first letter are the same; remembers what it was asked, in which rounds."""

    NAME = "letter"

    def __init__(self):
        super().__init__(None, 0.5)
        self.rounds = []

    def pair_scores(self, pairs):
        self.rounds.append(list(pairs))
        return [float(a[0] == b[0]) for a, b in pairs]


# The first example waits for imports.
@settings(deadline=None)
@given(st.lists(st.lists(st.sampled_from("ABCD"), max_size=6), max_size=5))
def test_a_sample_is_compared_up_to_the_first_head_that_is_the_same(letters):
    prompts = [[f"{own}{p}.{i}" for i, own in enumerate(row)] for p, row in enumerate(letters)]
    needed, labels = [], []
    for own in prompts:
        heads, found, pairs = [], [], []
        for text in own:
            seen = [(head, text) for head in heads]
            same = [head[0] == text[0] for head in heads]
            place = same.index(True) if any(same) else len(heads)
            pairs += seen[: place + 1]
            heads += [text] if place == len(heads) else []
            found.append(place)
        needed.append(pairs)
        labels.append(found)
    equivalence = ByLetter()
    answers = [Answers(tuple(own)) for own in prompts]
    equivalence.prepare(answers)
    asked = [pair for one in equivalence.rounds for pair in one]
    assert sorted(asked) == sorted(pair for one in needed for pair in one)
    # The prompts go side by side.
    assert len(equivalence.rounds) == max(map(len, needed), default=0)
    assert [equivalence.labels(own) for own in answers] == labels


def test_each_text_is_cut_as_the_benchmark_cuts_it(classifier):
    # The tokens are letters.
    long, cut = "a" * 300, "a" * CLASSIFIER_TOKENS
    [one, other] = ClassifierEquivalence(classifier).pair_scores([(long, "b"), (cut, "b")])
    assert one == pytest.approx(other, abs=1e-6)


def test_every_setting_is_in_the_signature(classifier, tmp_path):
    one = ClassifierEquivalence(classifier).signature
    assert one.startswith("classifier>0.102:pairs@")
    assert ClassifierEquivalence(classifier, 0.5).signature != one
    other = write_nli_model(tmp_path / "pairs", SAME, seed=1)
    assert ClassifierEquivalence(other).signature != one


def test_a_model_without_such_a_label_is_refused_with_those_it_has(tmp_path):
    model = write_nli_model(tmp_path / "odd", {0: "good", 1: "bad"})
    for name, label in (("classifier", "same, similar"), ("nli", "entailment")):
        with pytest.raises(SettingsError, match=f"expected a label named {label}"):
            make_equivalence(name, NoEncoder(), model)
    (tmp_path / "none").mkdir()
    (tmp_path / "none" / "config.json").write_text(json.dumps({"model_type": "none"}))
    with pytest.raises(SettingsError, match="equivalence_model: expected a sequence-class"):
        make_equivalence("classifier", NoEncoder(), str(tmp_path / "none"))


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"equivalence": 3}, "equivalence to be a non-empty string"),
        ({"equivalence_threshold": "x"}, "equivalence_threshold to be a number"),
        ({"distinct_m": 1}, "at least 2"),
        ({"reward_thresholds": [1, 2]}, "9 rising numbers"),
        ({"reward_thresholds": [9, 8, 7, 6, 5, 4, 3, 2, 1]}, "9 rising numbers"),
        ({"reward_thresholds": "low"}, "9 rising numbers"),
    ],
)
def test_settings_of_another_kind_are_refused(given, message):
    with pytest.raises(SettingsError, match=message):
        read_settings(given, "t")
