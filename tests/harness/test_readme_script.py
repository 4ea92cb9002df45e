"""The README's comparison script, as a user would paste it."""

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from tests.conftest import ROOT

pytestmark = pytest.mark.run


def script() -> str:
    readme = (ROOT / "README.md").read_text()
    return re.search(r"<!-- comparison script -->\n```bash\n(.*?)```", readme, re.DOTALL)[1]


def test_the_comparison_script_runs_to_its_report(
    linked: dict[str, str], demo: Path, tmp_path: Path
) -> None:
    lines = script()
    # The checkpoints are there: training them is another test's business.
    assert lines.startswith("overton demo demo\n")
    (tmp_path / "demo").symlink_to(demo)
    lines = lines.removeprefix("overton demo demo\n")
    environment = {
        **os.environ,
        **linked,
        "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}",
        "OVERTON_CACHE_DIR": str(tmp_path / "cache"),
    }
    result = subprocess.run(
        ["bash", "-euc", lines],
        cwd=tmp_path,
        env=environment,
        capture_output=True,
        text=True,
        timeout=600,
        check=False,
    )
    assert result.returncode == 0, result.stderr[-3000:]
    assert "## chat against base" in result.stdout
    assert "lexical_diversity" in result.stdout
    # What the script leaves to a judge is said, the rest is there.
    assert "no quality judge" in result.stdout
    assert "fixed" in result.stdout.rpartition("Recovered in context")[2]
    page = (tmp_path / "report.html").read_text()
    assert page.startswith("<!doctype html>") or page.startswith("<!DOCTYPE html>")
