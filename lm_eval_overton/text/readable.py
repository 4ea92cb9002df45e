"""Which languages a sentence encoder was trained to read."""

from __future__ import annotations

import re
from collections.abc import Collection, Sequence

from lm_eval_overton.text.encoder import Encoder

__all__ = ["MULTILINGUAL", "languages_read", "reads"]

# What to use in place of an encoder that cannot read a text.
MULTILINGUAL = (
    "sentence-transformers/paraphrase-multilingual-MiniLM-L12-v2",
    "intfloat/multilingual-e5-small",
    "BAAI/bge-m3",
    "sentence-transformers/LaBSE",
)

_ALL: Collection[str] = ()
# The first pattern that fits an encoder's name, without its organisation and in small letters,
# says what it was trained on; no language stands for many of all scripts.
_TRAINED_ON: tuple[tuple[str, Collection[str]], ...] = (
    (
        r"multilingual|labse|bge-m3|xlm-r|mgte|jina-embeddings-v[345]|qwen3?-.*embedding|"
        r"embeddinggemma|arctic-embed-[ml]-v2|nomic-embed-text-v2|laser|sonar|llama-embed-nemotron|"
        r"gte-qwen|use-cmlm-multi",
        _ALL,
    ),
    (r"bge-(small|base|large)-zh|gte-(small|base|large)-zh|text2vec-.*chinese|-zh$", ("en", "zh")),
    (r"jina-embeddings-v2-base-de", ("de", "en")),
    (r"jina-embeddings-v2-base-es", ("en", "es")),
    (
        r"all-minilm|all-mpnet|all-(distil)?roberta|paraphrase-(minilm|mpnet|albert|distil|roberta|"
        r"tinybert)|multi-qa-|msmarco-|gtr-t5|sentence-t5|^e5-|gte-(tiny|small|base|large)|"
        r"bge-(micro|small|base|large)|bge-.*-en|nomic-embed-text-v1|mxbai-embed|arctic-embed|"
        r"modernbert-embed|instructor-|simcse|jina-embedding|stsb-|^nli-|average_word_embeddings|"
        r"static-retrieval-mrl-en|potion-",
        ("en",),
    ),
)
# An encoder whose tokenizer has no token for more than so much of a text cannot read it.
_UNKNOWN_TOKENS = 0.1
_LOOKED_AT = 100


def languages_read(name: str) -> Collection[str] | None:
    """Return the languages that an encoder was trained on.

    Args:
        name: Its hub name, or a folder that is called after it.

    Returns:
        Codes of languages, empty for many of all scripts; None for an encoder that is not known.
    """
    short = re.split(r"[\\/]", name.rstrip("\\/"))[-1].lower()
    return next((codes for pattern, codes in _TRAINED_ON if re.search(pattern, short)), None)


def reads(encoder: Encoder, languages: Collection[str], texts: Sequence[str]) -> bool | None:
    """Tell whether an encoder reads texts.

    English is read by all of them. In another language an encoder that was trained on English alone
    finds answers to different questions alike: cosines of .36 (German) to .81 (Hindi) on average
    where English ones have .04, so that no value means what it means in English. What an encoder
    was not trained on its tokenizer may still have tokens for, so that these only decide for
    encoders that read many languages or are not known.

    Args:
        encoder: The encoder, which is loaded if its tokenizer has to decide.
        languages: The languages of the texts.
        texts: The texts; some are looked at.

    Returns:
        None if nothing speaks against it but that the encoder is not known.
    """
    foreign = set(languages) - {"en"}
    trained = languages_read(encoder.source.name)
    if not foreign or (trained and foreign <= set(trained)):
        return True
    if trained or encoder.unknown_share(texts[:_LOOKED_AT]) > _UNKNOWN_TOKENS:
        return False
    return None if trained is None else True
