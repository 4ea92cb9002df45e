"""What asking a model changes is put back, whatever came of it."""

import copy
import random

import numpy as np
import pytest
import torch

from lm_eval_overton.harness.in_training import ModelInTraining
from lm_eval_overton.harness.untouched import untouched
from tests.tiny_models import causal, tokenizer


@pytest.fixture
def model():
    own, _ = causal("gpt-2")
    before = own.training
    yield own
    own.train(before)


def drawn():
    return random.random(), float(np.random.rand()), float(torch.rand(1))


def seeded():
    random.seed(1)
    np.random.seed(2)
    torch.manual_seed(3)


def test_random_numbers_go_on_where_they_were(model):
    seeded()
    drawn()
    expected = drawn()
    seeded()
    drawn()
    with untouched(model):
        drawn()
        torch.manual_seed(4)
    assert drawn() == expected


def test_each_part_keeps_its_mode(model):
    model.train()
    frozen = model.transformer.h[0]
    frozen.eval()
    before = [part.training for part in model.modules()]
    with untouched(model):
        model.eval()
    assert [part.training for part in model.modules()] == before
    assert not frozen.training
    assert model.training


def change_and_fail(model):
    with untouched(model):
        model.config.use_cache = not model.config.use_cache
        model.config.of_mine = 1
        model.generation_config.temperature = 0.1
        raise KeyError


def test_settings_are_put_back_in_place_also_after_an_error(model):
    config, generation = model.config, model.generation_config
    before = dict(vars(config)), dict(vars(generation))
    with pytest.raises(KeyError):
        change_and_fail(model)
    assert model.config is config
    assert model.generation_config is generation
    assert (dict(vars(config)), dict(vars(generation))) == before


def test_a_tokenizer_gets_its_padding_as_a_copy(model):
    own = copy.deepcopy(tokenizer("gpt-2"))
    own.pad_token = None
    asked = ModelInTraining(model, own)
    assert asked.tokenizer.pad_token is not None
    assert own.pad_token is None


def test_weights_that_were_parted_stay_so(model):
    tied = model.transformer.wte.weight
    parted = torch.nn.Parameter(tied.detach().clone())
    model.lm_head.weight = parted
    try:
        ModelInTraining(model, tokenizer("gpt-2"))
        assert model.lm_head.weight is parted
        assert "tie_weights" not in vars(model)
    finally:
        model.lm_head.weight = tied


@pytest.mark.parametrize("kind", ["rng_state_all", "rng_state"])
def test_random_numbers_of_the_cards_go_on_where_they_were(model, monkeypatch, kind):
    class Cards:
        state = ("first", "second")

    def write(state):
        Cards.state = state

    setattr(Cards, f"get_{kind}", staticmethod(lambda: Cards.state))
    setattr(Cards, f"set_{kind}", staticmethod(write))
    monkeypatch.setattr(torch, "get_device_module", lambda: Cards)
    with untouched(model):
        Cards.state = ("moved", "on")
    assert Cards.state == ("first", "second")
