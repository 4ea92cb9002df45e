import pytest

from lm_eval_overton.settings.model import ModelArguments
from lm_eval_overton.settings.task import read_settings

SERVER = {"model": "m", "base_url": "http://localhost:8000/v1"}


@pytest.mark.parametrize(
    ("arguments", "is_api"),
    [
        (SERVER, True),
        ({"model": "gpt-4.1-mini"}, True),
        ({"pretrained": "gpt2"}, False),
        # vLLM's and others' local backends take both names.
        ({"pretrained": "gpt2", "model": "gpt2"}, False),
        ({}, False),
    ],
)
def test_a_model_with_a_server_or_a_hosted_name_is_an_api(arguments, is_api):
    assert ModelArguments(arguments).is_api is is_api


def test_identity_is_the_model_without_our_settings_and_without_speed_and_place():
    own = {"n_samples": 5, "seed": 1, "prompts": None, "version": 1}
    speed = {"num_concurrent": 8, "timeout": 9, "device": "cuda", "batch_size": 1}
    assert read_settings({**own, **speed, **SERVER}, "t").model.identity == SERVER


def test_identity_does_not_depend_on_the_order_of_arguments():
    one, other = ModelArguments(SERVER), ModelArguments(dict(reversed(SERVER.items())))
    assert list(one.identity.items()) == list(other.identity.items())


def test_a_checkpoint_has_a_tokenizer_of_its_own_or_another_s():
    local = {"pretrained": "gpt2", "revision": "x", "dtype": "float16", "max_length": 64}
    model = ModelArguments(local)
    assert (model.checkpoint, model.tokenizer, model.context_limit) == ("gpt2", "gpt2", 64)
    assert model.loading == {"revision": "x"}
    assert ModelArguments({**local, "tokenizer": "other"}).tokenizer == "other"


def test_a_model_behind_an_api_has_no_checkpoint():
    assert ModelArguments({**SERVER, "pretrained": "gpt2"}).checkpoint is None
    assert ModelArguments().context_limit is None
