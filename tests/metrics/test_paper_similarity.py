"""Jaccard similarity of the paper's released responses to llama-2-chat, through the scoring."""

import math

import pytest

from lm_eval_overton.metrics.score import Bench, Prompt, score_prompts
from tests.released import FENCE, NoEncoder, samples

pytestmark = pytest.mark.paper_data


@pytest.mark.parametrize(
    ("model", "stops", "source", "expected", "prompts"),
    [
        # Against itself, self pairs excluded: the ceiling.
        ("llama-2-chat", (), None, 0.2791760, 50),
        ("gpt-3.5-turbo", (), None, 0.2028498, 50),
        ("llama-2-base", FENCE, None, 0.0722533, 50),
        # The hint is a summary of sample 0.
        ("llama-2-icl-chat-summary", FENCE, None, 0.1941403, 50),
        ("llama-2-icl-chat-summary", FENCE, 0, 0.1874847, 50),
    ],
)
def test_jaccard_to_the_chat_model(model, stops, source, expected, prompts):
    both = zip(samples(model, stops), samples("llama-2-chat", ()), strict=True)
    asked = [Prompt({}, own, reference, source) for own, reference in both]
    rows = score_prompts(asked, ["jaccard"], Bench(5, stops, NoEncoder(), 1234))
    values = [row["jaccard"] for row in rows if row["jaccard"] is not None]
    assert len(values) == prompts
    assert math.fsum(values) / len(values) == pytest.approx(expected, abs=1e-6)
