"""How the pairs that a model sees share its batches."""

import pytest

from lm_eval_overton.matchers.pair_model import BATCH_SIZE, PairModel
from lm_eval_overton.text import forward
from tests.matchers.test_matchers import write_nli_model


@pytest.fixture(scope="module")
def name(tmp_path_factory):
    return write_nli_model(tmp_path_factory.mktemp("pairs") / "nli")


def seen(model, pairs):
    """Return the shape of each batch that the model computes, and what it says of the pairs."""
    shapes = []
    forward = model._loaded[1].forward
    model._loaded[1].forward = lambda **given: (
        shapes.append(tuple(given["input_ids"].shape)) or forward(**given)
    )
    return shapes, model.probabilities(pairs)


def test_pairs_of_answers_share_a_batch_with_fewer_than_pairs_of_sentences(name, monkeypatch):
    monkeypatch.setitem(forward.TOKENS, "cpu", 1200)
    # A letter is a token: 3 + 1 + 1 and 3 + 100 + 197.
    sentences = [(a, b) for a in "abcdefghijkl" for b in "abcdefghijk"]
    shapes, _ = seen(PairModel(name, "nli_model", "cpu"), sentences)
    assert shapes == [(BATCH_SIZE, 5), (4, 5)]

    answers = [("a " * 100, f"{letter} " * 197) for letter in "abcdef"]
    shapes, found = seen(PairModel(name, "nli_model", "cpu"), answers)
    assert shapes == [(4, 300), (2, 300)]
    alone = PairModel(name, "nli_model", "cpu", batch_size=1).probabilities(answers)
    assert found == pytest.approx(alone, abs=1e-6)


def test_a_pair_is_seen_once_however_often_it_is_asked_for(name):
    model = PairModel(name, "nli_model", "cpu")
    shapes, found = seen(model, [("a", "b"), ("b", "a"), ("a", "b")])
    assert shapes == [(2, 5)]
    assert found[0].tolist() == found[2].tolist() != found[1].tolist()
    model.probabilities([("b", "a")])
    assert len(shapes) == 1


def test_processes_on_several_devices_say_what_one_says(name, ready_processes):
    pairs = [("a " * n, "b") for n in range(1, 12)]
    alone = PairModel(name, "nli_model", "cpu").probabilities(pairs)
    assert PairModel(name, "nli_model", "cpu,cpu").probabilities(pairs) == pytest.approx(alone)
