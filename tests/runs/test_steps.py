"""Steps in the names of checkpoints."""

import pytest

from lm_eval_overton.runs.steps import step_in


@pytest.mark.parametrize(
    ("name", "step"),
    [
        ("checkpoint-500", 500),
        ("global_step20", 20),
        ("epoch_1_step_500", 500),
        ("0300", 300),
        ("llama-2-chat", None),
        ("v1.5", None),
        ("footstep12", None),
        ("", None),
    ],
)
def test_step(name, step):
    assert step_in(name) == step
