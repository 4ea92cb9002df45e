"""With which number of samples a file is scored, and what is said of it."""

from pathlib import Path

import pytest

from lm_eval_overton.harness.how_many import fitting_n, say_what_there_is
from lm_eval_overton.runs.entries import Entry
from lm_eval_overton.runs.matching import match_prompts
from lm_eval_overton.runs.responses import Responses


def matched(*counts, n_samples=None):
    entries = [Entry(None, f"{i}?", ["a"] * n) for i, n in enumerate(counts)]
    found = Responses(Path("r.jsonl"), entries, n_samples=n_samples)
    return found, match_prompts(found, None)


@pytest.mark.parametrize(
    ("counts", "stated", "n", "said"),
    [
        ((5, 5), None, {}, []),
        ((2, 7), None, {}, ["r.jsonl: from 2 to 7 responses to a prompt"]),
        ((3, 3), None, {"n_samples": 3}, ["r.jsonl: n_samples is 3, not 5: so many has each"]),
        (
            (10,),
            None,
            {},
            ["r.jsonl: 10 responses to each prompt; what grows with their number is"],
        ),
        ((3, 3), 4, {"n_samples": 4}, []),
        ((2, 2), 5, {"n_samples": 5}, []),
    ],
)
def test_the_number_fits_what_each_prompt_has(caplog, counts, stated, n, said):
    assert fitting_n(*matched(*counts, n_samples=stated), 5) == n
    assert [
        message[: len(start)] for message, start in zip(caplog.messages, said, strict=True)
    ] == said


def test_one_response_has_no_diversity_and_it_is_said(caplog):
    say_what_there_is(*matched(1, 1))
    assert (
        "1 response to each prompt: what one response shows is computed; diversity" in caplog.text
    )
    assert fitting_n(*matched(1, 1), 5) == {"n_samples": 1}
