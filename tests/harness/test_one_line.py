"""Which errors end the harness with one line, and which keep their traceback."""

import subprocess
import sys

import aiohttp
import pytest
import requests
from lm_eval.api.group import Group
from lm_eval.tasks import TaskManager

from lm_eval_overton.data.folders import tasks_folder
from lm_eval_overton.errors import SettingsError
from lm_eval_overton.harness.one_line import in_one_line


def said(error, module="/site-packages/lm_eval/models/api_models.py"):
    """What is said of an error that a module raised."""
    try:
        exec(compile("raise error", module, "exec"), {"error": error.with_traceback(None)})
    except BaseException as raised:
        return in_one_line(raised, raised.__traceback__)


def test_our_own_errors_are_their_line():
    assert said(SettingsError("expected this, got that"), "anywhere.py") == (
        "expected this, got that"
    )


def test_a_task_beside_its_group_as_the_harness_refuses_it():
    manager = TaskManager(include_path=str(tasks_folder()), include_defaults=False)
    with pytest.raises(ValueError, match="Duplicate task") as raised:
        manager.load(["overton", "overton_diversity"])
    assert in_one_line(raised.value, raised.tb) == (
        "--tasks: expected every task once, got overton_diversity beside overton, which has it "
        "too; name one of them"
    )
    assert isinstance(manager.load(["overton"])["groups"]["overton"], Group)
    assert said(ValueError("Duplicate task 'mmlu': found in both 'a' and 'b'")) is None


@pytest.mark.parametrize(
    "error",
    [
        aiohttp.ServerDisconnectedError(),
        requests.exceptions.HTTPError("404 Client Error:\nNot Found"),
        ConnectionRefusedError(111, "refused"),
        TimeoutError(),
    ],
)
def test_a_server_that_does_not_answer(error):
    line = said(error)
    assert line.startswith(f"expected an answer of the model's server, got {type(error).__name__}")
    assert "\n" not in line
    assert "base_url" in line
    # Of other requests we know nothing.
    assert said(error, "/site-packages/mine.py") is None


def test_a_fault_of_the_harness_keeps_its_traceback():
    assert said(KeyError("choices")) is None
    assert said(AssertionError()) is None


def test_the_program_ends_with_the_line():
    code = (
        "from lm_eval_overton.harness.one_line import print_own_errors_in_one_line as own\n"
        "from lm_eval_overton.errors import DataError\n"
        "own(); own()\n"
        "raise DataError('one')"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (1, "error: one\n")


def interrupted(file):
    """An interruption that came while a function of a file was at work."""
    namespace = {}
    exec(compile("def ask():\n    raise KeyboardInterrupt\n", file, "exec"), namespace)
    try:
        namespace["ask"]()
    except KeyboardInterrupt as error:
        return in_one_line(error, error.__traceback__)


def test_ctrl_c_while_the_model_is_asked_says_how_to_go_on():
    assert "the same command asks only for what is missing" in interrupted("harness/sending.py")
    assert interrupted("elsewhere.py") is None
