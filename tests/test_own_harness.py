"""The harness that the tests run is a copy with our tasks; the installed one is left alone."""

import os
import sys
from pathlib import Path

from lm_eval_overton.cli.linking import MARKER
from lm_eval_overton.data.folders import tasks_folder
from tests.conftest import ROOT, run


def test_our_tasks_are_linked_into_a_copy(linked):
    site = Path(linked["PYTHONPATH"].partition(os.pathsep)[0])
    found = (site / "lm_eval" / "tasks").rglob("*.yaml")
    ours = tasks_folder() / "overton"
    assert sorted(path.name for path in found) == sorted(path.name for path in ours.rglob("*.yaml"))


def test_what_another_checkout_linked_into_the_installed_harness_stays(tmp_path):
    # All that the inner tests can take for the installed harness.
    tasks = tmp_path / "lm_eval" / "tasks"
    stub = tasks / "overton" / "overton_diversity.yaml"
    stub.parent.mkdir(parents=True)
    (tmp_path / "lm_eval" / "__init__.py").touch()
    stub.write_text(f"{MARKER}\ninclude: /elsewhere/tasks/overton/{stub.name}\n")
    before = stub.read_text()
    inner = f"{Path(__file__)}::{test_our_tasks_are_linked_into_a_copy.__name__}"
    path = os.pathsep.join([str(tmp_path), str(ROOT)])
    done = run(
        [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", inner],
        {"PYTHONPATH": path},
    )
    assert done.returncode == 0, done.stdout
    assert stub.read_text() == before
    assert list(tasks.rglob("*.yaml")) == [stub]
