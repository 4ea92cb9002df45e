import logging
from itertools import permutations

import numpy as np
import pytest

from lm_eval_overton.errors import SettingsError
from lm_eval_overton.matchers import pair_model
from lm_eval_overton.matchers.contrast import NliContrast, find_contrast
from lm_eval_overton.matchers.pair_model import PairModel
from lm_eval_overton.settings.task import Settings
from tests.matchers.test_matchers import probabilities, write_nli_model

# As a model may order and spell them.
LABELS = {0: "ENTAILMENT", 1: "neutral", 2: "CONTRADICTION"}
TEXTS = ["It rains.", "The sun is out.", "It rains."]


@pytest.fixture(scope="module")
def model(tmp_path_factory):
    return write_nli_model(tmp_path_factory.mktemp("contrast") / "tiny", LABELS)


def test_it_is_contradiction_less_entailment_of_each_ordered_pair(model):
    contrast = NliContrast(PairModel(model, "nli_model", batch_size=2))
    expected = []
    for one, other in permutations(TEXTS, 2):
        entailed, _, contradicted = probabilities(model, one, other)
        expected.append(contradicted - entailed)
    found = contrast.scores(TEXTS)
    assert found.tolist() == pytest.approx(expected, abs=1e-5)
    assert len(set(found.tolist())) > 1


def test_nothing_is_seen_again_once_it_was_prepared(model, monkeypatch):
    contrast = NliContrast(PairModel(model, "nli_model"))
    contrast.prepare([TEXTS, ["One text alone."]])
    before = contrast.scores(TEXTS)
    monkeypatch.setattr(PairModel, "_classified", lambda *_: pytest.fail("seen again"))
    assert contrast.scores(TEXTS).tolist() == before.tolist()
    assert contrast.scores(["One text alone."]).shape == (0,)


def test_what_is_remembered_of_pairs_is_bounded(model, monkeypatch):
    pairs = [(f"It rains {i}.", "Sun.") for i in range(6)]
    whole = PairModel(model, "nli_model").probabilities(pairs)
    monkeypatch.setattr(pair_model, "KEPT_PAIRS", 2)
    bounded = PairModel(model, "nli_model")
    rows = [bounded.probabilities([pair])[0] for pair in pairs]
    assert len(bounded._known) <= 3
    np.testing.assert_allclose(rows, whole, atol=1e-6)


@pytest.mark.parametrize(
    ("labels", "expected"),
    [
        ({0: "entailment", 1: "not_entailment"}, "expected a label named contradiction"),
        ({0: "neutral", 1: "contradiction"}, "expected a label named entailment"),
    ],
)
def test_a_model_without_both_labels_is_refused(tmp_path, labels, expected):
    folder = write_nli_model(tmp_path / "two", labels)
    with pytest.raises(SettingsError, match=expected):
        NliContrast(PairModel(folder, "nli_model"))


def test_a_model_that_matches_viewpoints_alone_is_left_out_with_a_line(tmp_path, caplog):
    folder = write_nli_model(tmp_path / "two", {0: "entailment", 1: "not_entailment"})
    with caplog.at_level(logging.WARNING, "lm_eval.overton"):
        assert find_contrast(Settings(nli_model=folder), "some_task") is None
    [line] = caplog.messages
    assert line.startswith("some_task: without diversity by inference: nli_model: expected a label")


def test_no_model_is_none(model):
    assert find_contrast(Settings(), "t") is None
    assert find_contrast(Settings(nli_model=model), "t").signature.startswith("tiny@")
    with pytest.raises(SettingsError, match="expected a sequence-classification model"):
        find_contrast(Settings(nli_model="no/where"), "t")
