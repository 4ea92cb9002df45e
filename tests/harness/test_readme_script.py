"""The README's comparison script, as a user would paste it."""

import os
import re
import subprocess
import threading
from pathlib import Path

import pytest

from tests.conftest import ROOT, WarmStart

pytestmark = pytest.mark.run

MODULES = {"lm_eval": "lm_eval", "overton": "lm_eval_overton"}
# Stands for an installed command: hands over what it was called with, and ends as that ended.
COMMAND = """#!/bin/bash
env -0 > "$DESK/env"
printf '%s\\0' "$PWD" "${0##*/}" "$@" > "$DESK/order"
read -r code < "$DESK/code"
cat "$DESK/stdout"
cat "$DESK/stderr" >&2
exit "$code"
"""


class Desk:
    """Commands of a shell that the warm process runs."""

    def __init__(self, folder: Path, warm: WarmStart) -> None:
        self.folder = folder
        self.warm = warm
        folder.mkdir()
        for pipe in ("order", "code"):
            os.mkfifo(folder / pipe)
        for name in MODULES:
            (folder / name).write_text(COMMAND)
            (folder / name).chmod(0o755)

    def serve(self) -> None:
        """Run what is ordered, until the order is empty."""
        while order := _parts(self.folder / "order"):
            place, name, *arguments = order
            env = dict(line.split("=", 1) for line in _parts(self.folder / "env"))
            done = self.warm.run(MODULES[name], arguments, env, folder=Path(place))
            (self.folder / "stdout").write_text(done.stdout)
            (self.folder / "stderr").write_text(done.stderr)
            (self.folder / "code").write_text(f"{done.returncode}\n")

    def bash(self, lines: str, folder: Path, **env: str) -> subprocess.CompletedProcess[str]:
        """Run the lines of a script."""
        path = f"{self.folder}{os.pathsep}{os.environ['PATH']}"
        serving = threading.Thread(target=self.serve, daemon=True)
        serving.start()
        done = subprocess.run(
            ["bash", "-euc", lines],
            cwd=folder,
            env={**self.warm.env, **env, "PATH": path, "DESK": str(self.folder)},
            capture_output=True,
            text=True,
            timeout=600,
            check=False,
        )
        (self.folder / "order").write_text("")
        serving.join()
        return done


def _parts(path: Path) -> list[str]:
    return path.read_text().split("\0")[:-1]


def script() -> str:
    readme = (ROOT / "README.md").read_text()
    return re.search(r"<!-- comparison script -->\n```bash\n(.*?)```", readme, re.DOTALL)[1]


def after_it() -> str:
    page = (ROOT / "lm_eval_overton" / "comparison" / "README.md").read_text()
    mark = r"<!-- run after the comparison script -->\n```bash\n(.*?)```"
    return re.search(mark, page, re.DOTALL)[1]


def test_the_comparison_script_runs_to_its_report(
    warm: WarmStart, demo: Path, tmp_path: Path
) -> None:
    lines = script()
    # The checkpoints are there: training them is another test's business.
    assert lines.startswith("overton demo demo\n")
    (tmp_path / "demo").symlink_to(demo)
    lines = lines.removeprefix("overton demo demo\n")
    # Of answers of a quarter of the length the commands make the same.
    assert lines.count("max_gen_toks=64") == 1
    lines = lines.replace("max_gen_toks=64", "max_gen_toks=16")
    result = Desk(tmp_path / "desk", warm).bash(
        f"{lines}set +e\n{after_it()}echo ended with $?\n",
        tmp_path,
        OVERTON_CACHE_DIR=str(tmp_path / "cache"),
    )
    assert result.returncode == 0, result.stderr[-3000:]
    assert "## chat against base" in result.stdout
    assert "lexical_diversity" in result.stdout
    # One line more, for a pipeline: it ends with what its gate says.
    assert re.search(r"^ended with [01]$", result.stdout, re.MULTILINE)
    # What the script leaves to a judge is said, the rest is there.
    assert "no quality judge" in result.stdout
    assert "fixed" in result.stdout.rpartition("Recovered in context")[2]
    page = (tmp_path / "report.html").read_text()
    assert page.startswith("<!doctype html>") or page.startswith("<!DOCTYPE html>")
