"""Coverage of the paper's released responses on their own content words, through the scoring."""

import math

import pytest

from lm_eval_overton.metrics.score import Bench, Prompt, score_prompts
from tests.released import FENCE, NoEncoder, samples

pytestmark = pytest.mark.paper_data


def score(own, reference, names):
    prompts = [Prompt({}, *both) for both in zip(own, reference, strict=True)]
    return score_prompts(prompts, names, Bench(5, FENCE, NoEncoder(), 1234))


def mean(rows, name):
    """The mean over the prompts on which a metric is defined, and their number."""
    kept = [row[name] for row in rows if row[name] is not None]
    return math.fsum(kept) / len(kept), len(kept)


@pytest.mark.parametrize(
    ("model", "stops", "expected", "prompts"),
    [
        # One base response is empty once its stop string is removed.
        ("llama-2-base", FENCE, 0.258, 49),
        ("llama-2-icl", FENCE, 0.329, 50),
        ("llama-2-icl-chat-summary", FENCE, 0.366, 50),
        ("llama-2-chat", (), 0.378, 50),
    ],
)
def test_overton_index_on_own_words(model, stops, expected, prompts):
    own = samples(model, stops)
    names = ["overton_index_words", "units_at_1_words", "units_at_n_words"]
    rows = score(own, [()] * len(own), names)
    index, defined = mean(rows, "overton_index_words")
    assert index == pytest.approx(expected, abs=1e-3)
    assert defined == prompts
    # The index of a prompt is the ratio of its two counts.
    for row in rows:
        if row["overton_index_words"] is not None:
            ratio = row["units_at_1_words"] / row["units_at_n_words"]
            assert row["overton_index_words"] == pytest.approx(ratio)


def test_what_chat_misses_of_base_beside_what_base_misses_of_itself():
    names = [f"missing_from_reference_{kind}" for kind in ("split", "held_out")]
    rows = score(samples("llama-2-chat", ()), samples("llama-2-base", FENCE), names)
    split, held_out = names
    # Three samples against two; the prompt with four base samples has no held-out value.
    assert mean(rows, held_out) == (pytest.approx(0.6647, abs=5e-5), 49)
    common = [row for row in rows if row[held_out] is not None]
    assert mean(common, split) == (pytest.approx(0.5060, abs=5e-5), 49)
    assert mean(rows, split)[1] == 50


def test_what_one_chat_answer_covers_of_base():
    chat, base = samples("llama-2-chat", ()), samples("llama-2-base", FENCE)
    rows = score(chat, base, ["reference_coverage_at_1", "missing_from_reference_held_out"])
    common = [row for row in rows if row["missing_from_reference_held_out"] is not None]
    value, defined = mean(common, "reference_coverage_at_1")
    assert (value, defined) == (pytest.approx(0.2892, abs=5e-5), 49)
