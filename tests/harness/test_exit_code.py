"""A command that is to fail does so after everything else, and says why last."""

import subprocess
import sys

import pytest

SCRIPT = """
import atexit, sys
from lm_eval_overton.harness.exit_code import fail_at_the_end
atexit.register(lambda: print("registered before"))
for line in {lines}:
    fail_at_the_end(line)
atexit.register(lambda: print("registered after"))
print("written", flush=True)
{end}
"""


def ended(lines, end="pass"):
    script = SCRIPT.format(lines=lines, end=end)
    return subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, check=False
    )


@pytest.mark.parametrize("end", ["pass", "sys.exit(0)", "sys.exit(1)"])
def test_it_ends_with_2_after_all_else_and_says_each_reason(end):
    result = ended(["one failed", "two failed"], end)
    assert result.returncode == 2
    assert result.stdout.split("\n")[:-1] == ["written", "registered after", "registered before"]
    assert result.stderr == "error: one failed\nerror: two failed\n"


@pytest.mark.parametrize(("end", "code"), [("pass", 0), ("sys.exit(3)", 3)])
def test_without_a_reason_it_ends_as_it_would(end, code):
    result = ended([], end)
    assert (result.returncode, result.stderr) == (code, "")
