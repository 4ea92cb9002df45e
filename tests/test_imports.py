"""What an import may load, seen in a fresh interpreter."""

import pkgutil
import subprocess
import sys

import pytest

import lm_eval_overton.metrics

METRICS = [
    module.name
    for module in pkgutil.walk_packages(
        lm_eval_overton.metrics.__path__, "lm_eval_overton.metrics."
    )
]


def loaded_after(code, *suspects):
    """Return those of the suspects that are loaded once the code has run."""
    check = f"{code}\nimport sys; print(*(m for m in {suspects!r} if m in sys.modules))"
    done = subprocess.run([sys.executable, "-c", check], capture_output=True, text=True, check=True)
    return done.stdout.split()


@pytest.mark.parametrize(
    "code",
    [
        "import lm_eval_overton",
        "import " + ", ".join(METRICS),
        "import lm_eval_overton.stats",
        "import lm_eval_overton.text.samples",
        # The tokenizers are imported on first use.
        "from lm_eval_overton.text.english import ENGLISH; ENGLISH.content_words('One. Two.')",
    ],
)
def test_pure_modules_load_neither_the_harness_nor_a_model_library(code):
    assert loaded_after(code, "lm_eval", "torch", "transformers", "sentence_transformers") == []


def test_the_task_loads_the_harness_but_no_encoder_library():
    code = "import lm_eval_overton.harness.task"
    assert loaded_after(code, "lm_eval", "sentence_transformers") == ["lm_eval"]


def test_our_registrations_leave_the_harness_its_own():
    code = (
        "import lm_eval_overton.harness.replay\n"
        "import lm_eval_overton.harness.entry_points\n"
        "from lm_eval.api.registry import get_aggregation, get_filter, get_model\n"
        "assert get_model('hf') and get_filter('take_first') and get_aggregation('mean')\n"
    )
    subprocess.run([sys.executable, "-c", code], check=True)
