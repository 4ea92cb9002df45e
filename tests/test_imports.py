"""What an import may load, seen in a fresh interpreter."""

import pkgutil
import subprocess
import sys

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


# What is loaded stays, so that one process says it of all of them.
PURE = [
    "import lm_eval_overton",
    "import " + ", ".join(METRICS),
    "import lm_eval_overton.stats",
    "import lm_eval_overton.text.samples",
    # The tokenizers are imported on first use.
    "from lm_eval_overton.text.english import ENGLISH; ENGLISH.content_words('One. Two.')",
]


def test_pure_modules_load_neither_the_harness_nor_a_model_library():
    code = "\n".join(PURE)
    assert loaded_after(code, "lm_eval", "torch", "transformers", "sentence_transformers") == []


def test_our_registrations_leave_the_harness_its_own_and_the_task_loads_no_encoder_library():
    code = (
        "import lm_eval_overton.harness.replay\n"
        "import lm_eval_overton.harness.entry_points\n"
        "from lm_eval.api.registry import get_aggregation, get_filter, get_model\n"
        "assert get_model('hf') and get_filter('take_first') and get_aggregation('mean')\n"
        "import lm_eval_overton.harness.task\n"
    )
    assert loaded_after(code, "lm_eval", "sentence_transformers") == ["lm_eval"]


def test_a_task_loads_nothing_that_a_judge_alone_needs():
    judging = ("pydantic", "lm_eval.models.api_models", "lm_eval_overton.judge.parse")
    # Some versions of the harness load pydantic for themselves.
    before = loaded_after("import lm_eval.api.task, lm_eval.evaluator", *judging)
    assert (
        loaded_after("import lm_eval.evaluator, lm_eval_overton.harness.task", *judging) == before
    )
