"""What is in the wheel, and what an installation offers to the harness."""

import os
import sys
import zipfile
from importlib.metadata import distribution
from pathlib import Path

import pytest
from lm_eval.api import registry as harness_registry
from lm_eval.tasks import TaskManager

from lm_eval_overton.data.folders import configs_folder, tasks_folder
from lm_eval_overton.harness import entry_points as registry
from lm_eval_overton.harness import filters, replay
from lm_eval_overton.metrics.measures import REGISTRY
from tests.conftest import ROOT, run

PLUGINS = {
    "lm_eval.models": {"overton_replay": replay.ReplayLM},
    "lm_eval.filters": {"overton_clean": filters.CleanFilter},
    "lm_eval.metrics": {
        "lexical_diversity": registry.lexical_diversity,
        "semantic_diversity": registry.semantic_diversity,
    },
    "lm_eval.aggregations": {"overton_mean": registry.overton_mean},
}


@pytest.fixture(scope="module")
def wheel(tmp_path_factory):
    folder = tmp_path_factory.mktemp("dist")
    build = [sys.executable, "-m", "build", "--wheel", "--no-isolation", "-o", str(folder)]
    done = run([*build, str(ROOT)])
    assert done.returncode == 0, done.stdout + done.stderr
    [path] = folder.glob("*.whl")
    return path


@pytest.fixture(scope="module")
def installed(wheel, tmp_path_factory):
    """A folder with nothing but the unpacked wheel, as pip puts it there."""
    target = tmp_path_factory.mktemp("target")
    pip = [sys.executable, "-m", "pip", "install", "--no-deps", "--no-index"]
    done = run([*pip, "--disable-pip-version-check", "--target", str(target), str(wheel)])
    assert done.returncode == 0, done.stderr
    return target


def installed_overton(installed, *args):
    # The script, not `-m`: that would find the checkout in the working directory.
    script = installed / "bin" / "overton"
    path = os.pathsep.join(filter(None, [str(installed), os.environ.get("PYTHONPATH")]))
    done = run([sys.executable, str(script), *args], {"PYTHONPATH": path})
    assert done.returncode == 0, done.stderr
    return done.stdout


# ------------------------------------------------------------------------------------ the wheel


@pytest.mark.parametrize(
    "folder", ["lm_eval_overton/data", "lm_eval_overton/reporting", "tasks", "configs"]
)
def test_the_wheel_holds_every_file_that_is_no_code(wheel, folder):
    found = [p.relative_to(ROOT) for p in (ROOT / folder).rglob("*") if p.is_file()]
    kept = [p.as_posix() for p in found if "__pycache__" not in p.parts]
    inside = [p if p.startswith("lm_eval_overton/") else f"lm_eval_overton/{p}" for p in kept]
    assert inside
    assert set(inside) <= set(zipfile.ZipFile(wheel).namelist())


def test_the_wheel_holds_what_is_promised_by_name(wheel):
    assert {
        "lm_eval_overton/tasks/overton/_base_yaml",
        "lm_eval_overton/tasks/overton/overton.yaml",
        "lm_eval_overton/tasks/overton/overton_diversity.yaml",
        "lm_eval_overton/configs/quickstart.yaml",
        "lm_eval_overton/data/open_ended.jsonl",
        "lm_eval_overton/data/stopwords_en.txt",
    } <= set(zipfile.ZipFile(wheel).namelist())


def test_the_wheel_installs_nothing_beside_its_own_package(wheel):
    # A stray lm_eval/ in site-packages would hide an editable harness.
    tops = {name.split("/")[0] for name in zipfile.ZipFile(wheel).namelist()}
    version = distribution("lm-eval-overton").version
    assert tops == {"lm_eval_overton", f"lm_eval_overton-{version}.dist-info"}


def test_an_installed_wheel_finds_its_own_tasks(installed):
    folder = Path(installed_overton(installed, "tasks-path").strip())
    assert folder.resolve().is_relative_to(installed.resolve())
    assert (folder / "overton" / "overton_diversity.yaml").is_file()


def test_an_installed_wheel_builds_its_tasks(installed):
    lines = installed_overton(installed, "check").splitlines()
    assert sum(line.startswith("ok overton_") for line in lines) == len(replay.group_names())


def test_a_checkout_finds_the_folders_beside_the_package():
    assert (tasks_folder(), configs_folder()) == (ROOT / "tasks", ROOT / "configs")


# --------------------------------------------------------------------------------- entry points


@pytest.mark.parametrize("group", PLUGINS)
def test_plugins_are_found_under_the_names_of_the_coming_harness(group):
    points = distribution("lm-eval-overton").entry_points.select(group=group)
    assert {point.name: point.load() for point in points} == PLUGINS[group]


def test_no_other_plugin_group_is_declared():
    groups = {point.group for point in distribution("lm-eval-overton").entry_points}
    assert groups == {*PLUGINS, "console_scripts"}


def test_what_the_harness_registers_itself_has_the_same_names():
    assert harness_registry.get_model("overton_replay") is replay.ReplayLM
    assert harness_registry.get_filter("overton_clean") is filters.CleanFilter
    assert harness_registry.get_aggregation("overton_mean") is registry.overton_mean


# ---------------------------------------------------------------------------------------- tasks


@pytest.fixture(scope="module")
def manager():
    return TaskManager(include_path=str(tasks_folder()), include_defaults=False)


def test_the_group_and_the_tasks_are_named_apart(manager):
    # A group that the pattern overton_* matches as well would be a duplicate of its tasks.
    assert manager.all_groups == ["overton"]
    assert "overton_diversity" in manager.all_subtasks
    assert all(name.startswith("overton_") for name in manager.all_subtasks)
    assert not set(manager.all_tags) & set(manager.all_subtasks)


def test_every_file_is_a_task_or_the_group_of_those_with_packaged_prompts(manager):
    stems = {path.stem for path in (tasks_folder() / "overton").rglob("*.yaml")}
    assert stems == {*manager.all_subtasks, "overton"}
    assert manager.all_subtasks == replay.task_names()
    loaded = manager.load(["overton"])
    assert sorted(loaded["tasks"]) == replay.group_names()
    # What asks for texts that are not packaged, or for what chat servers do not tell.
    others = {
        "overton_choice",
        "overton_likelihood",
        "overton_noveltybench",
        "overton_steerable",
        "overton_survey",
    }
    assert set(manager.all_subtasks) - set(loaded["tasks"]) == others


@pytest.mark.parametrize("name", replay.group_names())
def test_a_task_loads_and_names_metrics_that_exist(manager, name):
    [task] = manager.load([name])["tasks"].values()
    assert task.config.metadata["version"] >= 1
    # The file lists none: the class fills in what can be without what it was not given.
    assert "metric_list" not in replay.task_class(name)[1]
    metrics = task.metric_names
    assert len(set(metrics)) == len(metrics) > 0
    assert set(metrics) <= set(REGISTRY)
    assert {entry["aggregation"] for entry in task.config.metric_list} == {"overton_mean"}
    directions = {entry["metric"]: entry["higher_is_better"] for entry in task.config.metric_list}
    assert directions == {metric: REGISTRY[metric].higher_is_better for metric in metrics}
