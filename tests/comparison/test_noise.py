"""Diversity that was gained with noise is named."""

import pytest

from tests.comparison.test_compare import noted, pair, task

BEFORE = {"lexical_diversity": [0.5, 0.51, 0.49, 0.5], "degenerate_share": [0, 0, 0, 0]}


@pytest.mark.parametrize(
    ("after", "is_noted"),
    [
        # Random letters share no word.
        ({"lexical_diversity": [0.9] * 4, "degenerate_share": [0.6, 0.4, 0.8, 0.6]}, True),
        ({"lexical_diversity": [0.9] * 4, "degenerate_share": [0] * 4}, False),
        ({"lexical_diversity": [0.2] * 4, "degenerate_share": [0.6] * 4}, False),
        ({"lexical_diversity": [0.9] * 4, "degenerate_share": [None] * 4}, False),
    ],
)
def test_a_gain_in_diversity_beside_a_gain_in_noise(after, is_noted):
    notes = noted(pair(task(**BEFORE), task(**after)), "part of the diversity may be noise")
    assert len(notes) == is_noted
    if is_noted:
        assert "lexical_diversity rose, and so did degenerate_share, by 0.600" in notes[0]
