from types import SimpleNamespace

import pytest

from lm_eval_overton.text.encoder import get_encoder
from lm_eval_overton.text.encoder_source import DEFAULT_ENCODER, find_encoder
from lm_eval_overton.text.readable import MULTILINGUAL, languages_read, reads
from tests.text.parallel_texts import all_answers


def encoder(name: str, unknown_share: float = 0.0):
    return SimpleNamespace(
        source=SimpleNamespace(name=name), unknown_share=lambda texts: unknown_share
    )


@pytest.mark.parametrize(
    "name",
    [
        DEFAULT_ENCODER,
        "/models/all-mpnet-base-v2/",
        "BAAI/bge-large-en-v1.5",
        "intfloat/e5-small-v2",
        "thenlper/gte-base",
        "sentence-transformers/multi-qa-MiniLM-L6-cos-v1",
        "nomic-ai/nomic-embed-text-v1.5",
    ],
)
def test_english_encoders_read_english_alone(name):
    assert languages_read(name) == ("en",)
    assert reads(encoder(name), ["en"], []) is True
    assert reads(encoder(name), ["de"], []) is False
    assert reads(encoder(name), ["en", "zh"], []) is False


@pytest.mark.parametrize(
    "name",
    [*MULTILINGUAL, "distiluse-base-multilingual-cased-v2", "intfloat/multilingual-e5-large"],
)
def test_multilingual_encoders_read_what_they_have_tokens_for(name):
    assert languages_read(name) == ()
    assert reads(encoder(name), ["th"], ["ก"]) is True
    assert reads(encoder(name, 0.5), ["th"], ["ก"]) is False


def test_an_encoder_of_two_languages_reads_these():
    assert reads(encoder("BAAI/bge-small-zh-v1.5"), ["zh"], []) is True
    assert reads(encoder("BAAI/bge-small-zh-v1.5"), ["ja"], []) is False


def test_of_an_unknown_encoder_only_unknown_tokens_tell():
    assert reads(encoder("me/mine"), ["en"], []) is True
    assert reads(encoder("me/mine"), ["de"], []) is None
    assert reads(encoder("me/mine", 0.11), ["de"], []) is False


def test_tokens_that_an_encoder_lacks_are_counted():
    default = get_encoder(find_encoder())
    assert default.unknown_share([]) == 0
    assert default.unknown_share(all_answers("en")) == 0
    assert default.unknown_share(all_answers("th")) > 0.9
