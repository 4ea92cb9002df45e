"""Which card a model goes to, where there are some: here there is none, so torch is told so."""

import pytest
import torch

from lm_eval_overton.text import classifier
from lm_eval_overton.text.device import own_device
from tests.matchers.test_matchers import write_nli_model


@pytest.fixture
def cards(monkeypatch):
    monkeypatch.delenv("LOCAL_RANK", raising=False)

    def give(n):
        monkeypatch.setattr(torch.cuda, "is_available", lambda: n > 0)
        monkeypatch.setattr(torch.cuda, "device_count", lambda: n)

    return give


@pytest.mark.parametrize(
    ("n", "rank", "device"),
    [
        (0, None, "cpu"),
        (0, "1", "cpu"),
        (2, None, "cuda:0"),
        (2, "0", "cuda:0"),
        (2, "1", "cuda:1"),
        # Each process is shown one card, whichever that is.
        (1, "3", "cuda:0"),
    ],
)
def test_each_process_has_its_own_card(cards, monkeypatch, n, rank, device):
    cards(n)
    if rank is not None:
        monkeypatch.setenv("LOCAL_RANK", rank)
    assert own_device() == device


def test_a_classifier_goes_where_it_is_told_else_to_the_own_card(monkeypatch, tmp_path):
    name = write_nli_model(tmp_path / "nli")
    monkeypatch.setattr(classifier, "own_device", lambda: "meta")
    for asked, expected in ((None, "meta"), ("cpu", "cpu")):
        _, model = classifier.load_classifier(name, "nli_model", asked)
        assert model.device.type == expected
        assert not model.training
